/** Between the watchdog and the thread in which it watches. */
import type { LogSinks } from '../../log.ts';
import type { StallLimits } from './stall-judge.ts';
import type { MarkedTurn } from './turn-mark.ts';

/** From sysexits.h's neighbourhood, beside a node's other codes: the loop stood still for too long. */
export const STALL_EXIT_CODE = 73;

export interface WatchdogStart extends StallLimits {
  /** Of the turn mark. */
  readonly memory: SharedArrayBuffer;
  readonly sinks: LogSinks | undefined;
  /** What is written about a loop that is given up; replaced, not added to. */
  readonly reportFile: string;
}

/** The loop turns again. */
export interface LoopLag {
  readonly stalledMs: number;
  /** In whose turn it stood still; undefined when it was in nobody's. */
  readonly turn: MarkedTurn | undefined;
}
