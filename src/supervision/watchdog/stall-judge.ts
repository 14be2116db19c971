/** When a loop that stands still is told of, and when it is given up. Pure. */

export interface StallLimits {
  /** A loop that has not turned for this long is degraded. */
  readonly degradedMs: number;
  /** One that has not turned for this long is given up; 0 never. */
  readonly stallLimitMs: number;
}

export type Verdict =
  | { readonly kind: 'degraded'; readonly stalledMs: number }
  | { readonly kind: 'recovered'; readonly stalledMs: number }
  | { readonly kind: 'given-up'; readonly stalledMs: number };

/** How often to look, so that what is told is late by a quarter at most; and four times a second is often enough. */
export function lookEveryMs({ degradedMs }: StallLimits): number {
  return Math.max(1, Math.min(250, degradedMs / 4));
}

export class StallJudge {
  readonly #limits: StallLimits;
  #beats = -1;
  #turnedAt = 0;
  #lookedAt: number | undefined;
  #isDegraded = false;
  #isOver = false;

  constructor(limits: StallLimits) {
    this.#limits = limits;
  }

  /**
   * @param beats counts up while the loop turns
   * @param isDebugged a debugger stops a loop for as long as a person thinks
   */
  look(beats: number, isDebugged: boolean, now: number): Verdict | undefined {
    const sleptMs = now - (this.#lookedAt ?? now) - lookEveryMs(this.#limits);
    this.#lookedAt = now;
    if (this.#isOver) return undefined;
    if (beats !== this.#beats) return this.#turned(beats, now);
    // Whoever looks too late itself was stopped too: a laptop that slept, a machine that was paused, SIGSTOP.
    if (sleptMs > this.#limits.degradedMs / 2) this.#turnedAt += sleptMs;
    if (isDebugged) this.#turnedAt = now;
    const stalledMs = now - this.#turnedAt;
    if (this.#limits.stallLimitMs > 0 && stalledMs >= this.#limits.stallLimitMs) {
      this.#isOver = true;
      return { kind: 'given-up', stalledMs };
    }
    if (this.#isDegraded || stalledMs < this.#limits.degradedMs) return undefined;
    this.#isDegraded = true;
    return { kind: 'degraded', stalledMs };
  }

  /** What was done about a verdict took its time: until `now` nobody looked. */
  acted(now: number): void {
    this.#lookedAt = now;
  }

  #turned(beats: number, now: number): Verdict | undefined {
    const stalledMs = now - this.#turnedAt;
    const wasDegraded = this.#isDegraded;
    this.#beats = beats;
    this.#turnedAt = now;
    this.#isDegraded = false;
    return wasDegraded ? { kind: 'recovered', stalledMs } : undefined;
  }
}
