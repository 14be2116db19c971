/** Who is known, and whose turn it is to be probed. */
import { randomInt, shuffle, shuffled, type Random } from '../../random.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import type { Proof } from './claim-proofs.ts';
import type { MemberStatus } from './membership-messages.ts';
import type { Suspicion } from './suspicion.ts';
import { addressKey } from './wire/ip-address.ts';
import type { Tags } from './wire/tags.ts';

export interface Member {
  readonly name: string;
  /** As received, 4 or 16 bytes: peers compare these literally, so they are passed on unchanged. */
  readonly addr: Uint8Array;
  readonly address: GossipAddress;
  readonly meta: Uint8Array;
  /** Of `meta`, without its signature. */
  readonly tags: Tags;
  readonly vsn: Uint8Array;
  readonly incarnation: number;
  readonly status: MemberStatus;
  readonly statusSinceMs: number;
  /** While the status is suspect. */
  readonly suspicion: Suspicion | undefined;
  /** When it was last said that others claim its name. */
  readonly contestedAtMs: number | undefined;
  readonly proof: Proof;
  /** Of the alive that it is known by; an accusation may have a higher one. */
  readonly saidIncarnation: number;
}

export class MemberTable {
  readonly self: string;
  readonly #random: Random;
  readonly #members = new Map<string, Member>();
  readonly #byAddress = new Map<string, string>();
  /** Names of the peers that have it: every death asks how many could confirm a suspicion, and who is suspected. */
  readonly #byStatus: Readonly<Record<MemberStatus, Set<string>>> = { alive: new Set(), suspect: new Set(), dead: new Set(), left: new Set() };
  /** Names in the order in which they are probed; reshuffled when all have had their turn. */
  #turns: string[] = [];
  #turn = 0;

  constructor(self: string, random: Random) {
    this.self = self;
    this.#random = random;
  }

  /** All that are known: this node, and the dead and left that are not forgotten yet. */
  get size(): number {
    return this.#members.size;
  }

  get(name: string): Member | undefined {
    return this.#members.get(name);
  }

  /** The member that has this address, if one has. */
  at(address: GossipAddress): Member | undefined {
    const name = this.#byAddress.get(addressKey(address));
    return name === undefined ? undefined : this.#members.get(name);
  }

  all(): IterableIterator<Member> {
    return this.#members.values();
  }

  /** Members other than this node, in the order in which they became known. */
  peers(isWanted: (member: Member) => boolean): Member[] {
    const peers: Member[] = [];
    for (const member of this.#members.values()) if (member.name !== this.self && isWanted(member)) peers.push(member);
    return peers;
  }

  /** Some of the members other than this node, each as likely as another; looks at few when most are wanted. */
  draw(count: number, isWanted: (member: Member) => boolean): Member[] {
    const drawn: Member[] = [];
    for (const name of shuffled(this.#random, this.#turns)) {
      const member = this.#members.get(name);
      // Who was forgotten and came back has two turns until the next round.
      if (member === undefined || name === this.self || !isWanted(member) || drawn.includes(member)) continue;
      if (drawn.push(member) >= count) break;
    }
    return drawn;
  }

  /** How many members other than this node have the status. */
  count(status: MemberStatus): number {
    return this.#byStatus[status].size;
  }

  /** Members other than this node that are suspected, in the order in which they came to be. */
  suspects(): Member[] {
    return Array.from(this.#byStatus.suspect, (name) => this.#members.get(name)!);
  }

  /** Adds the member, or replaces what was known about it. A new one gets a turn at a random place. */
  set(member: Member): void {
    const known = this.#members.get(member.name);
    if (known === undefined) this.#turns.splice(randomInt(this.#random, this.#turns.length + 1), 0, member.name);
    else this.#freeAddress(known);
    this.#members.set(member.name, member);
    this.#byAddress.set(addressKey(member.address), member.name);
    if (member.name === this.self || known?.status === member.status) return;
    if (known !== undefined) this.#byStatus[known.status].delete(member.name);
    this.#byStatus[member.status].add(member.name);
  }

  /** Its turn comes to nothing. */
  delete(member: Member): void {
    this.#members.delete(member.name);
    this.#byStatus[member.status].delete(member.name);
    this.#freeAddress(member);
  }

  /**
   * The next member to probe. When every member has had its turn, those that `isForgotten` picks are removed first,
   * and the turns are shuffled, so that the time until a given member is probed has a bound (SWIM, section 4.3).
   */
  nextTurn(isProbed: (member: Member) => boolean, isForgotten: (member: Member) => boolean): { readonly next: Member | undefined; readonly forgotten: readonly Member[] } {
    const forgotten: Member[] = [];
    for (let rounds = 0; ; this.#turn++) {
      if (this.#turn >= this.#turns.length) {
        if (rounds++ > 0) return { next: undefined, forgotten };
        forgotten.push(...this.#newRound(isForgotten));
      }
      const member = this.#members.get(this.#turns[this.#turn] ?? '');
      if (member === undefined || member.name === this.self || !isProbed(member)) continue;
      this.#turn++;
      return { next: member, forgotten };
    }
  }

  #newRound(isForgotten: (member: Member) => boolean): Member[] {
    const forgotten = this.peers(isForgotten);
    for (const member of forgotten) this.delete(member);
    this.#turns = shuffle(this.#random, [...this.#members.keys()]);
    this.#turn = 0;
    return forgotten;
  }

  #freeAddress(member: Member): void {
    const key = addressKey(member.address);
    if (this.#byAddress.get(key) === member.name) this.#byAddress.delete(key);
  }
}
