/** Streams: one request and at most one reply on a connection. */
import { TYPE, decodeMessage, encodeMessage, nodeState, type Ack, type NodeState, type Ping, type StreamError, type User } from './messages.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { Struct, bool, uint } from './struct.ts';
import { WireFault, attempt, type DropReason } from './wire-fault.ts';

/** More than one flat mesh should have; a flood of invented names stops here. */
export const MEMBERS_MAX = 16_384;
/** Of a whole stream, however it was encoded: as peers. The state of the largest mesh takes half of it. */
export const STREAM_BYTES_MAX = 20 * 1024 * 1024;
/** As peers since memberlist 0.6.0. */
const USER_STATE_BYTES_MAX = STREAM_BYTES_MAX;
/** Before what is encrypted: the type, and a length in four bytes. */
export const STREAM_SEAL_HEADER_BYTES = 5;
/** A node state with all its keys takes under 1 KiB, an error text 1 KiB; the rest is for keys of newer peers. */
const PIECE_BYTES_MAX = 4 * 1024;

const pushPullHeader = new Struct({
  join: bool('Join'),
  nodes: uint('Nodes', MEMBERS_MAX),
  userStateLen: uint('UserStateLen', USER_STATE_BYTES_MAX),
});
const userHeader = new Struct({ length: uint('UserMsgLen', USER_STATE_BYTES_MAX) });

export interface PushPull {
  readonly type: 'pushPull';
  readonly join: boolean;
  readonly states: readonly NodeState[];
  /** What the application adds; Serf's Lamport clocks travel here. */
  readonly userState: Uint8Array;
}

export type StreamMessage = PushPull | User | Ping | Ack | StreamError;

export function encodePushPull(push: Omit<PushPull, 'type'>): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(TYPE.pushPull);
  pushPullHeader.write(writer, { join: push.join, nodes: push.states.length, userStateLen: push.userState.length });
  for (const state of push.states) nodeState.write(writer, state);
  writer.writeBytes(push.userState);
  return writer.bytes();
}

/** A user message as streams carry it: with its length in front. On a packet it is a message like others. */
export function encodeStreamUser(payload: Uint8Array): Uint8Array {
  const writer = new MsgpackWriter();
  writer.writeByte(TYPE.user);
  userHeader.write(writer, { length: payload.length });
  writer.writeBytes(payload);
  return writer.bytes();
}

export function encodeStreamError(error: string): Uint8Array {
  return encodeMessage({ type: 'error', error });
}

/** Never throws: a reason when the stream cannot be used. */
export function decodeStream(stream: Uint8Array): StreamMessage | DropReason {
  return attempt(() => {
    if (stream[0] === TYPE.pushPull) return decodePushPull(stream);
    if (stream[0] === TYPE.user) return decodeUser(stream);
    const message = decodeMessage(stream);
    if (message.type === 'ping' || message.type === 'ack' || message.type === 'error') return message;
    throw new WireFault('unexpected-type', `${message.type} on a stream`);
  });
}

function decodePushPull(stream: Uint8Array): PushPull {
  const reader = new MsgpackReader(stream, 1);
  const header = pushPullHeader.read(reader);
  const states: NodeState[] = [];
  for (let i = 0; i < header.nodes; i++) states.push(nodeState.read(reader));
  return { type: 'pushPull', join: header.join, states, userState: takeExactly(stream, reader.offset, header.userStateLen) };
}

function decodeUser(stream: Uint8Array): User {
  const reader = new MsgpackReader(stream, 1);
  const { length } = userHeader.read(reader);
  return { type: 'user', payload: takeExactly(stream, reader.offset, length) };
}

function takeExactly(stream: Uint8Array, start: number, length: number): Uint8Array {
  if (start + length > stream.length) throw new WireFault('truncated', 'the stream ended early');
  return stream.subarray(start, start + length);
}

/**
 * Tells, chunk by chunk, when one message is complete. Holds its place between calls, so that a peer that sends byte
 * by byte does not make us read from the start each time.
 */
export class StreamMeasure {
  /** Everything before this index has been measured. */
  #measured = 0;
  #statesLeft: number | undefined;
  #tailBytes = 0;
  /** It cannot be whole, nor any more of it measured, with less than this. */
  #wholeFrom = 0;
  /** What one value may take; what is compressed is one value. */
  #pieceBytesMax = PIECE_BYTES_MAX;

  /** @param received everything that has come so far, from the first byte on. */
  measure(received: Uint8Array): 'more' | 'whole' | 'malformed' {
    if (received.length < this.#wholeFrom) return 'more';
    try {
      return this.#advance(received);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      return error.reason === 'truncated' && this.#mayGrow(error.cutOff) ? 'more' : 'malformed';
    }
  }

  /** A value was cut off: whether the stream may go on until that is whole. It is not looked at before. */
  #mayGrow(cutOff: WireFault['cutOff']): boolean {
    if (cutOff === undefined) return true;
    const { start, end } = cutOff;
    if (start - this.#measured > PIECE_BYTES_MAX || end - this.#measured > this.#pieceBytesMax) return false;
    this.#wholeFrom = end;
    return true;
  }

  #advance(received: Uint8Array): 'more' | 'whole' {
    if (received.length === 0) return 'more';
    if (this.#statesLeft === undefined) this.#readHead(received);
    while (this.#statesLeft! > 0) {
      const reader = new MsgpackReader(received, this.#measured);
      reader.skip();
      this.#measured = reader.offset;
      this.#statesLeft!--;
    }
    this.#wholeFrom = this.#measured + this.#tailBytes;
    return received.length >= this.#wholeFrom ? 'whole' : 'more';
  }

  #readHead(received: Uint8Array): void {
    // Whose label it is does not matter here: it is in front of all that is to be measured.
    const start = received[0] === TYPE.label ? 2 + byteAt(received, 1) : 0;
    const type = byteAt(received, start);
    const reader = new MsgpackReader(received, start + 1);
    let states = 0;
    switch (type) {
      case TYPE.pushPull: {
        const header = pushPullHeader.read(reader);
        states = header.nodes;
        this.#tailBytes = header.userStateLen;
        break;
      }
      case TYPE.user:
        this.#tailBytes = userHeader.read(reader).length;
        break;
      case TYPE.encrypt:
        this.#tailBytes = STREAM_SEAL_HEADER_BYTES - 1 + sealedLength(received, start + 1);
        break;
      case TYPE.compress:
        this.#pieceBytesMax = STREAM_BYTES_MAX;
        reader.skip();
        break;
      case TYPE.ping:
      case TYPE.ack:
      case TYPE.error:
        reader.skip();
        break;
      default:
        throw new WireFault('unexpected-type', `type ${type} on a stream`);
    }
    this.#measured = reader.offset;
    this.#statesLeft = states;
  }
}

function byteAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index];
  if (byte === undefined) throw new WireFault('truncated', 'the end came within a header');
  return byte;
}

/** @throws WireFault when it is longer than a stream may be */
function sealedLength(bytes: Uint8Array, offset: number): number {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => byteAt(bytes, offset + i)) as [number, number, number, number];
  const length = a * 2 ** 24 + (b << 16) + (c << 8) + d;
  if (length > STREAM_BYTES_MAX) throw new WireFault('oversized', `${length} encrypted bytes`);
  return length;
}
