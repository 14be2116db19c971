/** When the clocks of a node are worth a write. */
import type { ClockTimes } from './lamport-clock.ts';

/** A crash forgets what was heard since: what others repeat of it is heard again. A write each second costs no disk anything. */
const EVERY_MS = 1_000;

export class ClockKeeper {
  #kept: ClockTimes;
  #keptAtMs = -Infinity;

  /** @param kept what is on disk already, or what all clocks show at first */
  constructor(kept: ClockTimes) {
    this.#kept = kept;
  }

  /** @returns what is to be kept now, if anything; @param isLast nothing comes after it */
  take(times: ClockTimes, now: number, isLast: boolean): ClockTimes | undefined {
    const { member, event, query } = this.#kept;
    const hasChanged = times.member !== member || times.event !== event || times.query !== query;
    if (!hasChanged || (!isLast && now - this.#keptAtMs < EVERY_MS)) return undefined;
    this.#keptAtMs = now;
    return (this.#kept = times);
  }
}
