/** As much of a Kubernetes API server as lists and watches EndpointSlices, on loopback. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EndpointSlice } from '../../src/transport/discovery/endpoint-slices.ts';

export class KubernetesApi {
  readonly slices = new Map<string, EndpointSlice>();
  /** The bearer token that is taken. */
  token = 'first';
  /** What the next watch is answered with, instead of being one. */
  watchStatus: number | undefined;
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #watches = new Set<ServerResponse>();
  #version = 100;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => this.#answer(request, response));
  }

  static open(): Promise<KubernetesApi> {
    const server = createServer();
    return new Promise((resolve) => void server.listen(0, '127.0.0.1', () => resolve(new KubernetesApi(server))));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get watches(): number {
    return this.#watches.size;
  }

  put(slice: EndpointSlice): void {
    const name = slice.metadata!.name!;
    const type = this.slices.has(name) ? 'MODIFIED' : 'ADDED';
    const versioned = { ...slice, metadata: { ...slice.metadata, resourceVersion: String(++this.#version) } };
    this.slices.set(name, versioned);
    this.#tell({ type, object: versioned });
  }

  delete(name: string): void {
    const object = this.slices.get(name);
    this.slices.delete(name);
    this.#tell({ type: 'DELETED', object });
  }

  /** What happened is not told, and then the watches are: that it is too old to be told (410), and ended. */
  expireWatches(change: () => void): void {
    const watches = [...this.#watches];
    this.#watches.clear();
    change();
    for (const watch of watches) watch.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`);
  }

  endWatches(): void {
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => void this.#server.close(resolve));
  }

  #tell(event: object): void {
    for (const watch of this.#watches) watch.write(`${JSON.stringify(event)}\n`);
  }

  #answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, this.url);
    const isWatch = searchParams.get('watch') === 'true';
    this.asked.push(`${isWatch ? 'watch' : 'list'} ${pathname} ${searchParams.get('labelSelector')}`);
    const status = headers.authorization !== `Bearer ${this.token}` ? 401 : isWatch ? this.watchStatus : undefined;
    if (status !== undefined) {
      if (isWatch) this.watchStatus = undefined;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ kind: 'Status', code: status, message: 'a body that is nobody else’s business' }));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    if (!isWatch) return void response.end(JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata: { resourceVersion: String(this.#version) }, items: [...this.slices.values()] }));
    response.flushHeaders();
    this.#watches.add(response);
    response.on('close', () => this.#watches.delete(response));
  }
}
