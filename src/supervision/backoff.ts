/** How long to wait before trying again: exponential, capped, jittered. Pure. */
import type { Random } from '../random.ts';

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
  /** Growth per consecutive failure. Default 2. */
  readonly factor?: number;
  /** Each delay is spread by this share of itself, up and down. Default 0.2. */
  readonly jitter?: number;
  /** A life this long counts as recovered: the next delay starts from the base again. Default 60,000 ms. */
  readonly resetAfterMs?: number;
  /** More failures in a row than this and the supervisor gives up. Default none. */
  readonly consecutiveMax?: number;
}

const FACTOR = 2;
const JITTER = 0.2;
const RESET_AFTER_MS = 60_000;

/** @param failures consecutive failures before this one: 0 gives the base delay. */
export function backoffDelayMs(backoff: Backoff, failures: number, random: Random): number {
  const jitter = backoff.jitter ?? JITTER;
  return cappedMs(backoff, failures) * (1 + jitter * (2 * random.next() - 1));
}

/** The shortest that `backoffDelayMs` can be. */
export function backoffShortestMs(backoff: Backoff, failures: number): number {
  return cappedMs(backoff, failures) * (1 - (backoff.jitter ?? JITTER));
}

/** Whether a life of this length ends a row of failures. */
export function isRecovered(backoff: Backoff, uptimeMs: number): boolean {
  return uptimeMs >= (backoff.resetAfterMs ?? RESET_AFTER_MS);
}

function cappedMs(backoff: Backoff, failures: number): number {
  return Math.min(backoff.maxMs, backoff.baseMs * (backoff.factor ?? FACTOR) ** failures);
}
