/**
 * Questions to all nodes, or to some: gossiped as events are, but answered straight to whoever asked. Each is acked and
 * answered once; how long it stays open is said in it.
 */
import { randomInt, sample, type Random } from '../../../random.ts';
import type { GossipAddress } from '../../../transport/gossip-transport.ts';
import type { MemberTable } from '../member-table.ts';
import { addressOf } from '../wire/ip-address.ts';
import { NO_BYTES } from '../wire/msgpack.ts';
import { LamportClock } from './lamport-clock.ts';
import { isVote } from './internal-queries.ts';
import { encodeFilters, isMeant } from './query-filter.ts';
import { BUFFERED_TIMES, QUERY_BYTES_MAX, QUERY_FLAG, RESPONSE_BYTES_MAX, encodeSerf, type Query, type QueryResponse, type Relay } from './serf-messages.ts';
import type { QueryOrder, SerfEffect } from './serf-effects.ts';

/** Of this node's, at once. */
const OPEN_MAX = 256;
/** Asked by others and not answered yet; most never are. */
const ASKED_MAX = 1_024;
const SAME_TIME_MAX = 256;
/** A question that stays open for longer is kept open by nobody. */
const TIMEOUT_MAX_MS = 10 * 60_000;
/** Members with this version of Serf pass answers on. */
const RELAY_PROTOCOL = 5;
/** Of one name, a vote; of all that are forged, no flood. */
const RIVAL_QUIET_MS = 10_000;
const RIVALS_MAX = 64;
/** An answer reaches its asker after a few gossip intervals; as Serf's agents. */
const TIMEOUT_GOSSIP_INTERVALS = 16;

interface Open {
  readonly asker: string;
  readonly id: number;
  readonly acks: Set<string>;
  readonly responses: Set<string>;
  /** Answers after which nothing more is waited for. */
  readonly expected: number | undefined;
}

interface Asked {
  readonly query: Query;
  readonly untilMs: number;
}

export interface QueriesOptions {
  readonly table: MemberTable;
  readonly random: Random;
  readonly gossipIntervalMs: number;
}

/** Answers by itself, or leaves it to the programs on this node. */
export type Answerer = (query: Query) => Uint8Array | 'nothing' | 'not-mine';

export class Queries {
  readonly clock = new LamportClock();
  readonly #options: QueriesOptions;
  readonly #answerer: Answerer;
  /** By time. */
  readonly #open = new Map<number, Open>();
  /** By time and id, oldest first. */
  readonly #asked = new Map<string, Asked>();
  /** Ids by time modulo `BUFFERED_TIMES`. */
  readonly #heard: { readonly lTime: number; readonly ids: Set<number> }[] = [];
  /** When a node that contests a member's name was last told where that member is; by name, the latest last. */
  readonly #rivals = new Map<string, number>();
  /** What was asked before it was heard by an earlier life of this node. */
  #since = 0;

  constructor(options: QueriesOptions, answerer: Answerer) {
    this.#options = options;
    this.#answerer = answerer;
  }

  /** An earlier life has heard all that was asked before. */
  resume(lTime: number): void {
    this.clock.witness(lTime - 1);
    this.#since = lTime;
  }

  get timeoutMs(): number {
    const { table, gossipIntervalMs } = this.#options;
    return gossipIntervalMs * TIMEOUT_GOSSIP_INTERVALS * Math.ceil(Math.log10(table.size + 1));
  }

  /** @param isForAll whether nothing more is waited for when every member has answered */
  ask(asker: string, order: QueryOrder, now: number, isForAll = false): readonly SerfEffect[] | 'too-large' | 'too-many' {
    if (this.#open.size >= OPEN_MAX) return 'too-many';
    const query = this.#queryOf(order);
    const bytes = encodeSerf(query);
    if (bytes.length > QUERY_BYTES_MAX) return 'too-large';
    const { lTime, id } = query;
    this.clock.tick();
    this.#open.set(lTime, { asker, id, acks: new Set(), responses: new Set(), expected: isForAll ? this.#living : undefined });
    const afterMs = order.timeoutMs ?? this.timeoutMs;
    return [{ kind: 'schedule', afterMs, timer: { kind: 'query-over', lTime } }, ...this.hear(query, bytes, now)];
  }

  onOver(lTime: number): readonly SerfEffect[] {
    const open = this.#open.get(lTime);
    if (open === undefined) return [];
    this.#open.delete(lTime);
    return [{ kind: 'tell', news: { type: 'over', asker: open.asker, acks: open.acks.size, responses: open.responses.size, members: this.#living } }];
  }

  /** @param bytes as they came, to be passed on unchanged */
  hear(query: Query, bytes: Uint8Array, now: number): readonly SerfEffect[] {
    const { lTime, id, flags } = query;
    this.clock.witness(lTime);
    if (lTime < this.#since) return [];
    if (lTime + BUFFERED_TIMES < this.clock.time) return [{ kind: 'drop', reason: 'old-query' }];
    const at = lTime % BUFFERED_TIMES;
    const slot = this.#heard[at]?.lTime === lTime ? this.#heard[at] : (this.#heard[at] = { lTime, ids: new Set() });
    if (slot.ids.has(id)) return [];
    if (slot.ids.size >= SAME_TIME_MAX) return [{ kind: 'drop', reason: 'queries-max' }];
    slot.ids.add(id);
    const isSpread = (flags & QUERY_FLAG.noBroadcast) === 0;
    const spread: SerfEffect[] = isSpread ? [{ kind: 'gossip', lane: 'query', message: bytes.slice() }] : [];
    const { table } = this.#options;
    const self = table.get(table.self)!;
    return isMeant(query.filters, self) ? [...spread, ...this.#take(query, now)] : spread;
  }

  /** What a program on this node has to say. Undefined when nothing waits for it. */
  answer(lTime: number, id: number, payload: Uint8Array, now: number): readonly SerfEffect[] | 'over' | 'too-large' {
    const key = `${lTime} ${id}`;
    const asked = this.#asked.get(key);
    if (asked === undefined || asked.untilMs <= now) return 'over';
    const effects = this.#respond(asked.query, 0, payload, now);
    if (effects !== 'too-large') this.#asked.delete(key);
    return effects;
  }

  hearResponse({ lTime, id, from, flags, payload }: QueryResponse): readonly SerfEffect[] {
    const open = this.#open.get(lTime);
    if (open === undefined || open.id !== id) return [{ kind: 'drop', reason: 'late-response' }];
    const isAck = (flags & QUERY_FLAG.ack) !== 0;
    const heard = isAck ? open.acks : open.responses;
    if (heard.has(from)) return [];
    heard.add(from);
    const { asker } = open;
    const told: SerfEffect = { kind: 'tell', news: isAck ? { type: 'ack', asker, from } : { type: 'response', asker, from, payload: payload.slice() } };
    return open.responses.size === open.expected ? [told, ...this.onOver(lTime)] : [told];
  }

  /** Passes on what another node could not be sure to bring to its asker itself; to members only. */
  onRelay({ destination, message }: Relay): readonly SerfEffect[] {
    const to = this.#memberAt(destination.addr, destination.port);
    return to === undefined ? [{ kind: 'drop', reason: 'answer-to-stranger' }] : [{ kind: 'send', to, message: message.slice() }];
  }

  get #living(): number {
    const { table } = this.#options;
    return 1 + table.count('alive') + table.count('suspect');
  }

  #queryOf(order: QueryOrder): Query {
    const { table, random } = this.#options;
    const self = table.get(table.self)!;
    return {
      type: 'query',
      lTime: this.clock.time,
      id: randomInt(random, 2 ** 32),
      addr: self.addr,
      port: self.address.port,
      sourceNode: self.name,
      filters: encodeFilters(order),
      flags: order.wantsAck ? QUERY_FLAG.ack : 0,
      relayFactor: order.relayFactor,
      timeoutNs: Math.round((order.timeoutMs ?? this.timeoutMs) * 1e6),
      name: order.name,
      payload: order.payload,
    };
  }

  /** This node is meant. */
  #take(query: Query, now: number): SerfEffect[] {
    const effects: SerfEffect[] = [];
    if ((query.flags & QUERY_FLAG.ack) !== 0) effects.push(...this.#respondOrDrop(query, QUERY_FLAG.ack, NO_BYTES, now));
    const answer = this.#answerer(query);
    if (answer === 'nothing') return effects;
    if (answer !== 'not-mine') return [...effects, ...this.#respondOrDrop(query, 0, answer, now)];
    const timeoutMs = Math.min(TIMEOUT_MAX_MS, query.timeoutNs / 1e6);
    // A copy, for the original is a window on a whole packet.
    const payload = query.payload.slice();
    const { lTime, id, name, sourceNode } = query;
    this.#asked.set(`${lTime} ${id}`, { query: { ...query, payload, addr: query.addr.slice(), filters: [] }, untilMs: now + timeoutMs });
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > ASKED_MAX) this.#asked.delete(oldest!);
    return [...effects, { kind: 'tell', news: { type: 'query', lTime, id, name, payload, from: sourceNode, timeoutMs } }];
  }

  #respondOrDrop(query: Query, flags: number, payload: Uint8Array, now: number): readonly SerfEffect[] {
    const effects = this.#respond(query, flags, payload, now);
    return effects === 'too-large' ? [{ kind: 'drop', reason: 'response-too-large' }] : effects;
  }

  #respond(query: Query, flags: number, payload: Uint8Array, now: number): readonly SerfEffect[] | 'too-large' {
    const { lTime, id, addr, port, sourceNode, relayFactor } = query;
    const { self } = this.#options.table;
    const response: QueryResponse = { type: 'queryResponse', lTime, id, from: self, flags, payload };
    if (sourceNode === self) return this.hearResponse(response);
    const message = encodeSerf(response);
    if (message.length > RESPONSE_BYTES_MAX) return 'too-large';
    const to = this.#memberAt(addr, port) ?? this.#rivalAt(query, now);
    // The address may be anybody's, and a question must not become an answer at a stranger's door.
    if (to === undefined) return [{ kind: 'drop', reason: 'answer-to-stranger' }];
    const relay = encodeSerf({ type: 'relay', destination: { addr, port, zone: '' }, name: sourceNode, message });
    return [{ kind: 'send', to, message }, ...this.#relays(relayFactor, sourceNode, relay)];
  }

  #relays(factor: number, asker: string, relay: Uint8Array): SerfEffect[] {
    const { table, random } = this.#options;
    if (factor === 0 || relay.length > RESPONSE_BYTES_MAX) return [];
    const able = table.peers(({ name, status, vsn }) => status === 'alive' && name !== asker && (vsn[4] ?? 0) >= RELAY_PROTOCOL);
    return sample(random, able, factor).map(({ address }) => ({ kind: 'send', to: address, message: relay }));
  }

  /** Who asks whose its name is may be the one whom nobody here knows, and it is who has to go then: it is told, now and then. */
  #rivalAt(query: Query, now: number): GossipAddress | undefined {
    const name = query.sourceNode;
    if (!isVote(query) || this.#options.table.get(name) === undefined || now - (this.#rivals.get(name) ?? -Infinity) < RIVAL_QUIET_MS) return undefined;
    for (const [other, atMs] of this.#rivals) if (now - atMs >= RIVAL_QUIET_MS) this.#rivals.delete(other);
    if (this.#rivals.size >= RIVALS_MAX) return undefined;
    this.#rivals.set(name, now);
    return addressOf(query.addr, query.port);
  }

  #memberAt(addr: Uint8Array, port: number): GossipAddress | undefined {
    const address = addressOf(addr, port);
    return address === undefined ? undefined : this.#options.table.at(address)?.address;
  }
}
