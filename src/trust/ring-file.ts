/** The keys of gossip of a trust domain on disk, `gossip-ring.json`: with the authority, and with each node's identity. */
import { join } from 'node:path';
import { MeshError } from '../errors.ts';
import { isRingKey, RING_KEYS_MAX, type Ring } from './gossip-ring.ts';
import { makePrivateDir, onDisk, readSecret, writePrivate } from './private-files.ts';

function pathIn(dir: string): string {
  return join(dir, 'gossip-ring.json');
}

/** Undefined where there is none. @throws MeshError KEY_EXPOSED, TRUST_FILE_DAMAGED, DATA_DIR_UNUSABLE */
export function readRing(dir: string): Ring | undefined {
  const path = pathIn(dir);
  const text = onDisk(dir, () => readSecret(path));
  if (text === undefined) return undefined;
  const keys = parsed(text);
  if (Array.isArray(keys) && keys.length > 0 && keys.length <= RING_KEYS_MAX && keys.every(isRingKey)) return keys;
  throw new MeshError('TRUST_FILE_DAMAGED', `${path} is no list of keys of gossip`, { given: path, todo: 'put back a copy of it, or remove it and join again: `mesh join`' });
}

export function writeRing(dir: string, ring: Ring): void {
  onDisk(dir, () => {
    makePrivateDir(dir);
    writePrivate(pathIn(dir), `${JSON.stringify(ring)}\n`);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
