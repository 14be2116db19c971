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
