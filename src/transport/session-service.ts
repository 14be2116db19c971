/** What the two session services share: a stream per call, up to a limit. */
import type { handleBidiStreamingCall, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { MeshError } from '../errors.ts';
import type { FrameStream } from './frame-stream.ts';
import { serverStream } from './grpc-stream.ts';
import { HandoverStream } from './handover-stream.ts';
import { asksToMove, sessionHeaders, sessionKey } from './lasting-session.ts';
import { statusFromError } from './grpc-status.ts';
import type { OutboxLimits } from './outbox.ts';

/** A service with its handlers, ready for a server. */
export interface MeshService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export interface SessionServiceOptions {
  /** Sessions open at the same time; the one too many is refused with OVERLOADED. */
  readonly sessionsMax: number;
  readonly limits: OutboxLimits;
}

/** Frames are encoded by the stream, which must know their size; grpc-js gets them as bytes. */
export const asBytes = (frame: Buffer): Buffer => frame;

/** @param name for people: "peer", "agent" */
export function sessionService<Up, Down, In, Seen>(
  name: string,
  method: MethodDefinition<Up, Down, In, Seen>,
  options: SessionServiceOptions,
  onSession: (stream: FrameStream<Down, In>) => void,
): MeshService {
  const { sessionsMax, limits } = options;
  let open = 0;
  const movable = new Map<string, HandoverStream<Down, In>>();
  const session: handleBidiStreamingCall<In, Buffer> = (call: ServerDuplexStream<In, Buffer>) => {
    const refuse = (fault: MeshError): boolean => call.emit('error', statusFromError(fault));
    const key = sessionKey(call.metadata);
    const isMove = asksToMove(call.metadata);
    const moving = key === undefined ? undefined : movable.get(key);
    if (isMove && moving?.canMove !== true) {
      refuse(new MeshError('SESSION_CLOSED', `this ${name} session is not here, or moves already`, { todo: 'open another' }));
      return;
    }
    // One that moves is here already; its old connection goes in a moment.
    if (!isMove && open >= sessionsMax) {
      const parts = { expected: `at most ${sessionsMax} ${name} sessions`, todo: 'connect to another node' };
      refuse(new MeshError('OVERLOADED', `this node takes no more ${name} sessions`, parts));
      return;
    }
    open++;
    // Not at the end of the stream but of the call: what a slow client has not read yet still takes room.
    call.once('close', () => open--);
    const part = serverStream<Down, In>(call, sessionHeaders(call.metadata), { encode: method.responseSerialize, limits });
    if (isMove) {
      moving?.moveTo(part);
      return;
    }
    const stream = new HandoverStream<Down, In>(part, () => {
      if (key !== undefined && movable.get(key) === stream) movable.delete(key);
    });
    if (key !== undefined) movable.set(key, stream);
    onSession(stream);
  };
  return {
    definition: { Session: { ...method, responseSerialize: asBytes } },
    implementation: { Session: session },
  };
}
