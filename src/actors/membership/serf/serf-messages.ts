/**
 * The messages of Serf, which travel as user messages of memberlist, and their limits. Sizes that peers refuse to send
 * beyond are theirs by default; what is received is bounded by the packet it came in.
 */
import { MEMBERS_MAX } from '../wire/stream.ts';
import { MsgpackReader, MsgpackWriter, NO_BYTES } from '../wire/msgpack.ts';
import { NAME_BYTES_MAX } from '../wire/messages.ts';
import { Struct, bool, bytes, text, uint, type StructValue } from '../wire/struct.ts';
import { WireFault, attempt, type DropReason } from '../wire/wire-fault.ts';
import { bytesItem, list, mapOf, nested, slots, textItem, type Item } from './serf-fields.ts';

/** First byte of every message. */
const TYPE = {
  leave: 0,
  join: 1,
  state: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const;

export const QUERY_FLAG = { ack: 1, noBroadcast: 2 } as const;

/** What Serf's agents send by default, encoded: each must leave room in a packet for everything else. */
export const EVENT_BYTES_MAX = 512;
export const QUERY_BYTES_MAX = 1024;
export const RESPONSE_BYTES_MAX = 1024;

/** Counts events, intents and queries: 2^53 of them are never reached honestly. */
const TIME_MAX = Number.MAX_SAFE_INTEGER;
/** What Serf can be configured to send at most. */
const PAYLOAD_BYTES_MAX = 9 * 1024;
const EVENT_NAME_BYTES_MAX = 1024;
const FILTERS_MAX = 64;
const UINT16_MAX = 0xffff;
const UINT32_MAX = 0xffffffff;
/** How many times back events and queries are told apart from ones that were heard before; as Serf's agents. */
export const BUFFERED_TIMES = 512;
/** At one time by different nodes that had not heard of each other's yet. */
const SAME_TIME_MAX = 4_096;
/** 32 bytes in base64, and what a later version may add. */
const KEY_TEXT_BYTES_MAX = 128;
const KEYS_MAX = 1_024;
const KEY_MESSAGE_BYTES_MAX = 1024;
const IP_BYTES_MAX = 16;
const ZONE_BYTES_MAX = 64;

const lTime = uint('LTime', TIME_MAX);
const node = text('Node', NAME_BYTES_MAX);
const payload = bytes('Payload', PAYLOAD_BYTES_MAX);
const eventName = text('Name', EVENT_NAME_BYTES_MAX);

const leave = new Struct({ lTime, node, prune: bool('Prune') });
const join = new Struct({ lTime, node });
const userEvent = new Struct({ lTime, name: eventName, payload, coalesce: bool('CC') });
const query = new Struct({
  lTime,
  id: uint('ID', UINT32_MAX),
  addr: bytes('Addr', IP_BYTES_MAX),
  port: uint('Port', UINT16_MAX),
  sourceNode: text('SourceNode', NAME_BYTES_MAX),
  filters: list('Filters', FILTERS_MAX, bytesItem(PAYLOAD_BYTES_MAX)),
  flags: uint('Flags', UINT32_MAX),
  relayFactor: uint('RelayFactor', 255),
  timeoutNs: uint('Timeout', TIME_MAX),
  name: eventName,
  payload,
});
const queryResponse = new Struct({ lTime, id: uint('ID', UINT32_MAX), from: text('From', NAME_BYTES_MAX), flags: uint('Flags', UINT32_MAX), payload });
const destination = new Struct({ addr: bytes('IP', IP_BYTES_MAX), port: uint('Port', UINT16_MAX), zone: text('Zone', ZONE_BYTES_MAX) });
const relayHeader = new Struct({ destination: nested('DestAddr', { addr: NO_BYTES, port: 0, zone: '' }, destination), name: text('DestName', NAME_BYTES_MAX) });
const slotEvent = new Struct({ name: eventName, payload });
const slot = new Struct({ lTime, events: slots('Events', SAME_TIME_MAX, slotEvent) });
const state = new Struct({
  lTime,
  statusLTimes: mapOf('StatusLTimes', 2 * MEMBERS_MAX, NAME_BYTES_MAX, lTime),
  leftMembers: list('LeftMembers', 2 * MEMBERS_MAX, textItem(NAME_BYTES_MAX), 'array'),
  eventLTime: uint('EventLTime', TIME_MAX),
  events: slots('Events', UINT16_MAX, slot),
  queryLTime: uint('QueryLTime', TIME_MAX),
});
const keyRequest = new Struct({ key: bytes('Key', KEY_TEXT_BYTES_MAX) });
const keyResponse = new Struct({
  result: bool('Result'),
  message: text('Message', KEY_MESSAGE_BYTES_MAX),
  keys: list('Keys', KEYS_MAX, textItem(KEY_TEXT_BYTES_MAX)),
  primaryKey: text('PrimaryKey', KEY_TEXT_BYTES_MAX),
});
/** Of a member only what decides a conflict; peers fill in zeros for the rest. */
const conflictResponse = new Struct({ name: text('Name', NAME_BYTES_MAX), addr: bytes('Addr', IP_BYTES_MAX), port: uint('Port', UINT16_MAX) });

export type LeaveIntent = { readonly type: 'leave' } & StructValue<typeof leave>;
export type JoinIntent = { readonly type: 'join' } & StructValue<typeof join>;
export type UserEvent = { readonly type: 'userEvent' } & StructValue<typeof userEvent>;
export type Query = { readonly type: 'query' } & StructValue<typeof query>;
/** An ack when its flag says so. */
export type QueryResponse = { readonly type: 'queryResponse' } & StructValue<typeof queryResponse>;
/** A message to be passed on to where its asker is. */
export type Relay = { readonly type: 'relay'; readonly message: Uint8Array } & StructValue<typeof relayHeader>;
export type SerfMessage = LeaveIntent | JoinIntent | UserEvent | Query | QueryResponse | Relay;

/** The part of a push/pull that is Serf's. */
export type SerfState = StructValue<typeof state>;
export type EventSlot = StructValue<typeof slot>;
export type KeyResponse = StructValue<typeof keyResponse>;
type ConflictResponse = StructValue<typeof conflictResponse>;

const STRUCTS = { leave, join, userEvent, query, queryResponse } as const;

export function encodeSerf(message: SerfMessage): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(TYPE[message.type]);
  if (message.type === 'relay') {
    relayHeader.write(writer, message);
    writer.writeBytes(message.message);
  } else {
    // Each message is written by the struct of its own type.
    STRUCTS[message.type].write(writer, message as never);
  }
  return writer.bytes();
}

/** Never throws: a reason when it cannot be used. */
export function decodeSerf(bytes: Uint8Array): SerfMessage | DropReason {
  return attempt(() => {
    const reader = new MsgpackReader(bytes, 1);
    switch (bytes[0]) {
      case TYPE.leave:
        return { type: 'leave', ...leave.read(reader) };
      case TYPE.join:
        return { type: 'join', ...join.read(reader) };
      case TYPE.userEvent:
        return { type: 'userEvent', ...userEvent.read(reader) };
      case TYPE.query:
        return { type: 'query', ...query.read(reader) };
      case TYPE.queryResponse:
        return { type: 'queryResponse', ...queryResponse.read(reader) };
      case TYPE.relay:
        return { type: 'relay', ...relayHeader.read(reader), message: bytes.subarray(reader.offset) };
      case undefined:
        throw new WireFault('empty', 'no bytes');
      default:
        throw new WireFault('unknown-type', `user message type ${bytes[0]}`);
    }
  });
}

export function encodeState(value: SerfState): Uint8Array {
  return encodeTyped(TYPE.state, state, value);
}

export function decodeState(bytes: Uint8Array): SerfState | DropReason {
  return decodeTyped(TYPE.state, state, bytes);
}

/** @param key 16, 24 or 32 bytes */
export function encodeKeyRequest(key: Uint8Array): Uint8Array {
  return encodeTyped(TYPE.keyRequest, keyRequest, { key });
}

export function decodeKeyRequest(bytes: Uint8Array): Uint8Array | DropReason {
  const request = decodeTyped(TYPE.keyRequest, keyRequest, bytes);
  return typeof request === 'string' ? request : request.key;
}

export function encodeKeyResponse(value: KeyResponse): Uint8Array {
  return encodeTyped(TYPE.keyResponse, keyResponse, value);
}

export function decodeKeyResponse(bytes: Uint8Array): KeyResponse | DropReason {
  return decodeTyped(TYPE.keyResponse, keyResponse, bytes);
}

export function encodeConflictResponse(value: ConflictResponse): Uint8Array {
  return encodeTyped(TYPE.conflictResponse, conflictResponse, value);
}

export function decodeConflictResponse(bytes: Uint8Array): ConflictResponse | DropReason {
  return decodeTyped(TYPE.conflictResponse, conflictResponse, bytes);
}

function encodeTyped<T>(type: number, struct: Item<T>, value: T): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(type);
  struct.write(writer, value);
  return writer.bytes();
}

function decodeTyped<T>(type: number, struct: Item<T>, bytes: Uint8Array): T | DropReason {
  return attempt(() => {
    if (bytes[0] !== type) throw new WireFault(bytes.length === 0 ? 'empty' : 'unexpected-type', `type ${bytes[0]} instead of ${type}`);
    return struct.read(new MsgpackReader(bytes, 1));
  });
}
