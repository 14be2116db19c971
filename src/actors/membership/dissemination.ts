/**
 * What waits to be gossiped: one update a member, the newest. Each is sent a limited number of times, which spreads it
 * to everyone with near certainty (SWIM, section 4.1) and then lets it go.
 */
import type { Profile } from './profile.ts';
import { PARTS_MAX, PART_HEADER_BYTES } from './wire/packet.ts';

/** How often one node of memberlist sends an update. @param n members known, this node too */
export function retransmitLimit(profile: Profile, n: number): number {
  return profile.retransmitMult * Math.ceil(Math.log10(n + 1));
}

/** Whom an update misses when every node sends it L times is one of e^L: of 12, one in 160,000. */
const TRANSMITS_ENOUGH = 12;
/** To a single peer it need only survive some loss. */
const TRANSMITS_PER_PEER = 4;

/**
 * How often this node sends an update: memberlist's number, but no fewer than spread it surely. Below a hundred nodes
 * memberlist sends it 8 times at most, and in fifty nodes every sixtieth update misses somebody until the next push/pull.
 */
export function transmitsMax(profile: Profile, n: number): number {
  return Math.max(retransmitLimit(profile, n), Math.min(TRANSMITS_ENOUGH, TRANSMITS_PER_PEER * (n - 1)));
}

interface Broadcast {
  readonly member: string;
  readonly message: Uint8Array;
  /** Counts up: larger is newer. */
  readonly order: number;
  transmits: number;
}

export class BroadcastQueue {
  readonly #byMember = new Map<string, Broadcast>();
  /** By number of transmits; in each the longer first, of equals the newer. So the fresh go first and fill well. */
  readonly #tiers: Broadcast[][] = [];
  #order = 0;

  get size(): number {
    return this.#byMember.size;
  }

  has(member: string): boolean {
    return this.#byMember.has(member);
  }

  /** Replaces what waited about the same member: it is superseded. */
  put(member: string, message: Uint8Array): void {
    const superseded = this.#byMember.get(member);
    if (superseded !== undefined) {
      const tier = this.#tiers[superseded.transmits]!;
      tier.splice(placeOf(superseded, tier), 1);
    }
    const broadcast: Broadcast = { member, message, order: this.#order++, transmits: 0 };
    this.#byMember.set(member, broadcast);
    this.#insert(broadcast);
  }

  /** Messages for one packet, each of which has now been sent once more. */
  take(roomBytes: number, transmitsMax: number, partsMax: number = PARTS_MAX): Uint8Array[] {
    if (this.#byMember.size === 0) return [];
    const taken: Broadcast[] = [];
    let room = roomBytes;
    for (const tier of this.#tiers) {
      let at = firstFit(tier, room);
      while (at < tier.length && taken.length < partsMax) {
        const [broadcast] = tier.splice(at, 1);
        taken.push(broadcast!);
        room -= partBytes(broadcast!);
        at = Math.max(at, firstFit(tier, room));
      }
    }
    for (const broadcast of taken) {
      broadcast.transmits++;
      if (broadcast.transmits >= transmitsMax) this.#byMember.delete(broadcast.member);
      else this.#insert(broadcast);
    }
    return taken.map(({ message }) => message);
  }

  #insert(broadcast: Broadcast): void {
    const tier = (this.#tiers[broadcast.transmits] ??= []);
    tier.splice(placeOf(broadcast, tier), 0, broadcast);
  }
}

/** Index at which it stands, or would stand. */
function placeOf(broadcast: Broadcast, tier: readonly Broadcast[]): number {
  let low = 0;
  let high = tier.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (goesBefore(tier[middle]!, broadcast)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function goesBefore(a: Broadcast, b: Broadcast): boolean {
  if (a.message.length !== b.message.length) return a.message.length > b.message.length;
  return a.order > b.order;
}

/** Index of the longest that fits; the tier's length when none does. */
function firstFit(tier: readonly Broadcast[], room: number): number {
  let low = 0;
  let high = tier.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (partBytes(tier[middle]!) > room) low = middle + 1;
    else high = middle;
  }
  return low;
}

function partBytes(broadcast: Broadcast): number {
  return PART_HEADER_BYTES + broadcast.message.length;
}
