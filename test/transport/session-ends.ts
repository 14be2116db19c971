/** What the session tests share: both ends of a stream over a real socket, and events awaited with a deadline. */
import type { MeshError } from '../../src/errors.ts';
import type { FrameStream } from '../../src/transport/frame-stream.ts';
import { createMeshServer } from '../../src/transport/grpc-server.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { parseAddress } from '../../src/address.ts';
import type { Address } from '../../src/address.ts';
import { dialPeer } from '../../src/transport/grpc-client.ts';
import type { DialOptions } from '../../src/transport/grpc-client.ts';
import type { MeshTls } from '../../src/transport/tls.ts';
import { trustDomain } from '../support/trust-domain.ts';
import { peerService } from '../../src/transport/peer-service.ts';
import type { SessionServiceOptions } from '../../src/transport/session-service.ts';
import type { PeerFrame, PeerFrame__Output } from '../../src/transport/generated/omega/mesh/v1/PeerFrame.ts';

export type PeerStream = FrameStream<PeerFrame, PeerFrame__Output>;

const DEADLINE_MS = 5_000;

/** Rejects when `promise` takes longer than any healthy machine needs. */
export function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${DEADLINE_MS} ms for ${what}`)), DEADLINE_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Everything a stream has said, and a way to wait until it has said enough. */
export class Heard<In> {
  readonly frames: In[] = [];
  readonly closings: (MeshError | undefined)[] = [];
  #waiting: (() => void)[] = [];

  constructor(stream: FrameStream<never, In>) {
    stream.onFrame((frame) => {
      this.frames.push(frame);
      this.#wake();
    });
    stream.onClosed((fault) => {
      this.closings.push(fault);
      this.#wake();
    });
  }

  async count(frames: number): Promise<readonly In[]> {
    await soon(this.#until(() => this.frames.length >= frames), `${frames} frames (came: ${this.frames.length})`);
    return this.frames;
  }

  async closed(): Promise<MeshError | undefined> {
    await soon(this.#until(() => this.closings.length > 0), 'the end of the stream');
    return this.closings[0];
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A server for peers on a free port, the streams it was handed, and everything closed at the end of a test. */
export class PeerBench {
  readonly #servers: MeshServer[] = [];
  readonly #streams: PeerStream[] = [];
  readonly #incoming: PeerStream[] = [];
  readonly #waiting: ((stream: PeerStream) => void)[] = [];
  readonly #near: MeshTls;
  readonly #far: MeshTls;

  private constructor(near: MeshTls, far: MeshTls) {
    this.#near = near;
    this.#far = far;
  }

  static async make(): Promise<PeerBench> {
    const domain = await trustDomain();
    return new PeerBench(await domain.tls('node', 'near'), await domain.tls('node', 'far'));
  }

  async listen(options: Partial<SessionServiceOptions> = {}): Promise<Address> {
    const service = peerService((stream) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#incoming.push(stream);
      else waiting(stream);
    }, options);
    const server = await createMeshServer({ host: '127.0.0.1', port: 0 }, [service], this.#far);
    this.#servers.push(server);
    return parseAddress(server.address, 0);
  }

  get server(): MeshServer {
    return this.#servers[0]!;
  }

  dial(address: Address, options: Partial<DialOptions> = {}): PeerStream {
    const stream = dialPeer(address, 'far', { tls: this.#near, ...options });
    this.#streams.push(stream);
    return stream;
  }

  /** The next stream that a client opened. */
  accepted(): Promise<PeerStream> {
    const ready = this.#incoming.shift();
    return ready === undefined ? soon(new Promise((resolve) => this.#waiting.push(resolve)), 'a session') : Promise.resolve(ready);
  }

  async pair(serverOptions: Partial<SessionServiceOptions> = {}, dialOptions: Partial<DialOptions> = {}): Promise<{ near: PeerStream; far: PeerStream }> {
    const near = this.dial(await this.listen(serverOptions), dialOptions);
    return { near, far: await this.accepted() };
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
    await Promise.all(this.#servers.map((server) => server.close(0)));
  }
}

export function ping(sequence: number): PeerFrame {
  return { ping: { sequence } };
}

export function payload(bytes: number): PeerFrame {
  return { bus: { message: { subject: 's', payload: Buffer.alloc(bytes) } } };
}
