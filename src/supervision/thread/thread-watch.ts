/** Tells a thread that hangs from one that works. */
import { systemClock } from '../../clock.ts';
import type { Timer } from '../../clock.ts';
import type { ThreadGauge } from './thread-gauge.ts';

/** Looks in one hang timeout; what hangs is told of late by one of them at most. */
const LOOKS = 10;

export function pulseMs(hangTimeoutMs: number): number {
  return Math.max(1, Math.ceil(hangTimeoutMs / LOOKS));
}

/**
 * Calls `onHung` once no pulse came in ten looks one after the other. It counts looks and not time, so that a main thread
 * that stood still itself, or slept, blames nobody. In real time whatever the system's clock: so does the thread turn.
 * @returns what ends the watch
 */
export function watchPulses(gauge: ThreadGauge, hangTimeoutMs: number, onHung: () => void): () => void {
  let last = gauge.pulses;
  let missed = 0;
  let timer: Timer;
  const look = (): void => {
    const { pulses } = gauge;
    // Before its first pulse it loads its module, which has the start timeout for a limit.
    missed = pulses === last && pulses > 0 ? missed + 1 : 0;
    last = pulses;
    if (missed >= LOOKS) return onHung();
    timer = systemClock.setTimer(pulseMs(hangTimeoutMs), look);
  };
  timer = systemClock.setTimer(pulseMs(hangTimeoutMs), look);
  return () => timer.cancel();
}
