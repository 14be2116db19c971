/**
 * When to save the document whole. Changes are appended as they come; whatever goes wrong with that, whoever's fault it
 * is, is answered by the same act: a snapshot later, which holds what was lost.
 */
import type { AppendOutcome, ReplaceOutcome } from './storage-messages.ts';

/** Unless half of the document is more. Some 4,000 changes, read back in a second at the next start. */
const LOG_BYTES_MAX = 1024 * 1024;
/** Between attempts on a disk that is in trouble; each costs a save of the document. */
const REPLACE_AGAIN_MS = 10_000;

export class Persistence {
  /** What is on disk has been read. Before that a snapshot would wipe out what nobody has seen. */
  #isLoaded = false;
  #isReplacing = false;
  #isSnapshotDue = false;
  #logBytes = 0;
  #replaceAfterMs = -Infinity;

  loaded(changes: readonly Uint8Array[]): void {
    this.#isLoaded = true;
    this.appended(changes);
  }

  appended(changes: readonly Uint8Array[]): void {
    for (const change of changes) this.#logBytes += change.length;
  }

  settled(outcome: AppendOutcome): void {
    if (outcome === 'lost') this.#isSnapshotDue = true;
  }

  /** The document took in more than single changes. */
  snapshotWanted(): void {
    this.#isSnapshotDue = true;
  }

  /** Whether to hand a snapshot to storage now; the answer goes to `replaced`. */
  takeTurn(nowMs: number, documentBytes: number): boolean {
    const isDue = this.#isSnapshotDue || this.#logBytes > Math.max(LOG_BYTES_MAX, documentBytes / 2);
    const isTurn = isDue && this.#isLoaded && !this.#isReplacing && nowMs >= this.#replaceAfterMs;
    if (isTurn) {
      this.#isReplacing = true;
      this.#isSnapshotDue = false;
      this.#logBytes = 0;
    }
    return isTurn;
  }

  replaced(outcome: ReplaceOutcome, nowMs: number): void {
    this.#isReplacing = false;
    if (outcome === 'replaced') return;
    this.#isSnapshotDue = true;
    this.#replaceAfterMs = nowMs + REPLACE_AGAIN_MS;
  }
}
