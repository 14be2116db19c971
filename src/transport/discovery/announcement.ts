/**
 * What nodes call to each other on a group that anybody can call to: where they are, or who is there. Each packet is signed
 * with a secret that all share (HMAC-SHA-256, RFC 2104), and counts once. Pure.
 *
 * Bytes: magic 4 · sender 8 · time 8, ms since 1970 · host length 1 · host, empty in a question · port 2 · signature 32
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { GossipAddress } from '../gossip-transport.ts';

export interface Call {
  /** Where the caller is; undefined asks all others to say where they are. */
  readonly from: GossipAddress | undefined;
  /** Chosen by chance for each life of a caller. */
  readonly sender: bigint;
  /** Milliseconds since the epoch; grows with each packet of a sender. */
  readonly atMs: number;
}

export type CallRefusal = 'too-large' | 'foreign' | 'forged' | 'malformed';

const MAGIC = Buffer.from('OMD1');
const SIGNATURE_BYTES = 32;
const SENDER_AT = 4;
const TIME_AT = 12;
const HOST_AT = 20;
/** The longest IPv6 address in text form, with an IPv4 address in it. */
const HOST_BYTES_MAX = 45;
const EMPTY_BYTES = HOST_AT + 1 + 2 + SIGNATURE_BYTES;
/** Nothing longer is looked into. */
const PACKET_BYTES_MAX = EMPTY_BYTES + HOST_BYTES_MAX;

/** @param secret at least 16 bytes */
export function encodeCall({ from, sender, atMs }: Call, secret: Uint8Array): Buffer {
  const host = Buffer.from(from?.host ?? '', 'latin1');
  const body = Buffer.alloc(HOST_AT + 1 + host.length + 2);
  MAGIC.copy(body);
  body.writeBigUInt64BE(sender, SENDER_AT);
  body.writeBigUInt64BE(BigInt(atMs), TIME_AT);
  body.writeUInt8(host.length, HOST_AT);
  host.copy(body, HOST_AT + 1);
  body.writeUInt16BE(from?.port ?? 0, HOST_AT + 1 + host.length);
  return Buffer.concat([body, signatureOf(body, secret)]);
}

/** Looks at the length first, then at the signature, and only then at what it says. */
export function decodeCall(packet: Uint8Array, secret: Uint8Array): Call | CallRefusal {
  if (packet.length > PACKET_BYTES_MAX) return 'too-large';
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  if (bytes.length < EMPTY_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return 'foreign';
  const body = bytes.subarray(0, -SIGNATURE_BYTES);
  if (!timingSafeEqual(bytes.subarray(-SIGNATURE_BYTES), signatureOf(body, secret))) return 'forged';
  const hostBytes = body.readUInt8(HOST_AT);
  const atMs = Number(body.readBigUInt64BE(TIME_AT));
  if (body.length !== HOST_AT + 1 + hostBytes + 2 || !Number.isSafeInteger(atMs)) return 'malformed';
  const host = body.toString('latin1', HOST_AT + 1, HOST_AT + 1 + hostBytes);
  const from = hostBytes === 0 ? undefined : { host, port: body.readUInt16BE(body.length - 2) };
  return { from, sender: body.readBigUInt64BE(SENDER_AT), atMs };
}

function signatureOf(body: Uint8Array, secret: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(body).digest();
}
