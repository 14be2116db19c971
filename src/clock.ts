/** Time as an argument: the real clock for nodes, a virtual one for simulation and tests. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a monotonic scale; only differences mean anything. */
  now(): number;
  /** Milliseconds since the Unix epoch, for people. */
  wallNow(): number;
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** setTimeout takes at most a signed 32-bit delay; longer ones would fire at once. */
const DELAY_MAX_MS = 2 ** 31 - 1;

/** performance.now() counts from the start of its thread; this, as the machine does, so that what crosses threads compares. */
const ORIGIN_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const systemClock: Clock = {
  now: () => ORIGIN_MS + performance.now(),
  wallNow: () => Date.now(),
  setTimer(delayMs, fire) {
    const handle = setTimeout(fire, Math.min(Math.max(0, delayMs), DELAY_MAX_MS));
    return { cancel: () => clearTimeout(handle) };
  },
};

interface Due {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/**
 * A clock that moves only when told to. Timers fire in order of time, then in order of setting, so that a run
 * depends on nothing but its inputs.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  /** A binary heap on (at, order). */
  readonly #heap: Due[] = [];
  readonly #cancelled = new Set<number>();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const order = this.#order++;
    this.#push({ at: this.#now + Math.max(0, delayMs), order, fire });
    return { cancel: () => void this.#cancelled.add(order) };
  }

  /** Moves time forward by `byMs`, firing what falls due on the way. */
  advance(byMs: number): void {
    const until = this.#now + byMs;
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop();
      this.#now = Math.max(this.#now, next.at);
      if (!this.#cancelled.delete(next.order)) next.fire();
    }
    this.#now = until;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(due, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
