/** An identity on disk: `svid.key` (PKCS #8), `svid.crt` (leaf, then what leads to an authority), `bundle.crt`; all PEM. */
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import { MeshError } from '../errors.ts';
import type { Bundle } from './bundle.ts';
import type { Identity } from './identity-source.ts';
import { formatCertificates, formatKey, parseCertificates, parseKey } from './pem.ts';
import { makePrivateDir, onDisk, readIfThere, readSecret, takePlace, writeNext, writePrivate } from './private-files.ts';
import { pairSvid } from './svid.ts';

function pathsIn(dir: string): { readonly key: string; readonly chain: string; readonly bundle: string } {
  return { key: join(dir, 'svid.key'), chain: join(dir, 'svid.crt'), bundle: join(dir, 'bundle.crt') };
}

/** The key first on its way, the certificate first in its place: whatever stops this leaves a pair that `readIdentity` finds. */
export function writeIdentity(dir: string, { svid, bundle }: Identity): void {
  const paths = pathsIn(dir);
  onDisk(dir, () => {
    makePrivateDir(dir);
    writePrivate(paths.bundle, formatCertificates(bundle.authorities));
    writeNext(paths.key, formatKey(svid.key));
    writeNext(paths.chain, formatCertificates(svid.certificates));
    takePlace(paths.chain);
    takePlace(paths.key);
  });
}

/** The bundle alone, when another is believed. */
export function writeBelieved(dir: string, { authorities }: Bundle): void {
  onDisk(dir, () => writePrivate(pathsIn(dir).bundle, formatCertificates(authorities)));
}

/** The key that belongs to the leaf: the one in its place, or one that was about to take it when the process ended. */
function keyFor(leafMatches: (key: KeyObject) => boolean, path: string, key: KeyObject): KeyObject {
  if (leafMatches(key)) return key;
  const next = readSecret(`${path}.next`);
  if (next === undefined) return key;
  const nextKey = parseKey(next, `${path}.next`);
  if (!leafMatches(nextKey)) return key;
  takePlace(path);
  return nextKey;
}

/**
 * Undefined where there is none. Whether it is still worth something is not looked at.
 * @throws MeshError KEY_EXPOSED, TRUST_FILE_DAMAGED, KEY_MISMATCH, those of `claimedId`, DATA_DIR_UNUSABLE
 */
export function readIdentity(dir: string): Identity | undefined {
  const paths = pathsIn(dir);
  return onDisk(dir, () => {
    const texts = { key: readSecret(paths.key), chain: readIfThere(paths.chain), bundle: readIfThere(paths.bundle) };
    if (texts.key === undefined && texts.chain === undefined) return undefined;
    const whole = (['key', 'chain', 'bundle'] as const).map((part) => {
      const text = texts[part];
      if (text !== undefined) return text;
      throw new MeshError('TRUST_FILE_DAMAGED', `${paths[part]} is missing, and what belongs to it is there`, {
        given: paths[part],
        expected: 'svid.key, svid.crt and bundle.crt',
        todo: 'Put back a copy of it, or let the identity be issued again: `mesh init` or `mesh join`.',
      });
    });
    const [keyText, chainText, bundleText] = whole as [string, string, string];
    const chain = parseCertificates(chainText, paths.chain);
    const key = keyFor((candidate) => chain[0]!.checkPrivateKey(candidate), paths.key, parseKey(keyText, paths.key));
    const svid = pairSvid(chain, key);
    return { svid, bundle: { trustDomain: svid.id.trustDomain, authorities: parseCertificates(bundleText, paths.bundle) } };
  });
}
