/** Telemetry records that wait for a node or for credit: numbered, bounded, oldest dropped first. Pure. */
import Denque from 'denque';

export interface RecordBufferLimits {
  readonly recordsMax: number;
  readonly bytesMax: number;
}

export interface Batch {
  readonly firstSequence: number;
  readonly records: readonly Uint8Array[];
}

export class RecordBuffer {
  readonly #limits: RecordBufferLimits;
  /** Always the newest records without a gap: what is taken or dropped is taken from the front. */
  readonly #records = new Denque<Uint8Array>();
  #bytes = 0;
  /** Number of the next record; the first of all has 1. */
  #nextSequence = 1;
  #dropped = 0;

  constructor(limits: RecordBufferLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#records.length;
  }

  /** Records that found no room so far. Their numbers are missing in what is sent: the receiver sees the gap. */
  get dropped(): number {
    return this.#dropped;
  }

  add(record: Uint8Array): void {
    this.#nextSequence++;
    this.#records.push(record);
    this.#bytes += record.byteLength;
    while (this.#records.length > this.#limits.recordsMax || this.#bytes > this.#limits.bytesMax) {
      this.#shift();
      this.#dropped++;
    }
  }

  /** The oldest ones, within both limits but for a first that exceeds `bytesMax` alone; undefined when there is none. */
  peek(recordsMax: number, bytesMax: number): Batch | undefined {
    const records: Uint8Array[] = [];
    let bytes = 0;
    while (records.length < Math.min(recordsMax, this.#records.length)) {
      const record = this.#records.peekAt(records.length)!;
      bytes += record.byteLength;
      if (bytes > bytesMax && records.length > 0) break;
      records.push(record);
    }
    return records.length === 0 ? undefined : { firstSequence: this.#firstSequence, records };
  }

  /** Forgets the records up to this number. */
  discardThrough(sequence: number): void {
    while (this.#records.length > 0 && this.#firstSequence <= sequence) this.#shift();
  }

  get #firstSequence(): number {
    return this.#nextSequence - this.#records.length;
  }

  #shift(): void {
    this.#bytes -= this.#records.shift()?.byteLength ?? 0;
  }
}
