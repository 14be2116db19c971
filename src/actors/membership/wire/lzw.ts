/**
 * LZW as Go's compress/lzw has it, with the least significant bit first and literals of 8 bits: codes of 9 to 12 bits,
 * 256 clears the table, 257 ends, and a code is widened when the next entry needs it, not one earlier as in TIFF.
 * What we write is, byte for byte, what Go writes.
 */
import { WireFault } from './wire-fault.ts';

const LITERALS = 256;
const CLEAR = 256;
const END = 257;
const WIDTH_MIN = 9;
const WIDTH_MAX = 12;
const CODES = 2 ** WIDTH_MAX;
/** The encoder clears the table rather than give this code. */
const LAST_CODE = CODES - 1;

/** Four places for each entry, so that a search rarely meets another's. A place holds prefix, byte and code in 32 bits; 0 is free. */
const PLACES = 4 * CODES;
/** Shared by all calls, as those below: none outlives its turn. */
const places = new Uint32Array(PLACES);
/** Of what is decompressed every entry is a piece: where it stands, and how long it is. No code is read before its entry is written. */
const starts = new Uint32Array(CODES);
const lengths = new Uint32Array(CODES);

export function lzwCompress(bytes: Uint8Array): Uint8Array {
  const out = new CodeWriter(bytes.length);
  out.write(CLEAR);
  let highest = END;
  /** False when the table is full, and has been cleared. */
  const advance = (): boolean => {
    highest++;
    if (highest === 2 ** out.width) out.width++;
    if (highest < LAST_CODE) return true;
    out.write(CLEAR);
    out.width = WIDTH_MIN;
    highest = END;
    places.fill(0);
    return false;
  };
  places.fill(0);
  let prefix = bytes[0];
  for (let at = 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    const key = (prefix! << 8) | byte;
    let place = placeOf(key);
    while (places[place] !== 0 && places[place]! >>> WIDTH_MAX !== key) place = (place + 1) % PLACES;
    if (places[place] !== 0) {
      prefix = places[place]! & LAST_CODE;
      continue;
    }
    out.write(prefix!);
    prefix = byte;
    if (advance()) places[place] = (key << WIDTH_MAX) | highest;
  }
  if (prefix !== undefined) {
    out.write(prefix);
    advance();
  }
  out.write(END);
  return out.bytes();
}

/**
 * @param bytesMax of the result; nothing beyond is allocated
 * @throws WireFault
 */
export function lzwDecompress(compressed: Uint8Array, bytesMax: number): Uint8Array {
  let out: Buffer = Buffer.allocUnsafe(Math.min(bytesMax, 4 * compressed.length));
  let length = 0;
  let width = WIDTH_MIN;
  let highest = END;
  /** Where the piece of the last code begins; undefined when the next code makes no entry. */
  let last: number | undefined;
  let lastLength = 0;
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (;;) {
    while (heldBits < width) {
      if (at === compressed.length) throw new WireFault('truncated', 'compressed bytes end early');
      held |= compressed[at++]! << heldBits;
      heldBits += 8;
    }
    const code = held & (2 ** width - 1);
    held >>>= width;
    heldBits -= width;
    if (code === END) return out.subarray(0, length);
    if (code === CLEAR) {
      width = WIDTH_MIN;
      highest = END;
      last = undefined;
      continue;
    }
    if (code > highest) throw new WireFault('malformed', `code ${code} before its entry`);
    // The entry that this code completes: the piece of the last code and the byte after it.
    if (last !== undefined) {
      starts[highest] = last;
      lengths[highest] = lastLength + 1;
    }
    const pieceLength = code < LITERALS ? 1 : lengths[code]!;
    const end = length + pieceLength;
    if (end > bytesMax) throw new WireFault('oversized', `more than ${bytesMax} bytes when decompressed`);
    if (end > out.length) out = enlarged(out, length, Math.min(bytesMax, Math.max(end, 2 * out.length)));
    if (code < LITERALS) out[length] = code;
    else copyPiece(out, starts[code]!, length, pieceLength);
    last = length;
    lastLength = pieceLength;
    length = end;
    highest++;
    if (highest < 2 ** width) continue;
    if (width < WIDTH_MAX) {
      width++;
    } else {
      // The table is full: it stays as it is until it is cleared.
      last = undefined;
      highest--;
    }
  }
}

/** All but the last byte at once: that one may be the first of the copy itself, where a code is its own entry. */
function copyPiece(out: Buffer, from: number, to: number, length: number): void {
  const last = length - 1;
  if (length > 32) out.copyWithin(to, from, from + last);
  else for (let i = 0; i < last; i++) out[to + i] = out[from + i]!;
  out[to + last] = out[from + last]!;
}

function enlarged(bytes: Buffer, length: number, size: number): Buffer {
  const larger = Buffer.allocUnsafe(size);
  bytes.copy(larger, 0, 0, length);
  return larger;
}

function placeOf(key: number): number {
  return ((key >>> 6) ^ key) % PLACES;
}

class CodeWriter {
  width = WIDTH_MIN;
  #out: Buffer;
  #length = 0;
  #held = 0;
  #heldBits = 0;

  /** @param plainBytes what is to be compressed */
  constructor(plainBytes: number) {
    // At worst each byte takes a code; the codes before the first byte, at the end and for clears are the rest.
    this.#out = Buffer.allocUnsafe(Math.ceil((plainBytes * (WIDTH_MAX + 1)) / 8) + 16);
  }

  write(code: number): void {
    this.#held |= code << this.#heldBits;
    this.#heldBits += this.width;
    while (this.#heldBits >= 8) {
      this.#out[this.#length++] = this.#held;
      this.#held >>>= 8;
      this.#heldBits -= 8;
    }
  }

  bytes(): Uint8Array {
    if (this.#heldBits > 0) this.#out[this.#length++] = this.#held;
    this.#heldBits = 0;
    return this.#out.subarray(0, this.#length);
  }
}
