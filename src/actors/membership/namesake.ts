/**
 * Another node of this node's name. A name has one owner, and others keep to whom they knew first; but the two of them
 * must know of each other, so that one that has only just come can go away again, and people can mend the rest.
 *
 * That the name is listed at another address says little: it may be where this node was in its last life. So whoever is
 * there is asked by name, and told where this node is: then it asks in turn. Memberlist's nodes answer such a question,
 * and report what they are told as a conflict.
 */
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import { aliveOf } from './claims.ts';
import type { SwimContext } from './swim-context.ts';
import { encodeMessage } from './wire/messages.ts';
import { decodeStream } from './wire/stream.ts';

/** What is said about a name is said with every packet; asking, and a line in the log, once a minute is enough. */
const QUIET_MS = 60_000;

export class Namesake {
  readonly #context: SwimContext;
  #askedAtMs = -QUIET_MS;
  #isAsked = false;
  #lives = false;

  constructor(context: SwimContext) {
    this.#context = context;
  }

  /** Whether a question waits for its answer. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Whether the last answer was that there is one. */
  get lives(): boolean {
    return this.#lives;
  }

  /** Somebody says that this node's name is at this address. */
  ask(address: GossipAddress): void {
    this.#context.drop('conflicting-address');
    const { self, now, profile } = this.#context;
    if (now - this.#askedAtMs < QUIET_MS) return;
    this.#askedAtMs = now;
    this.#isAsked = true;
    const { name, addr: sourceAddr, address: { port: sourcePort } } = self;
    const ping = encodeMessage({ type: 'ping', seqNo: this.#context.nextSeqNo(), node: name, sourceAddr, sourcePort, sourceNode: name });
    this.#context.send(address, aliveOf(self));
    this.#context.request(address, ping, profile.streamTimeoutMs, { kind: 'namesake', address });
  }

  /** @param answer undefined when none came */
  onAnswer(address: GossipAddress, answer: Uint8Array | undefined): void {
    const message = answer === undefined ? undefined : decodeStream(answer);
    this.#isAsked = false;
    this.#lives = typeof message === 'object' && message.type === 'ack';
    if (this.#lives) this.#context.emit({ kind: 'namesake', address });
  }
}
