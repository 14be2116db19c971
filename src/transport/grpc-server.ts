/** The listening side of gRPC: one server on TCP for peers and agents, one on a unix socket for the operator. */
import { chmod } from 'node:fs/promises';
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { systemClock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import { SERVER_OPTIONS } from './grpc-options.ts';
import { isLoopback } from '../loopback.ts';
import { portFault, socketFault } from './listen-fault.ts';
import type { MeshService } from './session-service.ts';
import { clearSocketPath } from './unix-socket.ts';

// What grpc-js prints on standard error it also tells its callers, who know where to print.
setLogVerbosity(logVerbosity.NONE);

/** What is left after the grace period is cut off at once; this long is given to the sockets to notice. */
const CUT_OFF_MS = 1_000;

export interface MeshServer {
  /** Where it listens: host:port with the real port, or the path of the socket. */
  readonly address: string;
  /** Takes no more calls, gives open ones `graceMs` to end, then ends them. Idempotent; always resolves. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens for peers and agents. Plaintext: only on loopback.
 * @throws MeshError INSECURE_BIND, PORT_IN_USE, or BAD_ADDRESS or BAD_ARGUMENT when this machine or this user cannot listen there
 */
export async function createMeshServer(listen: Address, services: readonly MeshService[]): Promise<MeshServer> {
  const wanted = formatAddress(listen);
  if (!isLoopback(listen.host)) {
    throw new MeshError('INSECURE_BIND', `${wanted} can be reached from other machines, and this server has no TLS`, {
      given: wanted,
      expected: 'a loopback address: 127.0.0.1, ::1 or localhost',
      todo: 'listen on loopback, and let a tunnel carry the traffic between machines',
    });
  }
  const server = serverWith(services);
  const port = await bind(server, wanted, (cause) => portFault({ use: 'gRPC', protocol: 'TCP', flag: '--grpc-port' }, listen, cause));
  return meshServer(server, formatAddress({ host: listen.host, port }));
}

/**
 * Listens for the operator. The socket is the user's own (mode 0600), replaces a stale one, and goes with the server.
 * @throws MeshError ALREADY_RUNNING, BAD_CONFIG for a path that is too long, DATA_DIR_UNUSABLE
 */
export async function createAdminServer(socketPath: string, services: readonly MeshService[]): Promise<MeshServer> {
  await clearSocketPath(socketPath);
  const server = serverWith(services);
  await bind(server, `unix:${socketPath}`, (cause) => socketFault(socketPath, cause));
  await chmod(socketPath, 0o600);
  return meshServer(server, socketPath, `unix:${socketPath}`);
}

function serverWith(services: readonly MeshService[]): Server {
  const server = new Server(SERVER_OPTIONS);
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

function meshServer(server: Server, address: string, target = address): MeshServer {
  let closing: Promise<void> | undefined;
  return {
    address,
    close: (graceMs) => (closing ??= shutdown(server, target, graceMs)),
  };
}

function shutdown(server: Server, target: string, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const lastResort = systemClock.setTimer(graceMs + CUT_OFF_MS, () => {
      server.forceShutdown();
      resolve();
    });
    // First: it knows the open connections only as long as the server listens. tryShutdown alone waits for ever.
    server.drain(target, graceMs);
    server.tryShutdown(() => {
      lastResort.cancel();
      resolve();
    });
  });
}
