/** The listener of a Trust Fabric: TLS 1.3 that demands no certificate, because who calls may have none yet. */
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { systemClock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import type { Identity } from '../trust/identity-source.ts';
import type { TrustFabric } from '../trust/fabric.ts';
import { formatCertificates, formatKey } from '../trust/pem.ts';
import { SERVER_OPTIONS } from './grpc-options.ts';
import type { MeshServer } from './grpc-server.ts';
import { portFault } from './listen-fault.ts';
import { authenticate } from './tls.ts';
import type { MeshTls } from './tls.ts';
import { trustService, type TrustHandler } from './trust-service.ts';

/** Who does not speak is cut off. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Each is over within seconds; who opens more than this from anywhere keeps others out for no longer. */
const CONNECTIONS_MAX = 512;
/** An exchange is small: so is what may be sent. */
const MESSAGE_BYTES_MAX = 64 * 1024;
/** Time for sockets to notice that they were cut off. */
const CUT_OFF_MS = 1_000;

/** @throws MeshError PORT_IN_USE, or BAD_ADDRESS or BAD_ARGUMENT when this machine or this user cannot listen there */
export async function createFabricServer(listen: Address, fabric: TrustFabric, tls: MeshTls, onBug: (error: unknown) => void): Promise<MeshServer> {
  const { identity } = tls;
  /** Each connection, by host and port of its other end. */
  const connections = new Map<string, { readonly leaf: Uint8Array; readonly socket: TLSSocket }>();
  const sockets = new Set<TLSSocket>();
  const context = (of: Identity): SecureContextOptions => ({
    ca: formatCertificates(of.bundle.authorities),
    cert: formatCertificates(of.svid.certificates),
    key: formatKey(of.svid.key),
    minVersion: 'TLSv1.3',
  });
  const server = new Server({ ...SERVER_OPTIONS, 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX });
  const handler: TrustHandler = {
    exchangeFor: (peer) => {
      const leaf = connections.get(peer)?.leaf;
      return leaf && fabric.exchange(peer, leaf);
    },
    membershipFault: (peer) => faultOf(() => authenticate(connections.get(peer)!.socket, tls)),
    bans: () => fabric.bans(),
    bundle: () => fabric.bundle.signed,
    // Whatever changes the bundle changes what is shown on this listener.
    onBundle: (heard) => identity.onChange(laterBundles(identity.current(), heard)),
  };
  const { definition, implementation } = trustService(handler, onBug);
  server.addService(definition, implementation);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createServer({ ...context(identity.current()), requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
  listener.maxConnections = CONNECTIONS_MAX;
  listener.on('secureConnection', (socket) => {
    const peer = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
    const leaf = socket.getX509Certificate();
    sockets.add(socket);
    if (leaf !== undefined) connections.set(peer, { leaf: leaf.raw, socket });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      connections.delete(peer);
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

function faultOf(act: () => unknown): MeshError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof MeshError) return error;
    throw error;
  }
}

function laterBundles({ bundle: first }: Identity, heard: () => void): (identity: Identity) => void {
  let last = first;
  return ({ bundle }) => {
    if (bundle === last) return;
    last = bundle;
    heard();
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
