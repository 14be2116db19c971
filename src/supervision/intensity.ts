/** How many restarts are too many. Pure. Source of the rule: supervisor(3), "Maximum Restart Intensity". */

export interface Intensity {
  readonly intensity: number;
  readonly periodMs: number;
}

/** The newest restart times, oldest first; at most intensity + 1 of them, so that a check costs nothing at any rate. */
export type RestartTimes = readonly number[];

/** Adds a restart at `now`; `isExceeded` when more than `intensity` restarts fall within `periodMs`. */
export function addRestart(times: RestartTimes, now: number, limit: Intensity): { times: RestartTimes; isExceeded: boolean } {
  const kept = [...times, now].slice(-(limit.intensity + 1));
  const oldest = kept[0];
  const isFull = kept.length > limit.intensity;
  return { times: kept, isExceeded: isFull && oldest !== undefined && now - oldest <= limit.periodMs };
}

/** Restarts that count against the budget at `now`. */
export function restartsInPeriod(times: RestartTimes, now: number, limit: Intensity): number {
  return times.filter((at) => now - at <= limit.periodMs).length;
}
