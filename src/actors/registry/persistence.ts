/**
 * When what reaches the disk. One door: `handle(input, wallMs)` gives effects.
 *
 * 1. Storage does one thing at a time, and what changes meanwhile goes to it in one piece: a group commit.
 * 2. Changes that somebody waits for go at once. Others wait a little for company.
 * 3. When storage's life ends under an act, its next life is given the act again; a change may be stored twice.
 * 4. When the disk fails, the changes are settled as not saved, and one act answers for whatever went wrong, again and
 *    again until it is done: a snapshot, which holds all of them.
 * 5. A disk that hangs is in trouble too, but is given nothing more to do before it answers.
 */
import { MeshError } from '../../errors.ts';
import type { RegistryDocument } from './document.ts';
import type { SaveOutcome } from './storage-messages.ts';

export type PersistenceInput =
  | { readonly kind: 'loaded'; readonly changes: readonly Uint8Array[]; readonly isDamaged: boolean }
  | { readonly kind: 'load-failed'; readonly fault: MeshError }
  /** The document has these changes now. */
  | { readonly kind: 'changed'; readonly changes: readonly Uint8Array[]; readonly isAwaited: boolean }
  /** The document took in more than single changes. */
  | { readonly kind: 'snapshot-wanted' }
  | { readonly kind: 'save-due' }
  /** The act of this number has been with storage for long. */
  | { readonly kind: 'act-late'; readonly act: number }
  /** `interrupted`: storage's life ended, and what became of it is unknown. */
  | { readonly kind: 'settled'; readonly outcome: SaveOutcome | 'interrupted' };

export type PersistenceEffect =
  | { readonly kind: 'append'; readonly changes: readonly Uint8Array[] }
  | { readonly kind: 'replace'; readonly snapshot: Uint8Array }
  | { readonly kind: 'later'; readonly delayMs: number; readonly input: PersistenceInput }
  /** The first `upTo` changes since the start are on disk; or, with a fault, are not yet. */
  | { readonly kind: 'answer'; readonly upTo: number; readonly fault: MeshError | undefined }
  | { readonly kind: 'trouble-began'; readonly fault: MeshError }
  | { readonly kind: 'trouble-ended' };

/** Changes that nobody waits for wait this long for others to share one fsync with. */
const LINGER_MS = 100;
/** Unless half of the document is more. Some 4,000 changes, read back in a second at the next start. */
const LOG_BYTES_MAX = 1024 * 1024;
/** Between attempts on a disk that is in trouble; each costs a save of the document. */
export const SAVE_AGAIN_MS = 10_000;
/** Less than a command waits for the registry; many times what a sound disk takes. */
const ACT_LATE_MS = 1_500;

export interface DiskTrouble {
  /** When it began, by this node's wall clock. */
  readonly atMs: number;
  /** What the disk said last. */
  readonly fault: MeshError;
}

const LATE = new MeshError('DATA_DIR_UNUSABLE', `the disk has not answered for ${ACT_LATE_MS} ms`, { expected: 'a disk that answers at once', todo: 'see to the disk' });

interface Act {
  readonly number: number;
  readonly kind: 'append' | 'replace';
  readonly changes: readonly Uint8Array[];
  readonly upTo: number;
}

export class Persistence {
  readonly #document: RegistryDocument;
  /** What is on disk has been read. Before that a snapshot would wipe out what nobody has seen. */
  #isLoaded = false;
  #changeCount = 0;
  /** Not with storage yet. */
  #queue: Uint8Array[] = [];
  #isQueueDue = false;
  #act: Act | undefined;
  #actCount = 0;
  #isSnapshotDue = false;
  /** After a failure, until it is time for the next attempt. */
  #isResting = false;
  #logBytes = 0;
  #trouble: DiskTrouble | undefined;
  #effects: PersistenceEffect[] = [];

  constructor(document: RegistryDocument) {
    this.#document = document;
  }

  /** Changes since the start; the latest is the one that `answer` will call this. */
  get changeCount(): number {
    return this.#changeCount;
  }

  get trouble(): DiskTrouble | undefined {
    return this.#trouble;
  }

  handle(input: PersistenceInput, wallMs: number): PersistenceEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case 'loaded':
        this.#isLoaded = true;
        this.#isResting = false;
        this.#logBytes += bytesOf(input.changes);
        this.#isSnapshotDue ||= input.isDamaged;
        break;
      case 'load-failed':
        this.#fail(input.fault, wallMs);
        break;
      case 'changed':
        this.#changed(input.changes, input.isAwaited);
        break;
      case 'snapshot-wanted':
        this.#isSnapshotDue = true;
        break;
      case 'save-due':
        this.#isResting = false;
        this.#isQueueDue = true;
        break;
      case 'act-late':
        if (this.#act?.number === input.act) this.#complain(LATE, wallMs);
        break;
      case 'settled':
        this.#settled(input.outcome, wallMs);
        break;
    }
    this.#next();
    return this.#effects;
  }

  /** On the way out: what storage should be given last, and be waited for; nothing when all is on disk. */
  rest(): Extract<PersistenceEffect, { readonly kind: 'append' | 'replace' }> | undefined {
    const isHanging = this.#trouble !== undefined && this.#act !== undefined;
    if (!this.#isLoaded || isHanging) return undefined;
    if (this.#isSnapshotDue) return { kind: 'replace', snapshot: this.#document.snapshot() };
    // Also without changes: the act under way comes before it.
    return this.#act === undefined && this.#queue.length === 0 ? undefined : { kind: 'append', changes: this.#queue };
  }

  #changed(changes: readonly Uint8Array[], isAwaited: boolean): void {
    const isFirst = this.#queue.length === 0;
    this.#changeCount += changes.length;
    // The snapshot that is due will hold them.
    if (this.#isSnapshotDue) return;
    this.#logBytes += bytesOf(changes);
    this.#queue.push(...changes);
    this.#isQueueDue ||= isAwaited;
    if (isFirst && !isAwaited) this.#later(LINGER_MS);
  }

  #settled(outcome: SaveOutcome | 'interrupted', wallMs: number): void {
    const { kind, changes, upTo } = this.#act!;
    this.#act = undefined;
    if (outcome === 'interrupted') {
      this.#isSnapshotDue ||= kind === 'replace';
      this.#queue.unshift(...changes);
      this.#isQueueDue = true;
    } else if (outcome instanceof MeshError) {
      this.#fail(outcome, wallMs);
    } else {
      this.#effects.push({ kind: 'answer', upTo, fault: undefined });
      if (this.#trouble === undefined) return;
      this.#trouble = undefined;
      this.#effects.push({ kind: 'trouble-ended' });
    }
  }

  #fail(fault: MeshError, wallMs: number): void {
    this.#complain(fault, wallMs);
    this.#isSnapshotDue = true;
    this.#isResting = true;
    this.#queue = [];
    this.#later(SAVE_AGAIN_MS);
  }

  #complain(fault: MeshError, wallMs: number): void {
    if (this.#trouble === undefined) this.#effects.push({ kind: 'trouble-began', fault });
    this.#trouble = { atMs: this.#trouble?.atMs ?? wallMs, fault };
    this.#effects.push({ kind: 'answer', upTo: this.#changeCount, fault });
  }

  #next(): void {
    if (!this.#isLoaded || this.#act !== undefined || this.#isResting) return;
    if (this.#isSnapshotDue || this.#logBytes > Math.max(LOG_BYTES_MAX, this.#document.savedBytes / 2)) {
      this.#begin('replace', []);
      this.#isSnapshotDue = false;
      this.#logBytes = 0;
      this.#effects.push({ kind: 'replace', snapshot: this.#document.snapshot() });
    } else if (this.#queue.length > 0 && this.#isQueueDue) {
      this.#effects.push({ kind: 'append', changes: this.#queue });
      this.#begin('append', this.#queue);
    }
  }

  #begin(kind: Act['kind'], changes: readonly Uint8Array[]): void {
    this.#act = { number: ++this.#actCount, kind, changes, upTo: this.#changeCount };
    this.#queue = [];
    this.#isQueueDue = false;
    this.#effects.push({ kind: 'later', delayMs: ACT_LATE_MS, input: { kind: 'act-late', act: this.#actCount } });
  }

  #later(delayMs: number): void {
    this.#effects.push({ kind: 'later', delayMs, input: { kind: 'save-due' } });
  }
}

function bytesOf(changes: readonly Uint8Array[]): number {
  return changes.reduce((sum, change) => sum + change.length, 0);
}
