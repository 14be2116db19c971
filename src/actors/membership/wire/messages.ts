/** The messages of memberlist, their limits, and their bytes without framing. */
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { Struct, bool, bytes, omitempty, text, uint, type StructValue } from './struct.ts';
import { WireFault } from './wire-fault.ts';

/** First byte of every message, on packets and streams. */
export const TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  crc: 12,
  error: 13,
  label: 244,
} as const;

/** Serf allows 128; memberlist sets none. Twice Serf's leaves room in a packet for everything else. */
export const NAME_BYTES_MAX = 255;
/** memberlist's own limit: an alive message must fit into one packet. */
export const META_BYTES_MAX = 512;
const IP_BYTES_MAX = 16;
/** Six are defined; a later protocol may add some. */
const VSN_BYTES_MAX = 16;
/** A Serf coordinate takes 90; an ack must fit into one packet. */
const ACK_PAYLOAD_BYTES_MAX = 1024;
const ERROR_TEXT_BYTES_MAX = 1024;
const UINT16_MAX = 0xffff;
const UINT32_MAX = 0xffffffff;

const source = {
  sourceAddr: omitempty(bytes('SourceAddr', IP_BYTES_MAX)),
  sourcePort: omitempty(uint('SourcePort', UINT16_MAX)),
  sourceNode: omitempty(text('SourceNode', NAME_BYTES_MAX)),
};
const seqNo = uint('SeqNo', UINT32_MAX);
const incarnation = uint('Incarnation', UINT32_MAX);
const node = text('Node', NAME_BYTES_MAX);
const from = text('From', NAME_BYTES_MAX);
const addr = bytes('Addr', IP_BYTES_MAX);
const port = uint('Port', UINT16_MAX);
const meta = bytes('Meta', META_BYTES_MAX);
const vsn = bytes('Vsn', VSN_BYTES_MAX);

// Fields stand in the order of the Go declarations: a peer may send a struct as an array in that order.
const ping = new Struct({ seqNo, node, ...source });
const indirectPing = new Struct({ seqNo, target: bytes('Target', IP_BYTES_MAX), port, node, nack: bool('Nack'), ...source });
const ack = new Struct({ seqNo, payload: bytes('Payload', ACK_PAYLOAD_BYTES_MAX) });
const nack = new Struct({ seqNo });
const accusation = new Struct({ incarnation, node, from });
const alive = new Struct({ incarnation, node, addr, port, meta, vsn });
const error = new Struct({ error: text('Error', ERROR_TEXT_BYTES_MAX) });

export const nodeState = new Struct({ name: text('Name', NAME_BYTES_MAX), addr, port, meta, incarnation, state: uint('State', 255), vsn });
export type NodeState = StructValue<typeof nodeState>;

export type Ping = { readonly type: 'ping' } & StructValue<typeof ping>;
export type IndirectPing = { readonly type: 'indirectPing' } & StructValue<typeof indirectPing>;
export type Ack = { readonly type: 'ack' } & StructValue<typeof ack>;
type Nack = { readonly type: 'nack' } & StructValue<typeof nack>;
export type Suspect = { readonly type: 'suspect' } & StructValue<typeof accusation>;
/** `node` equal to `from` means: I leave on purpose. */
export type Dead = { readonly type: 'dead' } & StructValue<typeof accusation>;
export type Alive = { readonly type: 'alive' } & StructValue<typeof alive>;
export type StreamError = { readonly type: 'error' } & StructValue<typeof error>;
export interface User {
  readonly type: 'user';
  readonly payload: Uint8Array;
}

/** What a packet may hold. */
export type Message = Ping | IndirectPing | Ack | Nack | Suspect | Dead | Alive | User;

export function encodeMessage(message: Message | StreamError): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(TYPE[message.type]);
  switch (message.type) {
    case 'ping':
      ping.write(writer, message);
      break;
    case 'indirectPing':
      indirectPing.write(writer, message);
      break;
    case 'ack':
      ack.write(writer, message);
      break;
    case 'nack':
      nack.write(writer, message);
      break;
    case 'suspect':
    case 'dead':
      accusation.write(writer, message);
      break;
    case 'alive':
      alive.write(writer, message);
      break;
    case 'user':
      writer.writeBytes(message.payload);
      break;
    case 'error':
      error.write(writer, message);
      break;
  }
  return writer.bytes();
}

/** @throws WireFault */
export function decodeMessage(message: Uint8Array): Message | StreamError {
  const reader = new MsgpackReader(message, 1);
  switch (message[0]) {
    case TYPE.ping:
      return { type: 'ping', ...ping.read(reader) };
    case TYPE.indirectPing:
      return { type: 'indirectPing', ...indirectPing.read(reader) };
    case TYPE.ack:
      return { type: 'ack', ...ack.read(reader) };
    case TYPE.nack:
      return { type: 'nack', ...nack.read(reader) };
    case TYPE.suspect:
      return { type: 'suspect', ...accusation.read(reader) };
    case TYPE.dead:
      return { type: 'dead', ...accusation.read(reader) };
    case TYPE.alive:
      return { type: 'alive', ...alive.read(reader) };
    case TYPE.user:
      return { type: 'user', payload: message.subarray(1) };
    case TYPE.error:
      return { type: 'error', ...error.read(reader) };
    case undefined:
      throw new WireFault('empty', 'no bytes');
    case TYPE.compress:
      throw new WireFault('unexpected-type', 'a compressed message in another');
    case TYPE.encrypt:
      throw new WireFault('encrypted', 'an encrypted stream');
    case TYPE.label:
      throw new WireFault('labelled', 'a label, where none is used');
    default:
      throw new WireFault('unknown-type', `message type ${message[0]}`);
  }
}
