/**
 * Nodes as instances of a service of multicast DNS (RFC 6762 and 6763), as avahi-browse and dns-sd show them. The codec is
 * dns-packet's; the socket is ours, so that a packet's size and source are looked at before it is.
 */
import { decode, encode, type Packet } from 'dns-packet';
import type { SpecOf } from '../../config/discover-spec.ts';
import type { GossipAddress } from '../gossip-transport.ts';
import type { Discover, DiscoveryWorld } from './discovery.ts';
import { openGroup } from './group-socket.ts';
import { Bell, pause } from './pause.ts';
import { ServiceRecords } from './service-records.ts';

const GROUP = '224.0.0.251';
/** RFC 6762, 17: 9,000 bytes with all headers; what lists a service fits into far less. */
const PACKET_BYTES_MAX = 8_192;
/** RFC 6762, 10: two minutes for what has an address in it. */
const TTL_S = 120;
/** The first question may be lost, and the first answer come late. */
const FIRST_MS = 1_000;
/** So that not all answer at once (RFC 6762, 6), and nobody is made to answer more often, whoever asks. */
const ANSWER_MS = 120;
/** Who is known need not answer, and the question still fits into one packet. */
const KNOWN_SAID_MAX = 64;
/** Whoever lists the kinds of services asks for this (RFC 6763, 9). */
const KINDS = '_services._dns-sd._udp.local';
/** The lower four bits of a flag word say what went wrong, bit 10 that the answer is the owner's. */
const AUTHORITATIVE = 0x0400;

export function multicastDns({ service, port, every }: SpecOf<'mdns'>, world: DiscoveryWorld): Discover {
  const { clock, bind, self } = world;
  return async function* (signal) {
    const records = new ServiceRecords(service);
    const [heard, asked] = [new Bell(world), new Bell(world)];
    const own = self === undefined ? undefined : recordsOf(service, self, TTL_S);
    const socket = await openGroup({ kind: 'multicast', host: GROUP, port }, bind, {
      onPacket(bytes) {
        const packet = read(bytes);
        if (packet?.type === 'query' && isAsked(packet, own)) asked.ring();
        if (packet?.type !== 'response') return;
        const before = JSON.stringify(records.candidates);
        records.hear([...(packet.answers ?? []), ...(packet.additionals ?? [])], clock.now());
        if (JSON.stringify(records.candidates) !== before) heard.ring();
      },
      // Another interface is none of ours; mDNS is spoken on all of them.
      onStranger: () => undefined,
    });
    const ask = (): void => {
      const answers = records.pointers(clock.now()).slice(0, KNOWN_SAID_MAX);
      socket.send(encode({ type: 'query', questions: [{ type: 'PTR', name: service }], answers }));
    };
    if (own !== undefined) void keepAnswering(() => socket.send(encode(own)), asked, world, signal);
    try {
      let askAtMs = -Infinity;
      while (!signal.aborted) {
        if (clock.now() >= askAtMs) {
          ask();
          askAtMs = clock.now() + (askAtMs === -Infinity ? FIRST_MS : every);
        }
        await heard.wait(askAtMs - clock.now(), signal);
        records.forget(clock.now());
        if (!signal.aborted) yield { candidates: records.candidates };
      }
    } finally {
      socket.close(self === undefined ? undefined : encode(recordsOf(service, self, 0)));
    }
  };
}

/** Once unasked, then whenever somebody asks. */
async function keepAnswering(answer: () => void, asked: Bell, world: DiscoveryWorld, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    answer();
    await asked.wait((TTL_S / 2) * 1_000, signal);
    await pause(ANSWER_MS * world.random.next(), world, signal);
  }
}

function read(bytes: Uint8Array): Packet | undefined {
  if (bytes.length > PACKET_BYTES_MAX) return undefined;
  try {
    return decode(Buffer.from(bytes));
  } catch {
    return undefined;
  }
}

/** Whoever says that he knows the answer is not told it (RFC 6762, 7.1). */
function isAsked({ questions = [], answers = [] }: Packet, own: Packet | undefined): boolean {
  return (own?.answers ?? []).some((pointer) => {
    const isFor = questions.some(({ type, name }) => type === 'PTR' && name.toLowerCase() === pointer.name.toLowerCase());
    return isFor && !answers.some((known) => known.type === 'PTR' && pointer.type === 'PTR' && known.data === pointer.data && (known.ttl ?? 0) > TTL_S / 2);
  });
}

/** This node as an instance; with a time to live of 0 it says goodbye. */
function recordsOf(service: string, { host, port }: GossipAddress, ttl: number): Packet {
  const label = `${host.replaceAll(/[.:]/g, '-')}-${port}`;
  const instance = `${label}.${service}`;
  const target = `${label}.local`;
  return {
    type: 'response',
    flags: AUTHORITATIVE,
    // That there are such services may still be true of others when this one goes.
    answers: [{ type: 'PTR', name: service, ttl, data: instance }, ...(ttl === 0 ? [] : [{ type: 'PTR', name: KINDS, ttl, data: service } as const])],
    additionals: [
      { type: 'SRV', name: instance, ttl, data: { target, port } },
      { type: 'TXT', name: instance, ttl, data: ['txtvers=1'] },
      host.includes(':') ? { type: 'AAAA', name: target, ttl, data: host } : { type: 'A', name: target, ttl, data: host },
    ],
  };
}
