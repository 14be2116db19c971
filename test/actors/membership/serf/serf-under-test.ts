/** A brain of Serf in a brain of membership, told by hand what other nodes say. */
import { addressOfHost, brainKnowing, stateOf, type BrainUnderTest } from '../brain-under-test.ts';
import { decodeSerf, encodeSerf, encodeState, type SerfMessage, type SerfState } from '../../../../src/actors/membership/serf/serf-messages.ts';
import { encodePushPull } from '../../../../src/actors/membership/wire/stream.ts';

export class SerfUnderTest {
  readonly brain: BrainUnderTest;

  constructor(peers = 3, options: Parameters<typeof brainKnowing>[1] = {}) {
    this.brain = brainKnowing(peers, options);
    this.brain.acks = () => true;
  }

  hear(message: SerfMessage): void {
    this.brain.hear({ type: 'user', payload: encodeSerf(message) });
  }

  /** What went out, each message once: gossip repeats itself. */
  said<T extends SerfMessage['type']>(type: T): Extract<SerfMessage, { type: T }>[] {
    const messages = new Map<string, SerfMessage>();
    for (const { payload } of this.brain.sentOf('user')) {
      const message = decodeSerf(payload);
      if (typeof message !== 'string' && message.type === type) messages.set(Buffer.from(payload).toString('hex'), message);
    }
    return [...messages.values()] as Extract<SerfMessage, { type: T }>[];
  }

  /** To which hosts such messages went. */
  saidTo(type: SerfMessage['type']): string[] {
    return this.brain.sent.filter(({ message }) => message.type === 'user' && (decodeSerf(message.payload) as SerfMessage).type === type).map(({ to }) => to);
  }

  /** A seed answers with this. */
  meet(state: Partial<SerfState>): void {
    this.brain.tell({ kind: 'join', seeds: [], remembered: [addressOfHost(2)] });
    const { exchange } = this.brain.requests.at(-1)!;
    const userState = encodeState({ lTime: 1, eventLTime: 1, queryLTime: 1, events: [], leftMembers: [], statusLTimes: new Map(), ...state });
    this.brain.tell({ kind: 'answered', exchange, answer: encodePushPull({ join: true, states: [stateOf('b', 1, '10.0.0.2', 'alive')], userState }) });
  }
}
