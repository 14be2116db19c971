/**
 * Whether this node's own loop keeps time. Lifeguard (section IV) guesses from missing answers that a node is slow; one can
 * also look: the gossip timer is always set, so whatever comes in while that is overdue came in late. Work that waits in
 * the mailbox, a loop that stands still, a process or a machine that was stopped: all look the same from here.
 */

export class Lateness {
  readonly #minMs: number;
  #beatDueMs = Infinity;
  /** Of the beat that is overdue, what has been told. */
  #toldMs = 0;

  /** @param minMs what is later than this is late */
  constructor(minMs: number) {
    this.#minMs = minMs;
  }

  expectBeat(dueMs: number): void {
    this.#beatDueMs = dueMs;
    this.#toldMs = 0;
  }

  /** How much later than it was told before this node is now; 0 while it keeps time. */
  take(now: number): number {
    const lateMs = now - this.#beatDueMs;
    if (lateMs - this.#toldMs < this.#minMs) return 0;
    const moreMs = lateMs - this.#toldMs;
    this.#toldMs = lateMs;
    return moreMs;
  }
}
