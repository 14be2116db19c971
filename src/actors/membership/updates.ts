/**
 * Membership updates: what members say about each other, and which claim wins. Rules of SWIM's section 4.2 in the form
 * that memberlist gave them:
 *
 * 1. A higher incarnation always wins, and only the member itself raises its incarnation.
 * 2. Of equal incarnations suspect wins over alive, dead and left over both.
 * 3. Whoever hears that it is suspected or dead itself refutes: alive, at the next incarnation.
 * 4. What was news here is passed on; what was not is not.
 *
 * Beyond memberlist: who still believes what is overruled is told so straight, not by chance through gossip. An alive
 * that came too late gets the accusation back, so that a node that restarts under its name refutes within one round
 * trip; who accuses one that has left, or one that has refuted this already, gets the news from who knows best.
 */
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import { accusationOf, aliveOf } from './claims.ts';
import type { Proof } from './claim-proofs.ts';
import type { SuspectReason } from './member-events.ts';
import type { Member } from './member-table.ts';
import type { MemberStatus } from './membership-messages.ts';
import type { Namesake } from './namesake.ts';
import type { Relocation } from './relocation.ts';
import { Suspicion, confirmationsMax, confirmationsWanted, suspicionMinMs } from './suspicion.ts';
import type { SwimContext } from './swim-context.ts';
import { VSN, isCompatible, versionsOf } from './version-vector.ts';
import { MEMBERS_MAX } from './wire/stream.ts';
import { addressKey, ipBytes, keptAddr } from './wire/ip-address.ts';
import type { Alive, Dead, Message, Suspect } from './wire/messages.ts';
import { decodeTags, isSameTags, splitSignature } from './wire/tags.ts';

/** Incarnations count refutations: no member refutes sixteen million times between two messages. */
const INCARNATION_LEAP_MAX = 2 ** 24;
/** So that the answer to the largest accusation still fits into 32 bits. */
const INCARNATION_MAX = 2 ** 32 - INCARNATION_LEAP_MAX;

/** Lives and refutations between two writes. */
const KEPT_LEAP = 16;

/** Who claims another's name does so with every packet: a line in the log for each name and minute says enough. */
const CONFLICT_QUIET_MS = 60_000;

type Claim<M> = Omit<M, 'type'>;

export class Updates {
  readonly #context: SwimContext;
  readonly #namesake: Namesake;
  readonly #relocation: Relocation;
  /** Up to which incarnation this node may announce itself without asking for it to be kept. */
  #keptIncarnation = 0;
  #suspicions = 0;

  constructor(context: SwimContext, namesake: Namesake, relocation: Relocation) {
    this.#context = context;
    this.#namesake = namesake;
    this.#relocation = relocation;
  }

  /** This node enters its own table, and says so. */
  introduceSelf(address: GossipAddress, meta: Uint8Array, incarnation: number): void {
    const addr = ipBytes(address.host);
    this.#accept({ incarnation, node: this.#context.name, addr, port: address.port, meta, vsn: versionsOf(this.#context.application) }, address, undefined, 'unsigned');
  }

  /** What this node says about itself is another now. */
  retag(meta: Uint8Array): void {
    if (this.#context.isLeaving) return;
    const { self } = this.#context;
    const incarnation = self.incarnation + 1;
    this.#announce({ ...self, meta, tags: decodeTags(meta), incarnation });
    this.#context.notify({ type: 'updated', reason: 'tags', member: self.name, incarnation });
  }

  /** This node has another key, with which others are to know it. */
  signAgain(): void {
    const { self, isLeaving, table } = this.#context;
    // While it knows nobody, nobody has heard what it said before.
    if (!isLeaving) this.#announce({ ...self, incarnation: self.incarnation + (table.size > 1 ? 1 : 0) });
  }

  /** Whom the mesh has banned is dead to this node, and nobody hears otherwise from it. */
  ban(names: readonly string[]): void {
    const { table, departed, bannedAt, name: self } = this.#context;
    this.#context.banned = new Set(names);
    for (const name of names) {
      const member = table.get(name) ?? departed.get(name);
      if (name === self || member === undefined) continue;
      bannedAt.set(addressKey(member.address), name);
      if (!isOccupied(member)) continue;
      const { incarnation, address } = this.#become(member, 'dead', member.incarnation);
      this.#expectFewerConfirmations();
      this.#context.notify({ type: 'dead', reason: 'banned', member: name, incarnation, accuser: self, address });
    }
  }

  alive(claim: Claim<Alive>): void {
    if (this.#context.banned.has(claim.node)) return this.#context.drop('banned');
    const known = this.#context.table.get(claim.node);
    // Most of what gossip says is known already: that should cost little.
    if (known !== undefined && saysNothingNew(claim, known) && claim.node !== this.#context.name) return;
    const address = this.#context.addressOf(claim.addr, claim.port);
    if (claim.node === '' || address === undefined) return this.#context.drop('bad-address');
    if (!isCompatible(this.#context.application, claim.vsn)) return this.#context.drop('incompatible-version');
    if (claim.node === this.#context.name) return this.#aliveMyself(claim, address);
    if (known === undefined && this.#context.table.size >= MEMBERS_MAX) return this.#context.drop('members-max');
    const hasMoved = known !== undefined && isOccupied(known) && addressKey(known.address) !== addressKey(address);
    if (known !== undefined && !hasMoved && claim.incarnation <= known.incarnation) {
      if (known.status !== 'alive') this.#accuse(known, address);
      return;
    }
    const { proofs } = this.#context;
    const judged = proofs.judge(claim, address);
    if (judged.kind === 'false') return proofs.refuse(claim, address, judged.signer);
    const isHeldBack = judged.kind !== 'proved' && proofs.isProtected(known);
    if (isHeldBack) proofs.holdBack(known);
    // Where nobody has proved to be the member, its own word needs no question.
    const isItself = judged.kind === 'proved' && known?.proof !== 'proved';
    if (hasMoved && !isItself) return this.#conflict(known, claim, address, !isHeldBack);
    if (isHeldBack) return;
    if (isImplausible(claim.incarnation, known)) return this.#context.drop('implausible-incarnation');
    this.#accept(claim, address, known, judged.kind);
  }

  suspect(claim: Claim<Suspect>, why: SuspectReason): void {
    const known = this.#accused(claim);
    if (known === undefined) return;
    // Suspected at a later incarnation: it has refuted what it was suspected of here, and has all the time again.
    if (known.suspicion !== undefined && claim.incarnation === known.incarnation) {
      if (known.suspicion.confirm(claim.from)) {
        this.#context.broadcast({ type: 'suspect', ...claim });
        this.#scheduleExpiry(known, known.suspicion);
        const { node: member, incarnation, from: accuser } = claim;
        this.#context.notify({ type: 'confirmed', member, incarnation, accuser, ...known.suspicion.confirmations, ...why });
      }
      return;
    }
    if (known.status === 'left') this.#tell(claim.from, accusationOf(known, known.name));
    if (!isOccupied(known)) return;
    this.#context.broadcast({ type: 'suspect', ...claim });
    const suspicion = this.#startSuspicion(claim.from);
    const suspected = this.#become(known, 'suspect', claim.incarnation, suspicion);
    this.#scheduleExpiry(suspected, suspicion);
    this.#context.notify({ type: 'suspect', member: known.name, incarnation: claim.incarnation, accuser: claim.from, ...why });
  }

  dead(claim: Claim<Dead>, reason: 'suspicion-timeout' | 'told'): void {
    const known = this.#accused(claim);
    if (known === undefined || !isOccupied(known)) return;
    const hasLeft = claim.node === claim.from;
    this.#context.broadcast({ type: 'dead', ...claim });
    this.#become(known, hasLeft ? 'left' : 'dead', claim.incarnation);
    this.#expectFewerConfirmations();
    const { node: member, incarnation, from: accuser } = claim;
    this.#context.notify(hasLeft ? { type: 'left', reason: 'goodbye', member, incarnation } : { type: 'dead', member, incarnation, accuser, reason });
  }

  /** Nobody answers for the member where it was: it is where it says. */
  move(claim: Claim<Alive>): void {
    const address = this.#context.addressOf(claim.addr, claim.port);
    const known = this.#context.table.get(claim.node);
    if (address === undefined) return;
    const { proofs } = this.#context;
    const { kind } = proofs.judge(claim, address);
    // A session may have come to stand meanwhile.
    if (kind === 'proved' || (kind !== 'false' && !proofs.isProtected(known))) this.#accept(claim, address, known, kind);
  }

  /** Nobody answers where others list this node: that is a former life of it, whose incarnation they still hold. */
  outbid(incarnation: number): void {
    if (!this.#context.isLeaving && incarnation >= this.#context.self.incarnation) this.#refute(incarnation, undefined);
  }

  onSuspicionTimer(name: string, number: number): void {
    const member = this.#context.table.get(name);
    if (member === undefined || member.suspicion?.number !== number || this.#context.isLeaving) return;
    if (this.#context.now < member.suspicion.deadline) return this.#scheduleExpiry(member, member.suspicion);
    this.dead({ incarnation: member.incarnation, node: name, from: this.#context.name }, 'suspicion-timeout');
  }

  /** This node stood still: who is suspected may have refuted all the while. */
  onLate(lateMs: number): void {
    const { table, now, profile } = this.#context;
    for (const { suspicion } of table.suspects()) suspicion!.holdUp(lateMs, now + profile.probeTimeoutMs);
  }

  /** This node says goodbye: dead, on its own word. Not while the mesh lists another of its name, for whose that would be taken. */
  leave(): void {
    const { self } = this.#context;
    this.#context.isLeaving = true;
    if (!this.#namesake.isListed) this.#context.broadcast({ type: 'dead', incarnation: self.incarnation, node: self.name, from: self.name });
    this.#become(self, 'left', self.incarnation);
    this.#context.notify({ type: 'left', reason: 'goodbye', member: self.name, incarnation: self.incarnation });
  }

  /** An alive about this node that is not its own word: from an earlier life, or from another of the same name. */
  #aliveMyself(claim: Claim<Alive>, address: GossipAddress): void {
    const { self } = this.#context;
    if (this.#context.isLeaving) return;
    if (claim.incarnation > self.incarnation) this.#noteForgery(claim, address);
    // Refuting would only start a race of incarnations between two nodes of one name.
    if (addressKey(address) !== addressKey(self.address)) return this.#namesake.ask(address, claim.incarnation);
    if (claim.incarnation < self.incarnation) return;
    const isMyWord = claim.incarnation === self.incarnation && isSame(claim.meta, self.meta) && isSame(claim.vsn, self.vsn);
    if (!isMyWord) this.#refute(claim.incarnation, undefined);
  }

  /** Others may believe it, so it is answered as any claim about this node; and people hear of it. */
  #noteForgery(claim: Claim<Alive>, address: GossipAddress): void {
    const { proofs } = this.#context;
    const judged = proofs.judge(claim, address);
    if (judged.kind === 'false') proofs.refuse(claim, address, judged.signer);
  }

  #defend(claim: Claim<Suspect>): void {
    if (this.#context.isLeaving) return;
    const { self } = this.#context;
    if (claim.incarnation >= self.incarnation) this.#refute(claim.incarnation, claim.from);
    else this.#tell(claim.from, aliveOf(self));
  }

  #refute(accusedIncarnation: number, accuser: string | undefined): void {
    const { self } = this.#context;
    if (isImplausible(accusedIncarnation, self)) return this.#context.drop('implausible-incarnation');
    const incarnation = Math.max(self.incarnation, accusedIncarnation) + 1;
    this.#context.health.strain('accused');
    this.#announce({ ...self, incarnation });
    const about = { type: 'refuted', member: self.name, incarnation } as const;
    this.#context.notify(accuser === undefined ? { ...about, reason: 'outdated-claim' } : { ...about, reason: 'accused', accuser });
  }

  #announce(said: Member): void {
    const isSelf = said.name === this.#context.name;
    if (isSelf) this.#keepIncarnation(said.incarnation);
    const member = isSelf ? this.#context.proofs.signed(said) : said;
    this.#context.table.set(member);
    this.#context.broadcast(aliveOf(member));
  }

  /** The member that an accusation is about, when it is worth a look; one about this node is refuted here. */
  #accused(claim: Claim<Suspect>): Member | undefined {
    if (this.#context.banned.has(claim.from) || this.#context.proofs.isQuarantined(claim.from)) {
      this.#context.drop(this.#context.banned.has(claim.from) ? 'banned' : 'quarantined');
      return undefined;
    }
    const known = this.#context.table.get(claim.node);
    if (known === undefined) return undefined;
    if (claim.node === this.#context.name) {
      this.#defend(claim);
      return undefined;
    }
    if (claim.incarnation < known.incarnation) return undefined;
    if (!isImplausible(claim.incarnation, known)) return known;
    this.#context.drop('implausible-incarnation');
    return undefined;
  }

  #accept(claim: Claim<Alive>, address: GossipAddress, known: Member | undefined, proof: Proof): void {
    const { node: name, incarnation } = claim;
    // In a mesh of equals this node says the same of itself: that is kept once.
    const like = [known, this.#context.table.get(this.#context.name)].find((member) => member !== undefined && isSame(member.meta, claim.meta));
    const meta = like?.meta ?? copyOf(claim.meta);
    const said = like?.tags ?? splitSignature(decodeTags(meta)).tags;
    const saysOther = known === undefined || !isSameTags(known.tags, said);
    const statusSinceMs = known?.status === 'alive' ? known.statusSinceMs : this.#context.now;
    const member: Member = {
      name,
      addr: keptAddr(claim.addr, address.port),
      address,
      meta,
      tags: saysOther ? said : known.tags,
      vsn: isSame(claim.vsn, VSN) ? VSN : copyOf(claim.vsn.subarray(0, VSN.length)),
      incarnation,
      status: 'alive',
      statusSinceMs,
      suspicion: undefined,
      contestedAtMs: known?.contestedAtMs,
      proof,
      saidIncarnation: incarnation,
    };
    this.#announce(member);
    const hasMoved = known !== undefined && isOccupied(known) && addressKey(known.address) !== addressKey(address);
    if (known === undefined) this.#context.notify({ type: 'alive', reason: this.#context.departed.delete(name) ? 'back' : 'new', member: name, incarnation, address });
    else if (!isOccupied(known)) this.#context.notify({ type: 'alive', reason: 'back', member: name, incarnation, address });
    else if (known.suspicion !== undefined) this.#context.notify({ type: 'refuted', reason: 'answered', member: name, incarnation, accuser: known.suspicion.accuser });
    else if (saysOther && !hasMoved) this.#context.notify({ type: 'updated', reason: 'tags', member: name, incarnation });
    if (hasMoved) this.#context.notify({ type: 'updated', reason: 'address', member: name, incarnation, address });
    if (proof === 'proved') this.#context.proofs.proved(member);
    if (proof === 'proved' && known?.proof !== 'proved') this.#context.notify({ type: 'verified', reason: 'signature', member: name, incarnation });
  }

  /** In leaps, so that a storm of accusations does not write a file each time. */
  #keepIncarnation(incarnation: number): void {
    if (incarnation <= this.#keptIncarnation) return;
    this.#keptIncarnation = incarnation + KEPT_LEAP - 1;
    this.#context.emit({ kind: 'keep-incarnation', incarnation: this.#keptIncarnation });
  }

  #conflict(known: Member, claim: Claim<Alive>, address: GossipAddress, mayMove: boolean): void {
    this.#context.drop('conflicting-address');
    if (mayMove && claim.incarnation > known.incarnation && !isImplausible(claim.incarnation, known) && this.#relocation.ask(known, claim)) return;
    const { now, table } = this.#context;
    if (known.contestedAtMs !== undefined && now - known.contestedAtMs < CONFLICT_QUIET_MS) return;
    table.set({ ...known, contestedAtMs: now });
    this.#context.notify({ type: 'conflict', reason: 'other-address', member: known.name, incarnation: known.incarnation, address });
  }

  /** Tells a member what is said about it, at the address where an overruled alive puts it, so that it can refute. */
  #accuse(known: Member, address: GossipAddress): void {
    if (!this.#context.isLeaving) this.#context.send(address, accusationOf(known, this.#context.name));
  }

  #tell(name: string, message: Message): void {
    const member = this.#context.table.get(name);
    if (member !== undefined && name !== this.#context.name) this.#context.send(member.address, message);
  }

  #become(member: Member, status: MemberStatus, incarnation: number, suspicion?: Suspicion): Member {
    const changed: Member = { ...member, status, incarnation, statusSinceMs: this.#context.now, suspicion };
    this.#context.table.set(changed);
    return changed;
  }

  #startSuspicion(accuser: string): Suspicion {
    const { profile, table, now } = this.#context;
    const minMs = suspicionMinMs(profile, table.size);
    const k = confirmationsWanted(profile, this.#confirmers());
    return new Suspicion({ number: this.#suspicions++, now, accuser, minMs, maxMs: profile.suspicionMaxMult * minMs, k });
  }

  /** Who is gone confirms nothing: suspicions that waited for it wait less. */
  #expectFewerConfirmations(): void {
    const { profile, table } = this.#context;
    // While enough are left nothing changes; a list of many deaths must not look at many suspects for each.
    if (this.#confirmers() >= confirmationsMax(profile)) return;
    for (const member of table.suspects()) {
      const suspicion = member.suspicion!;
      const before = suspicion.deadline;
      suspicion.expectAtMost(confirmationsWanted(profile, this.#confirmers()));
      if (suspicion.deadline < before) this.#scheduleExpiry(member, suspicion);
    }
  }

  /** Members that can still confirm a suspicion about one of them: neither gone, nor itself, nor this node. */
  #confirmers(): number {
    const { table } = this.#context;
    return table.count('alive') + table.count('suspect') - 1;
  }

  #scheduleExpiry(member: Member, suspicion: Suspicion): void {
    const afterMs = Math.max(0, suspicion.deadline - this.#context.now);
    this.#context.schedule(afterMs, { kind: 'suspicion', member: member.name, number: suspicion.number });
  }
}

/**
 * Whether the name is taken: nobody else may have it at another address. The dead and the left give it free at once;
 * memberlist makes the dead wait until they are forgotten, and a node that restarts elsewhere with them.
 */
function isOccupied(member: Member): boolean {
  return member.status === 'alive' || member.status === 'suspect';
}

function saysNothingNew({ addr, port, incarnation }: Claim<Alive>, known: Member): boolean {
  return known.status === 'alive' && incarnation <= known.incarnation && port === known.address.port && isSame(addr, known.addr);
}

function isImplausible(incarnation: number, known: Member | undefined): boolean {
  const leapMax = known === undefined ? INCARNATION_MAX : known.incarnation + INCARNATION_LEAP_MAX;
  return incarnation > Math.min(INCARNATION_MAX, leapMax);
}

/**
 * What is received is a window on a whole packet or stream, which would live as long as the member. Not `slice`: of a
 * Buffer that is a window too.
 */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
