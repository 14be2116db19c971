/** A service on a listener that outlives whoever answers: the operator's room restarts, and the listener for the mesh stays. */
import type { handleUnaryCall, ServerWritableStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { MeshError } from '../errors.ts';
import { statusFromError } from './grpc-status.ts';
import type { MeshService } from './session-service.ts';

type Stream = ServerWritableStream<unknown, unknown>;

export class LateService implements MeshService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  readonly #streams = new Set<Stream>();
  #answering: UntypedServiceImplementation | undefined;

  constructor(definition: ServiceDefinition) {
    this.definition = definition;
    const handlers = Object.entries(definition).map(([method, { responseStream }]) => [method, responseStream ? this.#streaming(method) : this.#unary(method)]);
    this.implementation = Object.fromEntries(handlers) as UntypedServiceImplementation;
  }

  /** From now on this one answers. The returned function ends that, and the streams that it has open. */
  answerWith({ implementation }: MeshService): () => void {
    this.#answering = implementation;
    return () => {
      if (this.#answering !== implementation) return;
      this.#answering = undefined;
      const fault = new MeshError('SESSION_CLOSED', 'the room of this node that answers operators has ended', { todo: 'ask again: it is started anew' });
      for (const stream of this.#streams) stream.emit('error', statusFromError(fault));
      this.#streams.clear();
    };
  }

  #unary(method: string): handleUnaryCall<unknown, unknown> {
    return (call, callback) => {
      const handle = this.#answering?.[method] as handleUnaryCall<unknown, unknown> | undefined;
      if (handle === undefined) callback(statusFromError(absent()));
      else handle(call, callback);
    };
  }

  #streaming(method: string): (call: Stream) => void {
    return (call) => {
      const handle = this.#answering?.[method] as ((call: Stream) => void) | undefined;
      if (handle === undefined) {
        call.emit('error', statusFromError(absent()));
        return;
      }
      this.#streams.add(call);
      call.once('close', () => this.#streams.delete(call));
      handle(call);
    };
  }
}

function absent(): MeshError {
  return new MeshError('NODE_UNREACHABLE', 'the room of this node that answers operators does not run just now', { todo: 'ask again in a moment' });
}
