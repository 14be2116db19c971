/**
 * What of one kind waits to be gossiped; of members one update each, the newest. Each is sent a limited number of times, which spreads it
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
  readonly about: string;
  readonly message: Uint8Array;
  /** Counts up: larger is newer. */
  readonly order: number;
  transmits: number;
}

export class BroadcastQueue {
  readonly #bySubject = new Map<string, Broadcast>();
  /** By number of transmits; in each the longer first, of equals the newer. So the fresh go first and fill well. */
  readonly #tiers: Broadcast[][] = [];
  #order = 0;
  #bytes = 0;

  get size(): number {
    return this.#bySubject.size;
  }

  /** Room in a packet that all that waits would take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many were put in so far. */
  get changes(): number {
    return this.#order;
  }

  has(about: string): boolean {
    return this.#bySubject.has(about);
  }

  /** Replaces what waited about the same: it is superseded. */
  put(about: string, message: Uint8Array): void {
    const superseded = this.#bySubject.get(about);
    if (superseded !== undefined) {
      const tier = this.#tiers[superseded.transmits]!;
      tier.splice(placeOf(superseded, tier), 1);
      this.#bytes -= partBytes(superseded);
    }
    const broadcast: Broadcast = { about, message, order: this.#order++, transmits: 0 };
    this.#bySubject.set(about, broadcast);
    this.#bytes += partBytes(broadcast);
    this.#insert(broadcast);
  }

  /** What has been sent most often is missed least. */
  dropMostSent(): void {
    const dropped = this.#tiers.findLast((tier) => tier.length > 0)?.pop();
    if (dropped !== undefined) this.#forget(dropped);
  }

  /** Messages for one packet, each of which has now been sent once more. */
  take(roomBytes: number, transmitsMax: number, partsMax: number = PARTS_MAX): Uint8Array[] {
    if (this.#bySubject.size === 0) return [];
    const taken: Broadcast[] = [];
    let room = roomBytes;
    for (const tier of this.#tiers) {
      for (let at = firstFit(tier, room); at < tier.length && taken.length < partsMax; at = Math.max(at, firstFit(tier, room))) {
        let end = at;
        for (; end < tier.length && taken.length + end - at < partsMax && partBytes(tier[end]!) <= room; end++) room -= partBytes(tier[end]!);
        taken.push(...tier.splice(at, end - at));
      }
    }
    for (const broadcast of taken) {
      broadcast.transmits++;
      if (broadcast.transmits >= transmitsMax) this.#forget(broadcast);
      else this.#insert(broadcast);
    }
    return taken.map(({ message }) => message);
  }

  #forget(broadcast: Broadcast): void {
    this.#bySubject.delete(broadcast.about);
    this.#bytes -= partBytes(broadcast);
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

/** Room that messages take in a compound. */
export function bytesInPacket(messages: readonly Uint8Array[]): number {
  return messages.reduce((sum, message) => sum + PART_HEADER_BYTES + message.length, 0);
}
