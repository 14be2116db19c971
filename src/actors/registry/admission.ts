/**
 * The door for every change that this node did not make: from a peer or from disk. What passes is intact, is one of the
 * registry's own operations, and rests on changes that are known; the rest is counted by reason and forgotten.
 *
 * This keeps out damage and mistakes. It does not know who speaks: peers are not authenticated yet, and one that forges
 * well-made changes is not stopped here.
 */
import * as Automerge from '@automerge/automerge';
import { readChangeChunk, type ChunkFault } from './change-chunk.ts';
import type { SnapshotRefusal } from './snapshot-refusal.ts';
import { keyOfOperation } from './layout.ts';
import { Orphans } from './orphans.ts';

export type Refusal =
  | ChunkFault
  /** Well-formed, but not what the registry writes. */
  | 'schema'
  /** Does not count its operations on from those it rests on: saved, such a document could not be loaded again. */
  | 'op-counter'
  /** The engine could not apply it. */
  | 'engine'
  /** It was refused by the engine before. */
  | 'known-bad'
  | 'orphan-dropped'
  | SnapshotRefusal
  /** Heads, parts of snapshots or frames that follow no rule. */
  | 'frame';

export interface AdmittedChange {
  readonly hash: string;
  readonly bytes: Uint8Array;
  readonly deps: readonly string[];
  /** The keys it writes or deletes. */
  readonly keys: readonly string[];
  readonly startOp: number;
  /** The counter of its last operation. */
  readonly maxOp: number;
}

/** What admission has to know of the document. */
export interface KnownChanges {
  isKnown(hash: string): boolean;
  /** The counter of the last operation of a known change. */
  maxOpOf(hash: string): number;
}

/** Remembered so that anti-entropy does not make the engine fail on them once a second. */
const BAD_MAX = 1_000;

export class Admission {
  #orphans = new Orphans<AdmittedChange>();
  readonly #bad = new Set<string>();
  readonly #refused: Partial<Record<Refusal, number>> = {};

  /** Counts since the start, by reason. */
  get refused(): Readonly<Partial<Record<Refusal, number>>> {
    return this.#refused;
  }

  get orphanCount(): number {
    return this.#orphans.size;
  }

  /** Those of `changes`, and of the orphans that waited for them, that can be applied now, in an order that works. */
  admit(changes: readonly Uint8Array[], known: KnownChanges): AdmittedChange[] {
    const admitted = new Map<string, AdmittedChange>();
    const isKnown = (hash: string): boolean => admitted.has(hash) || known.isKnown(hash);
    const maxOpOf = (hash: string): number => admitted.get(hash)?.maxOp ?? known.maxOpOf(hash);
    for (const bytes of changes) {
      const change = this.#read(bytes, isKnown);
      const ready = change === undefined ? [] : [change];
      for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
        const missing = next.deps.find((dep) => !isKnown(dep));
        if (missing !== undefined) {
          this.refuse('orphan-dropped', this.#orphans.add(next, missing));
        } else if (next.startOp !== Math.max(0, ...next.deps.map(maxOpOf)) + 1) {
          this.refuse('op-counter');
        } else {
          admitted.set(next.hash, next);
          ready.push(...this.#orphans.release(next.hash));
        }
      }
    }
    return [...admitted.values()];
  }

  /** All that wait, to be offered again after a snapshot, which may hold what they wait for. */
  takeOrphans(): Uint8Array[] {
    const waited = this.#orphans.all();
    this.#orphans = new Orphans();
    return waited.map((orphan) => orphan.bytes);
  }

  refuse(reason: Refusal, count = 1): void {
    if (count > 0) this.#refused[reason] = (this.#refused[reason] ?? 0) + count;
  }

  /** The engine failed on it: never again. */
  markBad(hash: string): void {
    this.refuse('engine');
    this.#bad.add(hash);
    if (this.#bad.size > BAD_MAX) this.#bad.delete(this.#bad.values().next().value!);
  }

  #read(bytes: Uint8Array, isKnown: (hash: string) => boolean): AdmittedChange | undefined {
    const chunk = readChangeChunk(bytes);
    if (typeof chunk === 'string') {
      this.refuse(chunk);
      return undefined;
    }
    if (isKnown(chunk.hash)) return undefined;
    if (this.#bad.has(chunk.hash)) {
      this.refuse('known-bad');
      return undefined;
    }
    const decoded = decode(bytes);
    if (decoded === undefined) {
      this.refuse('malformed');
      return undefined;
    }
    const keys = decoded.ops.map(keyOfOperation);
    // Only the genesis rests on nothing.
    if (chunk.deps.length === 0 || !keys.every((key) => key !== undefined)) {
      this.refuse('schema');
      return undefined;
    }
    return {
      hash: chunk.hash,
      // A frame's bytes are a view into a larger buffer, which an orphan would keep alive.
      bytes: Uint8Array.from(bytes),
      deps: chunk.deps,
      keys,
      startOp: decoded.startOp,
      maxOp: decoded.startOp + decoded.ops.length - 1,
    };
  }
}

/**
 * Undefined when the engine would not have written these bytes: it keeps the meaning and forgets the rest, and what it
 * saves after that has hashes that it refuses to load.
 */
function decode(bytes: Uint8Array): Automerge.DecodedChange | undefined {
  try {
    const decoded = Automerge.decodeChange(bytes);
    return Buffer.from(bytes).equals(Automerge.encodeChange(decoded)) ? decoded : undefined;
  } catch {
    // RangeError or PanicError of the engine; no document is touched by decoding.
    return undefined;
  }
}
