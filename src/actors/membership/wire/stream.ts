/** Streams: one request and at most one reply on a connection. */
import { TYPE, decodeMessage, encodeMessage, nodeState, type Ack, type NodeState, type Ping, type StreamError, type User } from './messages.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { Struct, bool, uint } from './struct.ts';
import { WireFault, attempt, type DropReason } from './wire-fault.ts';

/** More than one flat mesh should have; a flood of invented names stops here. */
export const MEMBERS_MAX = 16_384;
/** As peers since memberlist 0.6.0. */
const USER_STATE_BYTES_MAX = 20 * 1024 * 1024;
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

  /** @param received everything that has come so far, from the first byte on. */
  measure(received: Uint8Array): 'more' | 'whole' | 'malformed' {
    const verdict = attempt(() => this.#advance(received));
    if (verdict === 'truncated') return received.length - this.#measured > PIECE_BYTES_MAX ? 'malformed' : 'more';
    return verdict === 'more' || verdict === 'whole' ? verdict : 'malformed';
  }

  #advance(received: Uint8Array): 'more' | 'whole' {
    const type = received[0];
    if (type === undefined) return 'more';
    // What we cannot read needs no more bytes to be refused.
    if (type === TYPE.compress || type === TYPE.encrypt || type === TYPE.label) return 'whole';
    if (this.#statesLeft === undefined) this.#readHead(received);
    while (this.#statesLeft! > 0) {
      const reader = new MsgpackReader(received, this.#measured);
      reader.skip();
      this.#measured = reader.offset;
      this.#statesLeft!--;
    }
    return received.length >= this.#measured + this.#tailBytes ? 'whole' : 'more';
  }

  #readHead(received: Uint8Array): void {
    const reader = new MsgpackReader(received, 1);
    let states = 0;
    if (received[0] === TYPE.pushPull) {
      const header = pushPullHeader.read(reader);
      states = header.nodes;
      this.#tailBytes = header.userStateLen;
    } else if (received[0] === TYPE.user) {
      this.#tailBytes = userHeader.read(reader).length;
    } else if (received[0] === TYPE.ping || received[0] === TYPE.ack || received[0] === TYPE.error) {
      reader.skip();
    } else {
      throw new WireFault('unexpected-type', `type ${received[0]} on a stream`);
    }
    this.#measured = reader.offset;
    this.#statesLeft = states;
  }
}
