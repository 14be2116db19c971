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
  /** After this many failures in a row the supervisor gives up. Default none. */
  readonly consecutiveMax?: number;
}

/** @param failures consecutive failures before this one: 0 gives the base delay. */
export function backoffDelayMs(backoff: Backoff, failures: number, random: Random): number {
  const grown = backoff.baseMs * (backoff.factor ?? 2) ** failures;
  const capped = Math.min(backoff.maxMs, grown);
  const jitter = backoff.jitter ?? 0.2;
  return Math.max(0, capped * (1 + jitter * (2 * random.next() - 1)));
}
