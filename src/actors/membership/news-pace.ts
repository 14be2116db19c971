/**
 * When the listeners are told. Not before it is known whether others are there: a life that has just begun knows only
 * itself, and who believed that it is alone would drop every peer and agent. Then at once, but not for every packet of
 * a storm: each news is the whole list.
 */
export class NewsPace {
  #state: 'waiting' | 'ready' | 'resting' = 'waiting';
  #isStale = false;

  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  /** The first try to find the others is over. */
  settle(): void {
    this.#state = 'ready';
    this.#isStale = true;
  }

  /** There is something to tell. */
  change(): void {
    this.#isStale = true;
  }

  /** The time after the last news is over. */
  endRest(): void {
    this.#state = 'ready';
  }

  /** Whether to tell now; if so, a rest begins. */
  take(): boolean {
    if (this.#state !== 'ready' || !this.#isStale) return false;
    this.#state = 'resting';
    this.#isStale = false;
    return true;
  }
}
