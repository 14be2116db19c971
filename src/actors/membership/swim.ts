/**
 * The brain of membership: SWIM with Lifeguard's suspicion, as memberlist speaks it. One door, `handle`: what happened
 * goes in, what should be done comes out. Same inputs, same random numbers, same times: same effects.
 *
 * The parts: `updates` judges claims, `probe` makes accusations, `push-pull` repairs, `join` finds the mesh.
 */
import { sample, type Random } from '../../random.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import { Datagrams } from './datagrams.ts';
import { Health } from './health.ts';
import { Join } from './join.ts';
import { Lateness } from './lateness.ts';
import type { Member } from './member-table.ts';
import type { MemberRecord, MembershipView, MemberView } from './membership-messages.ts';
import { Namesake } from './namesake.ts';
import { Probe } from './probe.ts';
import type { Profile } from './profile.ts';
import { PushPull } from './push-pull.ts';
import { Relocation } from './relocation.ts';
import { SwimContext, TOLD_AT_ONCE_MAX } from './swim-context.ts';
import { ClockKeeper } from './serf/clock-keeper.ts';
import type { ClockTimes } from './serf/lamport-clock.ts';
import type { SerfOrder } from './serf/serf-orders.ts';
import type { SwimEffect, SwimInput, SwimTimer } from './swim-effects.ts';
import { Updates } from './updates.ts';
import type { Application } from './version-vector.ts';
import { PLAIN_ENVELOPE, type Envelope } from './wire/envelope.ts';
import type { Message } from './wire/messages.ts';
import type { StreamMessage } from './wire/stream.ts';
import { encodeTags, type Tags } from './wire/tags.ts';
import type { DropReason } from './wire/wire-fault.ts';

export interface SwimOptions {
  /** Unique in the mesh, at most 255 bytes. */
  readonly name: string;
  /** Where others reach this node. */
  readonly address: GossipAddress;
  /** Within `META_BYTES_MAX` when encoded. */
  readonly tags: Tags;
  readonly profile: Profile;
  readonly random: Random;
  /** The highest that an earlier life may have announced. Default: 0, there was none. */
  readonly keptIncarnation?: number;
  /** What the Lamport clocks of an earlier life showed. */
  readonly keptClocks?: ClockTimes;
  /** Plain and uncompressed when it is left out. */
  readonly envelope?: Envelope;
  /** What the members are to each other. Default: Serf's agents. */
  readonly application?: Application;
}

const VERIFIED = { proved: 'yes', pending: 'pending', unsigned: 'no', false: 'false' } as const;

/** Long enough for the first answer of a seed, so that what was learnt outlives an early crash. */
const FIRST_REJOIN_MS = 1_000;

/** How long an intent to leave takes to get around, when many have been told it directly. */
const INTENT_GOSSIP_INTERVALS = 2;

export class Swim {
  readonly #options: SwimOptions;
  readonly #context: SwimContext;
  readonly #namesake: Namesake;
  readonly #relocation: Relocation;
  readonly #datagrams: Datagrams;
  readonly #updates: Updates;
  readonly #health: Health;
  readonly #probe: Probe;
  readonly #pushPull: PushPull;
  readonly #join: Join;
  readonly #lateness: Lateness;
  readonly #clockKeeper: ClockKeeper;
  #isGoing = false;
  #goodbyeAtMs = Infinity;
  #hasLeft = false;

  constructor(options: SwimOptions) {
    this.#options = options;
    this.#context = new SwimContext(options.name, options.profile, options.random, options.envelope ?? PLAIN_ENVELOPE, options.application, options.keptClocks);
    this.#clockKeeper = new ClockKeeper(this.#context.serf.clocks);
    this.#namesake = new Namesake(this.#context);
    this.#relocation = new Relocation(this.#context);
    this.#updates = new Updates(this.#context, this.#namesake, this.#relocation);
    this.#health = new Health(this.#context, this.#updates);
    this.#datagrams = new Datagrams(this.#context);
    this.#probe = new Probe(this.#context, this.#updates, this.#datagrams);
    this.#pushPull = new PushPull(this.#context, this.#updates, this.#probe, this.#namesake);
    this.#join = new Join(this.#context, this.#pushPull, this.#namesake);
    this.#lateness = new Lateness(options.profile.lateAfterMs);
  }

  /** @param now milliseconds on the clock that `schedule` effects are measured with; never goes back */
  handle(input: SwimInput, now: number): SwimEffect[] {
    this.#context.now = now;
    this.#noticeLateness();
    this.#take(input);
    const effects = this.#context.takeEffects();
    this.#join.heed(effects);
    return [...effects, ...this.#context.takeEffects()];
  }

  /** Those that gossip has not forgotten. */
  get members(): MemberView[] {
    return Array.from(this.#context.table.all(), (member) => this.#viewOf(member));
  }

  /** Expected round trip between two members; undefined while one of them is not known or has not been measured. */
  rttMs(a: string, b: string): number | undefined {
    return this.#context.serf.rttMs(a, b);
  }

  get view(): MembershipView {
    const departed = Array.from(this.#context.departed.all(), (member) => ({ ...this.#viewOf(member), isDeparted: true as const }));
    return { members: [...this.members, ...departed], unreachedSeeds: this.#join.unreached, dropped: { ...this.#context.dropped }, localHealth: this.#context.health.view };
  }

  /** What is known about one member, also when it is forgotten. */
  recordOf(name: string): MemberRecord {
    const member = this.#context.table.get(name) ?? this.#context.departed.get(name);
    const happenings = this.#context.chronicle.of(name);
    if (member === undefined && happenings === undefined) return { kind: 'unknown', names: [...this.view.members.map((known) => known.name), ...this.#context.chronicle.names] };
    return { kind: 'known', member: member && this.#viewOf(member), happenings: happenings ?? [] };
  }

  #take(input: SwimInput): void {
    switch (input.kind) {
      case 'started':
        return this.#start();
      case 'join':
        return this.#join.join(input.seeds, input.remembered, input.isDiscovering ?? false);
      case 'discovered':
        return this.#join.discover(input.seeds);
      case 'resolved':
        return this.#join.onResolved(input.seed, input.hosts);
      case 'unresolved':
        return this.#join.onSeedFailed(input.seed, input.reason);
      case 'packet':
        return this.#takePacket(input.packet, input.from);
      case 'request':
        return this.#pushPull.onRequest(this.#context.envelope.openRequest(input.request));
      case 'answered':
        return this.#takeAnswer(input.exchange, input.answer);
      case 'unanswered':
        return this.#missAnswer(input);
      case 'timer':
        return this.#takeTimer(input.timer);
      case 'retag':
        return this.#updates.retag(encodeTags(input.tags));
      case 'order':
        return this.#order(input.order);
      case 'health':
        return this.#health.note(input.isDegraded);
      case 'banned':
        return this.#updates.ban(input.names);
      case 'identities':
        return this.#learn(input);
      case 'keys':
        return this.#context.envelope.keyring?.replace(input.keys);
      case 'leave':
        return this.#leave(input.timeoutMs);
    }
  }

  #start(): void {
    const { profile, random } = this.#context;
    this.#updates.introduceSelf(this.#options.address, encodeTags(this.#options.tags), (this.#options.keptIncarnation ?? 0) + 1);
    // Nodes that start together should not beat together.
    this.#scheduleGossip(random.next() * profile.gossipIntervalMs);
    this.#context.schedule(random.next() * profile.probeIntervalMs, { kind: 'probe' });
    this.#context.schedule(random.next() * profile.pushPullIntervalMs, { kind: 'push-pull' });
    this.#context.schedule(FIRST_REJOIN_MS, { kind: 'rejoin' });
  }

  #takePacket(packet: Uint8Array, from: GossipAddress): void {
    const { messages, drops } = this.#context.envelope.openPacket(packet);
    for (const reason of drops) this.#context.drop(reason);
    for (const message of messages) this.#takeMessage(message, from);
  }

  #takeMessage(message: Message, from: GossipAddress): void {
    switch (message.type) {
      case 'ping':
        return this.#probe.onPing(message, from);
      case 'indirectPing':
        return this.#probe.onIndirectPing(message, from);
      case 'ack':
        return this.#relocation.onAck(message.seqNo) || this.#datagrams.onAck(message.seqNo) ? undefined : this.#probe.onAck(message);
      case 'alive':
        return this.#updates.alive(message);
      case 'suspect':
        return this.#updates.suspect(message, { reason: 'told' });
      case 'dead':
        return this.#updates.dead(message, 'told');
      case 'nack':
        return this.#probe.onNack(message.seqNo);
      case 'user':
        return this.#context.tellSerf({ kind: 'message', payload: message.payload });
    }
  }

  #takeAnswer(number: number, bytes: Uint8Array): void {
    const exchange = this.#context.takeExchange(number);
    if (exchange === undefined) return;
    const answer = this.#context.envelope.openReply(bytes);
    if (exchange.kind === 'ping') return this.#probe.onStreamAnswer(answer);
    if (exchange.kind === 'namesake') return this.#askedNamesake(exchange, answer);
    if (exchange.kind === 'relocation') return this.#move(this.#relocation.onStreamAnswer(exchange.member, exchange.seqNo, answer));
    const fault = this.#pushPull.onAnswer(answer, exchange.to);
    if (fault === undefined) this.#join.onAnswered(exchange);
    else this.#join.onUnanswered(exchange, fault);
  }

  #missAnswer({ exchange: number, reason, isRefused = false }: Extract<SwimInput, { kind: 'unanswered' }>): void {
    const exchange = this.#context.takeExchange(number);
    if (exchange?.kind === 'push-pull') this.#join.onUnanswered(exchange, reason);
    if (exchange?.kind === 'ping') this.#probe.onStreamUnanswered(exchange.seqNo, reason, isRefused);
    if (exchange?.kind === 'namesake') this.#askedNamesake(exchange, undefined);
    if (exchange?.kind === 'relocation') this.#move(this.#relocation.onStreamAnswer(exchange.member, exchange.seqNo, undefined));
  }

  #askedNamesake({ address, incarnation }: { readonly address: GossipAddress; readonly incarnation: number }, answer: StreamMessage | DropReason | undefined): void {
    if (!this.#namesake.onAnswer(address, answer)) this.#updates.outbid(incarnation);
    this.#join.settle();
  }

  #move(claim: Parameters<Updates['move']>[0] | undefined): void {
    if (claim !== undefined && !this.#context.isLeaving) this.#updates.move(claim);
  }

  #takeTimer(timer: SwimTimer): void {
    switch (timer.kind) {
      case 'gossip':
        return this.#gossip();
      case 'probe':
        return this.#probe.onProbeTimer();
      case 'stream-due':
        return this.#probe.onStreamDue(timer.seqNo);
      case 'ack-due':
        return this.#probe.onAckDue(timer.seqNo);
      case 'nacks-due':
        return this.#probe.onNacksDue(timer.seqNo);
      case 'relay-due':
        return this.#probe.onRelayDue(timer.seqNo);
      case 'suspicion':
        return this.#updates.onSuspicionTimer(timer.member, timer.number);
      case 'push-pull':
        return this.#pushPull.onPushPullTimer();
      case 'announce':
        return this.#pushPull.onAnnounceTimer(timer.to);
      case 'datagram-due':
        return this.#datagrams.onTestDue(timer.member, timer.seqNo);
      case 'relocation-due':
        return this.#move(this.#relocation.onDue(timer.member, timer.seqNo));
      case 'seed':
        return this.#join.onSeedTimer(timer.seed, timer.attempt);
      case 'rejoin':
        return this.#join.onRejoinTimer();
      case 'first-tries-due':
        return this.#join.onFirstTriesDue();
      case 'serf':
        return this.#context.tellSerf({ kind: 'timer', timer: timer.timer });
      case 'goodbye':
        return this.#sayGoodbye();
      case 'leave-timeout':
        return this.#endLeaving();
    }
  }

  /** While this node stood still it heard nobody: it must hear first what waits, and then judge. */
  #noticeLateness(): void {
    const lateMs = this.#lateness.take(this.#context.now);
    if (lateMs === 0) return;
    this.#probe.onLate(lateMs);
    this.#updates.onLate(lateMs);
  }

  #scheduleGossip(afterMs: number): void {
    this.#lateness.expectBeat(this.#context.now + afterMs);
    this.#context.schedule(afterMs, { kind: 'gossip' });
  }

  #gossip(): void {
    this.#scheduleGossip(this.#context.profile.gossipIntervalMs);
    this.#keepClocks(false);
    this.#spread();
    for (const { address } of this.#context.isLeaving ? [] : this.#datagrams.takeUntold()) this.#pushPull.exchange(address, false, undefined);
    // The goodbye is out when it has been sent as often as it is ever sent; what was sent a moment ago the sockets may still hold.
    const isOut = !this.#context.queue.has(this.#context.name) && this.#context.now - this.#goodbyeAtMs >= this.#context.profile.gossipIntervalMs;
    if (this.#context.isLeaving && isOut) this.#endLeaving();
  }

  /** To some of those that may be alive, the freshly dead among them: they may not know what is said about them. */
  #spread(): void {
    if (this.#context.queue.size === 0) return;
    const { table, profile, now } = this.#context;
    const listeners = table.draw(profile.gossipNodes, ({ status, statusSinceMs }) => {
      if (status === 'dead') return now - statusSinceMs < profile.gossipToTheDeadMs;
      return status !== 'left';
    });
    // Those whom datagrams do not reach are told on streams.
    const reached = listeners.filter(({ name }) => !this.#datagrams.isLost(name));
    for (const peer of reached) if (!this.#context.sendGossip(peer)) return;
  }

  #order(order: SerfOrder): void {
    const effects = this.#context.application === 'serf' ? this.#context.serf.order(order, this.#context.now) : 'no-serf';
    if (typeof effects !== 'string') this.#context.perform(effects);
    this.#context.emit({ kind: 'ordered', outcome: typeof effects === 'string' ? effects : 'done' });
  }

  /**
   * Peers of Serf believe that who goes has failed, unless they have heard before that it means to go: that is said
   * first, and given time to get around.
   */
  #leave(timeoutMs: number): void {
    if (this.#isGoing) return;
    this.#isGoing = true;
    const hasListeners = this.#context.table.peers(({ status }) => status === 'alive').length > 0;
    if (!hasListeners || this.#namesake.isListed) {
      this.#updates.leave();
      return this.#endLeaving();
    }
    this.#context.schedule(timeoutMs, { kind: 'leave-timeout' });
    if (this.#context.application !== 'serf') return this.#sayGoodbye();
    const intent = this.#context.serf.handle({ kind: 'leaving' }, this.#context.now);
    this.#context.perform(intent);
    for (const effect of intent) if (effect.kind === 'gossip') this.#tellMany({ type: 'user', payload: effect.message });
    this.#context.schedule(Math.min(timeoutMs / 2, INTENT_GOSSIP_INTERVALS * this.#context.profile.gossipIntervalMs), { kind: 'goodbye' });
  }

  #learn({ signer, peers }: Extract<SwimInput, { kind: 'identities' }>): void {
    const { proofs } = this.#context;
    if (proofs.learn(signer, peers)) this.#updates.signAgain();
    if (proofs.takeDoubt()) this.#pushPull.askAnybody();
    for (const { address } of this.#context.isLeaving ? [] : proofs.takeHeldBack()) this.#pushPull.exchange(address, false, undefined);
  }

  #sayGoodbye(): void {
    this.#goodbyeAtMs = this.#context.now;
    this.#updates.leave();
    const { incarnation, name } = this.#context.self;
    this.#tellMany({ type: 'dead', incarnation, node: name, from: name });
  }

  /** At once and not as gossip: what a node says last should not have far to go. */
  #tellMany(message: Message): void {
    const { table, random } = this.#context;
    const listeners = table.peers(({ status }) => status === 'alive' || status === 'suspect');
    for (const { address } of sample(random, listeners, TOLD_AT_ONCE_MAX)) this.#context.send(address, message);
  }

  #keepClocks(isLast: boolean): void {
    const times = this.#clockKeeper.take(this.#context.serf.clocks, this.#context.now, isLast);
    if (times !== undefined) this.#context.emit({ kind: 'keep-clocks', times });
  }

  #endLeaving(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#keepClocks(true);
    this.#context.emit({ kind: 'left' });
  }

  #viewOf({ name, address, tags, status, incarnation, statusSinceMs, proof }: Member): MemberView {
    const { proofs } = this.#context;
    const quarantine = proofs.quarantineOf(name);
    return {
      name,
      ...address,
      tags,
      status,
      incarnation,
      statusSinceMs,
      isSelf: name === this.#context.name,
      ...(proofs.isOn && { verified: VERIFIED[proof] }),
      ...(quarantine !== undefined && { quarantine }),
      ...(this.#datagrams.isLost(name) ? { isUdpLost: true } : {}),
    };
  }
}
