/** The last bundle that was believed, `bundle.json` beside the identity: as it travels, in base64. */
import { join } from 'node:path';
import { MeshError } from '../errors.ts';
import type { AuthorityStore } from './authority-files.ts';
import { BundleKeeper } from './bundle-keeper.ts';
import { writeBelieved } from './identity-files.ts';
import type { HeldIdentity } from './identity-source.ts';
import { makePrivateDir, onDisk, readIfThere, writePrivate } from './private-files.ts';
import { changersOf, parseBundle, readBundle, supersedes, type HeldBundle } from './signed-bundle.ts';

function pathIn(dir: string): string {
  return join(dir, 'bundle.json');
}

/** @throws MeshError TRUST_FILE_DAMAGED, DATA_DIR_UNUSABLE */
export function readBundleFile(dir: string): HeldBundle | undefined {
  const path = pathIn(dir);
  const text = onDisk(dir, () => readIfThere(path));
  if (text === undefined) return undefined;
  try {
    const { body, signatures } = JSON.parse(text) as { readonly body: string; readonly signatures: readonly { readonly pin: string; readonly signature: string }[] };
    return parseBundle({ body: Buffer.from(body, 'base64'), signatures: signatures.map(({ pin, signature }) => ({ pin, signature: Buffer.from(signature, 'base64') })) });
  } catch (error) {
    throw new MeshError('TRUST_FILE_DAMAGED', `${path} is no bundle`, { given: path, todo: 'put back a copy of it, or remove it: peers tell it again', cause: error });
  }
}

export function writeBundleFile(dir: string, { signed: { body, signatures } }: HeldBundle): void {
  onDisk(dir, () => {
    makePrivateDir(dir);
    const text = { body: base64(body), signatures: signatures.map(({ pin, signature }) => ({ pin, signature: base64(signature) })) };
    writePrivate(pathIn(dir), `${JSON.stringify(text)}\n`);
  });
}

/**
 * With which one a program starts: what it kept, or what the authorities here say, unless the kept one is a later word of theirs.
 * @throws MeshError as `readBundleFile` and `AuthorityStore.current`
 */
function firstBundle(dir: string, trustDomain: string, authorities: AuthorityStore | undefined): HeldBundle | undefined {
  const kept = readBundleFile(dir);
  const isOurs = kept?.claim.trustDomain === trustDomain;
  if (authorities === undefined) return isOurs ? kept : undefined;
  const own = authorities.document();
  if (!isOurs || !supersedes(kept, own)) return own;
  try {
    return readBundle(kept.signed, trustDomain, changersOf(own.claim));
  } catch (error) {
    if (error instanceof MeshError) return own;
    throw error;
  }
}

/**
 * Whom a program believes whose identity is kept in `dir`, now and later.
 * @param hasKept whether what was believed before is to be believed now
 * @param notKept hears that a later one is not on disk: then a restart begins with the one before
 * @throws MeshError as `readBundleFile` and `AuthorityStore.current`
 */
export function openBundles(dir: string, held: HeldIdentity, authorities: AuthorityStore | undefined, hasKept: boolean, notKept: (error: unknown) => void): BundleKeeper {
  const keep = (document: HeldBundle): void => {
    writeBundleFile(dir, document);
    writeBelieved(dir, document.bundle);
  };
  const { trustDomain } = held.current().bundle;
  return new BundleKeeper({ held, first: hasKept ? firstBundle(dir, trustDomain, authorities) : undefined, keep, notKept });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

