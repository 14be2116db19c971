/** One message read from a TCP connection: of bounded size, complete when its measure says so. */
import type { Socket } from 'node:net';
import type { StreamMeasure } from './gossip-transport.ts';

/** As peers; the whole state of the largest mesh takes half of it. */
const MESSAGE_BYTES_MAX = 20 * 1024 * 1024;
/** A small mesh's whole state. */
const BUFFER_BYTES_MIN = 4 * 1024;

export type StreamOutcome =
  | { readonly kind: 'whole'; readonly message: Uint8Array }
  | { readonly kind: 'malformed' | 'too-large' | 'ended-early' };

/** Calls `done` once; what comes after the message is thrown away. Says nothing when the socket fails. */
export function readMessage(socket: Socket, measure: StreamMeasure, done: (outcome: StreamOutcome) => void): void {
  let buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES_MIN);
  let length = 0;
  const finish = (outcome: StreamOutcome): void => {
    socket.off('data', onData);
    socket.off('end', onEnd);
    // Unread bytes would make the kernel answer a close with a reset, and the other side lose our reply.
    socket.resume();
    done(outcome);
  };
  const onEnd = (): void => finish({ kind: 'ended-early' });
  const onData = (chunk: Buffer): void => {
    if (length + chunk.length > MESSAGE_BYTES_MAX) return finish({ kind: 'too-large' });
    if (length + chunk.length > buffer.length) buffer = enlarged(buffer.subarray(0, length), length + chunk.length);
    chunk.copy(buffer, length);
    length += chunk.length;
    const message = buffer.subarray(0, length);
    const verdict = measure.measure(message);
    if (verdict === 'whole') finish({ kind: 'whole', message });
    else if (verdict === 'malformed') finish({ kind: 'malformed' });
  };
  socket.on('data', onData);
  socket.on('end', onEnd);
}

/** Doubling, so that a stream in many small chunks is copied a few times and not once for each. */
function enlarged(bytes: Buffer, atLeast: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(atLeast, 2 * bytes.length));
  bytes.copy(larger);
  return larger;
}
