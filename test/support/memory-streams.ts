/** Session streams inside one process: two ends of one stream, frames going through the real codec. */
import type { MethodDefinition } from '@grpc/proto-loader';
import type { MeshError } from '../../src/errors.ts';
import { AGENT_SESSION } from '../../src/transport/agent-service.ts';
import type { Caller } from '../../src/transport/caller.ts';
import type { FrameStream } from '../../src/transport/frame-stream.ts';
import { PEER_SESSION } from '../../src/transport/peer-service.ts';
import type { IdentityKind } from '../../src/trust/spiffe-id.ts';

/** One end, with what a test may look at and break. */
export class MemoryStream<Out, In> implements FrameStream<Out, In> {
  readonly remote: string;
  /** As the certificate of the other end would have it. */
  caller: Caller | undefined;
  readonly #translate: (frame: Out) => unknown;
  #other: MemoryStream<unknown, Out> | undefined;
  #frameListener: ((frame: In) => void) | undefined;
  #closedListener: ((fault: MeshError | undefined) => void) | undefined;
  #held: In[] = [];
  #end: { readonly fault: MeshError | undefined } | undefined;
  /** Frames vanish and no end notices, as when a cable is pulled. */
  isCut = false;

  constructor(remote: string, translate: (frame: Out) => unknown) {
    this.remote = remote;
    this.#translate = translate;
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  /** The fault it ended with. */
  get fault(): MeshError | undefined {
    return this.#end?.fault;
  }

  join(other: MemoryStream<never, never>): void {
    this.#other = other as unknown as MemoryStream<unknown, Out>;
  }

  send(frame: Out): 'accepted' | 'closed' {
    if (!this.isOpen) return 'closed';
    if (!this.isCut) this.#other?.deliver(this.#translate(frame) as never);
    return 'accepted';
  }

  // By microtask, as a socket would: nobody may rely on being answered within his own call.
  deliver(frame: In): void {
    queueMicrotask(() => {
      this.#held.push(frame);
      this.#flow();
    });
  }

  onFrame(listener: (frame: In) => void): void {
    this.#frameListener = listener;
    this.#flow();
  }

  onClosed(listener: (fault: MeshError | undefined) => void): void {
    this.#closedListener = listener;
    if (!this.isOpen) this.#tell();
  }

  close(fault?: MeshError): void {
    if (!this.isOpen) return;
    this.ended(fault);
    if (!this.isCut) queueMicrotask(() => this.#other?.ended(fault));
  }

  ended(fault: MeshError | undefined): void {
    if (!this.isOpen) return;
    this.#flow();
    this.#end = { fault };
    this.#tell();
  }

  #flow(): void {
    while (this.isOpen && this.#frameListener !== undefined && this.#held.length > 0) this.#frameListener(this.#held.shift()!);
  }

  #tell(): void {
    const listener = this.#closedListener;
    this.#closedListener = undefined;
    queueMicrotask(() => listener?.(this.#end?.fault));
  }
}

/** A stream's two ends: the one who opened it, and the one who serves it. */
export interface StreamPair<Up, UpIn, Down, DownIn> {
  readonly client: MemoryStream<Up, DownIn>;
  readonly server: MemoryStream<Down, UpIn>;
}

function streamPair<Up, Down, UpIn, DownIn>(method: MethodDefinition<Up, Down, UpIn, DownIn>, dialler: Caller, node: Caller): StreamPair<Up, UpIn, Down, DownIn> {
  const client = new MemoryStream<Up, DownIn>('server', (frame) => method.requestDeserialize(method.requestSerialize(frame)));
  const server = new MemoryStream<Down, UpIn>('client', (frame) => method.responseDeserialize(method.responseSerialize(frame)));
  client.caller = node;
  server.caller = dialler;
  client.join(server as never);
  server.join(client as never);
  return { client, server };
}

function callerNamed(kind: IdentityKind, name: string): Caller {
  return { id: { trustDomain: 'omega.test', kind, name }, role: undefined, serial: '01', authority: 'pin', notBeforeMs: 0, notAfterMs: Number.MAX_SAFE_INTEGER, tlsGroup: 'X25519' };
}

/** Between two nodes. */
export const peerStreams = (from: string, to: string) => streamPair(PEER_SESSION, callerNamed('node', from), callerNamed('node', to));

/** Between an agent and a node. */
export const agentStreams = (agent: string, node: string) => streamPair(AGENT_SESSION, callerNamed('agent', agent), callerNamed('node', node));
