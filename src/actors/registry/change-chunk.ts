/**
 * A look at the bytes of one Automerge change before the engine sees them. The engine does not verify checksums of
 * changes, and 70 bytes of run lengths may ask it for ten million operations.
 *
 * Format (Automerge binary format, "change chunk"): magic, 4 bytes of checksum, type 1, length, then dependencies, actor,
 * sequence, start of operations, time, message, other actors, column metadata, columns.
 */
import { createHash } from 'node:crypto';

/** The largest entry, its key and the engine's overhead fit; so does a change into one frame. */
export const CHANGE_BYTES_MAX = 192 * 1024;
/** A change of ours has one operation; what it overrides are at most as many values as nodes wrote at once. */
const CELLS_MAX = 10_000;
/** One per node that wrote since the author last heard of it. */
const DEPS_MAX = 4_096;

const MAGIC = [0x85, 0x6f, 0x4a, 0x83];
const CHECKSUM_BYTES = 4;
const HEADER_BYTES = MAGIC.length + CHECKSUM_BYTES;
const CHANGE_TYPE = 1;
export const HASH_BYTES = 32;
const DEFLATED = 0b1000;

export type ChunkFault = 'too-large' | 'malformed' | 'checksum' | 'too-many-ops';

export interface ChangeChunk {
  /** sha256 of type, length and content, as the engine names the change; hex. */
  readonly hash: string;
  readonly deps: readonly string[];
}

export function readChangeChunk(bytes: Uint8Array): ChangeChunk | ChunkFault {
  if (bytes.length > CHANGE_BYTES_MAX) return 'too-large';
  const isChange = MAGIC.every((byte, i) => bytes[i] === byte) && bytes[HEADER_BYTES] === CHANGE_TYPE;
  if (!isChange) return 'malformed';
  const digest = createHash('sha256').update(bytes.subarray(HEADER_BYTES)).digest();
  if (!digest.subarray(0, CHECKSUM_BYTES).equals(bytes.subarray(MAGIC.length, HEADER_BYTES))) return 'checksum';
  try {
    const reader = new Reader(bytes.subarray(HEADER_BYTES + 1));
    if (reader.unsigned() !== reader.left()) return 'malformed';
    const deps = readDeps(reader);
    skipHead(reader);
    return countCells(reader) > CELLS_MAX ? 'too-many-ops' : { hash: digest.toString('hex'), deps };
  } catch (error) {
    if (error instanceof RangeError) return 'malformed';
    throw error;
  }
}

function readDeps(reader: Reader): string[] {
  const count = reader.unsigned();
  if (count > DEPS_MAX) throw new RangeError('too many dependencies');
  return Array.from({ length: count }, () => Buffer.from(reader.take(HASH_BYTES)).toString('hex'));
}

/** Actor, sequence, start of operations, time, message, other actors: the engine checks what they say. */
function skipHead(reader: Reader): void {
  reader.take(reader.unsigned());
  reader.unsigned();
  reader.unsigned();
  reader.skipNumber();
  reader.take(reader.unsigned());
  for (let actors = reader.unsigned(); actors > 0; actors--) reader.take(reader.unsigned());
}

/** Cells of the longest column: what the engine would allocate. */
function countCells(reader: Reader): number {
  const columns: { spec: number; length: number }[] = [];
  for (let count = reader.unsigned(); count > 0; count--) {
    const spec = reader.unsigned();
    if ((spec & DEFLATED) !== 0) throw new RangeError('columns of a change are not compressed');
    columns.push({ spec, length: reader.unsigned() });
  }
  let longest = 0;
  for (const { spec, length } of columns) {
    longest = Math.max(longest, cellsOf(spec & 0b111, new Reader(reader.take(length))));
  }
  return longest;
}

const BOOLEAN_COLUMN = 4;
const STRING_COLUMN = 5;
const RAW_COLUMN = 7;

function cellsOf(type: number, column: Reader): number {
  if (type === RAW_COLUMN) return 0;
  let cells = 0;
  // Each turn takes at least a byte, and the columns are no longer than the change.
  while (column.left() > 0) {
    if (type === BOOLEAN_COLUMN) {
      cells += column.unsigned();
      continue;
    }
    const run = column.signed();
    const literals = run > 0 ? 1 : -run;
    for (let i = 0; i < literals; i++) {
      if (type === STRING_COLUMN) column.take(column.unsigned());
      else column.skipNumber();
    }
    cells += run === 0 ? column.unsigned() : Math.abs(run);
  }
  return cells;
}

/** LEB128 numbers and byte strings; a RangeError where the bytes end or a number is past 2^53. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.left()) throw new RangeError('the bytes end early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  unsigned(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.take(1)[0]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is too large');
  }

  signed(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.take(1)[0]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte >= 0x40 ? value - scale * 128 : value;
    }
    throw new RangeError('a number is too large');
  }

  /** A number of any size up to 64 bits. */
  skipNumber(): void {
    for (let i = 0; i < 10; i++) {
      if (this.take(1)[0]! < 0x80) return;
    }
    throw new RangeError('a number is too large');
  }
}
