/**
 * What multicast DNS has said of one service (RFC 6763): instances by PTR, where they are by SRV, addresses by A and AAAA;
 * each for as long as it said. Nobody signs any of it. Pure.
 */
import type { Answer, StringAnswer } from 'dns-packet';
import { CANDIDATES_MAX, type Candidate } from './discovery.ts';

/** What is believed at most, whatever a record says: a node says it again long before. */
const TTL_MAX_S = 75 * 60;
/** Of one host. */
const HOSTS_MAX = 16;

interface Timed<T> {
  readonly value: T;
  readonly untilMs: number;
}

export class ServiceRecords {
  readonly #service: string;
  readonly #instances = new Map<string, Timed<string>>();
  readonly #places = new Map<string, Timed<{ readonly target: string; readonly port: number }>>();
  readonly #hosts = new Map<string, Map<string, Timed<undefined>>>();

  /** @param service such as `_omega-mesh._udp.local` */
  constructor(service: string) {
    this.#service = plain(service);
  }

  /** Takes the records of one response. */
  hear(records: readonly Answer[], nowMs: number): void {
    for (const record of records) {
      // Options of the packet itself have no name of theirs to keep.
      if (record.type === 'OPT') continue;
      const name = plain(record.name);
      const ttlS = 'ttl' in record ? Math.min(record.ttl ?? 0, TTL_MAX_S) : 0;
      // A goodbye, RFC 6762, 10.1.
      const untilMs = ttlS === 0 ? 0 : nowMs + 1_000 * ttlS;
      if (record.type === 'PTR' && name === this.#service) keep(this.#instances, plain(record.data), record.data, untilMs);
      if (record.type === 'SRV' && name.endsWith(`.${this.#service}`)) keep(this.#places, name, { target: plain(record.data.target), port: record.data.port }, untilMs);
      if (record.type === 'A' || record.type === 'AAAA') this.#keepHost(name, record.data, untilMs);
    }
    this.forget(nowMs);
  }

  forget(nowMs: number): void {
    for (const kept of [this.#instances, this.#places, ...this.#hosts.values()]) for (const [key, { untilMs }] of kept) if (untilMs <= nowMs) kept.delete(key);
    const targets = new Set(Array.from(this.#places.values(), ({ value }) => value.target));
    for (const [name, hosts] of this.#hosts) if (hosts.size === 0 || !targets.has(name)) this.#hosts.delete(name);
  }

  get candidates(): Candidate[] {
    return [...this.#instances].flatMap(([key, { value: given }]): Candidate[] => {
      const place = this.#places.get(key)?.value;
      if (place === undefined) return [{ given, refusal: 'unresolvable', why: 'it has not said at which host and port it is' }];
      const hosts = [...(this.#hosts.get(place.target)?.keys() ?? [])];
      if (hosts.length === 0) return [{ given, refusal: 'unresolvable', why: `${place.target} has not said its address` }];
      return hosts.map((host) => ({ given, address: { host, port: place.port } }));
    });
  }

  /** What is known, as a question says it: RFC 6762, 7.1. */
  pointers(nowMs: number): StringAnswer[] {
    return Array.from(this.#instances.values(), ({ value, untilMs }) => ({ type: 'PTR', name: this.#service, ttl: Math.max(0, Math.floor((untilMs - nowMs) / 1_000)), data: value }));
  }

  #keepHost(name: string, host: string, untilMs: number): void {
    const hosts = this.#hosts.get(name) ?? new Map<string, Timed<undefined>>();
    if (this.#hosts.size < CANDIDATES_MAX) this.#hosts.set(name, hosts);
    if (hosts.size < HOSTS_MAX) keep(hosts, host, undefined, untilMs);
  }
}

/** One too many is not kept: those that are known go on to be. */
function keep<T>(map: Map<string, Timed<T>>, key: string, value: T, untilMs: number): void {
  if (map.has(key) || map.size < CANDIDATES_MAX) map.set(key, { value, untilMs });
}

/** Names of DNS are the same in capitals. */
function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
