/** How many per second, over the last few seconds. Pure. */

/** Long enough for a figure that does not flicker at one record a second, short enough to show a change. */
const WINDOW_S = 5;

export class RateWindow {
  readonly #firstSecond: number;
  /** What was counted in each of the last seconds, by second. */
  readonly #seconds = new Map<number, number>();

  constructor(now: number) {
    this.#firstSecond = Math.floor(now / 1_000);
  }

  add(count: number, now: number): void {
    const second = Math.floor(now / 1_000);
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + count);
    this.#forget(second);
  }

  /** Over the last whole seconds: the one that runs would always be too small. */
  perSecond(now: number): number {
    const current = Math.floor(now / 1_000);
    this.#forget(current);
    let sum = 0;
    for (const [second, count] of this.#seconds) if (second < current) sum += count;
    return sum / Math.max(1, Math.min(WINDOW_S, current - this.#firstSecond));
  }

  #forget(current: number): void {
    for (const second of this.#seconds.keys()) if (second < current - WINDOW_S) this.#seconds.delete(second);
  }
}
