/**
 * Gossip on a real network: UDP for packets, TCP for requests, both on one IP address and port, for that one address
 * is all that a member says about itself.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, isIP, type AddressInfo, type Server, type Socket as TcpSocket } from 'node:net';
import { formatAddress } from '../address.ts';
import { systemClock, type Clock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import { systemErrorMeaning } from '../system-error.ts';
import type { GossipAddress, GossipListener, GossipTransport, StreamMeasure } from './gossip-transport.ts';

/** As many push/pulls as peers take at once; one more is refused, and its sender tries another member. */
const CONNECTIONS_MAX = 128;
/** As peers; the whole state of sixteen thousand members takes a quarter of it. */
const STREAM_BYTES_MAX = 20 * 1024 * 1024;
/** A whole exchange that others began. memberlist's TCPTimeout for LANs. */
const EXCHANGE_MS = 10_000;
/** A push/pull of a large mesh makes every node send at once; the kernel's 208 KiB hold 150 packets. */
const UDP_BUFFER_BYTES = 2 * 1024 * 1024;
/** Two sockets have to find the same port free. */
const PORT_TRIES = 16;

/**
 * Port 0 takes one that is free for both.
 * @throws MeshError BAD_ADDRESS when the host is not an IP address of this machine, PORT_IN_USE
 */
export async function openGossipSocket(bind: GossipAddress, clock: Clock = systemClock): Promise<GossipTransport> {
  if (isIP(bind.host) === 0 || isWildcard(bind.host)) throw badHost(bind);
  for (let tries = 1; ; tries++) {
    const server = await listenTcp(bind);
    const local: GossipAddress = { host: bind.host, port: (server.address() as AddressInfo).port };
    try {
      return new GossipSocket(local, await bindUdp(local), server, clock);
    } catch (error) {
      await new Promise((resolve) => void server.close(resolve));
      const isChance = bind.port === 0 && error instanceof MeshError && error.code === 'PORT_IN_USE';
      if (!isChance || tries === PORT_TRIES) throw error;
    }
  }
}

class GossipSocket implements GossipTransport {
  readonly local: GossipAddress;
  readonly dropped: Record<string, number> = {};
  readonly #udp: UdpSocket;
  readonly #server: Server;
  readonly #clock: Clock;
  /** Every open connection, with what ends its exchange early. */
  readonly #connections = new Map<TcpSocket, (fault: MeshError) => void>();
  #listener: GossipListener | undefined;
  #closing: Promise<void> | undefined;

  constructor(local: GossipAddress, udp: UdpSocket, server: Server, clock: Clock) {
    this.local = local;
    this.#udp = udp;
    this.#server = server;
    this.#clock = clock;
    udp.on('message', (packet, { address, port }) => this.#listener?.onPacket(packet, { host: address, port }));
    udp.on('error', () => this.#drop('udp-error'));
    server.maxConnections = CONNECTIONS_MAX;
    server.on('drop', () => this.#drop('connections-max'));
    server.on('error', () => this.#drop('tcp-accept'));
    server.on('connection', (socket) => this.#serve(socket));
  }

  listen(listener: GossipListener): void {
    this.#listener = listener;
  }

  send(to: GossipAddress, packet: Uint8Array): void {
    if (this.#closing !== undefined) return;
    try {
      this.#udp.send(packet, to.port, to.host, (error) => {
        if (error !== null) this.#drop('udp-send');
      });
    } catch {
      // Thrown for what is not a port or not a buffer: an address that a peer made up.
      this.#drop('udp-send');
    }
  }

  request(to: GossipAddress, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const listener = this.#listener;
    if (this.#closing !== undefined || listener === undefined) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const socket = connect({ host: to.host, port: to.port, localAddress: undefined, allowHalfOpen: true });
      const exchange = this.#begin(socket, timeoutMs, (outcome) => {
        socket.destroy();
        if (outcome instanceof MeshError) reject(outcome);
        else resolve(outcome);
      });
      socket.once('connect', () => socket.write(request));
      socket.once('error', (error) => exchange.end(unreachable(to, systemErrorMeaning(error) ?? error.message, error)));
      socket.once('end', () => exchange.end(unreachable(to, 'the connection was closed without a reply')));
      this.#read(socket, listener.newMeasure(), exchange.end);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }
}
