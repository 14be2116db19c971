/** What the parts of one brain share: who we are, who is known, what waits to be gossiped, what is wished for. */
import { randomInt, type Random } from '../../random.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import { Chronicle } from './chronicle.ts';
import { ClaimProofs } from './claim-proofs.ts';
import { Departed } from './departed.ts';
import { transmitsMax } from './dissemination.ts';
import { LocalHealth } from './local-health.ts';
import type { MemberEvent } from './member-events.ts';
import { MemberTable, type Member } from './member-table.ts';
import { Outgoing } from './outgoing.ts';
import type { Profile } from './profile.ts';
import type { SwimEffect, SwimTimer } from './swim-effects.ts';
import type { ClockTimes } from './serf/lamport-clock.ts';
import { Serf } from './serf/serf.ts';
import type { SerfEffect, SerfInput } from './serf/serf-effects.ts';
import type { Application } from './version-vector.ts';
import type { Envelope } from './wire/envelope.ts';
import { addressKey, addressOf } from './wire/ip-address.ts';
import type { KeyChange, KeyOutcome } from './wire/keyring.ts';
import { encodeMessage, type Message } from './wire/messages.ts';
import { NO_BYTES } from './wire/msgpack.ts';
import { COMPOUND_HEADER_BYTES, CRC_HEADER_BYTES, PARTS_MAX, PART_HEADER_BYTES } from './wire/packet.ts';

/** What is to be done with the answer to a request. */
export type Exchange = { readonly kind: 'ping'; readonly seqNo: number } | { readonly kind: 'namesake'; readonly address: GossipAddress; readonly incarnation: number } | { readonly kind: 'relocation'; readonly member: string; readonly seqNo: number } | PushPullExchange;

export interface PushPullExchange {
  readonly kind: 'push-pull';
  readonly to: GossipAddress;
  /** When a seed is being joined with it. */
  readonly seed: string | undefined;
}

/** Some hundred bytes each; in larger meshes these tell the others in a gossip interval or two. */
export const TOLD_AT_ONCE_MAX = 64;

/** Peers that understand protocol 5 read checksums (memberlist 0.1.0 on). */
const CRC_PROTOCOL = 5;

export class SwimContext {
  readonly name: string;
  readonly profile: Profile;
  readonly random: Random;
  readonly table: MemberTable;
  /** What everything goes out in and comes in. */
  readonly envelope: Envelope;
  /** Not in the table any more. */
  readonly departed = new Departed();
  readonly chronicle = new Chronicle();
  readonly health: LocalHealth;
  readonly queue = new Outgoing();
  readonly application: Application;
  /** Of no use where the application is another, or none: then it neither hears nor says anything. */
  readonly serf: Serf;
  readonly proofs = new ClaimProofs(this);
  /** What came in and was not used, by reason. */
  readonly dropped: Record<string, number> = {};
  /** By name. Whoever knows the key of gossip can speak in their place, and say what they like of them. */
  banned: ReadonlySet<string> = new Set();
  /** Where they were, name by address. */
  readonly bannedAt = new Map<string, string>();
  /** Of the input being handled. */
  now = 0;
  /** From the moment of leaving on this node claims nothing more, about itself or others. */
  isLeaving = false;
  #effects: SwimEffect[] = [];
  readonly #exchanges = new Map<number, Exchange>();
  #exchange = 0;
  #seqNo: number;

  constructor(name: string, profile: Profile, random: Random, envelope: Envelope, application: Application = 'serf', keptClocks?: ClockTimes) {
    this.name = name;
    this.application = application;
    this.envelope = envelope;
    this.profile = profile;
    this.random = random;
    this.table = new MemberTable(name, random);
    this.health = new LocalHealth(profile.awarenessMultiplierMax);
    this.serf = new Serf({ table: this.table, random, gossipIntervalMs: profile.gossipIntervalMs, keptClocks, keys: { change: (change) => this.changeKeys(change), list: () => (envelope.keyring?.isManaged === true ? 'managed' : envelope.keyring?.keys.map((key) => key.export().toString('base64'))) } });
    // A random start, so that a late ack to an earlier life of this node means nothing.
    this.#seqNo = randomInt(random, 2 ** 32);
  }

  emit(effect: SwimEffect): void {
    this.#effects.push(effect);
  }

  /** What was wished for since the last call. */
  takeEffects(): SwimEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  notify(event: MemberEvent): void {
    this.chronicle.note(event, this.now);
    this.emit({ kind: 'notify', event });
    const { type, member: name } = event;
    if (type === 'alive' || type === 'dead' || type === 'left' || type === 'reaped') this.tellSerf({ kind: 'member', name, became: type });
  }

  tellSerf(input: SerfInput): void {
    if (this.application !== 'serf') return input.kind === 'message' ? this.drop('user-unused') : undefined;
    this.perform(this.serf.handle(input, this.now));
  }

  /** Gossip has forgotten them; people have a day. */
  depart(members: readonly Member[]): void {
    for (const member of members) this.departed.set(member);
    for (const { name, incarnation, status } of this.departed.takeExpired(this.now)) this.notify({ type: 'reaped', reason: status === 'left' ? 'left' : 'dead', member: name, incarnation });
  }

  /** What Serf wishes for. */
  perform(effects: readonly SerfEffect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  /** What Serf says beside a member list. */
  get serfState(): Uint8Array {
    return this.application === 'serf' ? this.serf.state : NO_BYTES;
  }

  schedule(afterMs: number, timer: SwimTimer): void {
    this.emit({ kind: 'schedule', afterMs, timer });
  }

  drop(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  nextSeqNo(): number {
    this.#seqNo = (this.#seqNo + 1) >>> 0;
    return this.#seqNo;
  }

  /** This node, as it announces itself. */
  get self(): Member {
    return this.table.get(this.name)!;
  }

  /** Of a member, as others say it. Peers of protocol 1 say no port: it is the one that all have, so ours. */
  addressOf(addr: Uint8Array, port: number): GossipAddress | undefined {
    return addressOf(addr, port === 0 ? this.self.address.port : port);
  }

  broadcast(message: Message & { readonly node: string }): void {
    this.queue.put(message.node, encodeMessage(message));
  }

  /**
   * Sends messages, filled up with gossip when the address is a member's that may live. Others get no more than they asked
   * for: the address may be forged, and a short packet must not become a long one at somebody else's door; and with the dead
   * gossip would be spent on nobody.
   */
  send(to: GossipAddress, ...messages: Message[]): void {
    const parts = messages.map(encodeMessage);
    const member = this.table.at(to);
    if (member?.status === 'alive' || member?.status === 'suspect') parts.push(...this.#gossipBeside(parts));
    this.#sendParts(to, member, parts);
  }

  /** Sends a message and nothing beside it. */
  tell(to: Member, message: Message): void {
    this.#sendParts(to.address, to, [encodeMessage(message)]);
  }

  /** Sends a packet of gossip. False when there is none. */
  sendGossip(to: Member): boolean {
    const parts = this.#gossipBeside([]);
    if (parts.length > 0) this.#sendParts(to.address, to, parts);
    return parts.length > 0;
  }

  /** For a mesh whose keys are changed while it runs: install the new one everywhere, use it everywhere, remove the old one. */
  changeKeys(change: KeyChange): KeyOutcome | 'not-encrypted' {
    const { keyring } = this.envelope;
    if (keyring === undefined) return 'not-encrypted';
    const outcome = keyring.change(change);
    if (outcome === 'changed') this.emit({ kind: 'keep-keys', keys: keyring.keys });
    return outcome;
  }

  /** Where a banned member was nobody is asked: whoever waits for the answer waits as for one that is silent. */
  request(to: GossipAddress, request: Uint8Array, timeoutMs: number, exchange: Exchange): void {
    if (this.#isBannedAt(to)) return;
    const number = this.#exchange++;
    this.#exchanges.set(number, exchange);
    this.emit({ kind: 'request', exchange: number, to, request: this.envelope.request(request), timeoutMs });
  }

  /** What the answer of this number is for; undefined when it was taken before. */
  takeExchange(number: number): Exchange | undefined {
    const exchange = this.#exchanges.get(number);
    this.#exchanges.delete(number);
    return exchange;
  }

  #perform(effect: SerfEffect): void {
    switch (effect.kind) {
      case 'gossip':
        return this.queue.putUser(effect.lane, encodeMessage({ type: 'user', payload: effect.message }));
      case 'send':
        return this.send(effect.to, { type: 'user', payload: effect.message });
      case 'schedule':
        return this.schedule(effect.afterMs, { kind: 'serf', timer: effect.timer });
      case 'tell':
        return this.emit({ kind: 'serf', news: effect.news });
      case 'let-go':
        return this.#letGo(effect.member);
      case 'prune':
        return this.#prune(effect.member);
      case 'drop':
        return this.drop(effect.reason);
    }
  }

  /** Who was dead is not waited for any more. */
  #letGo(name: string): void {
    const member = this.table.get(name) ?? this.departed.get(name);
    if (member?.status !== 'dead') return;
    const holder = this.departed.get(name) === undefined ? this.table : this.departed;
    holder.set({ ...member, status: 'left' });
    this.notify({ type: 'left', reason: 'let-go', member: name, incarnation: member.incarnation, address: member.address });
  }

  /** Who has left was never here. */
  #prune(name: string): void {
    const member = this.table.get(name) ?? this.departed.get(name);
    if (member?.status !== 'left') return;
    this.departed.delete(name);
    if (this.table.get(name) !== undefined) this.table.delete(member);
    this.notify({ type: 'reaped', reason: 'pruned', member: name, incarnation: member.incarnation, address: member.address });
  }

  #gossipBeside(parts: readonly Uint8Array[]): Uint8Array[] {
    const used = parts.reduce((sum, part) => sum + PART_HEADER_BYTES + part.length, CRC_HEADER_BYTES + COMPOUND_HEADER_BYTES);
    return this.queue.take(this.envelope.roomBytes - used, transmitsMax(this.profile, this.table.size), PARTS_MAX - parts.length);
  }

  #sendParts(to: GossipAddress, member: Member | undefined, parts: readonly Uint8Array[]): void {
    if (this.#isBannedAt(to)) return;
    const [, protocolMax = 0] = member?.vsn ?? [];
    this.emit({ kind: 'send', to, packet: this.envelope.packet(parts, protocolMax >= CRC_PROTOCOL) });
  }

  /** Whether nobody but a banned member is known to be there. */
  #isBannedAt(address: GossipAddress): boolean {
    if (this.banned.size === 0) return false;
    const name = this.bannedAt.get(addressKey(address));
    return name !== undefined && this.banned.has(name) && (this.table.at(address)?.name ?? name) === name;
  }
}
