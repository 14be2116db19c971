/** One brain named "me", told by hand what the world says, and everything it wished for. */
import { PROFILES, type ProfileName } from '../../../src/actors/membership/profile.ts';
import { Swim } from '../../../src/actors/membership/swim.ts';
import type { MemberEvent } from '../../../src/actors/membership/member-events.ts';
import type { JoinEvent, SwimEffect, SwimInput } from '../../../src/actors/membership/swim-effects.ts';
import type { ClockTimes } from '../../../src/actors/membership/serf/lamport-clock.ts';
import type { SerfNews } from '../../../src/actors/membership/serf/serf-effects.ts';
import type { SerfOutcome } from '../../../src/actors/membership/serf/serf-orders.ts';
import type { MemberView } from '../../../src/actors/membership/membership-messages.ts';
import { VSN, type Application } from '../../../src/actors/membership/version-vector.ts';
import { PLAIN_ENVELOPE, type Envelope } from '../../../src/actors/membership/wire/envelope.ts';
import { ipBytes } from '../../../src/actors/membership/wire/ip-address.ts';
import { encodeMessage, type Alive, type Dead, type Message, type Ping, type Suspect } from '../../../src/actors/membership/wire/messages.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { decodeStream, encodePushPull, type StreamMessage } from '../../../src/actors/membership/wire/stream.ts';
import type { NodeState } from '../../../src/actors/membership/wire/messages.ts';
import { encodeTags, type Tags } from '../../../src/actors/membership/wire/tags.ts';
import { VirtualClock } from '../../../src/clock.ts';
import { seededRandom } from '../../../src/random.ts';
import type { GossipAddress } from '../../../src/transport/gossip-transport.ts';

const PORT = 7946;

export type Request = Extract<SwimEffect, { kind: 'request' }>;

/** What went to one address, message by message. */
export interface Sent {
  readonly to: string;
  readonly message: Message;
}

export class BrainUnderTest {
  readonly clock = new VirtualClock();
  readonly brain: Swim;
  readonly #envelope: Envelope;
  /** In the order in which they happened; tests empty these between scenes. */
  sent: Sent[] = [];
  events: MemberEvent[] = [];
  joining: JoinEvent[] = [];
  requests: Request[] = [];
  resolving: string[] = [];
  remembered: (readonly GossipAddress[])[] = [];
  kept: number[] = [];
  keptClocks: ClockTimes[] = [];
  replies: (StreamMessage | string | undefined)[] = [];
  /** Hosts, with a star when the mesh lists it. */
  namesakes: string[] = [];
  /** What other nodes' programs say and answer, and what became of orders. */
  news: SerfNews[] = [];
  outcomes: SerfOutcome[] = [];
  settled = 0;
  left = 0;
  /** Hears of each request as it is made. */
  onRequest: ((request: Request) => void) | undefined;
  /** Whether this member acks what it is pinged with. */
  acks: (member: string) => boolean = () => false;

  constructor(options: { readonly profile?: ProfileName; readonly seed?: number; readonly keptIncarnation?: number; readonly keptClocks?: ClockTimes; readonly envelope?: Envelope; readonly application?: Application; readonly tags?: Tags } = {}) {
    this.#envelope = options.envelope ?? PLAIN_ENVELOPE;
    this.brain = new Swim({
      name: 'me',
      address: addressOfHost(1),
      tags: options.tags ?? { role: 'test' },
      profile: PROFILES[options.profile ?? 'lan'],
      random: seededRandom(options.seed ?? 1),
      keptIncarnation: options.keptIncarnation ?? 0,
      envelope: this.#envelope,
      ...(options.keptClocks === undefined ? {} : { keptClocks: options.keptClocks }),
      ...(options.application === undefined ? {} : { application: options.application }),
    });
    this.tell({ kind: 'started' });
    this.forget();
  }

  tell(input: SwimInput): void {
    for (const effect of this.brain.handle(input, this.clock.now())) this.#note(effect);
  }

  /** Messages in one packet. */
  hear(...messages: Message[]): void {
    for (const message of messages) this.tell({ kind: 'packet', packet: encodeMessage(message), from: addressOfHost(99) });
  }

  request(bytes: Uint8Array): StreamMessage | string | undefined {
    this.replies = [];
    this.tell({ kind: 'request', request: bytes });
    if (this.replies.length !== 1) throw new Error(`${this.replies.length} replies`);
    return this.replies[0];
  }

  pass(ms: number): void {
    this.clock.advance(ms);
  }

  forget(): void {
    this.sent = [];
    this.events = [];
    this.joining = [];
    this.requests = [];
    this.resolving = [];
    this.remembered = [];
  }

  member(name: string): MemberView | undefined {
    return this.brain.members.find((member) => member.name === name);
  }

  /** Its status, or nothing when it is unknown. */
  status(name: string): string | undefined {
    return this.member(name)?.status;
  }

  get incarnation(): number {
    return this.member('me')!.incarnation;
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.brain.view.dropped;
  }

  /** What of one type was sent to one address, or to any. */
  sentOf<T extends Message['type']>(type: T, to?: string): Extract<Message, { type: T }>[] {
    return this.sent.filter((sent) => sent.message.type === type && (to === undefined || sent.to === to)).map(({ message }) => message as Extract<Message, { type: T }>);
  }

  #ack(seqNo: number): void {
    this.clock.setTimer(1, () => this.hear({ type: 'ack', seqNo, payload: NO_BYTES }));
  }

  #note(effect: SwimEffect): void {
    switch (effect.kind) {
      case 'send': {
        const { messages, drops } = this.#envelope.openPacket(effect.packet);
        if (drops.length > 0) throw new Error(`sent what cannot be read: ${drops.join()}`);
        this.sent.push(...messages.map((message) => ({ to: effect.to.host, message })));
        for (const message of messages) if (message.type === 'ping' && this.acks(message.node)) this.#ack(message.seqNo);
        break;
      }
      case 'request':
        this.requests.push(effect);
        this.onRequest?.(effect);
        break;
      case 'reply':
        this.replies.push(effect.reply === undefined ? undefined : decodeStream(effect.reply));
        break;
      case 'resolve':
        this.resolving.push(effect.seed);
        break;
      case 'schedule':
        this.clock.setTimer(effect.afterMs, () => this.tell({ kind: 'timer', timer: effect.timer }));
        break;
      case 'notify':
        this.events.push(effect.event);
        break;
      case 'joining':
        this.joining.push(effect.event);
        break;
      case 'remember':
        this.remembered.push(effect.addresses);
        break;
      case 'keep-incarnation':
        this.kept.push(effect.incarnation);
        break;
      case 'namesake':
        this.namesakes.push(`${effect.address.host}${effect.isListed ? '*' : ''}`);
        break;
      case 'settled':
        this.settled++;
        break;
      case 'serf':
        this.news.push(effect.news);
        break;
      case 'ordered':
        this.outcomes.push(effect.outcome);
        break;
      case 'keep-clocks':
        this.keptClocks.push(effect.times);
        break;
      case 'keep-keys':
        break;
      case 'left':
        this.left++;
        break;
    }
  }
}

/** A brain that knows members b, c, … at 10.0.0.2, 10.0.0.3, … and has said all it had to say about that. */
export function brainKnowing(count: number, options?: ConstructorParameters<typeof BrainUnderTest>[0]): BrainUnderTest {
  const brain = new BrainUnderTest(options);
  for (let i = 0; i < count; i++) brain.hear(alive(nameOf(i), 1, hostOf(i)));
  brain.forget();
  return brain;
}

export function nameOf(i: number): string {
  return String.fromCharCode('b'.charCodeAt(0) + i);
}

export function hostOf(i: number): string {
  return `10.0.0.${i + 2}`;
}

export function addressOfHost(last: number): GossipAddress {
  return { host: `10.0.0.${last}`, port: PORT };
}

export function alive(node: string, incarnation: number, host: string, more: Partial<Alive> = {}): Alive {
  return { type: 'alive', incarnation, node, addr: ipBytes(host), port: PORT, meta: encodeTags({}), vsn: VSN, ...more };
}

export function suspect(node: string, incarnation: number, from: string): Suspect {
  return { type: 'suspect', incarnation, node, from };
}

export function dead(node: string, incarnation: number, from: string): Dead {
  return { type: 'dead', incarnation, node, from };
}

export function ping(seqNo: number, node: string, more: Partial<Ping> = {}): Ping {
  return { type: 'ping', seqNo, node, sourceAddr: NO_BYTES, sourcePort: 0, sourceNode: '', ...more };
}

export const STATE = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;

export function stateOf(name: string, incarnation: number, host: string, state: keyof typeof STATE): NodeState {
  return { name, incarnation, addr: ipBytes(host), port: PORT, meta: encodeTags({}), vsn: VSN, state: STATE[state] };
}

export function pushPull(...states: NodeState[]): Uint8Array {
  return encodePushPull({ join: true, states, userState: NO_BYTES });
}
