/** The newest of what is numbered upward. */
export class EventRing<E extends { readonly sequence: number }> {
  readonly #max: number;
  readonly #events: E[] = [];
  /** Index of the oldest once the ring is full. */
  #oldest = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get length(): number {
    return this.#events.length;
  }

  push(event: E): void {
    if (this.#events.length < this.#max) return void this.#events.push(event);
    this.#events[this.#oldest] = event;
    this.#oldest = (this.#oldest + 1) % this.#max;
  }

  /** @param index 0 is the oldest; undefined before that and after the newest */
  at(index: number): E | undefined {
    return index < 0 || index >= this.#events.length ? undefined : this.#events[(this.#oldest + index) % this.#max];
  }

  /** Index of the first whose number is greater. */
  indexAfter(sequence: number): number {
    let from = 0;
    for (let to = this.#events.length; from < to; ) {
      const middle = (from + to) >> 1;
      if (this.at(middle)!.sequence > sequence) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
