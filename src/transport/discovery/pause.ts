/** Waits between two looks at a source. */
import type { DiscoveryWorld } from './discovery.ts';

/** Nodes that start together should not ask together. */
const JITTER = 0.2;

/** Resolves after about `periodMs`, at once when `signal` is aborted. Never rejects. */
export function pause(periodMs: number, { clock, random }: Pick<DiscoveryWorld, 'clock' | 'random'>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.setTimer(periodMs * (1 - JITTER + 2 * JITTER * random.next()), end);
    signal.addEventListener('abort', end);
  });
}
