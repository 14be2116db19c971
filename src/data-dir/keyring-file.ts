/** The keys of an encrypted mesh on disk, as Serf keeps them: a JSON list of base64 texts, the one that encrypts first. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isGossipKey } from '../config/is-gossip-key.ts';
import { MeshError } from '../errors.ts';
import { systemErrorMeaning } from '../system-error.ts';

/** A change of keys needs two at a time. */
const KEYS_MAX = 16;
const OTHERS = 0o077;

/** @throws MeshError BAD_CONFIG, which shows nothing of what is in the file */
export function readKeyring(path: string): readonly Uint8Array[] {
  try {
    const mode = statSync(path).mode & 0o777;
    if ((mode & OTHERS) !== 0) throw unusable(path, `others may open it (mode ${mode.toString(8)})`, 'keys that only the owner of the node can read', `chmod 600 ${path}`);
    const keys = parsed(readFileSync(path, 'utf8'));
    if (isKeyList(keys)) return keys.map((key) => Buffer.from(key, 'base64'));
  } catch (error) {
    if (error instanceof MeshError) throw error;
    throw unusable(path, systemErrorMeaning(error) ?? 'it cannot be read', 'a file of keys', 'name another file, or none');
  }
  throw unusable(path, 'it is no list of keys', `a JSON list of 1 to ${KEYS_MAX} base64 texts of 16, 24 or 32 bytes`, 'make a key with `openssl rand -base64 32`');
}

/** Whole or not at all; only its owner can read it. May throw what the system does. */
export function writeKeyring(path: string, keys: readonly Uint8Array[]): void {
  const next = `${path}.next`;
  const handle = openSync(next, 'w', 0o600);
  try {
    writeFileSync(handle, `${JSON.stringify(keys.map((key) => Buffer.from(key).toString('base64')), undefined, 2)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(next, path);
}

/** By hand, as in remembered-peers.ts. */
function isKeyList(json: unknown): json is readonly string[] {
  return Array.isArray(json) && json.length > 0 && json.length <= KEYS_MAX && json.every((key) => typeof key === 'string' && isGossipKey(key));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unusable(path: string, why: string, expected: string, todo: string): MeshError {
  return new MeshError('BAD_CONFIG', `the keyring ${path} is not used: ${why}`, { given: path, expected, todo });
}
