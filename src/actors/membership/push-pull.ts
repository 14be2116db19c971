/** Anti-entropy: two members tell each other everything they know, over a stream. Repairs what gossip missed. */
import { sample } from '../../random.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import { aliveOf } from './claims.ts';
import type { Member } from './member-table.ts';
import type { MemberStatus } from './membership-messages.ts';
import type { Namesake } from './namesake.ts';
import type { Probe } from './probe.ts';
import { TOLD_AT_ONCE_MAX, type SwimContext } from './swim-context.ts';
import type { Updates } from './updates.ts';
import { addressKey, addressOf } from './wire/ip-address.ts';
import { encodeMessage, type NodeState } from './wire/messages.ts';
import { NO_BYTES } from './wire/msgpack.ts';
import { encodePushPull, encodeStreamError, type PushPull as PushPullMessage, type StreamMessage } from './wire/stream.ts';
import { wordsFor, type DropReason } from './wire/wire-fault.ts';

const STATE: Readonly<Record<MemberStatus, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 };

/** A mesh of this many exchanges at the profile's rate; each doubling above adds one interval. */
const UNSCALED_MEMBERS_MAX = 32;

/** The interval grows with the mesh, for so do the lists. @param n members known, this node too */
export function pushPullIntervalMs(intervalMs: number, n: number): number {
  if (n <= UNSCALED_MEMBERS_MAX) return intervalMs;
  return intervalMs * (Math.ceil(Math.log2(n) - Math.log2(UNSCALED_MEMBERS_MAX)) + 1);
}

/** While another holds our name: often enough to have it back soon after it is given free. */
const ANNOUNCE_PROBE_INTERVALS = 2;

export class PushPull {
  readonly #context: SwimContext;
  readonly #updates: Updates;
  readonly #probe: Probe;
  readonly #namesake: Namesake;
  #isAnnouncing = false;
  /** Whether any node of the mesh has ever answered. */
  #hasMet = false;

  constructor(context: SwimContext, updates: Updates, probe: Probe, namesake: Namesake) {
    this.#context = context;
    this.#updates = updates;
    this.#probe = probe;
    this.#namesake = namesake;
  }

  onPushPullTimer(): void {
    if (this.#context.isLeaving) return;
    const { profile, table } = this.#context;
    this.#context.schedule(pushPullIntervalMs(profile.pushPullIntervalMs, table.size), { kind: 'push-pull' });
    this.askAnybody();
  }

  askAnybody(): void {
    const { table, random, isLeaving } = this.#context;
    if (isLeaving) return;
    const [peer] = sample(random, table.peers(({ status }) => status === 'alive'), 1);
    if (peer !== undefined) this.exchange(peer.address, false, undefined);
  }

  onAnnounceTimer(to: GossipAddress): void {
    this.#isAnnouncing = false;
    if (!this.#context.isLeaving) this.exchange(to, true, undefined);
  }

  exchange(to: GossipAddress, join: boolean, seed: string | undefined): void {
    this.#context.request(to, this.#push(join), this.#context.profile.streamTimeoutMs, { kind: 'push-pull', to, seed });
  }

  /** A request came on a stream: answers it, and learns from it. */
  onRequest(message: StreamMessage | DropReason): void {
    if (typeof message === 'string') {
      this.#context.drop(message);
      return this.#reply(encodeStreamError(`the request ${wordsFor(message)}`));
    }
    switch (message.type) {
      case 'pushPull':
        if (this.#isOfBanned(message)) {
          this.#context.drop('banned');
          return this.#reply(encodeStreamError('the list says that a banned member is alive'));
        }
        // The reply is what was known before: a joiner that asks under its old name finds there what is said about it.
        this.#reply(this.#push(message.join));
        return this.#merge(message, false);
      case 'ping':
        if (!this.#probe.isForMe(message)) {
          this.#context.drop('ping-for-another');
          return this.#reply(undefined);
        }
        if (this.#context.banned.has(message.sourceNode)) {
          this.#context.drop('banned');
          return this.#reply(undefined);
        }
        this.#namesake.onPing(message);
        return this.#reply(encodeMessage({ type: 'ack', seqNo: message.seqNo, payload: NO_BYTES }));
      case 'user':
        this.#context.tellSerf({ kind: 'message', payload: message.payload });
        return this.#reply(undefined);
      case 'ack':
      case 'error':
        this.#context.drop(`${message.type}-on-stream`);
        return this.#reply(undefined);
    }
  }

  /** Learns from the answer when it is a member list; otherwise says, for people, what it is. */
  onAnswer(answer: StreamMessage | DropReason, from: GossipAddress): string | undefined {
    if (typeof answer === 'string') {
      this.#context.drop(answer);
      return `the answer ${wordsFor(answer)}`;
    }
    if (answer.type !== 'pushPull') {
      this.#context.drop(`${answer.type}-for-push-pull`);
      return answer.type === 'error' ? `it refuses, and says: ${answer.error}` : 'the answer is not a member list';
    }
    const known = new Set(this.#living.map(({ name }) => name));
    this.#merge(answer, !this.#hasMet);
    this.#introduce(this.#living.filter(({ name }) => !known.has(name)));
    if (!this.#hasMet) this.#context.tellSerf({ kind: 'joined' });
    this.#hasMet = true;
    this.#announceWhenContested(answer.states, from);
    return undefined;
  }

  /** Who still holds a banned member to be alive is that member, or has not heard yet and learns it over a session. */
  #isOfBanned({ states }: PushPullMessage): boolean {
    const { banned } = this.#context;
    return banned.size > 0 && states.some(({ name, state }) => state === STATE.alive && banned.has(name));
  }

  #push(join: boolean): Uint8Array {
    const states = Array.from(this.#context.table.all(), stateOf);
    return encodePushPull({ join, states, userState: this.#context.serfState });
  }

  #reply(reply: Uint8Array | undefined): void {
    this.#context.emit({ kind: 'reply', reply: reply === undefined ? undefined : this.#context.envelope.reply(reply) });
  }

  /** @param isFirst whether nothing was known of the mesh before */
  #merge({ states, userState }: PushPullMessage, isFirst: boolean): void {
    for (const state of states) {
      const { name: node, incarnation } = state;
      switch (state.state) {
        case STATE.alive:
          this.#updates.alive({ ...state, node });
          break;
        case STATE.left:
          this.#updates.dead({ node, incarnation, from: node }, 'told');
          break;
        case STATE.suspect:
        case STATE.dead:
          // A dead is not believed outright: the list may be old, and the member deserves its chance to refute.
          this.#updates.suspect({ node, incarnation, from: this.#context.name }, { reason: 'listed' });
          break;
        default:
          this.#context.drop('unknown-state');
      }
    }
    this.#context.tellSerf({ kind: 'state', state: userState, isFirst });
  }

  get #living(): Member[] {
    return this.#context.table.peers(({ status }) => status === 'alive');
  }

  /**
   * Whom this node has just heard of hears of it from itself. Gossip would get there too, later; and where many join one
   * seed at once it misses somebody now and then, until the next push/pull. Of two that the seed answers one after the other
   * the second hears of the first from it, and the first of the second so.
   */
  #introduce(strangers: readonly Member[]): void {
    const { random, self, isLeaving } = this.#context;
    if (isLeaving) return;
    for (const stranger of sample(random, strangers, TOLD_AT_ONCE_MAX)) this.#context.tell(stranger, aliveOf(self));
  }

  /**
   * After a restart at a new address our name is still held by the old one, and what peers refused they do not gossip:
   * asking again until the old entry is dead is all there is.
   */
  #announceWhenContested(states: readonly NodeState[], from: GossipAddress): void {
    const { self, profile } = this.#context;
    const listed = states.find(({ name }) => name === self.name);
    const address = listed === undefined ? undefined : addressOf(listed.addr, listed.port);
    if (this.#isAnnouncing || address === undefined || addressKey(address) === addressKey(self.address)) return;
    this.#isAnnouncing = true;
    this.#context.schedule(ANNOUNCE_PROBE_INTERVALS * profile.probeIntervalMs, { kind: 'announce', to: from });
  }
}

function stateOf({ name, addr, address, meta, incarnation, status, vsn }: Member): NodeState {
  return { name, addr, port: address.port, meta, incarnation, state: STATE[status], vsn };
}
