/**
 * A whole mesh in one process: a brain for each node, the memory network between them, a clock that moves as fast as
 * the machine can. Everything grows from the seed. What happened is kept as a history, which the laws then judge.
 */
import { createHash } from 'node:crypto';
import { PROFILES, type Profile, type ProfileName } from '../../src/actors/membership/profile.ts';
import { Swim } from '../../src/actors/membership/swim.ts';
import type { MemberEvent } from '../../src/actors/membership/member-events.ts';
import type { SerfNews } from '../../src/actors/membership/serf/serf-effects.ts';
import type { ClockTimes } from '../../src/actors/membership/serf/lamport-clock.ts';
import type { SerfOrder } from '../../src/actors/membership/serf/serf-orders.ts';
import type { SwimEffect, SwimInput } from '../../src/actors/membership/swim-effects.ts';
import { encodeMessage, type Message } from '../../src/actors/membership/wire/messages.ts';
import { StreamMeasure } from '../../src/actors/membership/wire/stream.ts';
import type { Tags } from '../../src/actors/membership/wire/tags.ts';
import { peer, testKey } from '../actors/membership/signing-node.ts';
import { VirtualClock } from '../../src/clock.ts';
import { MeshError } from '../../src/errors.ts';
import { isConnectionRefused } from '../../src/system-error.ts';
import { seededRandom, type Random } from '../../src/random.ts';
import type { GossipAddress } from '../../src/transport/gossip-transport.ts';
import { FAIR_WEATHER, MemoryNetwork, type MemoryTransport, type Weather } from '../../src/transport/memory-network.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly profile?: ProfileName;
  /** What differs from the profile. */
  readonly tuning?: Partial<Profile>;
  readonly weather?: Partial<Weather>;
  /** The first so many are everybody's seeds. Default: 3. */
  readonly seeds?: number;
  /** Nodes have identities, a new one in each life, and sessions in which they learn of each other's. Default: none. */
  readonly areSigning?: boolean;
}

/** What one node came to believe. */
export interface Belief {
  readonly atMs: number;
  readonly observer: string;
  readonly event: MemberEvent;
}

/** What was really so. */
export interface Fact {
  readonly atMs: number;
  readonly type: 'started' | 'crashed' | 'leaving' | 'left' | 'paused' | 'resumed' | 'cut' | 'healed';
  /** Of what happened to one node. */
  readonly node?: string;
}

export interface History {
  readonly seed: number;
  readonly nodes: number;
  readonly profile: Profile;
  readonly endMs: number;
  readonly facts: readonly Fact[];
  readonly beliefs: readonly Belief[];
}

interface SimulatedNode {
  readonly name: string;
  readonly number: number;
  address: GossipAddress;
  lives: number;
  remembered: readonly GossipAddress[];
  /** Highest incarnation that its lives may have announced, as its disk has it. */
  keptIncarnation: number;
  keptClocks: ClockTimes | undefined;
  life: { readonly brain: Swim; readonly transport: MemoryTransport } | undefined;
  pause: Pause | undefined;
  /** Lives of others with which it has a session, by name. */
  readonly sessions: Map<string, number>;
}

/** What a node that stands still will find when it goes on, in the order in which it came. */
interface Pause {
  readonly timers: (() => void)[];
  readonly arrivals: (() => void)[];
}

/** A session that breaks is opened again in about this time. */
const SESSIONS_EVERY_MS = 500;

/** How long a leaving node may take to say goodbye. */
const LEAVE_TIMEOUT_MS = 5_000;

export class MeshSimulation {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly random: Random;
  readonly profile: Profile;
  readonly #seed: number;
  readonly #seeds: number;
  readonly #areSigning: boolean;
  readonly #nodes: SimulatedNode[];
  readonly #facts: Fact[] = [];
  readonly #beliefs: Belief[] = [];
  /** What programs were told, in order. */
  readonly heard: { readonly atMs: number; readonly node: string; readonly news: SerfNews }[] = [];

  constructor({ seed, nodes, profile = 'lan', tuning = {}, weather = {}, seeds = 3, areSigning = false }: SimulationOptions) {
    this.#seed = seed;
    this.#seeds = seeds;
    this.profile = { ...PROFILES[profile], ...tuning };
    this.random = seededRandom(seed);
    this.network = new MemoryNetwork(this.clock, seededRandom(seed + 0.5 * 2 ** 32), { ...FAIR_WEATHER, ...weather });
    this.#nodes = Array.from({ length: nodes }, (_, number) => ({
      name: `n${number}`,
      number,
      address: addressOfNode(number, 0),
      lives: 0,
      remembered: [],
      keptIncarnation: 0,
      keptClocks: undefined,
      life: undefined,
      pause: undefined,
      sessions: new Map(),
    }));
    this.#areSigning = areSigning;
    if (areSigning) this.#tellIdentities();
  }

  get names(): string[] {
    return this.#nodes.map(({ name }) => name);
  }

  get running(): string[] {
    return this.#nodes.filter(({ life }) => life !== undefined).map(({ name }) => name);
  }

  /** Lets time pass. */
  run(forMs: number): void {
    this.clock.advance(forMs);
  }

  /** At this moment of the simulation. */
  at(ms: number, act: () => void): void {
    this.clock.setTimer(ms - this.clock.now(), act);
  }

  startAll(): void {
    for (const name of this.names) this.start(name);
  }

  /** Starts a node, for the first time or again. It joins through the seeds, or waits for what it will discover. */
  start(name: string, isDiscovering = false): void {
    const node = this.#node(name);
    if (node.life !== undefined) return;
    const random = seededRandom(this.#seed * 10_007 + node.number * 101 + node.lives++);
    const transport = this.network.open(node.address);
    const brain = new Swim({ name, address: node.address, tags: { role: 'simulated' }, profile: this.profile, random, keptIncarnation: node.keptIncarnation, ...(node.keptClocks && { keptClocks: node.keptClocks }) });
    node.life = { brain, transport };
    transport.listen({
      onPacket: (packet, from) => this.#tell(node, brain, { kind: 'packet', packet, from }),
      onRequest: (request, reply) => this.#tell(node, brain, { kind: 'request', request }, reply),
      newMeasure: () => new StreamMeasure(),
    });
    this.#fact('started', name);
    this.#tell(node, brain, { kind: 'started' });
    if (this.#areSigning) this.#tell(node, brain, { kind: 'identities', signer: keyOf(node), peers: [] });
    const seeds = isDiscovering ? [] : this.#nodes.slice(0, this.#seeds).map(({ address }) => address);
    this.#tell(node, brain, { kind: 'join', seeds, remembered: node.remembered, isDiscovering });
  }

  /** Where its sources say that others may be, now. */
  discover(name: string, seeds: readonly GossipAddress[]): void {
    const { life } = this.#node(name);
    if (life !== undefined) this.#tell(this.#node(name), life.brain, { kind: 'discovered', seeds });
  }

  addressOf(name: string): GossipAddress {
    return this.#node(name).address;
  }

  /** No goodbye. */
  crash(name: string): void {
    if (this.#end(name)) this.#fact('crashed', name);
  }

  leave(name: string): void {
    const node = this.#node(name);
    if (node.life === undefined) return;
    this.#fact('leaving', name);
    this.#tell(node, node.life.brain, { kind: 'leave', timeoutMs: LEAVE_TIMEOUT_MS });
  }

  /** The node's next life is at another address. */
  move(name: string): void {
    const node = this.#node(name);
    node.address = addressOfNode(node.number, node.lives);
  }

  /** The node's next life knows nothing of the ones before. */
  loseDisk(name: string): void {
    const node = this.#node(name);
    node.remembered = [];
    node.keptIncarnation = 0;
    node.keptClocks = undefined;
  }

  /** The node stands still, as a process that was stopped: it neither sends nor hears, and its timers do not fire. */
  pause(name: string): void {
    const node = this.#node(name);
    if (node.life === undefined || node.pause !== undefined) return;
    node.pause = { timers: [], arrivals: [] };
    this.#fact('paused', name);
  }

  /** It goes on, and gets everything at once. Whether a loop turns to its timers or to its sockets first, it does not choose. */
  resume(name: string): void {
    const node = this.#node(name);
    if (node.life === undefined || node.pause === undefined) return;
    const { timers, arrivals } = node.pause;
    node.pause = undefined;
    this.#fact('resumed', name);
    for (const happen of this.random.next() < 0.5 ? [...timers, ...arrivals] : [...arrivals, ...timers]) happen();
  }

  partition(these: readonly string[]): void {
    this.network.partition(this.#addresses(these), this.#addresses(this.#namesBut(these)));
    this.#fact('cut');
  }

  /** Nothing of these reaches the others; the way back stays open. */
  mute(these: readonly string[]): void {
    this.#cutOneWay(these, this.#namesBut(these));
  }

  /** Nothing of the others reaches these. */
  deafen(these: readonly string[]): void {
    this.#cutOneWay(this.#namesBut(these), these);
  }

  /** Packets between the two are lost, both ways; streams work. */
  dropPackets(one: string, other: string): void {
    const [a, b] = [this.#node(one).address, this.#node(other).address];
    this.network.cutPackets(a, b);
    this.network.cutPackets(b, a);
  }

  heal(): void {
    this.network.heal();
    this.#fact('healed');
  }

  /** A suspicion without ground reaches one node, as if another had raised it. */
  accuseFalsely(name: string, accuser: string, hearer: string): void {
    const [node, heard] = [this.#node(name), this.#node(hearer)];
    if (node.life === undefined || heard.life === undefined) return;
    const incarnation = this.membersOf(name).find(({ isSelf }) => isSelf)!.incarnation;
    const packet = encodeMessage({ type: 'suspect', incarnation, node: name, from: accuser });
    this.#tell(heard, heard.life.brain, { kind: 'packet', packet, from: this.#node(accuser).address });
  }

  /** One node hears something, from nobody who is known. */
  hear(name: string, message: Message): void {
    const node = this.#node(name);
    if (node.life !== undefined) this.#tell(node, node.life.brain, { kind: 'packet', packet: encodeMessage(message), from: { host: '10.255.0.1', port: 7946 } });
  }

  /** The node's programs want this. */
  order(name: string, order: SerfOrder): void {
    const { life } = this.#node(name);
    if (life !== undefined) this.#tell(this.#node(name), life.brain, { kind: 'order', order });
  }

  /** The node says something else about itself. */
  retag(name: string, tags: Tags): void {
    const { life } = this.#node(name);
    if (life !== undefined) this.#tell(this.#node(name), life.brain, { kind: 'retag', tags });
  }

  membersOf(name: string): ReturnType<() => Swim['members']> {
    return this.#node(name).life?.brain.members ?? [];
  }

  history(): History {
    return { seed: this.#seed, nodes: this.#nodes.length, profile: this.profile, endMs: this.clock.now(), facts: this.#facts, beliefs: this.#beliefs };
  }

  /** Who has a session with whom, as far as the network lets them; a session with a life that is over ends, and the next one is opened later. */
  #tellIdentities(): void {
    const running = this.#nodes.filter(({ life }) => life !== undefined);
    for (const node of running) {
      for (const other of this.#nodes) {
        const before = node.sessions.get(other.name);
        const canOpen = other.life !== undefined && other !== node && !this.network.isCut(node.address, other.address) && !this.network.isCut(other.address, node.address);
        if (!canOpen || (before !== undefined && before !== other.lives)) node.sessions.delete(other.name);
        else node.sessions.set(other.name, other.lives);
      }
      const peers = [...node.sessions].map(([name, life]) => peer(name, testKey(`${name} ${life}`)));
      this.#tell(node, node.life!.brain, { kind: 'identities', signer: keyOf(node), peers });
    }
    this.clock.setTimer(SESSIONS_EVERY_MS, () => this.#tellIdentities());
  }

  #tell(node: SimulatedNode, brain: Swim, input: SwimInput, reply?: (reply: Uint8Array | undefined) => void): void {
    if (node.life?.brain !== brain) return;
    if (node.pause !== undefined) {
      const { timers, arrivals } = node.pause;
      (input.kind === 'timer' ? timers : arrivals).push(() => this.#tell(node, brain, input, reply));
      return;
    }
    for (const effect of brain.handle(input, this.clock.now())) this.#perform(node, brain, effect, reply);
  }

  #perform(node: SimulatedNode, brain: Swim, effect: SwimEffect, reply: ((reply: Uint8Array | undefined) => void) | undefined): void {
    const transport = node.life?.transport;
    if (transport === undefined) return;
    switch (effect.kind) {
      case 'send':
        return transport.send(effect.to, effect.packet);
      case 'request':
        return transport.exchange(effect.to, effect.request, effect.timeoutMs, (outcome) => {
          const { exchange } = effect;
          if (outcome instanceof MeshError) this.#tell(node, brain, { kind: 'unanswered', exchange, reason: outcome.message, isRefused: isConnectionRefused(outcome) });
          else this.#tell(node, brain, { kind: 'answered', exchange, answer: outcome });
        });
      case 'reply':
        return reply?.(effect.reply);
      case 'resolve':
        return void this.clock.setTimer(0, () => this.#tell(node, brain, { kind: 'resolved', seed: effect.seed, hosts: [effect.host] }));
      case 'schedule':
        return void this.clock.setTimer(effect.afterMs, () => this.#tell(node, brain, { kind: 'timer', timer: effect.timer }));
      case 'notify':
        return void this.#beliefs.push({ atMs: this.clock.now(), observer: node.name, event: effect.event });
      case 'serf':
        return void this.heard.push({ atMs: this.clock.now(), node: node.name, news: effect.news });
      case 'remember':
        node.remembered = effect.addresses;
        return;
      case 'keep-incarnation':
        node.keptIncarnation = effect.incarnation;
        return;
      case 'keep-clocks':
        node.keptClocks = effect.times;
        return;
      case 'joining':
      case 'namesake':
      case 'keep-keys':
      case 'settled':
      case 'ordered':
        return;
      case 'left':
        this.#end(node.name);
        return this.#fact('left', node.name);
    }
  }

  #end(name: string): boolean {
    const node = this.#node(name);
    if (node.life === undefined) return false;
    const { transport } = node.life;
    node.life = undefined;
    node.pause = undefined;
    node.sessions.clear();
    void transport.close();
    return true;
  }

  #fact(type: Fact['type'], node?: string): void {
    this.#facts.push({ atMs: this.clock.now(), type, ...(node === undefined ? {} : { node }) });
  }

  #cutOneWay(from: readonly string[], to: readonly string[]): void {
    for (const a of this.#addresses(from)) for (const b of this.#addresses(to)) this.network.cut(a, b);
    this.#fact('cut');
  }

  #namesBut(these: readonly string[]): string[] {
    return this.names.filter((name) => !these.includes(name));
  }

  #addresses(names: readonly string[]): GossipAddress[] {
    return names.map((name) => this.#node(name).address);
  }

  #node(name: string): SimulatedNode {
    return this.#nodes[Number(name.slice(1))]!;
  }
}

/** The same for two runs only if everything in them was the same. */
export function hashOf({ beliefs, facts }: History): string {
  const hash = createHash('sha256');
  // One by one: as one text they would be hundreds of megabytes.
  for (const happened of [...beliefs, ...facts]) hash.update(JSON.stringify(happened));
  return hash.digest('hex');
}

/** Of its present life. */
function keyOf({ name, lives }: SimulatedNode): ReturnType<typeof testKey> {
  return testKey(`${name} ${lives}`);
}

/** Of loopback, beyond which sources of addresses are not believed. */
function addressOfNode(number: number, lives: number): GossipAddress {
  return { host: `127.${lives}.${number >> 8}.${number & 0xff}`, port: 7946 };
}
