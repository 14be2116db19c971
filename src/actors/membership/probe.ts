/**
 * The failure detector (SWIM, section 3.1): one member is pinged each interval; when its ack is late we try a stream, and
 * others ping it in our place; when nothing comes by the end of the interval it is suspected. Beyond memberlist: the stream
 * is tried first, and if it is refused nobody waits any more. Of a process that lives, however slow, a stream is taken.
 *
 * What comes and what does not also says how well this node hears (Lifeguard, section IV-A, in memberlist's numbers): an
 * answer by any way lowers the score by one; none raises it by one, or, where others were asked to say so when they got
 * none either (nacks), by one for each of these that kept silent. The interval and the timeout grow with the score.
 * memberlist scales the interval only; the paper both.
 */
import { sample } from '../../random.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import { accusationOf } from './claims.ts';
import type { Datagrams } from './datagrams.ts';
import type { ProbeEvidence } from './member-events.ts';
import type { Member } from './member-table.ts';
import type { SwimContext } from './swim-context.ts';
import type { Updates } from './updates.ts';
import { addressOf } from './wire/ip-address.ts';
import { encodeMessage, type Ack, type IndirectPing, type Message, type Ping } from './wire/messages.ts';
import { NO_BYTES } from './wire/msgpack.ts';
import type { StreamMessage } from './wire/stream.ts';
import type { DropReason } from './wire/wire-fault.ts';

/** Pings at work for others; who asks for more than this is not in trouble, but trouble. */
const RELAYS_MAX = 1_024;
/** Peers that answer a ping on a stream understand protocol 3. */
const STREAM_PING_PROTOCOL = 3;
/** The stream is tried when this share of the time for the ack is over. */
const STREAM_PING_SHARE = 1 / 2;
/** Peers that understand protocol 4 send nacks; of others none can be missed. */
const NACK_PROTOCOL = 4;
/** Nacks leave at this share of the relay's own timeout (Lifeguard, section IV-A), to come before the round is over. */
const NACK_SHARE = 0.8;
/** memberlist's relays send theirs after the whole timeout, which is too late for its own rounds; the rest is for the way. */
const NACKS_DUE_TIMEOUTS = 2;

interface Round {
  readonly seqNo: number;
  readonly target: string;
  /** What is suspected when the round fails: a member that refuted meanwhile has a higher one. */
  readonly incarnation: number;
  /** As long as this node needs by its health when the round began. */
  readonly lastsMs: number;
  readonly timeoutMs: number;
  readonly sentAtMs: number;
  endsAtMs: number;
  isAcked: boolean;
  /** Nobody listens at the member's address. */
  isRefused: boolean;
  /** Some were asked to say so when they get no answer either. */
  awaitsNacks: boolean;
  /** What was tried when the direct ping was not answered. */
  helpers: readonly string[];
  stream: string;
}

/** Of those that were asked for one. */
interface Nacks {
  readonly seqNo: number;
  missing: number;
}

interface Relay {
  readonly seqNo: number;
  readonly requester: GossipAddress;
  readonly wantsNack: boolean;
}

export class Probe {
  readonly #context: SwimContext;
  readonly #updates: Updates;
  readonly #datagrams: Datagrams;
  #round: Round | undefined;
  /** Outlasts the round. */
  #nacks: Nacks | undefined;
  /** This node stood still since the round began. */
  #wasLate = false;
  /** By the sequence number of our own ping. */
  readonly #relays = new Map<number, Relay>();

  constructor(context: SwimContext, updates: Updates, datagrams: Datagrams) {
    this.#context = context;
    this.#updates = updates;
    this.#datagrams = datagrams;
  }

  /** Ends the round that runs and begins the next. */
  onProbeTimer(): void {
    if (this.#context.isLeaving) return;
    const { now, health, profile } = this.#context;
    if (this.#round !== undefined && now < this.#round.endsAtMs) return this.#context.schedule(this.#round.endsAtMs - now, { kind: 'probe' });
    this.#concludeRound();
    const lastsMs = health.scale(profile.probeIntervalMs);
    this.#context.schedule(lastsMs, { kind: 'probe' });
    this.#remindAccused();
    const { next, forgotten } = this.#context.table.nextTurn(isProbed, (member) => this.#isForgotten(member));
    this.#context.depart(forgotten);
    if (next !== undefined) this.#beginRound(next, lastsMs);
  }

  onStreamDue(seqNo: number): void {
    const round = this.#round;
    if (round?.seqNo !== seqNo || round.isAcked || this.#context.isLeaving) return;
    const target = this.#context.table.get(round.target);
    if (target === undefined) return;
    const untilAckMs = (1 - STREAM_PING_SHARE) * round.timeoutMs;
    this.#context.schedule(untilAckMs, { kind: 'ack-due', seqNo });
    this.#pingOnStream(target, round, round.lastsMs - round.timeoutMs + untilAckMs);
  }

  onAckDue(seqNo: number): void {
    const round = this.#round;
    if (round?.seqNo !== seqNo || round.isAcked || this.#context.isLeaving) return;
    const target = this.#context.table.get(round.target);
    if (target !== undefined) this.#askOthers(target, round);
  }

  onNack(seqNo: number): void {
    if (this.#nacks?.seqNo === seqNo) this.#nacks.missing--;
  }

  /** Who was asked and is well connected has said by now that it got no answer either. Whose nack is missing we may not hear. */
  onNacksDue(seqNo: number): void {
    const nacks = this.#nacks;
    if (nacks?.seqNo !== seqNo) return;
    this.#nacks = undefined;
    this.#context.health.strain('missed-nacks', nacks.missing);
  }

  /** This node stood still. Answers may wait at its door: the round is held up, once, and until then accuses nobody. */
  onLate(lateMs: number): void {
    this.#nacks = undefined;
    if (this.#wasLate) return;
    this.#wasLate = true;
    this.#context.health.strain('late-loop');
    const round = this.#round;
    if (round === undefined || round.isAcked) return;
    round.endsAtMs = Math.max(round.endsAtMs, this.#context.now + Math.min(lateMs, round.lastsMs));
  }

  onAck(ack: Ack): void {
    const round = this.#round;
    if (round?.seqNo === ack.seqNo) {
      if (!round.isAcked) this.#measure(round, ack);
      round.isAcked = true;
    }
    if (this.#nacks?.seqNo === ack.seqNo) this.#nacks = undefined;
    const relay = this.#relays.get(ack.seqNo);
    if (relay === undefined) return;
    this.#relays.delete(ack.seqNo);
    this.#context.send(relay.requester, { type: 'ack', seqNo: relay.seqNo, payload: NO_BYTES });
  }

  /** Only what the member answered itself has a coordinate with it; and what came late says little about the way. */
  #measure({ target: peer, sentAtMs, timeoutMs }: Round, { payload }: Ack): void {
    const rttMs = this.#context.now - sentAtMs;
    if (payload.length > 0 && rttMs <= timeoutMs) this.#context.tellSerf({ kind: 'round-trip', peer, payload, rttMs });
  }

  onStreamAnswer(answer: StreamMessage | DropReason): void {
    if (typeof answer === 'string') return this.#context.drop(answer);
    if (answer.type === 'ack') {
      const target = this.#round?.seqNo === answer.seqNo ? this.#context.table.get(this.#round.target) : undefined;
      if (target !== undefined) this.#datagrams.doubt(target);
      return this.onAck(answer);
    }
    this.#context.drop(`${answer.type}-for-ping`);
  }

  onStreamUnanswered(seqNo: number, reason: string, isRefused: boolean): void {
    const round = this.#round;
    if (round?.seqNo !== seqNo) return;
    round.stream = reason;
    round.isRefused = isRefused;
    if (isRefused && !round.isAcked && !this.#context.isLeaving) this.#concludeRound();
  }

  onPing(ping: Ping, from: GossipAddress): void {
    if (!this.isForMe(ping)) return this.#context.drop('ping-for-another');
    if (this.#context.banned.has(ping.sourceNode)) return this.#context.drop('banned');
    const to = sourceOf(ping) ?? from;
    // Where this node is in the space of round trips; strangers get no more than they sent.
    const isForSerf = this.#context.application === 'serf' && this.#context.table.at(to) !== undefined;
    const payload = isForSerf ? this.#context.serf.ackPayload : NO_BYTES;
    const answer: Message[] = [{ type: 'ack', seqNo: ping.seqNo, payload }];
    const pinger = this.#context.table.get(ping.sourceNode);
    // It pings, so it lives: with the ack it learns what it has to refute.
    if (pinger !== undefined && pinger.status !== 'alive' && !this.#context.isLeaving) answer.push(accusationOf(pinger, this.#context.name));
    this.#context.send(to, ...answer);
  }

  /** Whether a ping is for this node: one without a name is for anyone. */
  isForMe(ping: Ping): boolean {
    return ping.node === '' || ping.node === this.#context.name;
  }

  onIndirectPing(asked: IndirectPing, from: GossipAddress): void {
    const target = this.#context.addressOf(asked.target, asked.port);
    if (target === undefined) return this.#context.drop('bad-address');
    if (this.#relays.size >= RELAYS_MAX) return this.#context.drop('relays-max');
    const seqNo = this.#context.nextSeqNo();
    this.#relays.set(seqNo, { seqNo: asked.seqNo, requester: sourceOf(asked) ?? from, wantsNack: asked.nack });
    this.#context.send(target, this.#ping(seqNo, asked.node));
    this.#context.schedule(NACK_SHARE * this.#context.profile.probeTimeoutMs, { kind: 'relay-due', seqNo });
  }

  /** The target did not answer us either: a nack tells the requester that at least we are well connected. */
  onRelayDue(seqNo: number): void {
    const relay = this.#relays.get(seqNo);
    if (relay === undefined) return;
    this.#relays.delete(seqNo);
    if (relay.wantsNack) this.#context.send(relay.requester, { type: 'nack', seqNo: relay.seqNo });
  }

  /**
   * Tells a few of the suspected, and of the dead that are not forgotten, what is held against them. The rumour may have
   * been spent while a partition kept it from them; a suspect's turn to be pinged may come after its time is up, and a
   * member that only this node holds dead would be pinged by nobody who could tell it so.
   */
  #remindAccused(): void {
    const { table, random, profile, name } = this.#context;
    const dead = table.count('dead') === 0 ? [] : table.peers(({ status }) => status === 'dead');
    const accused = [...sample(random, table.suspects(), profile.gossipNodes), ...sample(random, dead, profile.gossipNodes)];
    for (const member of accused) this.#context.send(member.address, accusationOf(member, name));
  }

  #beginRound(target: Member, lastsMs: number): void {
    const { health, profile, now } = this.#context;
    const seqNo = this.#context.nextSeqNo();
    const timeoutMs = health.scale(profile.probeTimeoutMs);
    const { name: targetName, incarnation } = target;
    this.#round = { seqNo, target: targetName, incarnation, lastsMs, timeoutMs, sentAtMs: now, endsAtMs: now + lastsMs, isAcked: false, isRefused: false, awaitsNacks: false, helpers: [], stream: 'not tried' };
    if (this.#datagrams.isLost(target.name)) {
      this.#datagrams.test(target);
      this.#pingOnStream(target, this.#round, lastsMs);
      return this.#context.schedule(timeoutMs, { kind: 'ack-due', seqNo });
    }
    const messages: Message[] = [this.#ping(seqNo, target.name)];
    // A suspected member hears of it with the ping itself, and can refute with the ack (Lifeguard, section IV-C: buddy system).
    if (target.status === 'suspect') messages.push(accusationOf(target, this.#context.name));
    this.#context.send(target.address, ...messages);
    this.#context.schedule(STREAM_PING_SHARE * timeoutMs, { kind: 'stream-due', seqNo });
  }

  #concludeRound(): void {
    const [round, wasLate] = [this.#round, this.#wasLate];
    this.#round = undefined;
    this.#wasLate = false;
    // With nobody to ask, keeping time is all there is to go by.
    if ((round === undefined || round.isAcked) && !wasLate) this.#context.health.relieve();
    if (round === undefined || round.isAcked) return;
    // Where others were asked, their silence says more; it is judged when their nacks are due. A refusal was heard.
    if (!round.awaitsNacks && !round.isRefused && !wasLate) this.#context.health.strain('missed-acks');
    const { incarnation, target: node, helpers, stream } = round;
    const probe: ProbeEvidence = { helpers, stream, health: this.#context.health.score };
    this.#updates.suspect({ incarnation, node, from: this.#context.name }, { reason: 'no-ack', probe });
  }

  #askOthers(target: Member, round: Round): void {
    const { table, random, profile } = this.#context;
    const able = table.peers((member) => member.status === 'alive' && member.name !== target.name);
    const { addr, address, name: node } = target;
    const { seqNo, lastsMs, timeoutMs } = round;
    const helpers = sample(random, able, profile.indirectChecks);
    round.helpers = helpers.map(({ name }) => name);
    let nacks = 0;
    for (const helper of helpers) {
      const nack = (helper.vsn[1] ?? 0) >= NACK_PROTOCOL;
      if (nack) nacks++;
      this.#context.send(helper.address, { type: 'indirectPing', seqNo, target: addr, port: address.port, node, nack, ...this.#source() });
    }
    if (nacks === 0) return;
    if (this.#nacks !== undefined) this.onNacksDue(this.#nacks.seqNo);
    this.#nacks = { seqNo, missing: nacks };
    round.awaitsNacks = true;
    this.#context.schedule(Math.max(NACKS_DUE_TIMEOUTS * profile.probeTimeoutMs, lastsMs - timeoutMs), { kind: 'nacks-due', seqNo });
  }

  /** Where datagrams are lost or blocked and streams are not, the member is alive all the same. */
  #pingOnStream(target: Member, round: Round, patienceMs: number): void {
    const { seqNo } = round;
    if ((target.vsn[1] ?? 0) < STREAM_PING_PROTOCOL) return;
    round.stream = 'no answer in time';
    this.#context.request(target.address, encodeMessage(this.#ping(seqNo, target.name)), patienceMs, { kind: 'ping', seqNo });
  }

  #ping(seqNo: number, node: string): Ping {
    return { type: 'ping', seqNo, node, ...this.#source() };
  }

  #source(): Pick<Ping, 'sourceAddr' | 'sourcePort' | 'sourceNode'> {
    const { addr, address, name } = this.#context.self;
    return { sourceAddr: addr, sourcePort: address.port, sourceNode: name };
  }

  #isForgotten({ status, statusSinceMs }: Member): boolean {
    return (status === 'dead' || status === 'left') && this.#context.now - statusSinceMs > this.#context.profile.gossipToTheDeadMs;
  }
}

function isProbed({ status }: Member): boolean {
  return status === 'alive' || status === 'suspect';
}

function sourceOf({ sourceAddr, sourcePort }: Pick<Ping, 'sourceAddr' | 'sourcePort'>): GossipAddress | undefined {
  return addressOf(sourceAddr, sourcePort);
}
