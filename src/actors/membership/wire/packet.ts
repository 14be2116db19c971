/** Packets: a message or several in a compound, maybe behind a checksum. */
import { crc32 } from 'node:zlib';
import { TYPE, decodeMessage, type Message } from './messages.ts';
import { attempt, type DropReason } from './wire-fault.ts';

/** What fits into one Ethernet frame with room to spare; peers use the same (their UDPBufferSize). */
export const PACKET_BYTES_MAX = 1400;
/** The count is one byte, but memberlist up to 0.2.3 misreads 128 and more. */
export const PARTS_MAX = 127;
/** Compound header: type and count; then a length for each part. */
export const COMPOUND_HEADER_BYTES = 2;
export const PART_HEADER_BYTES = 2;
export const CRC_HEADER_BYTES = 5;
/** As many as one compound can count; compounds in compounds would make thousands of acks of one packet. */
const MESSAGES_MAX = 255;
/** Peers never nest compounds; some forwarders do once. */
const NESTING_MAX = 3;

export interface Unpacked {
  readonly messages: readonly Message[];
  /** One for each message that could not be used; the rest of a compound is used all the same. */
  readonly drops: readonly DropReason[];
}

/** Never throws. A checksum is looked for at the outermost position only, as peers do. */
export function unpack(packet: Uint8Array): Unpacked {
  const messages: Message[] = [];
  const drops: DropReason[] = [];
  if (packet[0] !== TYPE.crc) {
    unpackInto(packet, 0, messages, drops);
  } else if (packet.length < CRC_HEADER_BYTES) {
    drops.push('truncated');
  } else if (crc32(packet.subarray(CRC_HEADER_BYTES)) !== uint32At(packet, 1)) {
    drops.push('crc-mismatch');
  } else {
    unpackInto(packet.subarray(CRC_HEADER_BYTES), 0, messages, drops);
  }
  return { messages, drops };
}

function unpackInto(bytes: Uint8Array, depth: number, messages: Message[], drops: DropReason[]): void {
  if (bytes[0] === TYPE.compound) {
    if (depth === NESTING_MAX) drops.push('nested-too-deep');
    else unpackCompound(bytes, depth, messages, drops);
    return;
  }
  const message = attempt(() => decodeMessage(bytes));
  if (typeof message === 'string') drops.push(message);
  else if (message.type === 'error') drops.push('unexpected-type');
  else messages.push(message);
}

function unpackCompound(bytes: Uint8Array, depth: number, messages: Message[], drops: DropReason[]): void {
  const count = bytes[1] ?? 0;
  let start = COMPOUND_HEADER_BYTES + PART_HEADER_BYTES * count;
  if (bytes.length < start || count === 0) {
    drops.push('truncated');
    return;
  }
  for (let part = 0; part < count; part++) {
    if (messages.length + drops.length >= MESSAGES_MAX) {
      drops.push('oversized');
      return;
    }
    const lengthAt = COMPOUND_HEADER_BYTES + PART_HEADER_BYTES * part;
    const end = start + ((bytes[lengthAt]! << 8) | bytes[lengthAt + 1]!);
    if (end > bytes.length) {
      drops.push('truncated');
      return;
    }
    unpackInto(bytes.subarray(start, end), depth + 1, messages, drops);
    start = end;
  }
}

/** One packet: a single message goes bare, several as a compound. At most PARTS_MAX messages. */
export function pack(messages: readonly Uint8Array[], withCrc: boolean): Uint8Array {
  const body = messages.length === 1 ? messages[0]! : compound(messages);
  if (!withCrc) return body;
  const packet = Buffer.allocUnsafe(CRC_HEADER_BYTES + body.length);
  packet[0] = TYPE.crc;
  packet.writeUInt32BE(crc32(body), 1);
  packet.set(body, CRC_HEADER_BYTES);
  return packet;
}

function compound(messages: readonly Uint8Array[]): Uint8Array {
  if (messages.length === 0 || messages.length > PARTS_MAX) throw new RangeError(`a compound of ${messages.length} messages`);
  const header = Buffer.allocUnsafe(COMPOUND_HEADER_BYTES + PART_HEADER_BYTES * messages.length);
  header[0] = TYPE.compound;
  header[1] = messages.length;
  messages.forEach((message, part) => header.writeUInt16BE(message.length, COMPOUND_HEADER_BYTES + PART_HEADER_BYTES * part));
  return Buffer.concat([header, ...messages]);
}

function uint32At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}
