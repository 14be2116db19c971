/** The first SIGHUP, SIGINT or SIGTERM asks for an orderly end; the second ends at once. */
import type { CliIo } from './command.ts';
import { exitCodeOfSignal } from './exit-code.ts';

export interface StopWatch {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Leaves signals to whoever had them before. */
  forget(): void;
}

export function watchForStop(io: CliIo): StopWatch {
  const stop = new AbortController();
  const forget = io.onSignal((signal) => {
    if (stop.signal.aborted) io.exit(exitCodeOfSignal(signal));
    stop.abort();
  });
  return { signal: stop.signal, forget };
}
