/** The listener of a Trust Fabric: TLS 1.3 that asks for no certificate, because who calls has none yet. */
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { systemClock } from '../clock.ts';
import type { Identity, IdentitySource } from '../trust/identity-source.ts';
import type { TrustFabric } from '../trust/fabric.ts';
import { formatCertificates, formatKey } from '../trust/pem.ts';
import { SERVER_OPTIONS } from './grpc-options.ts';
import type { MeshServer } from './grpc-server.ts';
import { portFault } from './listen-fault.ts';
import { trustService } from './trust-service.ts';

/** Who does not speak is cut off. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Each is over within seconds; who opens more than this from anywhere keeps others out for no longer. */
const CONNECTIONS_MAX = 512;
/** An exchange is small: so is what may be sent. */
const MESSAGE_BYTES_MAX = 64 * 1024;
/** Time for sockets to notice that they were cut off. */
const CUT_OFF_MS = 1_000;

/** @throws MeshError PORT_IN_USE, or BAD_ADDRESS or BAD_ARGUMENT when this machine or this user cannot listen there */
export async function createFabricServer(listen: Address, fabric: TrustFabric, identity: IdentitySource, onBug: (error: unknown) => void): Promise<MeshServer> {
  /** The certificate that each connection was opened with, by host and port of its other end. */
  const leaves = new Map<string, Uint8Array>();
  const sockets = new Set<TLSSocket>();
  const context = (of: Identity): SecureContextOptions => ({
    // With the authorities: who joins knows theirs by its key alone.
    cert: formatCertificates([...of.svid.certificates, ...fabric.bundle.authorities]),
    key: formatKey(of.svid.key),
    minVersion: 'TLSv1.3',
  });
  const server = new Server({ ...SERVER_OPTIONS, 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX });
  const { definition, implementation } = trustService((peer) => {
    const leaf = leaves.get(peer);
    return leaf && fabric.exchange(peer, leaf);
  }, onBug);
  server.addService(definition, implementation);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createServer({ ...context(identity.current()), ALPNProtocols: ['h2'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
  listener.maxConnections = CONNECTIONS_MAX;
  listener.on('secureConnection', (socket) => {
    const peer = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
    const leaf = socket.getX509Certificate();
    sockets.add(socket);
    if (leaf !== undefined) leaves.set(peer, leaf.raw);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      leaves.delete(peer);
    });
    injector.injectConnection(socket);
  });
  const forget = identity.onChange((renewed) => listener.setSecureContext(context(renewed)));
  const port = await listening(listener, listen);
  let closing: Promise<void> | undefined;
  return {
    address: formatAddress({ host: listen.host, port }),
    close: (graceMs) =>
      (closing ??= new Promise((resolve) => {
        forget();
        const cutOff = systemClock.setTimer(graceMs + CUT_OFF_MS, () => sockets.forEach((socket) => socket.destroy()));
        listener.close(() => {
          cutOff.cancel();
          resolve();
        });
        injector.drain(graceMs);
      })),
  };
}

function listening(listener: ReturnType<typeof createServer>, listen: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => reject(portFault({ use: 'the Trust Fabric', protocol: 'TCP', flag: '--trust-port' }, listen, cause));
    listener.once('error', fail);
    listener.listen({ host: listen.host, port: listen.port }, () => {
      listener.removeListener('error', fail);
      // An accept that fails is that one connection's misfortune.
      listener.on('error', () => undefined);
      const bound = listener.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : listen.port);
    });
  });
}
