/** How a life ends whose thread ended, as errors: each cause has a code. Pure. */
import type { ErrorInfo } from '../behavior.ts';

export const HUNG = 'hung';
export const OUT_OF_MEMORY = 'out_of_memory';
export const PROCESS_EXIT = 'process_exit';
export const THREADS_MAX_REACHED = 'threads_max';

type ThreadErrorCode = typeof HUNG | typeof OUT_OF_MEMORY | typeof PROCESS_EXIT | typeof THREADS_MAX_REACHED;

export function threadError(code: ThreadErrorCode, message: string): ErrorInfo {
  return { name: 'ThreadError', code, message };
}

/** An error that reads like the one it was made from in the other thread, with its stack. */
export function asThrown(info: ErrorInfo): Error {
  const error = new Error(info.message, info.cause === undefined ? undefined : { cause: asThrown(info.cause) });
  error.name = info.name;
  if (info.stack === undefined) delete error.stack;
  else error.stack = info.stack;
  return info.code === undefined ? error : Object.assign(error, { code: info.code });
}
