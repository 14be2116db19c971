/**
 * A UDP socket for what is said to all on one interface: to a multicast group, or to the broadcast address. It is bound to
 * that address alone, so that nothing said to this machine itself gets in, and hears one interface only.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { formatAddress } from '../../address.ts';
import { MeshError } from '../../errors.ts';
import { isLoopback } from '../../loopback.ts';
import { systemErrorMeaning } from '../../system-error.ts';

export interface GroupListener {
  onPacket(packet: Uint8Array): void;
  /** From another interface: the kernel hands on what any program here has joined a group for. */
  onStranger(): void;
}

export interface GroupSocket {
  /** Best effort: never throws, never waits. */
  send(packet: Uint8Array): void;
  /** @param farewell is sent before */
  close(farewell?: Uint8Array): void;
}

export interface Group {
  readonly kind: 'multicast' | 'broadcast';
  readonly host: string;
  readonly port: number;
}

/** Packets do not leave the interface's network; those of loopback not the machine. */
const TTL = { loopback: 0, network: 1 } as const;

/** @throws MeshError BAD_ADDRESS when there is no such group at `bind` */
export function openGroup({ kind, host, port }: Group, bind: string, listener: GroupListener): Promise<GroupSocket> {
  return new Promise((resolve, reject) => {
    // Every node of this machine hears the same group.
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    const fail = (error: Error): void => {
      socket.close();
      reject(new MeshError('BAD_ADDRESS', `cannot listen on ${formatAddress({ host, port })} at ${bind}: ${systemErrorMeaning(error) ?? error.message}`, { given: bind, cause: error }));
    };
    socket.once('error', fail);
    socket.bind({ address: host, port }, () => {
      try {
        if (kind === 'broadcast') socket.setBroadcast(true);
        else joinGroup(socket, host, bind);
      } catch (error) {
        return fail(error as Error);
      }
      socket.off('error', fail);
      // Of one packet; the next may get through.
      socket.on('error', () => undefined);
      socket.on('message', (packet, { address }) => {
        if (isLoopback(bind) && !isLoopback(address)) listener.onStranger();
        else listener.onPacket(packet);
      });
      resolve({
        send: (packet) => socket.send(packet, port, host, () => undefined),
        close: (farewell) => (farewell === undefined ? void socket.close() : socket.send(farewell, port, host, () => void socket.close())),
      });
    });
  });
}

function joinGroup(socket: Socket, group: string, bind: string): void {
  socket.addMembership(group, bind);
  socket.setMulticastInterface(bind);
  socket.setMulticastTTL(isLoopback(bind) ? TTL.loopback : TTL.network);
  socket.setMulticastLoopback(true);
}

/** Of the network that `bind` is in. @throws MeshError BAD_ADDRESS */
export function broadcastAddress(bind: string): string {
  if (!isIPv6(bind)) {
    for (const { address, netmask, family } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
      const mask = bits(netmask);
      if (family === 'IPv4' && (bits(address) & mask) === (bits(bind) & mask)) return text(bits(bind) | ~mask);
    }
  }
  throw new MeshError('BAD_ADDRESS', `there is no broadcast address for ${bind}`, { given: bind, expected: 'an IPv4 address of this machine', todo: 'use multicast, or choose another with --bind' });
}

function bits(host: string): number {
  return host.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0);
}

function text(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}
