/** What both sides of a thread can read while one of them stands still. */

/** Pulses of the thread: it turns, or has handled a message. */
const PULSES = 0;
/** Messages from the thread that the main side has taken. */
const TAKEN = 1;
/** Messages that the actor said to itself and handled. */
const OWN = 2;
/** Microseconds that its handlers took. */
const BUSY = 3;
/** Whether messages are traced: 0, or a number of its own for each trace that began. */
const TRACED = 4;
const WORDS = 5;

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

  set traced(number: number) {
    Atomics.store(this.#words, TRACED, number);
  }

  get traced(): number {
    return Atomics.load(this.#words, TRACED);
  }

  handleOwn(): void {
    Atomics.add(this.#words, OWN, 1);
  }

  spend(ms: number): void {
    Atomics.add(this.#words, BUSY, Math.round(ms * 1_000));
  }

  /** What it did beside the messages of the main thread; both count on from 0 past 32 bits. */
  get work(): { readonly messages: number; readonly busyUs: number } {
    return { messages: Atomics.load(this.#words, OWN), busyUs: Atomics.load(this.#words, BUSY) };
  }
}
