/** How busy an actor is, kept per turn and not per message. Pure. */

/** The rate forgets at this pace: about what a person remembers while watching. */
const MEMORY_MS = 10_000;
/** The rate is brought up to date this often; a turn alone says nothing about a rate. */
const WINDOW_MS = 1_000;

export class TurnMeter {
  #busyMs = 0;
  #lastTurnMs = 0;
  #ratePerS = 0;
  #windowFrom: number;
  #windowCount = 0;

  constructor(now: number) {
    this.#windowFrom = now;
  }

  /** Time spent in its handlers; what they wait for is not counted. */
  get busyMs(): number {
    return this.#busyMs;
  }

  get lastTurnMs(): number {
    return this.#lastTurnMs;
  }

  turned(messages: number, from: number, until: number): void {
    this.#lastTurnMs = until - from;
    this.#busyMs += until - from;
    if (until - this.#windowFrom >= WINDOW_MS) {
      this.#ratePerS = this.ratePerS(until);
      this.#windowFrom = until;
      this.#windowCount = 0;
    }
    this.#windowCount += messages;
  }

  /** Messages per second, an average that weighs what was 10 s ago a third of what is now. */
  ratePerS(now: number): number {
    const windowMs = now - this.#windowFrom;
    if (windowMs < WINDOW_MS) return this.#ratePerS;
    const kept = Math.exp(-windowMs / MEMORY_MS);
    return this.#ratePerS * kept + ((this.#windowCount * 1_000) / windowMs) * (1 - kept);
  }
}
