/** How many restarts are too many. Pure. Source of the rule: supervisor(3), "Maximum Restart Intensity". */

export interface Intensity {
  readonly intensity: number;
  readonly periodMs: number;
}

/** The restarts that count against a budget. What is older than the period is let go, so one costs the same at any rate. */
export class RestartTimes {
  /** Rising; those before `#from` count no more. */
  readonly #times: number[];
  #from = 0;

  constructor(times: readonly number[] = []) {
    this.#times = [...times];
  }

  /** A copy that goes its own way from here. */
  fork(): RestartTimes {
    return new RestartTimes(this.#times.slice(this.#from));
  }

  /** How many count at `now`, which never falls. */
  used(now: number, { periodMs }: Intensity): number {
    while (this.#from < this.#times.length && now - this.#times[this.#from]! > periodMs) this.#from++;
    if (this.#from * 2 > this.#times.length) {
      this.#times.splice(0, this.#from);
      this.#from = 0;
    }
    return this.#times.length - this.#from;
  }

  /** Enters one at `now`. @returns whether more than `intensity` fall within `periodMs` with it */
  add(now: number, limit: Intensity): boolean {
    this.#times.push(now);
    return this.used(now, limit) > limit.intensity;
  }
}
