/**
 * Finding the mesh: at first through seeds, later again through addresses where members once were. Peers forget who is
 * dead, and two halves of a partition that lasted never meet again; ours keep looking, for ever: no address is given up
 * because it has been silent for long, only because there are too many. The seeds are looked at again too.
 */
import { formatAddress, type Address } from '../../address.ts';
import { sample, shuffle } from '../../random.ts';
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
/** Of these the missing keep so many places, whoever else comes: containers that come and go must not push the other half of a partition out. */
const MISSING_KEPT = REMEMBERED_MAX / 2;
/** A name may stand for many; any one that answers is enough. */
const ADDRESSES_TRIED = 8;
/** Seeds tried at once, and how long the next ones wait: hundreds must not open hundreds of connections in one moment. */
const SEEDS_AT_ONCE = 32;
const SEEDS_PAUSE_MS = 250;

/** Others that run answer within a round trip; one that starts alone is not to be kept waiting by a firewall. */
const FIRST_TRIES_MS = 2_000;

interface Seed {
  readonly address: Address;
  /** By a source that may cease to want it; all others are of the configuration. */
  readonly isDiscovered: boolean;
  isReached: boolean;
  failures: number;
  /** Addresses of the last try that have not answered or failed yet. */
  open: number;
  /** Where it was found last. */
  foundAt: readonly string[];
  /** Which of all tries is its last: a late timer of an earlier one changes nothing. */
  attempt: number;
}

export class Join {
  readonly #context: SwimContext;
  readonly #pushPull: PushPull;
  readonly #namesake: Namesake;
  readonly #seeds = new Map<string, Seed>();
  readonly #remembered = new Map<string, GossipAddress>();
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
    for (const address of others) this.#remembered.set(addressKey(address), address);
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

  onResolved(text: string, hosts: readonly string[]): void {
    const seed = this.#seeds.get(text);
    if (seed === undefined || this.#context.isLeaving) return;
    if (hosts.length === 0) return this.onSeedFailed(text, 'the name has no address');
    const found = hosts.map((host): GossipAddress => ({ host, port: seed.address.port }));
    seed.foundAt = found.map(addressKey);
    // One list of seeds for all nodes is common: each finds itself there.
    const others = found.filter((address) => addressKey(address) !== addressKey(this.#context.self.address));
    const tried = sample(this.#context.random, others, ADDRESSES_TRIED);
    seed.open = tried.length;
    for (const to of tried) this.#pushPull.exchange(to, true, text);
    if (tried.length > 0) return;
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
    if (seed === undefined) return this.#endFirstTry(addressKey(to));
    const known = this.#seeds.get(seed);
    if (known !== undefined && --known.open <= 0) this.onSeedFailed(seed, reason);
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
    // It was there once, and others are here: it is looked for again with all that are missing.
    if (seed.isReached && this.#hasCompany) return;
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

  /**
   * The first members learned of are remembered at once: a node that crashes right after it joined must find back. And
   * whom people let go or banned is not looked for any more.
   */
  heed(effects: readonly SwimEffect[]): void {
    const before = this.#remembered.size;
    let hasChanged = false;
    for (const effect of effects) {
      if (effect.kind !== 'notify' || !('address' in effect.event)) continue;
      const { type, member, address } = effect.event;
      const { size } = this.#remembered;
      if (type === 'left' || type === 'reaped' || type === 'dead') this.#remembered.delete(addressKey(address));
      else if (type === 'alive' && member !== this.#context.name && before < REMEMBERED_TRIED) this.#remember(address);
      hasChanged ||= this.#remembered.size !== size;
    }
    if (hasChanged) this.#emitRemembered();
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
    const seed: Seed = { address, isDiscovered, isReached: false, failures: 0, attempt: 0, open: 0, foundAt: [] };
    const pauses = Math.floor(this.#seeds.size / SEEDS_AT_ONCE);
    this.#seeds.set(text, seed);
    if (pauses === 0) this.#try(text, seed);
    else this.#context.schedule(pauses * SEEDS_PAUSE_MS, { kind: 'seed', seed: text, attempt: seed.attempt });
  }

  #try(text: string, seed: Seed): void {
    seed.attempt = ++this.#attempts;
    this.#context.emit({ kind: 'resolve', seed: text, host: seed.address.host });
  }

  /** Whether the set of addresses has changed. */
  #refreshRemembered(): boolean {
    const { table, random } = this.#context;
    const before = [...this.#remembered.keys()].join();
    const living = this.#living;
    for (const { address } of table.peers(({ status }) => status === 'left')) if (!living.has(addressKey(address))) this.#remembered.delete(addressKey(address));
    const missing = shuffle(random, this.#missing);
    for (const { address } of table.peers(({ status }) => status === 'alive')) {
      if (this.#remember(address) || missing.length <= MISSING_KEPT) continue;
      // By chance, so that some of each time stay.
      this.#remembered.delete(addressKey(missing.pop()!));
      this.#remember(address);
    }
    return [...this.#remembered.keys()].join() !== before;
  }

  /** @returns false when there is no room */
  #remember(address: GossipAddress): boolean {
    const key = addressKey(address);
    if (this.#remembered.has(key)) return true;
    if (this.#remembered.size >= REMEMBERED_MAX) return false;
    this.#remembered.set(key, address);
    return true;
  }

  #emitRemembered(): void {
    this.#context.emit({ kind: 'remember', addresses: [...this.#remembered.values()] });
  }

  /** All nodes together try about `MISSING_TRIED` per missing member or seed and interval, however many nodes there are. */
  #tryMissing(): void {
    const { random } = this.#context;
    const missing = [
      ...this.#missing.map((address) => () => this.#pushPull.exchange(address, true, undefined)),
      ...this.#strayedSeeds.map(([text, seed]) => () => this.#try(text, seed)),
    ];
    if (random.next() >= missing.length / this.#living.size) return;
    for (const attempt of sample(random, missing, MISSING_TRIED)) attempt();
  }

  /** Seeds that were found once, where nobody who is known lives now, or whose name may lead elsewhere by now. Those that fail have their own time. */
  get #strayedSeeds(): (readonly [text: string, seed: Seed])[] {
    const living = this.#living;
    return [...this.#seeds].filter(([, seed]) => seed.isReached && seed.failures === 0 && (isName(seed.address.host) || !seed.foundAt.some((key) => living.has(key))));
  }

  /** Where members were and are not. */
  get #missing(): GossipAddress[] {
    const living = this.#living;
    return [...this.#remembered].filter(([key]) => !living.has(key)).map(([, address]) => address);
  }

  /** Where members are, this node too. */
  get #living(): ReadonlySet<string> {
    const { self, table } = this.#context;
    return new Set([self, ...table.peers(({ status }) => status === 'alive' || status === 'suspect')].map(({ address }) => addressKey(address)));
  }

  get #hasCompany(): boolean {
    return this.#context.table.count('alive') > 0;
  }

  /** At once, all of them: there is nobody else to ask. */
  #trySeedsWhenAlone(): void {
    if (this.#hasCompany) return;
    for (const [text, seed] of this.#seeds) if (seed.isReached && seed.failures === 0) this.#try(text, seed);
  }
}

function isName(host: string): boolean {
  return !/^[\d.]+$|:/.test(host);
}
