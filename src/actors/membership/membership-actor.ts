/** The body of membership: carries between the brain and the world. Packets, requests, timers and names come in as messages. */
import type { KeyObject } from 'node:crypto';
import { formatAddress, type Address } from '../../address.ts';
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior, ExitReason, Reply, Signal } from '../../supervision/behavior.ts';
import { isConnectionRefused } from '../../system-error.ts';
import type { GossipAddress, GossipTransport } from '../../transport/gossip-transport.ts';
import type { Happening, MemberEvent } from './member-events.ts';
import type { ClockMemory, IncarnationMemory, PeerMemory } from './kept-memories.ts';
import { MEMBER_LEVEL } from './member-levels.ts';
import type { IdentitiesRequest, MemberEventsNews, MemberRecord, MembershipNews, MembershipRequest, MembershipView, SerfHeard, TagFault } from './membership-messages.ts';
import { NewsPace } from './news-pace.ts';
import { OwnTags, type TagChanges, type TagMemory } from './own-tags.ts';
import { PeerKeyring } from './peer-keyring.ts';
import { PROFILES, type ProfileName } from './profile.ts';
import type { SerfOrder, SerfOutcome } from './serf/serf-orders.ts';
import { Swim } from './swim.ts';
import type { JoinEvent, SwimEffect, SwimInput } from './swim-effects.ts';
import type { Application } from './version-vector.ts';
import type { Envelope } from './wire/envelope.ts';
import { StreamMeasure } from './wire/stream.ts';
import type { Tags } from './wire/tags.ts';

export interface MembershipActorOptions {
  /** Unique in the mesh. */
  readonly name: string;
  /** What the others shall know about this node from the start; at most 512 bytes when encoded. */
  readonly tags: Tags;
  /** Called once in each life. */
  readonly openTransport: () => Promise<GossipTransport>;
  /** Gossip addresses of nodes to join; tried until they answer, however long that takes. */
  readonly seeds: readonly Address[];
  /** Others will be told of in `seeds` messages. */
  readonly isDiscovering?: boolean;
  /** The IP addresses that a seed's name stands for at the moment. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly profile: ProfileName;
  readonly random: Random;
  /** Where members were when this node last ran: the way back into the mesh. */
  readonly memory: PeerMemory;
  readonly tagMemory: TagMemory;
  /** The highest incarnation that may have been announced. */
  readonly incarnation: IncarnationMemory;
  readonly clocks: ClockMemory;
  /** Made anew for each life, from the keys that were kept. */
  readonly envelope: Envelope;
  readonly application: Application;
  /** May throw: keys that were changed are then those of this life only. */
  readonly keepKeys: (keys: readonly KeyObject[]) => void;
  /** Whether the main loop of this node stands still; for who does not run on it. */
  readonly isDegraded?: () => boolean;
  readonly listeners: readonly ActorRef<MembershipNews>[];
  /** Tells who is who, and is asked by each life after the first. Left out where this node has no identity. */
  readonly identities?: ActorRef<IdentitiesRequest>;
  /** Told of each event. */
  readonly hearers: readonly ActorRef<MemberEventsNews>[];
  readonly serfListeners: readonly ActorRef<SerfHeard>[];
}

/** What happened, for the brain; `reply` when it was a request on a stream. */
interface Happened {
  readonly kind: 'swim';
  readonly input: SwimInput;
  readonly reply?: StreamReply;
}

type StreamReply = (reply: Uint8Array | undefined) => void;

/** From its own timers: time to tell the listeners again, though nothing has changed; or what has changed since it last told them; or to see whether the main loop turns. */
type OwnTimer = { readonly kind: 'repeat-news' | 'news-rested' | 'look' };

export type MembershipMessage = MembershipRequest | Happened | OwnTimer;

/** A node that stops says goodbye first; a second is enough on a healthy network. */
const GOODBYE_MS = 5_000;
/** So that a listener whose mailbox was full when it mattered is right again soon. */
const NEWS_REPEAT_MS = 5_000;
/** As often as the loop is judged. */
const LOOK_EVERY_MS = 250;
/** Shorter than anybody notices; a mesh that starts or dies together is ten lists a second and not one for each packet. */
const NEWS_REST_MS = 100;
/** The mailbox counts messages, and a packet may have 64 KiB: this is a second of the worst flood, and far above any storm of peers. */
const PACKETS_WAITING_BYTES_MAX = 8 * 1024 * 1024;

export function membershipActor(options: MembershipActorOptions): Behavior<MembershipBody, MembershipMessage> {
  return {
    async init(context) {
      const transport = await options.openTransport();
      context.own(() => void transport.close());
      const body = new MembershipBody(options, transport, context);
      body.start();
      return body;
    },
    receive(body, message) {
      body.receive(message);
      return body;
    },
    signal(body, signal) {
      body.signal(signal);
      return body;
    },
    view: (body) => body.view,
    describe: (message) => (message.kind === 'swim' ? describeInput(message.input) : message.kind),
    trapsStop: true,
  };
}

class MembershipBody {
  readonly #options: MembershipActorOptions;
  readonly #transport: GossipTransport;
  readonly #context: ActorContext<MembershipMessage>;
  readonly #brain: Swim;
  readonly #tags: OwnTags;
  /** From the moment that this node is leaving on. */
  #stopReason: ExitReason | undefined;
  #timers = 0;
  #hasBegunJoin = false;
  #discovered: readonly Address[] | undefined;
  /** Who waits for the end of the join. */
  #joinReply: Reply<MeshError | undefined> | undefined;
  /** Since the hearers were told last. */
  #happenings: Happening[] = [];
  readonly #newsPace = new NewsPace();
  readonly #peerKeys = new PeerKeyring();
  /** Who asked for news before there were any, by path. */
  readonly #early = new Map<string, ActorRef<MembershipNews>>();
  /** Of packets in the mailbox. */
  #waitingBytes = 0;
  /** What came and did not get into the mailbox, by reason. */
  readonly #refused: Record<string, number> = {};

  constructor(options: MembershipActorOptions, transport: GossipTransport, context: ActorContext<MembershipMessage>) {
    const { name, random, envelope } = options;
    this.#tags = new OwnTags(options.tags, options.tagMemory);
    this.#options = options;
    this.#transport = transport;
    this.#context = context;
    const keptClocks = options.clocks.load();
    this.#brain = new Swim({ name, tags: this.#tags.all, random, address: transport.local, profile: PROFILES[options.profile], envelope, application: options.application, keptIncarnation: options.incarnation.load(), ...(keptClocks && { keptClocks }) });
  }

  start(): void {
    this.#transport.listen({
      onPacket: (packet, from) => this.#onPacket(packet, from),
      onRequest: (request, reply) => this.#onRequest(request, reply),
      newMeasure: () => new StreamMeasure(),
    });
    for (const effect of this.#brain.handle({ kind: 'started' }, this.#context.clock.now())) this.#perform(effect, undefined);
    // That this node is there is no news, and who hears of news starts later.
    this.#happenings = [];
    // The node that starts says when the rest of it is up: who hears of a node wants to open a session with it. Later lives are part of a node that is.
    if (this.#context.life > 1) {
      this.#options.identities?.send({ kind: 'identities' });
      this.#join();
    }
    this.#context.setInterval('repeat-news', NEWS_REPEAT_MS, { kind: 'repeat-news' });
    if (this.#options.isDegraded !== undefined) this.#context.setInterval('look', LOOK_EVERY_MS, { kind: 'look' });
  }

  get view(): MembershipView {
    const view = this.#brain.view;
    return { ...view, dropped: { ...view.dropped, ...this.#transport.dropped, ...this.#refused } };
  }

  receive(message: MembershipMessage): void {
    switch (message.kind) {
      case 'view':
        return message.reply(this.view);
      case 'record':
        return message.reply(this.#recordOf(message.member));
      case 'order':
        return this.#order(message.order, message.reply);
      case 'change-tags':
        return message.reply(this.#changeTags(message.changes));
      case 'rtt':
        return message.reply(this.#brain.rttMs(message.from, message.to) ?? null);
      case 'join':
        this.#joinReply = message.reply;
        return this.#join();
      case 'bans-news':
        return this.#handle({ kind: 'banned', names: message.names });
      case 'identities-news':
        return this.#handle(this.#peerKeys.read(message));
      case 'keys-news':
        return this.#handle({ kind: 'keys', keys: message.keys });
      case 'seeds':
        return this.#discover(message.seeds);
      case 'announce':
        return this.#announce(message.to);
      case 'repeat-news':
        this.#newsPace.change();
        return this.#tellListeners();
      case 'news-rested':
        this.#newsPace.endRest();
        return this.#tellListeners();
      case 'look':
        return this.#handle({ kind: 'health', isDegraded: this.#options.isDegraded?.() === true });
      case 'swim':
        if (message.input.kind === 'packet') this.#waitingBytes -= message.input.packet.length;
        return this.#handle(message.input, message.reply);
    }
  }

  signal(signal: Signal): void {
    if (signal.kind !== 'stop') return;
    this.#stopReason = signal.reason;
    this.#handle({ kind: 'leave', timeoutMs: GOODBYE_MS });
  }

  #join(): void {
    if (this.#hasBegunJoin) return;
    this.#hasBegunJoin = true;
    const { seeds, memory, isDiscovering = false } = this.#options;
    this.#handle({ kind: 'join', seeds, remembered: memory.load(), isDiscovering });
    if (this.#discovered !== undefined) this.#discover(this.#discovered);
  }

  /** Before the join they wait for it. */
  #discover(seeds: readonly Address[]): void {
    this.#discovered = seeds;
    if (this.#hasBegunJoin) this.#handle({ kind: 'discovered', seeds });
  }

  #onPacket(packet: Uint8Array, from: GossipAddress): void {
    if (this.#waitingBytes + packet.length > PACKETS_WAITING_BYTES_MAX) return this.#refuse('backlog');
    if (this.#enqueue({ kind: 'swim', input: { kind: 'packet', packet, from } })) this.#waitingBytes += packet.length;
  }

  /** The transport bounds the bytes of the requests that wait. */
  #onRequest(request: Uint8Array, reply: StreamReply): void {
    if (!this.#enqueue({ kind: 'swim', input: { kind: 'request', request }, reply })) reply(undefined);
  }

  /** From the sockets, whose senders are not to be waited for: what the mailbox refuses is lost, as packets are. */
  #enqueue(message: Happened): boolean {
    const isTaken = this.#context.self.send(message) === 'accepted';
    if (!isTaken) this.#refuse('mailbox-full');
    return isTaken;
  }

  #refuse(reason: string): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }

  #order(order: SerfOrder, reply: Reply<SerfOutcome>): void {
    const effects = this.#brain.handle({ kind: 'order', order }, this.#context.clock.now());
    for (const effect of effects) {
      if (effect.kind === 'ordered') reply(effect.outcome);
      else this.#perform(effect, undefined);
    }
  }

  #changeTags(changes: TagChanges): Tags | TagFault {
    if (Object.keys(changes).length === 0) return this.#tags.all;
    try {
      const tags = this.#tags.change(changes);
      if (tags !== 'too-large') this.#handle({ kind: 'retag', tags });
      return tags;
    } catch (error) {
      this.#context.log.log('warn', 'tags-not-kept', { reason: String(error) });
      return 'not-kept';
    }
  }

  #handle(input: SwimInput, reply?: StreamReply): void {
    const effects = this.#brain.handle(input, this.#context.clock.now());
    for (const effect of effects) this.#perform(effect, reply);
    this.#tellHearers();
    this.#tellListeners();
  }

  #perform(effect: SwimEffect, reply: StreamReply | undefined): void {
    switch (effect.kind) {
      case 'send':
        return this.#transport.send(effect.to, effect.packet);
      case 'request':
        return this.#request(effect);
      case 'reply':
        return reply?.(effect.reply);
      case 'resolve':
        return this.#resolve(effect.seed, effect.host);
      case 'schedule':
        return this.#context.setTimer(`swim-${this.#timers++}`, effect.afterMs, { kind: 'swim', input: { kind: 'timer', timer: effect.timer } });
      case 'notify':
        this.#newsPace.change();
        this.#happenings.push({ atMs: this.#context.clock.now(), event: effect.event });
        return this.#logMember(effect.event);
      case 'settled':
        this.#newsPace.settle();
        return this.#endJoin(undefined);
      case 'namesake':
        return this.#onNamesake(effect);
      case 'joining':
        return this.#logJoining(effect.event);
      case 'serf':
        for (const listener of this.#options.serfListeners) listener.send({ kind: 'serf-heard', news: effect.news });
        return;
      case 'ordered':
        // Given to whoever ordered it.
        return;
      case 'remember':
        return this.#keep('peers-not-remembered', () => this.#options.memory.save(effect.addresses));
      case 'keep-incarnation':
        return this.#keep('incarnation-not-kept', () => this.#options.incarnation.save(effect.incarnation));
      case 'keep-clocks':
        return this.#keep('clocks-not-kept', () => this.#options.clocks.save(effect.times));
      case 'keep-keys':
        return this.#keep('keys-not-kept', () => this.#options.keepKeys(effect.keys));
      case 'left':
        return this.#context.exit(this.#stopReason);
    }
  }

  #request({ exchange, to, request, timeoutMs }: Extract<SwimEffect, { kind: 'request' }>): void {
    this.#context.pipe(
      this.#transport.request(to, request, timeoutMs),
      (answer) => ({ kind: 'swim', input: { kind: 'answered', exchange, answer } }),
      (error) => ({ kind: 'swim', input: { kind: 'unanswered', exchange, reason: error.message, isRefused: isConnectionRefused(error) } }),
    );
  }

  #resolve(seed: string, host: string): void {
    this.#context.pipe(
      this.#options.resolve(host),
      (hosts) => ({ kind: 'swim', input: { kind: 'resolved', seed, hosts } }),
      (error) => ({ kind: 'swim', input: { kind: 'unresolved', seed, reason: error.message } }),
    );
  }

  /** At once: what comes next may tell others of it. */
  #keep(trouble: string, save: () => void): void {
    try {
      save();
    } catch (error) {
      this.#context.log.log('warn', trouble, { reason: String(error) });
    }
  }

  #announce(to: ActorRef<MembershipNews>): void {
    if (this.#newsPace.isWaiting) this.#early.set(to.path, to);
    else to.send({ kind: 'membership-news', members: this.#brain.members });
  }

  #endJoin(fault: MeshError | undefined): void {
    this.#joinReply?.(fault);
    this.#joinReply = undefined;
  }

  #onNamesake({ address, isListed }: Extract<SwimEffect, { kind: 'namesake' }>): void {
    const { name } = this.#options;
    const at = formatAddress(address);
    const todo = 'give each node a name of its own with --name';
    if (isListed && this.#joinReply !== undefined) return this.#endJoin(new MeshError('NAME_TAKEN', `the name ${name} belongs to a node that runs at ${at}`, { given: name, todo }));
    this.#context.log.log('error', 'name-contested', { reason: `name ${name} is also claimed by ${at}`, todo });
  }

  #tellListeners(): void {
    if (!this.#newsPace.take()) return;
    const { members } = this.#brain;
    for (const listener of [...this.#options.listeners, ...this.#early.values()]) listener.send({ kind: 'membership-news', members });
    this.#early.clear();
    this.#context.setTimer('news-rested', NEWS_REST_MS, { kind: 'news-rested' });
  }

  #recordOf(member: string): MemberRecord {
    const record = this.#brain.recordOf(member);
    return record.kind === 'unknown' ? record : { ...record, happenings: this.#dated(record.happenings) };
  }

  /** Monotonic time means nothing elsewhere: this may be a thread of its own. */
  #dated(happenings: readonly Happening[]): Happening[] {
    const { clock } = this.#context;
    const epochMs = clock.wallNow() - clock.now();
    return happenings.map(({ atMs, event }) => ({ atMs: epochMs + atMs, event }));
  }

  #tellHearers(): void {
    if (this.#happenings.length === 0) return;
    const happenings = this.#dated(this.#happenings);
    this.#happenings = [];
    for (const hearer of this.#options.hearers) hearer.send({ kind: 'member-events', happenings });
  }

  #logMember({ type, ...fields }: MemberEvent): void {
    this.#context.log.log(MEMBER_LEVEL[type], `member-${type}`, fields);
  }

  #logJoining({ type, ...fields }: JoinEvent): void {
    // Whoever is no longer where a source has it is no news; the source's own view tells of it.
    const level = type === 'seed-reached' ? 'info' : 'isDiscovered' in fields ? 'debug' : 'warn';
    this.#context.log.log(level, type, fields);
  }
}

function describeInput(input: SwimInput): string {
  return input.kind === 'timer' ? `swim timer ${input.timer.kind}` : `swim ${input.kind}`;
}
