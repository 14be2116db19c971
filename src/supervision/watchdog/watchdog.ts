/** Notices from another thread that this one stands still, which a single thread cannot notice of itself. */
import { url } from 'node:inspector';
import { Worker } from 'node:worker_threads';
import type { NodeLog } from '../../log.ts';
import { currentTurn } from '../attribution.ts';
import { threadOptions } from '../thread/thread-options.ts';
import { lookEveryMs } from './stall-judge.ts';
import type { StallLimits } from './stall-judge.ts';
import { CULPRIT } from './stalled-thread.ts';
import { turnMark } from './turn-mark.ts';
import type { LoopLag, WatchdogStart } from './watchdog-messages.ts';

export interface WatchdogOptions extends StallLimits {
  readonly log: NodeLog;
  /** For what is known of a stall that the process did not survive. */
  readonly reportFile: string;
  /** The loop stood still and turns again. */
  onLag(lag: LoopLag): void;
}

/** Its thread holds a few counters and the inspector's answer. */
const HEAP_MB_MAX = 32;

/**
 * Watches the loop of this thread until the returned function is called. Past `degradedMs` the log says `degraded`, with the
 * actor in whose turn it stalled; past `stallLimitMs` the process ends with exit code 73, or by SIGABRT when a native call
 * holds the main thread, and leaves the report file.
 */
export function watchLoop({ log, reportFile, onLag, degradedMs, stallLimitMs }: WatchdogOptions): () => void {
  const start: WatchdogStart = { memory: turnMark.memory, sinks: log.sinks, reportFile, degradedMs, stallLimitMs };
  const thread = new Worker(...threadOptions('../watchdog/watchdog-thread', { workerData: start, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX } }));
  thread.unref();
  const beats = setInterval(() => turnMark.beat(url() !== undefined), lookEveryMs({ degradedMs, stallLimitMs }));
  beats.unref();
  Object.defineProperty(globalThis, Symbol.for(CULPRIT), { value: () => JSON.stringify(currentTurn()), configurable: true });
  thread.on('message', onLag);
  thread.on('error', (error) => log.log('error', 'watchdog-lost', { error: error.message }));
  return () => {
    clearInterval(beats);
    void thread.terminate();
  };
}
