/**
 * Whose turn of the main loop it is, where another thread can read it while this one stands still. One turn at a time, so
 * one place in memory; written by hand, for each turn pays.
 */

/** Paths are ASCII; one that is longer is read without its end. */
const PATH_BYTES_MAX = 1_000;
const HEADER_WORDS = 5;
/** Words of the header. */
const BEATS = 0;
const PATH_LENGTH = 1;
const LIFE = 2;
const DEBUGGED = 3;
const DEGRADED = 4;

export interface MarkedTurn {
  readonly path: string;
  readonly life: number;
}

/** Made by the thread that is watched, opened by the one that watches. */
export class TurnMark {
  readonly memory: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #path: Uint8Array;

  constructor(memory = new SharedArrayBuffer(HEADER_WORDS * 4 + PATH_BYTES_MAX)) {
    this.memory = memory;
    this.#header = new Int32Array(memory, 0, HEADER_WORDS);
    this.#path = new Uint8Array(memory, HEADER_WORDS * 4);
  }

  enter(path: string, life: number): void {
    const length = Math.min(path.length, PATH_BYTES_MAX);
    // A loop, for every call that takes the string over costs more than it.
    for (let at = 0; at < length; at++) this.#path[at] = path.charCodeAt(at);
    this.#header[LIFE] = life;
    this.#header[PATH_LENGTH] = length;
  }

  leave(): void {
    this.#header[PATH_LENGTH] = 0;
  }

  /** The loop turns. @param isDebugged whether a debugger may stop it at any moment */
  beat(isDebugged: boolean): void {
    this.#header[DEBUGGED] = isDebugged ? 1 : 0;
    Atomics.add(this.#header, BEATS, 1);
  }

  get beats(): number {
    return Atomics.load(this.#header, BEATS);
  }

  get isDebugged(): boolean {
    return this.#header[DEBUGGED] === 1;
  }

  /** As the watchdog judges, for whoever else watches. */
  get isDegraded(): boolean {
    return Atomics.load(this.#header, DEGRADED) === 1;
  }

  set isDegraded(isDegraded: boolean) {
    Atomics.store(this.#header, DEGRADED, isDegraded ? 1 : 0);
  }

  /** Only of a loop that stands still this is the truth. */
  get turn(): MarkedTurn | undefined {
    const length = this.#header[PATH_LENGTH] ?? 0;
    if (length === 0) return undefined;
    return { path: Buffer.from(this.#path.slice(0, length)).toString('latin1'), life: this.#header[LIFE] ?? 0 };
  }
}

/** Of the loop of this thread. */
export const turnMark = new TurnMark();
