/** The listening side of gRPC: one server on TCP for peers and agents, one on a unix socket for the operator. */
import { chmod, chown } from 'node:fs/promises';
import type { TLSSocket } from 'node:tls';
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import type { ConnectionInjector, ServerInterceptor } from '@grpc/grpc-js';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { systemClock } from '../clock.ts';
import type { MeshError } from '../errors.ts';
import { callGate } from './call-gate.ts';
import { conventions } from './conventions.ts';
import { SERVER_OPTIONS } from './grpc-options.ts';
import { portFault, socketFault } from './listen-fault.ts';
import type { MeshService } from './session-service.ts';
import { checkPq } from './tls.ts';
import type { MeshTls } from './tls.ts';
import { TlsListener } from './tls-listener.ts';
import { ADMIN_SOCKET, clearSocketPath } from './unix-socket.ts';
import type { SocketUse } from './unix-socket.ts';

// What grpc-js prints on standard error it also tells its callers, who know where to print.
setLogVerbosity(logVerbosity.NONE);

/** What is left after the grace period is cut off at once; this long is given to the sockets to notice. */
const CUT_OFF_MS = 1_000;

/**
 * Of the time that both certificates of a connection are valid: then callers are told to come over a new one, and what is under way
 * may end. Sessions have moved by then. (max_connection_age will not do: grpc-js 1.14 breaks a drained connection off at its next
 * keepalive ping, sessions and all.)
 */
const DRAIN_AT = 0.9;
/** What a timer can hold, 24 days. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export interface MeshServer {
  /** Where it listens: host:port with the real port, or the path of the socket. */
  readonly address: string;
  /** Takes no more calls, gives open ones `graceMs` to end, then ends them. Idempotent; always resolves. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens for peers and agents, over TLS and with who may.
 * @throws MeshError PORT_IN_USE, or BAD_ADDRESS or BAD_ARGUMENT when this machine or this user cannot listen there; PQ_UNAVAILABLE
 */
export async function createMeshServer(listen: Address, services: readonly MeshService[], tls: MeshTls): Promise<MeshServer> {
  checkPq(tls.pq);
  const listener = new TlsListener(tls, (socket, validForMs) => take(socket, validForMs));
  const server = serverWith([...services, ...conventions(services)], [callGate((place) => listener.connectionFrom(place))]);
  const connections = new Set<ConnectionInjector>();
  const take = (socket: TLSSocket, validForMs: number): void => {
    // TLS is done when a connection comes to this one. One each, for that is what can be drained.
    const connection = server.createConnectionInjector(ServerCredentials.createInsecure());
    connections.add(connection);
    const worn = systemClock.setTimer(Math.min(validForMs * DRAIN_AT, TIMER_MAX_MS), () => connection.drain(validForMs));
    socket.once('close', () => {
      worn.cancel();
      connections.delete(connection);
      connection.destroy();
    });
    connection.injectConnection(socket);
  };
  const port = await listener.listen(listen).catch((cause: Error) => {
    listener.close();
    throw portFault({ use: 'gRPC', protocol: 'TCP', flag: '--grpc-port' }, listen, cause);
  });
  const drain = (graceMs: number): void => {
    listener.close();
    for (const connection of connections) connection.drain(graceMs);
  };
  return meshServer(server, formatAddress({ host: listen.host, port }), drain, () => listener.cutOff());
}

/**
 * Listens for the operator. The socket is the user's own (mode 0600), replaces a stale one, and goes with the server.
 * @throws MeshError ALREADY_RUNNING, BAD_CONFIG for a path that is too long, DATA_DIR_UNUSABLE
 */
export function createAdminServer(socketPath: string, services: readonly MeshService[]): Promise<MeshServer> {
  return createSocketServer(socketPath, services, ADMIN_SOCKET);
}

/**
 * As `createAdminServer`, for whoever may open the socket: this user, and the members of a group where one is named (mode 0660).
 * @throws MeshError DATA_DIR_UNUSABLE also where the socket cannot be given to that group
 */
export async function createSocketServer(socketPath: string, services: readonly MeshService[], use: SocketUse, gid?: number): Promise<MeshServer> {
  await clearSocketPath(socketPath, use);
  const server = serverWith(services);
  await bind(server, `unix:${socketPath}`, (cause) => socketFault(socketPath, use, cause));
  try {
    if (gid !== undefined) await chown(socketPath, -1, gid);
    await chmod(socketPath, gid === undefined ? 0o600 : 0o660);
  } catch (error) {
    server.forceShutdown();
    throw socketFault(socketPath, use, error as Error);
  }
  return meshServer(server, socketPath, (graceMs) => server.drain(`unix:${socketPath}`, graceMs), () => server.forceShutdown());
}

function serverWith(services: readonly MeshService[], interceptors: ServerInterceptor[] = []): Server {
  const server = new Server({ ...SERVER_OPTIONS, interceptors });
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  return server;
}

function bind(server: Server, target: string, faultOf: (cause: Error) => MeshError): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(faultOf(error));
    });
  });
}

function meshServer(server: Server, address: string, drain: (graceMs: number) => void, cutOff: () => void): MeshServer {
  let closing: Promise<void> | undefined;
  return {
    address,
    close: (graceMs) => (closing ??= shutdown(server, graceMs, drain, cutOff)),
  };
}

function shutdown(server: Server, graceMs: number, drain: (graceMs: number) => void, cutOff: () => void): Promise<void> {
  return new Promise((resolve) => {
    const lastResort = systemClock.setTimer(graceMs + CUT_OFF_MS, () => {
      cutOff();
      resolve();
    });
    // First: it knows the open connections only as long as the server listens. tryShutdown alone waits for ever.
    drain(graceMs);
    server.tryShutdown(() => {
      lastResort.cancel();
      resolve();
    });
  });
}
