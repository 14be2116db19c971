/** What both sides of a thread can read while one of them stands still. */

/** Pulses of the thread: it turns, or has handled a message. */
const PULSES = 0;
/** Messages from the thread that the main side has taken. */
const TAKEN = 1;
const WORDS = 2;

export class ThreadGauge {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory = new SharedArrayBuffer(WORDS * 4)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  pulse(): void {
    Atomics.add(this.#words, PULSES, 1);
  }

  get pulses(): number {
    return Atomics.load(this.#words, PULSES);
  }

  take(): void {
    Atomics.add(this.#words, TAKEN, 1);
  }

  get taken(): number {
    return Atomics.load(this.#words, TAKEN);
  }
}
