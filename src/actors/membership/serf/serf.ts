/**
 * The brain of what Serf puts on top of memberlist: intents, events and queries, and coordinates. One door, `handle`, for
 * all that happens; what a push/pull and an ack carry along is asked for. It knows the members, and changes none.
 *
 * The parts: `intents` says who left on purpose, `user-events` and `queries` carry words between programs, `vivaldi`
 * measures.
 */
import type { Random } from '../../../random.ts';
import type { MemberTable } from '../member-table.ts';
import { decodeCoordinate, distance, encodeCoordinate, type Coordinate } from './coordinate.ts';
import { Intents } from './intents.ts';
import type { ClockTimes, LamportClock } from './lamport-clock.ts';
import { ConflictVote } from './conflict-vote.ts';
import { answerInternal, conflictQuery, isInternal, keyQuery, type KeyAccess } from './internal-queries.ts';
import { Queries } from './queries.ts';
import { decodeKeyResponse, decodeSerf, decodeState, encodeState, type SerfMessage } from './serf-messages.ts';
import type { SerfEffect, SerfInput, SerfNews, SerfTimer } from './serf-effects.ts';
import type { SerfOrder, SerfOutcome } from './serf-orders.ts';
import { UserEvents } from './user-events.ts';
import { Vivaldi } from './vivaldi.ts';

const NOTHING: readonly SerfEffect[] = [];

/** Asks for nobody. */
const VOTE = 'vote';

export interface SerfOptions {
  readonly table: MemberTable;
  readonly random: Random;
  readonly gossipIntervalMs: number;
  readonly keys: KeyAccess;
  /** Of an earlier life. */
  readonly keptClocks: ClockTimes | undefined;
}

export class Serf {
  readonly #table: MemberTable;
  readonly #intents: Intents;
  readonly #events = new UserEvents();
  readonly #queries: Queries;
  readonly #vivaldi: Vivaldi;
  /** Who has asked about keys, while the query is open. */
  readonly #keyAskers = new Set<string>();
  /** While it is held. */
  #vote: ConflictVote | undefined;
  /** Whether this node knows where it left off. */
  readonly #isResumed: boolean;

  constructor(options: SerfOptions) {
    const { keptClocks } = options;
    this.#table = options.table;
    this.#isResumed = keptClocks !== undefined;
    this.#intents = new Intents(options.table.self);
    this.#queries = new Queries(options, (query) => (isInternal(query.name) ? answerInternal(query, options.table, options.keys) : 'not-mine'));
    this.#vivaldi = new Vivaldi(options.random);
    if (keptClocks === undefined) return;
    this.#intents.clock.witness(keptClocks.member - 1);
    this.#events.resume(keptClocks.event);
    this.#queries.resume(keptClocks.query);
  }

  handle(input: SerfInput, now: number): readonly SerfEffect[] {
    switch (input.kind) {
      case 'message':
        return this.#hear(input.payload, now);
      case 'state':
        return this.#merge(input.state, input.isFirst, now);
      case 'joined':
        return this.#intents.joined();
      case 'leaving':
        return this.#intents.leaving();
      case 'contested':
        return this.#beginVote(now);
      case 'member':
        if (input.became === 'reaped') this.#vivaldi.forget(input.name);
        return this.#intents.became(input.name, input.became);
      case 'round-trip':
        return this.#measure(input.peer, input.payload, input.rttMs);
      case 'timer':
        return this.#take(input.timer, now);
    }
  }

  /** The effects of an order that can be carried out. */
  order(order: SerfOrder, now: number): readonly SerfEffect[] | Exclude<SerfOutcome, 'done'> {
    switch (order.kind) {
      case 'send-event':
        return this.#events.send(order, now);
      case 'ask':
        return this.#queries.ask(order.asker, order.query, now);
      case 'keys':
        return this.#askKeys(order, now);
      case 'force-leave':
        return this.#isHere(order.member) ? 'still-here' : this.#intents.forceLeave(order.member, order.prune);
      case 'answer':
        return this.#queries.answer(order.lTime, order.id, order.payload, now);
    }
  }

  get clocks(): ClockTimes {
    return { member: this.#intents.clock.time, event: this.#events.clock.time, query: this.#queries.clock.time };
  }

  /** What the answer to a ping carries: where this node is. */
  get ackPayload(): Uint8Array {
    return encodeCoordinate(this.#vivaldi.own);
  }

  /** What a push/pull carries: the clocks, who left, the latest events. */
  get state(): Uint8Array {
    return encodeState({
      lTime: this.#intents.clock.time,
      statusLTimes: this.#intents.times,
      leftMembers: this.#intents.left,
      eventLTime: this.#events.clock.time,
      events: this.#events.slots,
      queryLTime: this.#queries.clock.time,
    });
  }

  /** Expected round trip between two members in milliseconds; undefined while one of them has not been heard of. */
  rttMs(a: string, b: string): number | undefined {
    const [from, to] = [this.#placeOf(a), this.#placeOf(b)];
    return from === undefined || to === undefined ? undefined : distance(from, to) * 1_000;
  }

  #placeOf(name: string): Coordinate | undefined {
    return name === this.#table.self ? this.#vivaldi.own : this.#vivaldi.of(name);
  }

  #take(timer: SerfTimer, now: number): readonly SerfEffect[] {
    switch (timer.kind) {
      case 'query-over':
        return this.#queries.onOver(timer.lTime).flatMap((effect) => this.#own(effect));
      case 'events-due':
        return this.#events.onDue(timer.window, now);
    }
  }

  #hear(payload: Uint8Array, now: number): readonly SerfEffect[] {
    const message = decodeSerf(payload);
    if (typeof message === 'string') return [{ kind: 'drop', reason: `user-${message}` }];
    if ('lTime' in message && !this.#clockOf(message.type).isPlausible(message.lTime)) return [{ kind: 'drop', reason: 'implausible-time' }];
    switch (message.type) {
      case 'join':
        return this.#intents.onJoin(message).isNews ? [passedOn(payload)] : NOTHING;
      case 'leave': {
        const { isNews, effects } = this.#intents.onLeave(message);
        return isNews ? [passedOn(payload), ...effects] : effects;
      }
      case 'userEvent':
        return this.#events.hear(message, payload, now);
      case 'query':
        return this.#queries.hear(message, payload, now);
      case 'queryResponse':
        return this.#queries.hearResponse(message).flatMap((effect) => this.#own(effect));
      case 'relay':
        return this.#queries.onRelay(message);
    }
  }

  #isHere(name: string): boolean {
    const status = this.#table.get(name)?.status;
    return status === 'alive' || status === 'suspect';
  }

  #askKeys({ asker, action }: Extract<SerfOrder, { kind: 'keys' }>, now: number): readonly SerfEffect[] | Exclude<SerfOutcome, 'done'> {
    const query = { ...keyQuery(action), nodes: [], tags: {}, wantsAck: false, relayFactor: 0, timeoutMs: undefined };
    this.#keyAskers.add(asker);
    const effects = this.#queries.ask(asker, query, now, true);
    return typeof effects === 'string' ? effects : effects.flatMap((effect) => this.#own(effect));
  }

  #beginVote(now: number): readonly SerfEffect[] {
    if (this.#vote !== undefined) return [];
    const { self } = this.#table;
    const query = { ...conflictQuery(self), nodes: [], tags: {}, wantsAck: false, relayFactor: 0, timeoutMs: undefined };
    const effects = this.#queries.ask(VOTE, query, now);
    // With so many queries open the vote is held when the name is next contested.
    if (typeof effects === 'string') return [];
    this.#vote = new ConflictVote(this.#table.get(self)!.address);
    return effects;
  }

  /** Answers to nodes' own queries are told as what they say. */
  #own(effect: SerfEffect): SerfEffect[] {
    if (effect.kind !== 'tell' || !('asker' in effect.news)) return [effect];
    const { news } = effect;
    if (news.asker === VOTE) return this.#countVote(news);
    if (!this.#keyAskers.has(news.asker)) return [effect];
    if (news.type === 'over') this.#keyAskers.delete(news.asker);
    if (news.type !== 'response') return [effect];
    const { asker, from } = news;
    const response = decodeKeyResponse(news.payload);
    const told = typeof response === 'string' ? { result: false, message: `the answer cannot be read: ${response}`, keys: [], primaryKey: '' } : response;
    return [{ kind: 'tell', news: { type: 'key-response', asker, from, ...told } }];
  }

  #countVote(news: Extract<SerfNews, { readonly asker: string }>): SerfEffect[] {
    if (news.type === 'response') this.#vote?.count(news.payload);
    if (news.type !== 'over' || this.#vote === undefined) return [];
    const { forMe, against } = this.#vote;
    this.#vote = undefined;
    return against > forMe ? [{ kind: 'tell', news: { type: 'outvoted', forMe, against } }] : [];
  }

  #clockOf(type: Exclude<SerfMessage['type'], 'relay'>): LamportClock {
    if (type === 'userEvent') return this.#events.clock;
    return type === 'join' || type === 'leave' ? this.#intents.clock : this.#queries.clock;
  }

  #merge(bytes: Uint8Array, isFirst: boolean, now: number): readonly SerfEffect[] {
    // Plain memberlist sends none.
    if (bytes.length === 0) return [];
    const state = decodeState(bytes);
    if (typeof state === 'string') return [{ kind: 'drop', reason: `user-${state}` }];
    const [member, event, query] = [this.#intents.clock, this.#events.clock, this.#queries.clock];
    const isPlausible = member.isPlausible(state.lTime) && event.isPlausible(state.eventLTime) && query.isPlausible(state.queryLTime);
    if (!isPlausible) return [{ kind: 'drop', reason: 'implausible-time' }];
    // Nothing has happened at the time that a clock shows, only before.
    member.witness(state.lTime - 1);
    event.witness(state.eventLTime - 1);
    query.witness(state.queryLTime - 1);
    const effects: SerfEffect[] = [];
    const left = new Set(state.leftMembers);
    // When a member left is not said: after it last came.
    for (const node of left) effects.push(...this.#intents.onListedLeft({ node, lTime: (state.statusLTimes.get(node) ?? 0) + 1 }));
    for (const [node, lTime] of state.statusLTimes) if (!left.has(node) && member.isPlausible(lTime)) this.#intents.onJoin({ node, lTime });
    // Who knows where it left off hears what it missed; to others all of it is history.
    if (isFirst && !this.#isResumed) this.#events.ignoreBefore(state.eventLTime);
    for (const { lTime, events } of state.events) {
      if (event.isPlausible(lTime)) for (const each of events) effects.push(...this.#events.hear({ type: 'userEvent', lTime, coalesce: false, ...each }, undefined, now));
    }
    return effects;
  }

  #measure(peer: string, payload: Uint8Array, rttMs: number): readonly SerfEffect[] {
    // Plain memberlist sends none.
    if (payload.length === 0) return [];
    const coordinate = decodeCoordinate(payload);
    if (typeof coordinate === 'string') return [{ kind: 'drop', reason: `coordinate-${coordinate}` }];
    this.#vivaldi.measure(peer, coordinate, rttMs / 1_000);
    return [];
  }
}

/** An intent as it came. */
function passedOn(payload: Uint8Array): SerfEffect {
  return { kind: 'gossip', lane: 'intent', message: payload };
}
