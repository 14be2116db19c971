/**
 * The dialect of msgpack that memberlist speaks: the one of before 2013, which has no str/bin distinction. Strings and
 * byte arrays are both "raw". Stock decoders turn raws into UTF-8 text and so corrupt addresses; stock encoders emit
 * forms that old peers refuse. Hence ours.
 */
import { isUtf8 } from 'node:buffer';
import { WireFault } from './wire-fault.ts';

/** No message of the protocol nests deeper than 3; extra keys from newer peers may. */
const DEPTH_MAX = 8;

export const NO_BYTES = new Uint8Array(0);
const NO_BUFFER = Buffer.alloc(0);

export class MsgpackReader {
  readonly #bytes: Buffer;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = offset;
  }

  /** Index of the next byte to read. */
  get offset(): number {
    return this.#offset;
  }

  /** Moves past these bytes when they are what comes next. */
  readExactly(bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length; i++) if (this.#bytes[this.#offset + i] !== bytes[i]) return false;
    this.#offset += bytes.length;
    return true;
  }

  readNil(): boolean {
    if (this.#peek() !== 0xc0) return false;
    this.#offset++;
    return true;
  }

  readBool(): boolean {
    const tag = this.#byte();
    if (tag === 0xc2 || tag === 0xc3) return tag === 0xc3;
    throw wrongForm('a bool', tag);
  }

  /** Any integer form: generations of peers differ in the one they choose. */
  readInteger(): number {
    const tag = this.#byte();
    if (tag <= 0x7f) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    switch (tag) {
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#bytes.readUInt16BE(this.#take(2));
      case 0xce:
        return this.#bytes.readUInt32BE(this.#take(4));
      case 0xcf:
        return safeInteger(this.#bytes.readBigUInt64BE(this.#take(8)));
      case 0xd0:
        return this.#bytes.readInt8(this.#take(1));
      case 0xd1:
        return this.#bytes.readInt16BE(this.#take(2));
      case 0xd2:
        return this.#bytes.readInt32BE(this.#take(4));
      case 0xd3:
        return safeInteger(this.#bytes.readBigInt64BE(this.#take(8)));
      default:
        throw wrongForm('an integer', tag);
    }
  }

  /** A float of either length; an integer where a peer's encoder found that shorter. */
  readFloat(): number {
    const tag = this.#peek();
    if (tag !== 0xca && tag !== 0xcb) return this.readInteger();
    this.#offset++;
    return tag === 0xca ? this.#bytes.readFloatBE(this.#take(4)) : this.#bytes.readDoubleBE(this.#take(8));
  }

  /** Any raw, str or bin form; nil is empty. The result shares memory with the input. */
  readRaw(bytesMax: number): Uint8Array {
    const length = this.#readRawHeader(bytesMax);
    if (length === 0) return NO_BYTES;
    const start = this.#take(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length);
  }

  readText(bytesMax: number): string {
    const length = this.#readRawHeader(bytesMax);
    const start = this.#take(length);
    const end = start + length;
    if (this.#isAscii(start, end)) return this.#bytes.toString('latin1', start, end);
    if (!isUtf8(this.#bytes.subarray(start, end))) throw new WireFault('malformed', 'text that is not UTF-8');
    return this.#bytes.toString('utf8', start, end);
  }

  /** Number of pairs when a map begins here; undefined, with nothing read, when none does. */
  readMapHeader(): number | undefined {
    return this.#readHeader(0x80, 0xde, 2);
  }

  /** Number of items when an array begins here; undefined, with nothing read, when none does. */
  readArrayHeader(): number | undefined {
    return this.#readHeader(0x90, 0xdc, 1);
  }

  /** Reads past one value of any kind. */
  skip(depth = 0): void {
    if (depth > DEPTH_MAX) throw new WireFault('nested-too-deep', `msgpack nested deeper than ${DEPTH_MAX}`);
    const pairs = this.readMapHeader();
    const items = pairs === undefined ? this.readArrayHeader() : 2 * pairs;
    if (items !== undefined) {
      for (let i = 0; i < items; i++) this.skip(depth + 1);
      return;
    }
    const tag = this.#byte();
    this.#take(this.#rawLength(tag) ?? scalarLength(tag));
  }

  /** Fixed forms `base|n` (n < 16), or `long` with a 16-bit and `long + 1` with a 32-bit count. */
  #readHeader(base: number, long: number, bytesPerItemMin: number): number | undefined {
    const tag = this.#peek();
    let count: number;
    if ((tag & 0xf0) === base) {
      this.#offset++;
      count = tag & 0x0f;
    } else if (tag === long || tag === long + 1) {
      this.#offset++;
      count = tag === long ? this.#bytes.readUInt16BE(this.#take(2)) : this.#bytes.readUInt32BE(this.#take(4));
    } else {
      return undefined;
    }
    // Each item takes a byte at least: a count that the bytes cannot hold must not start a long loop.
    const end = this.#offset + count * bytesPerItemMin;
    if (end > this.#bytes.length) throw new WireFault('truncated', `a count of ${count} beyond the end`, { start: this.#offset, end });
    return count;
  }

  #readRawHeader(bytesMax: number): number {
    if (this.readNil()) return 0;
    const tag = this.#byte();
    const length = this.#rawLength(tag);
    if (length === undefined) throw wrongForm('bytes', tag);
    if (length > bytesMax) throw new WireFault('oversized', `${length} bytes where at most ${bytesMax} are allowed`);
    return length;
  }

  #isAscii(start: number, end: number): boolean {
    for (let i = start; i < end; i++) if (this.#bytes[i]! >= 0x80) return false;
    return true;
  }

  #rawLength(tag: number): number | undefined {
    if ((tag & 0xe0) === 0xa0) return tag & 0x1f;
    switch (tag) {
      case 0xd9:
      case 0xc4:
        return this.#byte();
      case 0xda:
      case 0xc5:
        return this.#bytes.readUInt16BE(this.#take(2));
      case 0xdb:
      case 0xc6:
        return this.#bytes.readUInt32BE(this.#take(4));
      default:
        return undefined;
    }
  }

  #peek(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw new WireFault('truncated', 'the end came within a value', { start: this.#offset, end: this.#offset + 1 });
    return byte;
  }

  #byte(): number {
    const byte = this.#peek();
    this.#offset++;
    return byte;
  }

  /** Moves over `count` bytes and gives the index of the first. */
  #take(count: number): number {
    const start = this.#offset;
    const end = start + count;
    if (end > this.#bytes.length) throw new WireFault('truncated', 'the end came within a value', { start, end });
    this.#offset = end;
    return start;
  }
}

/** What the last writers wrote into, for the next ones; more than two at work at once are rare. */
const spares: Buffer[] = [];
const SPARES_MAX = 4;
const SPARE_BYTES = 4 * 1024;

/** Writes only forms that every generation of peers reads. */
export class MsgpackWriter {
  #buffer = spares.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
  #length = 0;

  /** Ends the writing. A copy of its own size, for messages are kept by the thousand. */
  bytes(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.#length);
    this.#buffer.copy(bytes, 0, 0, this.#length);
    if (this.#buffer.length === SPARE_BYTES && spares.length < SPARES_MAX) spares.push(this.#buffer);
    this.#buffer = NO_BUFFER;
    return bytes;
  }

  /** A byte as it is, such as the type byte in front of a message. */
  writeByte(byte: number): void {
    const at = this.#grow(1);
    this.#buffer[at] = byte;
  }

  /** Bytes as they are, such as the pieces of a stream. */
  writeBytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    // A few are copied sooner than the runtime is asked to.
    if (bytes.length > 16) this.#buffer.set(bytes, at);
    else for (let i = 0; i < bytes.length; i++) this.#buffer[at + i] = bytes[i]!;
  }

  writeBool(value: boolean): void {
    this.writeByte(value ? 0xc3 : 0xc2);
  }

  /** The smallest unsigned form: Go peers of both generations read it into signed fields too. */
  writeUint(value: number): void {
    if (value <= 0x7f) {
      this.writeByte(value);
    } else if (value <= 0xff) {
      this.writeByte(0xcc);
      this.writeByte(value);
    } else if (value <= 0xffff) {
      this.writeByte(0xcd);
      this.#writeUint16(value);
    } else if (value <= 0xffffffff) {
      this.writeByte(0xce);
      this.#writeUint32(value);
    } else {
      this.writeByte(0xcf);
      const at = this.#grow(8);
      this.#buffer.writeBigUInt64BE(BigInt(value), at);
    }
  }

  writeFloat(value: number): void {
    this.writeByte(0xcb);
    const at = this.#grow(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  /** Never str8 or bin: peers up to memberlist 0.5.0 drop messages that hold them in the wrong place. */
  writeRaw(bytes: Uint8Array): void {
    this.#writeRawHeader(bytes.length);
    this.writeBytes(bytes);
  }

  writeText(text: string): void {
    const length = Buffer.byteLength(text, 'utf8');
    this.#writeRawHeader(length);
    const at = this.#grow(length);
    this.#buffer.write(text, at, 'utf8');
  }

  writeNil(): void {
    this.writeByte(0xc0);
  }

  writeMapHeader(pairs: number): void {
    if (pairs < 16) {
      this.writeByte(0x80 | pairs);
    } else {
      this.writeByte(0xde);
      this.#writeUint16(pairs);
    }
  }

  writeArrayHeader(items: number): void {
    if (items < 16) {
      this.writeByte(0x90 | items);
    } else {
      this.writeByte(0xdc);
      this.#writeUint16(items);
    }
  }

  #writeRawHeader(length: number): void {
    if (length < 32) {
      this.writeByte(0xa0 | length);
    } else if (length <= 0xffff) {
      this.writeByte(0xda);
      this.#writeUint16(length);
    } else {
      this.writeByte(0xdb);
      this.#writeUint32(length);
    }
  }

  #writeUint16(value: number): void {
    const at = this.#grow(2);
    this.#buffer.writeUInt16BE(value, at);
  }

  #writeUint32(value: number): void {
    const at = this.#grow(4);
    this.#buffer.writeUInt32BE(value, at);
  }

  /** Makes room, maybe in another buffer, and gives the index where it begins. */
  #grow(by: number): number {
    const start = this.#length;
    this.#length += by;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, start));
      this.#buffer = larger;
    }
    return start;
  }
}

function scalarLength(tag: number): number {
  if (tag <= 0x7f || tag >= 0xe0 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3) return 0;
  switch (tag) {
    case 0xcc:
    case 0xd0:
      return 1;
    case 0xcd:
    case 0xd1:
      return 2;
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4;
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8;
    default:
      throw wrongForm('a value', tag);
  }
}

function safeInteger(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new WireFault('malformed', `integer ${value} is beyond 2^53`);
  return number;
}

function wrongForm(expected: string, tag: number): WireFault {
  return new WireFault('malformed', `tag 0x${tag.toString(16)} where ${expected} belongs`);
}
