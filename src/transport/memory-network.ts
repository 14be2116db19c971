/**
 * A gossip network inside one process, on a clock and with chances that are handed in: the same seed gives the same
 * storm. Packets are lost, doubled, delayed and overtake each other; streams only get slower, until they fail.
 */
import type { Clock } from '../clock.ts';
import { MeshError } from '../errors.ts';
import type { Random } from '../random.ts';
import type { GossipAddress, GossipListener, GossipTransport } from './gossip-transport.ts';

export interface Weather {
  /** Share of packets that get lost, each way. Streams send again, and so are late. */
  readonly loss: number;
  /** Share of packets that come twice. */
  readonly duplication: number;
  /** Share of packets that are held up on the way for up to a second, so that later ones overtake them. */
  readonly stragglers: number;
  /** One way; each packet takes its own time between the two, so packets overtake each other. */
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
}

export const FAIR_WEATHER: Weather = { loss: 0, duplication: 0, stragglers: 0, delayMinMs: 0.2, delayMaxMs: 2 };

/** As TCP's first retransmission timeout on Linux; it doubles each time. */
const RETRANSMIT_MS = 200;
/** The kernel gives up later still; no exchange here waits as long. */
const RETRANSMITS_MAX = 10;

const STRAGGLE_MAX_MS = 1_000;

type Settle = (outcome: Uint8Array | MeshError) => void;

export class MemoryNetwork {
  readonly clock: Clock;
  weather: Weather;
  readonly #random: Random;
  readonly #ends = new Map<string, MemoryTransport>();
  readonly #cuts = new Set<string>();
  readonly #packetCuts = new Set<string>();

  constructor(clock: Clock, random: Random, weather: Weather = FAIR_WEATHER) {
    this.clock = clock;
    this.#random = random;
    this.weather = weather;
  }

  /** @throws MeshError PORT_IN_USE */
  open(local: GossipAddress): MemoryTransport {
    const key = keyOf(local);
    if (this.#ends.has(key)) throw new MeshError('PORT_IN_USE', `${key} is taken`, { given: key, todo: 'choose another port' });
    const end = new MemoryTransport(this, local, () => this.#ends.delete(key));
    this.#ends.set(key, end);
    return end;
  }

  /** From now on nothing gets from one to the other; the way back stays open. */
  cut(from: GossipAddress, to: GossipAddress): void {
    this.#cuts.add(wayOf(from, to));
  }

  /** From now on packets from one do not get to the other; streams do. */
  cutPackets(from: GossipAddress, to: GossipAddress): void {
    this.#packetCuts.add(wayOf(from, to));
  }

  /** Cuts both ways between every one of these and every one of those. */
  partition(these: readonly GossipAddress[], those: readonly GossipAddress[]): void {
    for (const a of these) {
      for (const b of those) {
        this.cut(a, b);
        this.cut(b, a);
      }
    }
  }

  heal(): void {
    this.#cuts.clear();
    this.#packetCuts.clear();
  }

  carryPacket(from: GossipAddress, to: GossipAddress, packet: Uint8Array): void {
    const copies = this.#random.next() < this.weather.duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.isCut(from, to) || this.#packetCuts.has(wayOf(from, to)) || this.#random.next() < this.weather.loss) continue;
      this.clock.setTimer(this.#delayMs() + this.#heldUpMs(), () => this.#ends.get(keyOf(to))?.deliver(packet, from));
    }
  }

  /** Both legs of an exchange; `settle` is called at most once, and not at all when a leg leads nowhere. */
  carryRequest(from: GossipAddress, to: GossipAddress, request: Uint8Array, settle: Settle): void {
    this.#carryReliably(from, to, () => {
      const end = this.#ends.get(keyOf(to));
      const back = (outcome: Uint8Array | MeshError): void => this.#carryReliably(to, from, () => settle(outcome));
      if (end === undefined) back(unreachable(to, 'connection refused', Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })));
      else end.serve(request, (reply) => back(reply ?? unreachable(to, 'the connection was closed without a reply')));
    });
  }

  #carryReliably(from: GossipAddress, to: GossipAddress, arrive: () => void): void {
    let delayMs = this.#delayMs();
    for (let tries = 0; tries < RETRANSMITS_MAX && this.#random.next() < this.weather.loss; tries++) delayMs += RETRANSMIT_MS * 2 ** tries;
    this.clock.setTimer(delayMs, () => {
      if (!this.isCut(from, to)) arrive();
    });
  }

  /** Whether nothing gets through on this way. */
  isCut(from: GossipAddress, to: GossipAddress): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(wayOf(from, to));
  }

  #heldUpMs(): number {
    if (this.weather.stragglers === 0 || this.#random.next() >= this.weather.stragglers) return 0;
    return this.#random.next() * STRAGGLE_MAX_MS;
  }

  #delayMs(): number {
    const { delayMinMs, delayMaxMs } = this.weather;
    return delayMinMs + this.#random.next() * (delayMaxMs - delayMinMs);
  }
}

/** One end. `close` is also a crash: the network does not tell anyone. */
export class MemoryTransport implements GossipTransport {
  readonly local: GossipAddress;
  readonly dropped: Record<string, number> = {};
  readonly #network: MemoryNetwork;
  readonly #leave: () => void;
  readonly #waiting = new Set<Settle>();
  #listener: GossipListener | undefined;
  #isClosed = false;

  constructor(network: MemoryNetwork, local: GossipAddress, leave: () => void) {
    this.#network = network;
    this.local = local;
    this.#leave = leave;
  }

  listen(listener: GossipListener): void {
    this.#listener = listener;
  }

  send(to: GossipAddress, packet: Uint8Array): void {
    if (!this.#isClosed) this.#network.carryPacket(this.local, to, packet);
  }

  request(to: GossipAddress, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.exchange(to, request, timeoutMs, (outcome) => (outcome instanceof MeshError ? reject(outcome) : resolve(outcome)));
    });
  }

  /** `request` without a promise, so that a simulation runs in one turn of the loop. */
  exchange(to: GossipAddress, request: Uint8Array, timeoutMs: number, settle: Settle): void {
    if (this.#isClosed) return settle(closed());
    const once: Settle = (outcome) => {
      if (!this.#waiting.delete(once)) return;
      timer.cancel();
      settle(outcome instanceof MeshError ? outcome : this.#checkedReply(outcome, to));
    };
    this.#waiting.add(once);
    const timer = this.#network.clock.setTimer(timeoutMs, () => once(unreachable(to, `no reply within ${timeoutMs} ms`)));
    this.#network.carryRequest(this.local, to, request, once);
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#leave();
      for (const settle of this.#waiting) settle(closed());
    }
    return Promise.resolve();
  }

  deliver(packet: Uint8Array, from: GossipAddress): void {
    this.#listener?.onPacket(packet, from);
  }

  serve(request: Uint8Array, reply: (reply: Uint8Array | undefined) => void): void {
    // A request that is not whole would wait for the rest until its sender gives up.
    const verdict = this.#listener?.newMeasure().measure(request);
    if (verdict === 'whole') return this.#listener!.onRequest(request, (bytes) => this.#isClosed || reply(bytes));
    if (verdict !== 'malformed') return;
    this.dropped['request-malformed'] = (this.dropped['request-malformed'] ?? 0) + 1;
    reply(undefined);
  }

  #checkedReply(reply: Uint8Array, from: GossipAddress): Uint8Array | MeshError {
    if (this.#listener?.newMeasure().measure(reply) === 'whole') return reply;
    return new MeshError('MALFORMED', `the reply of ${keyOf(from)} does not follow the protocol`, { given: `${reply.length} bytes` });
  }
}

function keyOf(address: GossipAddress): string {
  return `${address.host}|${address.port}`;
}

function wayOf(from: GossipAddress, to: GossipAddress): string {
  return `${keyOf(from)}>${keyOf(to)}`;
}

function unreachable(to: GossipAddress, why: string, cause?: Error): MeshError {
  return new MeshError('NODE_UNREACHABLE', `${keyOf(to)} does not answer: ${why}`, { given: keyOf(to), todo: 'check that the node runs there', cause });
}

function closed(): MeshError {
  return new MeshError('SESSION_CLOSED', 'this end of the gossip network was closed');
}
