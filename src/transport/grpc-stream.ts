/** FrameStream over the two ends of a grpc-js duplex call. */
import { status as Status } from '@grpc/grpc-js';
import type { ClientDuplexStream, Metadata, ServerDuplexStream } from '@grpc/grpc-js';
import { formatAddress } from '../address.ts';
import { systemClock } from '../clock.ts';
import type { Timer } from '../clock.ts';
import { MeshError } from '../errors.ts';
import { callerBy } from './caller.ts';
import type { Caller } from './caller.ts';
import { FRAME_BYTES_MAX } from './grpc-options.ts';
import { errorFromStatus, statusFromError } from './grpc-status.ts';
import type { StreamPart } from './handover-stream.ts';
import { Outbox } from './outbox.ts';
import type { OutboxLimits } from './outbox.ts';

/** How long a closed session may take to send what is queued, its fault or its end included. */
const LINGER_MS = 1_000;

/**
 * Node's client sends an end of stream even when it cancels, and the reset right behind it. An end that no reset follows
 * within this time is a good one; should the reset be later, the session is only reported as better ended than it was.
 */
const GOOD_END_MS = 50;

type Call<In> = ServerDuplexStream<In, Buffer> | ClientDuplexStream<Buffer, In>;

interface StreamParts<Out, In> {
  readonly call: Call<In>;
  readonly remote: string;
  readonly callerNow: () => Caller | undefined;
  /** Frames are encoded here and not by grpc-js, so that their size is known before they are queued. */
  readonly encode: (frame: Out) => Buffer;
  readonly limits: OutboxLimits;
  /** Tells the other side that this one has closed; grpc-js then ends the call once what is queued has gone out. */
  readonly endCall: (fault: MeshError | undefined) => void;
  /** Tells the other side that nothing more will come, where this side can. */
  readonly finish: () => void;
  /** Ends the call now. */
  readonly cutOff: () => void;
}

class GrpcStream<Out, In> implements StreamPart<Out, In> {
  readonly remote: string;
  readonly #parts: StreamParts<Out, In>;
  readonly #outbox: Outbox;
  #listener: ((frame: In) => void) | undefined;
  /** Frames read while there was no listener: very few, for reading stops at the first. */
  readonly #held: In[] = [];
  #end: { readonly fault: MeshError | undefined } | undefined;
  #isOver = false;
  #linger: Timer | undefined;
  #closedListener: ((fault: MeshError | undefined) => void) | undefined;

  constructor(parts: StreamParts<Out, In>) {
    this.remote = parts.remote;
    this.#parts = parts;
    this.#outbox = new Outbox(parts.call, parts.limits);
    // At once: a client call that has not read its first message exerts no back-pressure (grpc-js 1.14).
    parts.call.on('data', (frame: In) => this.#receive(frame));
  }

  get caller(): Caller | undefined {
    return this.#parts.callerNow();
  }

  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  send(frame: Out): 'accepted' | 'full' | 'closed' {
    if (this.#end !== undefined) return 'closed';
    const bytes = this.#parts.encode(frame);
    if (bytes.length > FRAME_BYTES_MAX) {
      const given = `${bytes.length} bytes`;
      this.close(new MeshError('TOO_LARGE', `a frame to ${this.remote} is too large`, { given, expected: `at most ${FRAME_BYTES_MAX}` }));
      return 'closed';
    }
    return this.#outbox.offer(bytes);
  }

  onFrame(listener: (frame: In) => void): void {
    this.#listener = listener;
    while (this.#held.length > 0) listener(this.#held.shift()!);
    this.#parts.call.resume();
  }

  onClosed(listener: (fault: MeshError | undefined) => void): void {
    this.#closedListener = listener;
    this.#tell();
  }

  close(fault?: MeshError): void {
    if (this.#end !== undefined) return;
    this.#settle(fault);
    this.#linger = systemClock.setTimer(LINGER_MS, () => {
      this.#parts.cutOff();
      this.over(fault);
    });
    this.#parts.endCall(fault);
  }

  finish(): void {
    if (this.#end === undefined) this.#parts.finish();
  }

  /** The call has ended, for this reason unless this end had closed already. */
  over(fault: MeshError | undefined): void {
    this.#linger?.cancel();
    if (this.#end === undefined) this.#settle(fault);
    this.#isOver = true;
    this.#tell();
  }

  #settle(fault: MeshError | undefined): void {
    this.#end = { fault };
    this.#held.length = 0;
    // What still arrives is dropped, but it must be read: the status comes after it.
    this.#parts.call.resume();
  }

  #receive(frame: In): void {
    if (this.#end !== undefined) return;
    if (this.#listener !== undefined) return this.#listener(frame);
    this.#held.push(frame);
    this.#parts.call.pause();
  }

  /** In a turn of its own, so that a listener never runs inside a call its owner makes. */
  #tell(): void {
    const listener = this.#closedListener;
    if (!this.#isOver || listener === undefined) return;
    this.#closedListener = undefined;
    queueMicrotask(() => listener(this.#end?.fault));
  }
}

export interface StreamOptions<Out> {
  readonly encode: (frame: Out) => Buffer;
  readonly limits: OutboxLimits;
}

/**
 * The serving end. A fault given to `close` reaches the client as a status.
 * @param headers go at once, not with the first frame: they tell the client that its session stands
 */
export function serverStream<Out, In>(call: ServerDuplexStream<In, Buffer>, headers: Metadata, options: StreamOptions<Out>): StreamPart<Out, In> {
  const remote = remoteOf(call.getPeer());
  const endCall = (fault: MeshError | undefined): void => {
    if (fault === undefined) call.end();
    else call.emit('error', statusFromError(fault));
  };
  // A server cannot reset a call (grpc-js 1.14): the status waits until the client reads on or its connection breaks.
  const cutOff = (): void => undefined;
  const caller = callerBy(call.metadata);
  const stream = new GrpcStream<Out, In>({ call, remote, callerNow: () => caller, endCall, finish: () => undefined, cutOff, ...options });
  let ending: Timer | undefined;
  call.on('end', () => {
    ending = systemClock.setTimer(GOOD_END_MS, () => stream.close());
  });
  // Comes at the end of every call; only what ends the stream first counts.
  call.on('cancelled', () => {
    ending?.cancel();
    stream.over(new MeshError('SESSION_CLOSED', `${remote} is gone`));
  });
  // grpc-js ends the call at an error; the listener is there so that none goes unheard.
  call.on('error', () => undefined);
  call.sendMetadata(headers);
  return stream;
}

export interface ClientStreamOptions<Out> extends StreamOptions<Out> {
  /** As it was dialled, host:port. */
  readonly remote: string;
  /** A server that has not answered with headers by then is given up. */
  readonly connectTimeoutMs: number;
  /** Who answers, once it is known. */
  readonly callerNow: () => Caller | undefined;
  /** Why there is no connection, where that is known better than grpc-js tells it. */
  readonly connectFault: () => MeshError | undefined;
  /** Called once, when the server answers, with its headers. */
  readonly onEstablished: (headers: Metadata) => void;
  /** Called once, when grpc-js is done with the call; says whether the server ever answered. */
  readonly release: (isEstablished: boolean) => void;
}

/**
 * The dialling end. `close()` lets what is queued go out first; `close(fault)` cancels, since in grpc a client has no
 * status to give: the server learns SESSION_CLOSED.
 */
export function clientStream<Out, In>(call: ClientDuplexStream<Buffer, In>, options: ClientStreamOptions<Out>): StreamPart<Out, In> {
  const { remote, connectTimeoutMs } = options;
  let isEstablished = false;
  const connectTimer = systemClock.setTimer(connectTimeoutMs, () => {
    stream.close(new MeshError('NODE_UNREACHABLE', `no node answers on ${remote}`, { given: `${connectTimeoutMs} ms of waiting` }));
  });
  const cutOff = (): void => call.cancel();
  const endCall = (fault: MeshError | undefined): void => {
    connectTimer.cancel();
    if (fault === undefined) call.end();
    else call.cancel();
  };
  const finish = (): void => void call.end();
  const stream = new GrpcStream<Out, In>({ call, endCall, finish, cutOff, ...options });
  call.once('metadata', (headers) => {
    isEstablished = true;
    connectTimer.cancel();
    options.onEstablished(headers);
  });
  // Every error is followed by its status, which says the same.
  call.on('error', () => undefined);
  call.once('status', (status) => {
    connectTimer.cancel();
    options.release(isEstablished);
    const unconnected = isEstablished || status.code !== Status.UNAVAILABLE ? undefined : options.connectFault();
    const fault = status.code === Status.OK ? undefined : (unconnected ?? errorFromStatus(status, remote));
    // Frames that came before the status are read first; an owner who reads none now must still hear of a fault.
    if (fault !== undefined && !stream.isHeard) stream.over(fault);
    else call.once('end', () => stream.over(fault));
  });
  return stream;
}

/** grpc-js writes IPv6 peers without brackets: ::1:4711. */
function remoteOf(peer: string): string {
  const colon = peer.lastIndexOf(':');
  return colon < 0 ? peer : formatAddress({ host: peer.slice(0, colon), port: Number(peer.slice(colon + 1)) });
}
