/**
 * Gossip on a real network: UDP for packets, TCP for requests, both on one IP address and port, for that one address
 * is all that a member says about itself.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, isIP, isIPv6, type AddressInfo, type Server, type Socket as TcpSocket } from 'node:net';
import { formatAddress } from '../address.ts';
import { systemClock, type Clock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import { systemErrorMeaning } from '../system-error.ts';
import { ByteBudget } from './byte-budget.ts';
import { readMessage, type StreamOutcome } from './gossip-stream.ts';
import type { GossipAddress, GossipListener, GossipTransport } from './gossip-transport.ts';
import { foreignAddress, portFault } from './listen-fault.ts';

/** As many push/pulls as peers take at once; one more is refused, and its sender tries another member. */
const CONNECTIONS_MAX = 128;
/** What the exchanges that others began hold together, and as much again those that we began: six states of the largest mesh. */
const EXCHANGES_BYTES_MAX = 64 * 1024 * 1024;
/** A whole exchange that others began; memberlist's TCPTimeout for LANs. */
const EXCHANGE_MS = 10_000;
/** A change makes every node send at once; the kernel's usual 208 KiB hold 150 packets. */
const UDP_BUFFER_BYTES = 2 * 1024 * 1024;
const LISTENER = { use: 'gossip', flag: '--gossip-port' } as const;
/** Two sockets have to find the same port free. */
const PORT_TRIES = 16;

export interface GossipSocketOptions {
  readonly clock?: Clock;
  /** How long a connection may take from its opening to the end of the reply. Default 10,000 ms. */
  readonly exchangeMs?: number;
}

/**
 * Port 0 takes one that is free for both.
 * @throws MeshError BAD_ADDRESS when the host is not an IP address of this machine, PORT_IN_USE
 */
export async function openGossipSocket(bind: GossipAddress, options: GossipSocketOptions = {}): Promise<GossipTransport> {
  // Peers learn the address from us: one that means "all of mine" would lead each of them to itself.
  if (isIP(bind.host) === 0 || bind.host === '0.0.0.0' || bind.host === '::') throw foreignAddress(bind.host);
  for (let tries = 1; ; tries++) {
    const server = await listenTcp(bind);
    const local: GossipAddress = { host: bind.host, port: (server.address() as AddressInfo).port };
    try {
      return new GossipSocket(local, await bindUdp(local), server, options);
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
  readonly #exchangeMs: number;
  /** Every open connection, with what ends its exchange. */
  readonly #connections = new Map<TcpSocket, (fault: MeshError) => void>();
  readonly #servingBytes = new ByteBudget(EXCHANGES_BYTES_MAX);
  readonly #askingBytes = new ByteBudget(EXCHANGES_BYTES_MAX);
  #listener: GossipListener | undefined;
  #closing: Promise<void> | undefined;

  constructor(local: GossipAddress, udp: UdpSocket, server: Server, { clock = systemClock, exchangeMs = EXCHANGE_MS }: GossipSocketOptions) {
    this.local = local;
    this.#udp = udp;
    this.#server = server;
    this.#clock = clock;
    this.#exchangeMs = exchangeMs;
    udp.on('message', (packet, { address, port }) => this.#listener?.onPacket(packet, { host: address, port }));
    udp.on('error', () => this.#drop('udp-error'));
    server.maxConnections = CONNECTIONS_MAX;
    server.on('drop', () => this.#drop('connections-max'));
    server.on('error', () => this.#drop('tcp-error'));
    server.on('connection', (socket) => this.#serve(socket));
  }

  listen(listener: GossipListener): void {
    this.#listener = listener;
  }

  send(to: GossipAddress, packet: Uint8Array): void {
    if (this.#closing !== undefined) return;
    this.#udp.send(packet, to.port, to.host, (error) => {
      if (error !== null) this.#drop('udp-send');
    });
  }

  request(to: GossipAddress, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const listener = this.#listener;
    if (this.#closing !== undefined || listener === undefined) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const socket = connect({ host: to.host, port: to.port, allowHalfOpen: true });
      // Of several ends of one exchange the promise takes the first.
      this.#begin(socket, timeoutMs, unreachable(to, `no reply within ${timeoutMs} ms`), reject);
      socket.once('error', (error) => reject(unreachable(to, systemErrorMeaning(error) ?? error.message, error)));
      socket.once('connect', () => socket.write(request));
      const share = this.#askingBytes.share();
      socket.once('close', share.release);
      readMessage(socket, listener.newMeasure(), share.take, (outcome) => {
        socket.destroy();
        if (outcome.kind === 'whole') resolve(outcome.message);
        else reject(replyFault(outcome.kind, to));
      });
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  #serve(socket: TcpSocket): void {
    const listener = this.#listener;
    if (listener === undefined) return this.#hangUp(socket, 'nobody-listens');
    this.#begin(socket, this.#exchangeMs, closed(), () => this.#drop('exchange-timeout'));
    socket.on('error', () => this.#drop('connection-lost'));
    const share = this.#servingBytes.share();
    let isWaiting = false;
    // A request that waits to be answered is held, whether its connection lives or not.
    socket.once('close', () => {
      if (!isWaiting) share.release();
    });
    readMessage(socket, listener.newMeasure(), share.take, (outcome) => {
      if (outcome.kind !== 'whole') return this.#hangUp(socket, `request-${outcome.kind}`);
      isWaiting = true;
      listener.onRequest(outcome.message, (reply) => {
        isWaiting = false;
        share.release();
        if (socket.destroyed) return;
        if (reply === undefined) socket.destroy();
        else if (share.take(reply.length)) socket.end(reply);
        else this.#hangUp(socket, 'reply-backlog');
      });
    });
  }

  #hangUp(socket: TcpSocket, reason: string): void {
    socket.destroy();
    this.#drop(reason);
  }

  /** From now on the connection has a deadline; `onEnd` is called when that passes or this end closes. */
  #begin(socket: TcpSocket, timeoutMs: number, late: MeshError, onEnd: (fault: MeshError) => void): void {
    const end = (fault: MeshError): void => {
      socket.destroy();
      onEnd(fault);
    };
    const timer = this.#clock.setTimer(timeoutMs, () => end(late));
    this.#connections.set(socket, end);
    socket.once('close', () => {
      timer.cancel();
      this.#connections.delete(socket);
    });
  }

  async #closeAll(): Promise<void> {
    for (const end of this.#connections.values()) end(closed());
    await Promise.all([
      new Promise<void>((resolve) => void this.#udp.close(resolve)),
      new Promise<void>((resolve) => void this.#server.close(() => resolve())),
    ]);
  }

  #drop(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }
}

function listenTcp(bind: GossipAddress): Promise<Server> {
  return new Promise((resolve, reject) => {
    // Half-open: a peer may end its side once its request is out, and still wait for the reply.
    const server = createServer({ allowHalfOpen: true });
    server.once('error', (error) => reject(portFault({ ...LISTENER, protocol: 'TCP' }, bind, error)));
    server.listen({ host: bind.host, port: bind.port, exclusive: true }, () => {
      server.removeAllListeners('error');
      resolve(server);
    });
  });
}

function bindUdp(local: GossipAddress): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: isIPv6(local.host) ? 'udp6' : 'udp4', recvBufferSize: UDP_BUFFER_BYTES });
    socket.once('error', (error) => {
      socket.close();
      reject(portFault({ ...LISTENER, protocol: 'UDP' }, local, error));
    });
    socket.bind({ address: local.host, port: local.port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function replyFault(kind: Exclude<StreamOutcome['kind'], 'whole'>, from: GossipAddress): MeshError {
  const given = formatAddress(from);
  switch (kind) {
    case 'backlog':
      return new MeshError('OVERLOADED', `too many replies at once to read that of ${given}`, { given });
    case 'ended-early':
      return unreachable(from, 'the connection was closed without a reply');
    case 'too-large':
      return new MeshError('TOO_LARGE', `the reply of ${given} is too large`, { given });
    case 'malformed':
      return new MeshError('MALFORMED', `the reply of ${given} does not follow the protocol`, { given });
  }
}

function unreachable(to: GossipAddress, why: string, cause?: unknown): MeshError {
  const given = formatAddress(to);
  const todo = 'check that a node runs there and that no firewall is between';
  return new MeshError('NODE_UNREACHABLE', `${given} does not answer: ${why}`, { given, todo, ...(cause === undefined ? {} : { cause }) });
}

function closed(): MeshError {
  return new MeshError('SESSION_CLOSED', 'this end of the gossip network was closed');
}
