/**
 * The authorities on disk, in a directory of their own: `ca.key` and `ca.crt`, and once there were others `authority.json`, which
 * says of each what its files are called and how it stands. Who can read a key can be anybody.
 */
import { mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MeshError } from '../errors.ts';
import type { Authority } from './authority.ts';
import { activeOf, soleAuthority, statesOf, type AuthoritySet, type KeptAuthority } from './authority-set.ts';
import { certificateFields } from './certificate-fields.ts';
import { formatCertificates, formatKey, parseCertificates, parseKey } from './pem.ts';
import { makePrivateDir, onDisk, readIfThere, readSecret, writePrivate } from './private-files.ts';
import { AUTHORITY_STATES, signBundle, type AuthorityState, type HeldBundle } from './signed-bundle.ts';
import { isTrustDomain } from './spiffe-id.ts';

function pathsOf(dir: string, file: string): { readonly key: string; readonly certificate: string } {
  return { key: join(dir, `${file}.key`), certificate: join(dir, `${file}.crt`) };
}

function statePath(dir: string): string {
  return join(dir, 'authority.json');
}

/** The one that issues. @throws MeshError as `readAuthorities` */
export function readAuthority(dir: string): Authority | undefined {
  const set = readAuthorities(dir);
  return set && activeOf(set);
}

/** @throws MeshError KEY_EXPOSED, TRUST_FILE_DAMAGED, KEY_MISMATCH, BAD_IDENTITY, DATA_DIR_UNUSABLE */
export function readAuthorities(dir: string): AuthoritySet | undefined {
  return onDisk(dir, () => {
    const text = readIfThere(statePath(dir));
    if (text === undefined) {
      const sole = readOne(dir, 'ca');
      return sole && soleAuthority(sole);
    }
    const { sequence, authorities: stated, past, endorsed } = parseStates(text, statePath(dir));
    const authorities = stated.map(({ file, state }): KeptAuthority => {
      const found = readOne(dir, file);
      if (found === undefined) throw damaged(pathsOf(dir, file).key, 'is missing');
      const { trustDomain, certificate, key } = found;
      return { trustDomain, certificate, key, file, state };
    });
    return { trustDomain: authorities[0]!.trustDomain, sequence, authorities, past, endorsed };
  });
}

function readOne(dir: string, file: string): Authority | undefined {
  const paths = pathsOf(dir, file);
  const keyText = readSecret(paths.key);
  if (keyText === undefined) return undefined;
  const [certificate] = parseCertificates(readIfThere(paths.certificate) ?? '', paths.certificate);
  const key = parseKey(keyText, paths.key);
  if (!certificate!.checkPrivateKey(key)) {
    throw new MeshError('KEY_MISMATCH', `${paths.key} is not the key of ${paths.certificate}`, {
      given: paths.key,
      expected: 'the key and the certificate that were written together',
      todo: 'Put the right file back: nobody believes what another key signs.',
    });
  }
  const { uris } = certificateFields(certificate!);
  const trustDomain = uris[0]?.replace(/^spiffe:\/\//, '') ?? '';
  if (uris.length !== 1 || !certificate!.ca || !isTrustDomain(trustDomain)) {
    throw new MeshError('BAD_IDENTITY', `${paths.certificate} is not the certificate of an authority of a trust domain`, { given: uris.join(', '), expected: 'CA:TRUE, and spiffe://<trust domain> as its one URI' });
  }
  return { trustDomain, certificate: certificate!, key };
}

interface States extends Pick<AuthoritySet, 'sequence' | 'past' | 'endorsed'> {
  readonly authorities: readonly { readonly file: string; readonly state: AuthorityState }[];
}

function parseStates(text: string, path: string): States {
  try {
    const { sequence, authorities, past, endorsed } = JSON.parse(text) as States;
    const isWhole = Number.isSafeInteger(sequence) && [past, endorsed].every((list) => list.every((each) => typeof each === 'string'));
    const isKnown = authorities.every(({ file, state }) => /^ca(-\d+)?$/.test(file) && AUTHORITY_STATES.includes(state));
    if (isWhole && isKnown && authorities.filter(({ state }) => state === 'active').length === 1) return { sequence, authorities, past, endorsed };
  } catch {
    // Told below.
  }
  throw damaged(path, 'does not say how the authorities stand');
}

function damaged(path: string, how: string): MeshError {
  return new MeshError('TRUST_FILE_DAMAGED', `${path} ${how}`, { given: path, expected: 'the files as `mesh trust authority` wrote them', todo: 'Put back a copy of the directory.' });
}

/** Keeps it, unless there is one by then: two nodes that start at the same moment have one authority. @returns the one that is there */
export function keepAuthority(dir: string, authority: Authority): Authority {
  return onDisk(dir, () => {
    makePrivateDir(dirname(dir));
    // mkdtemp makes it with mode 700.
    const made = mkdtempSync(`${dir}-`);
    writeOne(made, 'ca', authority);
    try {
      renameSync(made, dir);
      return authority;
    } catch (error) {
      rmSync(made, { recursive: true });
      const other = readAuthority(dir);
      if (other === undefined) throw error;
      return other;
    }
  });
}

function writeOne(dir: string, file: string, { certificate, key }: Authority): void {
  const paths = pathsOf(dir, file);
  writePrivate(paths.certificate, formatCertificates([certificate]));
  writePrivate(paths.key, formatKey(key));
}

/** Keys are there before anything says so, and gone after nothing does: whatever stops this leaves one state or the other. */
function keepAuthorities(dir: string, set: AuthoritySet, before: AuthoritySet): void {
  const { sequence, authorities, past, endorsed } = set;
  const filesOf = (of: AuthoritySet): Set<string> => new Set(of.authorities.map(({ file }) => file));
  const [had, has] = [filesOf(before), filesOf(set)];
  onDisk(dir, () => {
    for (const authority of authorities) if (!had.has(authority.file)) writeOne(dir, authority.file, authority);
    writePrivate(statePath(dir), `${JSON.stringify({ sequence, authorities: authorities.map(({ file, state }) => ({ file, state })), past, endorsed })}\n`);
    for (const file of had) if (!has.has(file)) for (const path of Object.values(pathsOf(dir, file))) rmSync(path, { force: true });
  });
}

/** The authorities as they stand at any moment: another node of this machine may change them too. */
export class AuthorityStore {
  readonly dir: string;
  #seen = '';
  #set: AuthoritySet | undefined;
  #document: HeldBundle | undefined;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** @throws MeshError as `readAuthorities`, NO_IDENTITY where they are gone */
  current(): AuthoritySet {
    const seen = this.#stamp();
    if (this.#set === undefined || seen !== this.#seen) {
      const set = readAuthorities(this.dir);
      if (set === undefined) throw new MeshError('NO_IDENTITY', `there is no authority in ${this.dir} any more`, { given: this.dir, todo: 'put back a copy of it' });
      [this.#set, this.#seen, this.#document] = [set, seen, undefined];
    }
    return this.#set;
  }

  /** The bundle that says so. */
  document(): HeldBundle {
    const set = this.current();
    return (this.#document ??= signBundle({ trustDomain: set.trustDomain, sequence: set.sequence, authorities: statesOf(set), endorsed: set.endorsed }, set.authorities));
  }

  keep(next: AuthoritySet): void {
    keepAuthorities(this.dir, next, this.current());
  }

  #stamp(): string {
    const found = statSync(statePath(this.dir), { throwIfNoEntry: false });
    return found === undefined ? 'none' : `${found.ino} ${found.mtimeMs} ${found.size}`;
  }
}
