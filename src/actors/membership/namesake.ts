/**
 * Another node of this node's name. A name has one owner, and others keep to whom they knew first; but the two of them
 * must know of each other, so that one that has only just come can go away again, and people can mend the rest.
 *
 * That the name is listed at another address says little: it may be where this node was in its last life. So whoever is
 * there is asked by name, as memberlist's nodes are used to; and who is asked by a node of its own name knows as well.
 */
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import type { SwimContext } from './swim-context.ts';
import { addressKey, addressOf } from './wire/ip-address.ts';
import { encodeMessage, type Ping } from './wire/messages.ts';
import type { StreamMessage } from './wire/stream.ts';
import type { DropReason } from './wire/wire-fault.ts';

/** Where a name is said to be is said with every packet; asking, and a line in the log, once a minute is enough. */
const QUIET_MS = 60_000;
/** Who is there answers in a round trip; where nobody is, a node that has only moved must not wait for long. */
const PATIENCE_PROBE_INTERVALS = 2;
/** While others list it, it is asked again each minute. */
const BELIEVED_MS = 2 * QUIET_MS;

export class Namesake {
  readonly #context: SwimContext;
  #isAsked = false;
  #askedAtMs = -Infinity;
  #answeredAtMs = -Infinity;
  #heardAtMs = -Infinity;

  constructor(context: SwimContext) {
    this.#context = context;
  }

  /** Whether a question waits for its answer. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Whether the mesh lists another node under this name, and that one lives. */
  get isListed(): boolean {
    return this.#context.now - this.#answeredAtMs < BELIEVED_MS;
  }

  /** Somebody lists this node's name at this address. */
  ask(address: GossipAddress, incarnation: number): void {
    this.#context.drop('conflicting-address');
    const { self, now, profile } = this.#context;
    if (now - this.#askedAtMs < QUIET_MS) return;
    this.#askedAtMs = now;
    this.#isAsked = true;
    const { name, addr: sourceAddr, address: { port: sourcePort } } = self;
    const ping = encodeMessage({ type: 'ping', seqNo: this.#context.nextSeqNo(), node: name, sourceAddr, sourcePort, sourceNode: name });
    const timeoutMs = Math.min(profile.streamTimeoutMs, PATIENCE_PROBE_INTERVALS * profile.probeIntervalMs);
    this.#context.request(address, ping, timeoutMs, { kind: 'namesake', address, incarnation });
  }

  /** @param answer undefined when none came. @returns whether somebody of the name is there */
  onAnswer(address: GossipAddress, answer: StreamMessage | DropReason | undefined): boolean {
    const isThere = typeof answer === 'object' && answer.type === 'ack';
    this.#isAsked = false;
    this.#answeredAtMs = isThere ? this.#context.now : -Infinity;
    if (isThere) this.#tell(address, true);
    return isThere;
  }

  /** Somebody asks for this node, by name and on a stream. */
  onPing({ sourceNode, sourceAddr, sourcePort }: Ping): void {
    const { self, now } = this.#context;
    const address = addressOf(sourceAddr, sourcePort);
    if (sourceNode !== self.name || address === undefined || addressKey(address) === addressKey(self.address)) return;
    if (now - this.#heardAtMs < QUIET_MS) return;
    this.#heardAtMs = now;
    this.#tell(address, false);
  }

  /** People hear of it, and the others are asked whose the name is. */
  #tell(address: GossipAddress, isListed: boolean): void {
    this.#context.emit({ kind: 'namesake', address, isListed });
    this.#context.tellSerf({ kind: 'contested' });
  }
}
