/** The ban list on disk, `bans.json`: entries as they travel, in base64. */
import { MeshError } from '../errors.ts';
import type { BanEntry } from './ban-entry.ts';
import { makePrivateDir, onDisk, readIfThere, writePrivate } from './private-files.ts';
import { dirname } from 'node:path';

export interface BanFile {
  /** @throws MeshError TRUST_FILE_DAMAGED, DATA_DIR_UNUSABLE: a node that forgot whom it keeps out would let them in */
  load(): readonly BanEntry[];
  /** @throws MeshError DATA_DIR_UNUSABLE */
  save(entries: readonly BanEntry[]): void;
}

export function banFile(path: string): BanFile {
  const dir = dirname(path);
  return {
    load: () => onDisk(dir, () => entriesIn(readIfThere(path), path)),
    save: (entries) =>
      onDisk(dir, () => {
        makePrivateDir(dir);
        writePrivate(path, JSON.stringify(entries.map(({ body, chain, signature }) => ({ body: base64(body), chain: chain.map(base64), signature: base64(signature) }))));
      }),
  };
}

function entriesIn(text: string | undefined, path: string): readonly BanEntry[] {
  if (text === undefined) return [];
  const json = parsed(text);
  if (Array.isArray(json) && json.every(isStored)) return json.map(({ body, chain, signature }) => ({ body: bytes(body), chain: chain.map(bytes), signature: bytes(signature) }));
  throw new MeshError('TRUST_FILE_DAMAGED', `${path} is no list of bans`, { given: path, todo: 'put back a copy of it, or remove it: peers tell all of it again' });
}

interface Stored {
  readonly body: string;
  readonly chain: readonly string[];
  readonly signature: string;
}

function isStored(value: unknown): value is Stored {
  if (typeof value !== 'object' || value === null) return false;
  const { body, chain, signature } = value as Record<string, unknown>;
  return typeof body === 'string' && typeof signature === 'string' && Array.isArray(chain) && chain.every((each) => typeof each === 'string');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}
