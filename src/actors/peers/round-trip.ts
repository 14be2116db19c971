/** Round-trip time of a session from numbered pings. Pure. */

/** A median of nine shrugs off four outliers and still follows a changed route within ten pings. */
const SAMPLES_MAX = 9;
/** Pings whose pong is still awaited. One a second and a session silent for five seconds ends, so more are lost ones. */
const OUTSTANDING_MAX = 16;

export class RoundTrip {
  #sequence = 0;
  readonly #sentAtMs = new Map<number, number>();
  readonly #samples: number[] = [];

  /** The number of the ping that leaves now. */
  ping(now: number): number {
    const sequence = ++this.#sequence;
    this.#sentAtMs.set(sequence, now);
    this.#sentAtMs.delete(sequence - OUTSTANDING_MAX);
    return sequence;
  }

  /** A number that was not sent, or whose pong came before, is ignored. */
  pong(sequence: number, now: number): void {
    const sentAtMs = this.#sentAtMs.get(sequence);
    if (sentAtMs === undefined) return;
    this.#sentAtMs.delete(sequence);
    this.#samples.push(now - sentAtMs);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** Milliseconds; undefined until the first pong. */
  get medianMs(): number | undefined {
    return this.#samples.toSorted((a, b) => a - b)[this.#samples.length >> 1];
  }
}
