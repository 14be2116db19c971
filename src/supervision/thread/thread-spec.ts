/**
 * What a supervisor is told about a child that runs in a thread of its own. Its messages cross to it (see crossing.ts); its
 * timers, what it awaits and what it owns are of its thread. What it owns is released when its life ends there; when its
 * thread is ended instead (killed, hung, out of memory), Node closes what the thread had open.
 *
 * A thread cannot contain what ends a whole process: process.abort, process.kill, a crash in native code; nor one allocation
 * that does not fit into what is left of its heap and the 16 MiB that Node adds (a Set, a list or a string that doubles over
 * that), for V8 then ends the process (node_worker.cc, NearHeapLimit). One in a native
 * call, such as execSync, ends when that returns; its life is over and its next one runs before that.
 */
export interface ThreadSpec {
  readonly isolation: 'thread';
  /** The file that makes the behavior, as a `file:` URL: `new URL('./hasher.js', import.meta.url)`. */
  readonly module: URL | string;
  /** The export that is called for each life, in its thread: `(argument) => Behavior`. */
  readonly export: string;
  /** What it is called with. It crosses as messages do. */
  readonly argument?: unknown;
  /**
   * A thread that shows no sign of life for this long has hung, and its life ends with error `hung`; a handler that awaits
   * gives signs. Default 5,000 ms.
   */
  readonly hangTimeoutMs?: number;
  /** Heap and buffers of the thread in MiB; beyond, its life ends with error `out_of_memory`. Default 128. */
  readonly memoryMbMax?: number;
}

export const THREAD_DEFAULTS = {
  hangTimeoutMs: 5_000,
  memoryMbMax: 128,
} as const;

/** A thread costs some 10 MB before its actor has done anything; these together a third of a gigabyte. */
export const THREADS_MAX = 32;
/** An empty thread needs 6 MiB of heap; below this it does not come up. */
export const MEMORY_MB_MIN = 16;
