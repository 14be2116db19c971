/**
 * Finding the mesh: at first through seeds, later again through addresses where members once were. Peers forget who is
 * dead, and two halves of a partition that lasted never meet again; ours keep looking.
 */
import { formatAddress, type Address } from '../../address.ts';
import { sample } from '../../random.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import type { Namesake } from './namesake.ts';
import type { PushPull } from './push-pull.ts';
import type { PushPullExchange, SwimContext } from './swim-context.ts';
import type { SwimEffect } from './swim-effects.ts';
import { addressKey } from './wire/ip-address.ts';

const RETRY_BASE_MS = 1_000;
/** A seed that is down for long costs one attempt in this time. */
const RETRY_MAX_MS = 30_000;
/** Remembered addresses tried at once: enough that some answer, few enough not to flood a mesh that restarts whole. */
const REMEMBERED_TRIED = 8;
/** Missing addresses tried in each rejoin interval. */
const MISSING_TRIED = 3;
/** Where members are or were. Any one that answers brings all others back. */
const REMEMBERED_MAX = 128;
/** Who was not seen for a day is not coming back to that address. */
const REMEMBERED_MS = 24 * 60 * 60 * 1_000;

/** Others that run answer within a round trip; one that starts alone is not to be kept waiting by a firewall. */
const FIRST_TRIES_MS = 2_000;

interface Seed {
  readonly address: Address;
  /** By a source that may cease to want it; all others are of the configuration. */
  readonly isDiscovered: boolean;
  isReached: boolean;
  failures: number;
  /** Which of all tries is its last: a late timer of an earlier one changes nothing. */
  attempt: number;
}

interface Remembered {
  readonly address: GossipAddress;
  readonly seenAliveMs: number;
}

export class Join {
  readonly #context: SwimContext;
  readonly #pushPull: PushPull;
  readonly #namesake: Namesake;
  readonly #seeds = new Map<string, Seed>();
  readonly #remembered = new Map<string, Remembered>();
  /** What was tried first and has neither answered nor failed: texts of seeds, keys of remembered addresses. */
  readonly #firstTries = new Set<string>();
  #isSettled = false;
  #attempts = 0;

  constructor(context: SwimContext, pushPull: PushPull, namesake: Namesake) {
    this.#context = context;
    this.#pushPull = pushPull;
    this.#namesake = namesake;
  }

  /** Seeds that have never answered. */
  get unreached(): string[] {
    return [...this.#seeds].filter(([, seed]) => !seed.isReached).map(([text]) => text);
  }

  join(seeds: readonly Address[], remembered: readonly GossipAddress[], isDiscovering: boolean): void {
    for (const address of seeds) this.#add(address, false);
    const mine = addressKey(this.#context.self.address);
    const others = remembered.filter((address) => addressKey(address) !== mine).slice(0, REMEMBERED_MAX);
    for (const address of others) this.#remembered.set(addressKey(address), { address, seenAliveMs: this.#context.now });
    const tried = sample(this.#context.random, others, REMEMBERED_TRIED);
    for (const address of tried) this.#pushPull.exchange(address, true, undefined);
    for (const key of [...this.#seeds.keys(), ...tried.map(addressKey)]) this.#firstTries.add(key);
    if (this.#firstTries.size === 0 && !isDiscovering) this.settle();
    else this.#context.schedule(FIRST_TRIES_MS, { kind: 'first-tries-due' });
  }

  /** Seeds of the configuration stay; of those discovered only these do. */
  discover(seeds: readonly Address[]): void {
    if (this.#context.isLeaving) return;
    const wanted = new Set(seeds.map(formatAddress));
    for (const [text, { isDiscovered }] of this.#seeds) {
      if (!isDiscovered || wanted.has(text)) continue;
      this.#seeds.delete(text);
      this.#firstTries.delete(text);
    }
    for (const address of seeds) this.#add(address, true);
    if (this.#isSettled) return;
    for (const text of wanted) this.#firstTries.add(text);
    if (this.#firstTries.size === 0) this.settle();
  }

  onResolved(text: string, host: string): void {
    const seed = this.#seeds.get(text);
    if (seed === undefined || this.#context.isLeaving) return;
    const to: GossipAddress = { host, port: seed.address.port };
    // One list of seeds for all nodes is common: each finds itself there.
    if (addressKey(to) !== addressKey(this.#context.self.address)) return this.#pushPull.exchange(to, true, text);
    this.#reach(text);
    this.#endFirstTry(text);
  }

  /** Somebody is there, and has told whom it knows. */
  onAnswered({ seed }: PushPullExchange): void {
    if (seed !== undefined) this.#reach(seed);
    this.settle();
  }

  /** No answer came, or one that is not a member list. */
  onUnanswered({ seed, to }: PushPullExchange, reason: string): void {
    if (seed === undefined) this.#endFirstTry(addressKey(to));
    else this.onSeedFailed(seed, reason);
  }

  /**
   * The first try to find the others is over: with an answer or without one. Who hears there that its name is at another
   * address has not joined before that is known to be nobody else's.
   */
  settle(): void {
    if (!this.#namesake.isAsked && !this.#namesake.isListed) this.#settle();
  }

  /** It takes too long. */
  onFirstTriesDue(): void {
    this.#settle();
  }

  /** It cannot be resolved, does not answer, or what it answers is not a member list. */
  onSeedFailed(text: string, reason: string): void {
    const seed = this.#seeds.get(text);
    if (seed === undefined || this.#context.isLeaving) return;
    this.#endFirstTry(text);
    seed.failures++;
    const event = { type: 'seed-unreached', seed: text, reason, failures: seed.failures } as const;
    this.#context.emit({ kind: 'joining', event: seed.isDiscovered ? { ...event, isDiscovered: true } : event });
    const grown = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** (seed.failures - 1));
    const afterMs = grown * (0.8 + 0.4 * this.#context.random.next());
    this.#context.schedule(afterMs, { kind: 'seed', seed: text, attempt: seed.attempt });
  }

  onSeedTimer(text: string, attempt: number): void {
    const seed = this.#seeds.get(text);
    if (seed !== undefined && seed.attempt === attempt && !this.#context.isLeaving) this.#try(text, seed);
  }

  /** The first members learned of are remembered at once: a node that crashes right after it joined must find back. */
  rememberFirst(effects: readonly SwimEffect[]): void {
    const { size } = this.#remembered;
    if (size >= REMEMBERED_TRIED) return;
    for (const effect of effects) {
      if (effect.kind !== 'notify' || effect.event.type !== 'alive' || effect.event.member === this.#context.name) continue;
      this.#remember(effect.event.address);
    }
    if (this.#remembered.size > size) this.#emitRemembered();
  }

  onRejoinTimer(): void {
    if (this.#context.isLeaving) return;
    this.#context.schedule(this.#context.profile.rejoinIntervalMs, { kind: 'rejoin' });
    if (this.#refreshRemembered()) this.#emitRemembered();
    this.#tryMissing();
    this.#trySeedsWhenAlone();
  }

  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#context.emit({ kind: 'settled' });
  }

  #reach(text: string): void {
    const seed = this.#seeds.get(text);
    // No longer wanted when the answer came.
    if (seed === undefined) return;
    seed.failures = 0;
    if (seed.isReached) return;
    seed.isReached = true;
    this.#context.emit({ kind: 'joining', event: { type: 'seed-reached', seed: text } });
  }

  #endFirstTry(key: string): void {
    this.#firstTries.delete(key);
    if (this.#firstTries.size === 0) this.settle();
  }

  #add(address: Address, isDiscovered: boolean): void {
    const text = formatAddress(address);
    if (this.#seeds.has(text)) return;
    const seed: Seed = { address, isDiscovered, isReached: false, failures: 0, attempt: 0 };
    this.#seeds.set(text, seed);
    this.#try(text, seed);
  }

  #try(text: string, seed: Seed): void {
    seed.attempt = ++this.#attempts;
    this.#context.emit({ kind: 'resolve', seed: text, host: seed.address.host });
  }

  /** Whether the set of addresses has changed. */
  #refreshRemembered(): boolean {
    const { table, now } = this.#context;
    const before = [...this.#remembered.keys()].join();
    for (const { status, address } of table.peers(({ status }) => status === 'alive' || status === 'left')) {
      if (status === 'left') this.#remembered.delete(addressKey(address));
      else this.#remember(address);
    }
    for (const [key, { seenAliveMs }] of this.#remembered) if (now - seenAliveMs > REMEMBERED_MS) this.#remembered.delete(key);
    return [...this.#remembered.keys()].join() !== before;
  }

  #remember(address: GossipAddress): void {
    const key = addressKey(address);
    if (this.#remembered.has(key) || this.#remembered.size < REMEMBERED_MAX) this.#remembered.set(key, { address, seenAliveMs: this.#context.now });
  }

  #emitRemembered(): void {
    this.#context.emit({ kind: 'remember', addresses: Array.from(this.#remembered.values(), ({ address }) => address) });
  }

  /** All nodes together try about `MISSING_TRIED` per missing member and interval, however many nodes there are. */
  #tryMissing(): void {
    const { table, random } = this.#context;
    const living = new Set([this.#context.self, ...table.peers(({ status }) => status === 'alive' || status === 'suspect')].map(({ address }) => addressKey(address)));
    const missing = [...this.#remembered].filter(([key]) => !living.has(key)).map(([, { address }]) => address);
    if (random.next() >= missing.length / living.size) return;
    for (const address of sample(random, missing, MISSING_TRIED)) this.#pushPull.exchange(address, true, undefined);
  }

  /** A name may lead elsewhere by now. Seeds that fail are tried again anyway. */
  #trySeedsWhenAlone(): void {
    if (this.#context.table.peers(({ status }) => status === 'alive').length > 0) return;
    for (const [text, seed] of this.#seeds) if (seed.isReached && seed.failures === 0) this.#try(text, seed);
  }
}
