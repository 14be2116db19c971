/**
 * How the keys of gossip change while gossip goes on, and nobody is left behind. Pure.
 *
 * 1. A new key is handed round; when all peers hold it, or after a while, it is in use; the ones before it decrypt for a time. So at
 *    no moment does a node get what it has no key for, but one that was away for longer: that asks a Trust Fabric, when it starts and
 *    when it finds nobody who holds the authority. Or else the banned could keep it for themselves, whose key it knows.
 * 2. Who holds the authority makes keys; of several with sessions between them, the one whose name sorts first: on a schedule,
 *    and when a node was banned since the newest was made. Two who make one at once, across a partition, do no harm: the newer wins.
 * 3. Keys go over peer sessions alone, to peers whose session has stood for a moment: by then the lists of the banned are the
 *    same at both ends, and so nobody hands a key to one whom the other has banned. For the same reason a ban waits that moment, and
 *    what a Trust Fabric has handed out is told to nobody until a peer holds it too: that peer's list is known.
 * 4. Peers tell each other digests, on each pulse to a few; whose differs is told the keys. What is lost is so said again.
 */
import type { LogFields } from '../../log.ts';
import { sample, type Random } from '../../random.ts';
import { BACKDATE_MS } from '../../trust/authority.ts';
import { keyFingerprint, mergeRings, newestFirst, newKey, ringDigest, usedKey, type Ring } from '../../trust/gossip-ring.ts';

export interface KeyRotationOptions {
  readonly self: string;
  readonly holdsAuthority: boolean;
  readonly everyMs: number;
  /** What this node had kept; at least one is in use. */
  readonly ring: Ring;
  readonly random: Random;
  readonly nowMs: number;
}

/** What goes over a session. */
export interface KeyFrame {
  readonly holdsAuthority: boolean;
  readonly digest: string;
  readonly keys?: Ring;
}

export type KeyRotationInput =
  | { readonly kind: 'peer-up'; readonly node: string }
  | { readonly kind: 'peer-down'; readonly node: string }
  | { readonly kind: 'heard'; readonly node: string; readonly frame: KeyFrame }
  /** A Trust Fabric has handed them to this node. */
  | { readonly kind: 'handed'; readonly ring: Ring }
  | { readonly kind: 'rotate' }
  /** The last ban of a node, by the clock of who signed it. */
  | { readonly kind: 'node-banned'; readonly epochMs: number }
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' };

export type KeyRotationEffect =
  | { readonly kind: 'send'; readonly node: string; readonly frame: KeyFrame }
  /** To be kept, and gossip is to travel in these. */
  | { readonly kind: 'ring'; readonly ring: Ring }
  /** This node may have missed a change, and what is in its place. */
  | { readonly kind: 'ask-fabric' }
  | { readonly kind: 'log'; readonly event: 'gossip-key-made' | 'gossip-key-used' | 'gossip-keys-let-go'; readonly fields: LogFields };

export const PULSE_MS = 1_000;
/** Every node has cut off a banned one within two seconds. */
const SETTLE_MS = 2_000;
/** For peers to say that they hold it. One that does not is told again and again, and hears it in use. */
const HANDED_ROUND_MS = 5_000;
/** On a schedule: who was away for less is not left behind. */
const OLD_KEPT_MS = 3_600_000;
/** After a ban: for packets under way, and who is told a little late. */
const OLD_KEPT_AFTER_BAN_MS = 10_000;
/** Two clocks, each off by as much as an authority lets pass. */
const AHEAD_MAX_MS = 2 * BACKDATE_MS;
const TELL_TO = 3;
/**
 * A node that knows none of those who make keys asks whether they have changed; twice as long after each time, so that a
 * thousand of them are a few questions a second. One that is not banned any more is back as soon.
 */
const ASK_AGAIN_MS = 60_000;
const ASK_AGAIN_MAX_MS = 300_000;

interface Agreement {
  readonly agreeing: number;
  readonly peers: number;
}

interface Peer {
  readonly sinceMs: number;
  holdsAuthority: boolean;
  digest: string;
}

export class KeyRotation {
  readonly #options: KeyRotationOptions;
  readonly #peers = new Map<string, Peer>();
  #ring: Ring;
  /** When the key was first seen that is in use, and the one that is to follow it. */
  #usedSinceMs: number;
  #nextSinceMs = 0;
  #banned: { readonly epochMs: number; readonly sinceMs: number } | undefined;
  /** The ban since which this node has made a key. */
  #answeredMs = 0;
  /** Peers that held the key when this node brought it into use, and all. */
  #holding: Agreement = { agreeing: 0, peers: 0 };
  #askAtMs = 0;
  #askAgainMs = 0;
  /** What this node holds is from a Trust Fabric, and no peer has said yet that he holds it. */
  #isQuiet = false;
  /** Who was told the keys since the last pulse: once is enough. */
  readonly #answered = new Set<string>();

  constructor(options: KeyRotationOptions) {
    this.#options = options;
    this.#ring = options.ring;
    this.#usedSinceMs = options.nowMs;
    this.#nextSinceMs = options.nowMs;
  }

  get ring(): Ring {
    return this.#ring;
  }

  /** Peers that hold what this node holds, and all. */
  get agreement(): Agreement {
    const digest = ringDigest(this.#ring);
    return { agreeing: [...this.#peers.values()].filter((peer) => peer.digest === digest).length, peers: this.#peers.size };
  }

  get holding(): Agreement {
    return this.#holding;
  }

  /** The key that is handed round and not in use yet. */
  get next(): string | undefined {
    const [newest] = this.#ring;
    return newest === undefined || newest.isUsed ? undefined : keyFingerprint(newest);
  }

  handle(input: KeyRotationInput, nowMs: number): readonly KeyRotationEffect[] {
    switch (input.kind) {
      case 'peer-up':
        this.#peers.set(input.node, { sinceMs: nowMs, holdsAuthority: false, digest: '' });
        return [];
      case 'peer-down':
        this.#peers.delete(input.node);
        return [];
      case 'heard':
        return this.#hear(input.node, input.frame, nowMs);
      case 'handed':
        return this.#handed(input.ring, nowMs);
      case 'rotate':
        return this.#make('asked for', OLD_KEPT_MS, nowMs);
      case 'node-banned':
        if (input.epochMs !== this.#banned?.epochMs) this.#banned = { epochMs: input.epochMs, sinceMs: nowMs };
        return [];
      case 'pulse':
        this.#answered.clear();
        return [...this.#letGo(nowMs), ...this.#lead(nowMs), ...this.#tell(nowMs), ...this.#ask(nowMs)];
    }
  }

  #hear(node: string, { holdsAuthority, digest, keys }: KeyFrame, nowMs: number): readonly KeyRotationEffect[] {
    const peer = this.#peers.get(node);
    if (peer === undefined) return [];
    peer.holdsAuthority = holdsAuthority;
    peer.digest = digest;
    const effects = keys === undefined ? [] : this.#take(keys, nowMs);
    const isSettled = this.#isSettled(peer, nowMs);
    if (isSettled && digest === ringDigest(this.#ring)) this.#isQuiet = false;
    if (digest === ringDigest(this.#ring)) return keys === undefined ? effects : [...effects, this.#digestTo(node)];
    if (!isSettled || this.#isQuiet || this.#answered.has(node)) return effects;
    this.#answered.add(node);
    return [...effects, this.#keysTo(node)];
  }

  #handed(ring: Ring, nowMs: number): readonly KeyRotationEffect[] {
    const before = ringDigest(this.#ring);
    const effects = this.#take(ring, nowMs);
    if (before !== ringDigest(this.#ring)) this.#isQuiet = true;
    return effects;
  }

  /** What was let go of does not come back. */
  #take(ring: Ring, nowMs: number): readonly KeyRotationEffect[] {
    const before = this.#ring;
    const used = usedKey(before);
    const known = new Set(before.map(({ key }) => key));
    const isOver = used !== undefined && nowMs - this.#usedSinceMs >= used.oldKeptMs;
    const wanted = ring.filter((each) => (known.has(each.key) || !isOver || newestFirst(each, used) < 0) && each.epochMs <= nowMs + AHEAD_MAX_MS);
    this.#ring = mergeRings(before, wanted);
    return this.#changed(before, nowMs);
  }

  #changed(before: Ring, nowMs: number): readonly KeyRotationEffect[] {
    if (JSON.stringify(before) === JSON.stringify(this.#ring)) return [];
    const effects: KeyRotationEffect[] = [{ kind: 'ring', ring: this.#ring }];
    if (this.#ring[0]?.key !== before[0]?.key) this.#nextSinceMs = nowMs;
    const used = usedKey(this.#ring);
    if (used !== undefined && used.key !== usedKey(before)?.key) {
      this.#usedSinceMs = nowMs;
      effects.push({ kind: 'log', event: 'gossip-key-used', fields: { key: keyFingerprint(used), oldKeptMs: used.oldKeptMs } });
    }
    return effects;
  }

  #make(why: string, oldKeptMs: number, nowMs: number): readonly KeyRotationEffect[] {
    const before = this.#ring;
    const made = newKey(before, oldKeptMs, nowMs);
    this.#ring = mergeRings([made], before);
    return [{ kind: 'log', event: 'gossip-key-made', fields: { key: keyFingerprint(made), why } }, ...this.#changed(before, nowMs), ...this.#keysToAll(nowMs)];
  }

  #letGo(nowMs: number): readonly KeyRotationEffect[] {
    const before = this.#ring;
    const used = usedKey(before);
    if (used === undefined || nowMs - this.#usedSinceMs < used.oldKeptMs) return [];
    this.#ring = before.slice(0, before.indexOf(used) + 1);
    const count = before.length - this.#ring.length;
    return count === 0 ? [] : [{ kind: 'log', event: 'gossip-keys-let-go', fields: { count } }, ...this.#changed(before, nowMs)];
  }

  /** What whoever makes keys does. */
  #lead(nowMs: number): readonly KeyRotationEffect[] {
    const { self, holdsAuthority, everyMs } = this.#options;
    const [newest] = this.#ring;
    if (newest === undefined || !holdsAuthority || [...this.#peers].some(([node, peer]) => peer.holdsAuthority && node < self)) return [];
    const banned = this.#banned;
    // A key dated ahead may be one that the banned has made in time.
    if (banned !== undefined && banned.epochMs > this.#answeredMs && (newest.epochMs <= banned.epochMs || newest.epochMs > nowMs)) {
      if (nowMs - banned.sinceMs < SETTLE_MS) return [];
      this.#answeredMs = banned.epochMs;
      return this.#make('a node was banned', OLD_KEPT_AFTER_BAN_MS, Math.max(nowMs, banned.epochMs + 1));
    }
    if (!newest.isUsed) return this.#use(nowMs);
    return nowMs - newest.epochMs >= everyMs ? this.#make('on schedule', OLD_KEPT_MS, nowMs) : [];
  }

  #use(nowMs: number): readonly KeyRotationEffect[] {
    this.#holding = this.agreement;
    const { agreeing, peers } = this.#holding;
    if (agreeing < peers && nowMs - this.#nextSinceMs < HANDED_ROUND_MS) return [];
    const [next, ...before] = this.#ring as readonly [Ring[number], ...Ring];
    this.#ring = [{ ...next, isUsed: true }, ...before];
    return [...this.#changed([next, ...before], nowMs), ...this.#keysToAll(nowMs)];
  }

  #tell(nowMs: number): readonly KeyRotationEffect[] {
    const settled = this.#settled(nowMs);
    const news = settled.filter((node) => nowMs - this.#peers.get(node)!.sinceMs < SETTLE_MS + PULSE_MS);
    const some = new Set([...news, ...sample(this.#options.random, settled, TELL_TO)]);
    return [...some].map((node) => this.#digestTo(node));
  }

  #ask(nowMs: number): readonly KeyRotationEffect[] {
    if (this.#options.holdsAuthority || nowMs < this.#askAtMs) return [];
    // What peers say of themselves does not count the first time.
    const isTold = this.#askAgainMs > 0 && [...this.#peers.values()].some(({ holdsAuthority }) => holdsAuthority);
    this.#askAgainMs = isTold || this.#askAgainMs === 0 ? ASK_AGAIN_MS : Math.min(2 * this.#askAgainMs, ASK_AGAIN_MAX_MS);
    this.#askAtMs = nowMs + this.#askAgainMs;
    return isTold ? [] : [{ kind: 'ask-fabric' }];
  }

  #settled(nowMs: number): readonly string[] {
    return [...this.#peers].filter(([, peer]) => this.#isSettled(peer, nowMs)).map(([node]) => node);
  }

  #isSettled({ sinceMs }: Peer, nowMs: number): boolean {
    return nowMs - sinceMs >= SETTLE_MS;
  }

  #keysToAll(nowMs: number): readonly KeyRotationEffect[] {
    return this.#settled(nowMs).map((node) => this.#keysTo(node));
  }

  #keysTo(node: string): KeyRotationEffect {
    return { kind: 'send', node, frame: { ...this.#standing, keys: this.#ring } };
  }

  #digestTo(node: string): KeyRotationEffect {
    return { kind: 'send', node, frame: this.#standing };
  }

  get #standing(): KeyFrame {
    return { holdsAuthority: this.#options.holdsAuthority, digest: ringDigest(this.#ring) };
  }
}
