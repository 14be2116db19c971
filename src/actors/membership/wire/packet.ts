/** Packets: a message or several in a compound, maybe compressed, maybe behind a checksum. */
import { crc32 } from 'node:zlib';
import { compress, decompress } from './compression.ts';
import { TYPE, decodeMessage, type Message } from './messages.ts';
import { WireFault, attempt, type DropReason } from './wire-fault.ts';

/** What fits into one Ethernet frame with room to spare; peers use the same (their UDPBufferSize). */
export const PACKET_BYTES_MAX = 1400;
/** The count is one byte, but memberlist up to 0.2.3 misreads 128 and more. */
export const PARTS_MAX = 127;
/** Compound header: type and count; then a length for each part. */
export const COMPOUND_HEADER_BYTES = 2;
export const PART_HEADER_BYTES = 2;
export const CRC_HEADER_BYTES = 5;
/** A ping or an ack is shorter: little of it occurs twice, and making it smaller fails. */
const COMPRESSED_BYTES_MIN = 128;
/** As many as one compound can count; compounds in compounds would make thousands of acks of one packet. */
const MESSAGES_MAX = 255;
/** Some twenty packets. */
const PAGE_BYTES = 32 * 1024;
/** Compounds and compressed messages in each other. Peers nest them once, as a compressed compound; some forwarders once more. */
const NESTING_MAX = 3;
/** What the compressed messages of one packet may become: no more than a packet can hold. */
const DECOMPRESSED_BYTES_MAX = 64 * 1024;

export interface Unpacked {
  readonly messages: readonly Message[];
  /** One for each message that could not be used; the rest of a compound is used all the same. */
  readonly drops: readonly DropReason[];
}

/** Never throws. A checksum is looked for at the outermost position only, as peers do. */
export function unpack(packet: Uint8Array): Unpacked {
  const unpacking = new Unpacking();
  if (packet[0] !== TYPE.crc) {
    unpacking.take(packet, 0);
  } else if (packet.length < CRC_HEADER_BYTES) {
    unpacking.drops.push('truncated');
  } else if (crc32(packet.subarray(CRC_HEADER_BYTES)) !== uint32At(packet, 1)) {
    unpacking.drops.push('crc-mismatch');
  } else {
    unpacking.take(packet.subarray(CRC_HEADER_BYTES), 0);
  }
  const { messages, drops } = unpacking;
  return { messages, drops };
}

/** Of one packet. */
class Unpacking {
  readonly messages: Message[] = [];
  readonly drops: DropReason[] = [];
  #decompressedBytesLeft = DECOMPRESSED_BYTES_MAX;

  take(bytes: Uint8Array, depth: number): void {
    const fault = attempt(() => this.#take(bytes, depth));
    if (fault !== undefined) this.drops.push(fault);
  }

  #take(bytes: Uint8Array, depth: number): void {
    const type = bytes[0];
    if (type === TYPE.compound || type === TYPE.compress) {
      if (depth === NESTING_MAX) throw new WireFault('nested-too-deep', `nested deeper than ${NESTING_MAX}`);
      if (type === TYPE.compound) return this.#takeCompound(bytes, depth);
      const plain = decompress(bytes, this.#decompressedBytesLeft);
      this.#decompressedBytesLeft -= plain.length;
      return this.#take(plain, depth + 1);
    }
    const message = decodeMessage(bytes);
    if (message.type === 'error') throw new WireFault('unexpected-type', 'an error in a packet');
    this.messages.push(message);
  }

  #takeCompound(bytes: Uint8Array, depth: number): void {
    const count = bytes[1] ?? 0;
    let start = COMPOUND_HEADER_BYTES + PART_HEADER_BYTES * count;
    if (bytes.length < start || count === 0) throw new WireFault('truncated', 'a compound without its table');
    for (let part = 0; part < count; part++) {
      if (this.messages.length + this.drops.length >= MESSAGES_MAX) throw new WireFault('oversized', `more than ${MESSAGES_MAX} messages`);
      const lengthAt = COMPOUND_HEADER_BYTES + PART_HEADER_BYTES * part;
      const end = start + ((bytes[lengthAt]! << 8) | bytes[lengthAt + 1]!);
      if (end > bytes.length) throw new WireFault('truncated', 'a part beyond the end');
      this.take(bytes.subarray(start, end), depth + 1);
      start = end;
    }
  }
}

/**
 * One packet: a single message goes bare, several as a compound. At most PARTS_MAX messages.
 * @param compresses when that makes it smaller
 */
export function pack(messages: readonly Uint8Array[], withCrc: boolean, compresses = false): Uint8Array {
  const plain = messages.length === 1 ? messages[0]! : compound(messages);
  const body = compresses && plain.length >= COMPRESSED_BYTES_MIN ? smallerOf(plain, compress(plain)) : plain;
  if (!withCrc) return body;
  const packet = room(CRC_HEADER_BYTES + body.length);
  packet[0] = TYPE.crc;
  packet.writeUInt32BE(crc32(body), 1);
  packet.set(body, CRC_HEADER_BYTES);
  return packet;
}

let page = Buffer.alloc(0);
let pageUsed = 0;

/** Packets are gone in a moment. In the runtime's pool they would lie between messages that are kept, each of which holds a page. */
function room(bytes: number): Buffer {
  if (pageUsed + bytes > page.length) {
    page = Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, bytes));
    pageUsed = 0;
  }
  pageUsed += bytes;
  return page.subarray(pageUsed - bytes, pageUsed);
}

function compound(messages: readonly Uint8Array[]): Uint8Array {
  if (messages.length === 0 || messages.length > PARTS_MAX) throw new RangeError(`a compound of ${messages.length} messages`);
  let end = COMPOUND_HEADER_BYTES + PART_HEADER_BYTES * messages.length;
  const bytes = room(messages.reduce((sum, message) => sum + message.length, end));
  bytes[0] = TYPE.compound;
  bytes[1] = messages.length;
  messages.forEach((message, part) => {
    bytes.writeUInt16BE(message.length, COMPOUND_HEADER_BYTES + PART_HEADER_BYTES * part);
    bytes.set(message, end);
    end += message.length;
  });
  return bytes;
}

function smallerOf(plain: Uint8Array, compressed: Uint8Array): Uint8Array {
  return compressed.length < plain.length ? compressed : plain;
}

function uint32At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}
