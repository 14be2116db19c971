/**
 * What a supervisor is told about a child that runs in a thread of its own. Its messages cross to it (see crossing.ts); its
 * timers, what it awaits and what it owns are of its thread. What it owns is released when its life ends there; when its
 * thread is ended instead (killed, hung, out of memory), Node closes what the thread had open.
 *
 * A thread cannot contain what ends a whole process: process.abort, process.kill, a crash in native code; nor one allocation
 * that fits neither into what is left of its heap nor into the 16 MiB that Node then adds (Worker::NearHeapLimit), for there
 * V8 ends the process. One in a native call, such as execSync, ends when that returns; its next life runs before that.
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
  /**
   * Heap and buffers of the thread in MiB; beyond, its life ends with error `out_of_memory`. Default 32: what grows item by
   * item doubles by less than Node adds then. At 64 a Set or an object used as a table ended the process, when tried on Node
   * 20; a string or list that is made large at once did at any limit.
   */
  readonly memoryMbMax?: number;
}

export const THREAD_DEFAULTS = {
  hangTimeoutMs: 5_000,
  memoryMbMax: 32,
} as const;

/** A thread costs some 10 MB before its actor has done anything; these together a third of a gigabyte. */
export const THREADS_MAX = 32;
/** An empty thread needs 6 MiB of heap; below this it does not come up. */
export const MEMORY_MB_MIN = 16;
