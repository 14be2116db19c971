/** One message read from a TCP connection: of bounded size, complete when its measure says so. */
import type { Socket } from 'node:net';
import type { StreamMeasure } from './gossip-transport.ts';

/** As peers; the whole state of the largest mesh takes half of it. */
const MESSAGE_BYTES_MAX = 20 * 1024 * 1024;
/** A small mesh's whole state. */
const BUFFER_BYTES_MIN = 4 * 1024;

export type StreamOutcome =
  | { readonly kind: 'whole'; readonly message: Uint8Array }
  | { readonly kind: 'malformed' | 'too-large' | 'ended-early' | 'backlog' };

/**
 * Calls `done` once; what comes after the message is thrown away. Says nothing when the socket fails.
 * @param mayHold asked before that many more bytes are allocated; the outcome is `backlog` when it says no
 */
export function readMessage(socket: Socket, measure: StreamMeasure, mayHold: (bytes: number) => boolean, done: (outcome: StreamOutcome) => void): void {
  let buffer: Buffer = Buffer.alloc(0);
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
    if (length + chunk.length > buffer.length) {
      const size = sizeFor(length + chunk.length, buffer.length);
      if (!mayHold(size - buffer.length)) return finish({ kind: 'backlog' });
      buffer = resized(buffer.subarray(0, length), size);
    }
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
function sizeFor(bytes: number, before: number): number {
  return Math.max(bytes, BUFFER_BYTES_MIN, Math.min(2 * before, MESSAGE_BYTES_MAX));
}

function resized(bytes: Buffer, size: number): Buffer {
  const larger = Buffer.allocUnsafe(size);
  bytes.copy(larger);
  return larger;
}
