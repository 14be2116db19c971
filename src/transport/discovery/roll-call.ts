/** Who has called lately, of what came in: each packet once, none from the past, nobody for ever. Pure. */
import { formatAddress } from '../../address.ts';
import type { GossipAddress } from '../gossip-transport.ts';
import { decodeCall, type CallRefusal } from './announcement.ts';
import { CANDIDATES_MAX } from './discovery.ts';

/** Clocks of the mesh's machines may differ by so much; what is older may be a packet that somebody has kept. */
const WINDOW_MS = 30_000;
/** Senders whose last packet is remembered, while it could be sent again: more than can be nodes. */
const SENDERS_MAX = 4_096;
/** For how long it is told that packets were refused. */
const REFUSED_TOLD_MS = 60_000;

export type Heard = 'question' | 'new' | 'known' | 'refused';

type Refusal = CallRefusal | 'stale' | 'repeated' | 'too-many' | 'not-here';

const WORDS: Readonly<Record<Refusal, string>> = {
  'too-large': 'too large',
  foreign: 'of another protocol',
  forged: 'signed with another secret',
  malformed: 'not as the protocol has them',
  stale: `of a time more than ${WINDOW_MS / 1_000} s from this clock`,
  repeated: 'sent before',
  'too-many': `from more than ${CANDIDATES_MAX} nodes`,
  'not-here': 'from another interface',
};

export class RollCall {
  readonly #secret: Uint8Array;
  /** A node that was silent for so long is gone. */
  readonly #silenceMs: number;
  readonly #senders = new Map<bigint, number>();
  readonly #present = new Map<string, { readonly address: GossipAddress; readonly heardMs: number }>();
  readonly #refused = new Map<Refusal, number>();

  constructor(secret: Uint8Array, silenceMs: number) {
    this.#secret = secret;
    this.#silenceMs = silenceMs;
  }

  /** @param wallMs since the epoch, as packets have it */
  hear(packet: Uint8Array, wallMs: number): Heard {
    const call = decodeCall(packet, this.#secret);
    if (typeof call === 'string') return this.refuse(call, wallMs);
    if (Math.abs(wallMs - call.atMs) > WINDOW_MS) return this.refuse('stale', wallMs);
    if (call.atMs <= (this.#senders.get(call.sender) ?? 0)) return this.refuse('repeated', wallMs);
    if (!this.#remember(call.sender, call.atMs, wallMs)) return this.refuse('too-many', wallMs);
    if (call.from === undefined) return 'question';
    const key = formatAddress(call.from);
    const isKnown = this.#present.has(key);
    if (!isKnown && this.#present.size >= CANDIDATES_MAX) return this.refuse('too-many', wallMs);
    this.#present.set(key, { address: call.from, heardMs: wallMs });
    return isKnown ? 'known' : 'new';
  }

  refuse(reason: Refusal, wallMs: number): 'refused' {
    this.#refused.set(reason, wallMs);
    return 'refused';
  }

  /** Whether somebody is gone. */
  forget(wallMs: number): boolean {
    const before = this.#present.size;
    // A clock that was set back must not keep the dead.
    for (const [key, { heardMs }] of this.#present) if (Math.abs(wallMs - heardMs) > this.#silenceMs) this.#present.delete(key);
    return this.#present.size < before;
  }

  get present(): GossipAddress[] {
    return Array.from(this.#present.values(), ({ address }) => address);
  }

  /** What was refused within the last minute, in words. */
  trouble(wallMs: number): string | undefined {
    const reasons = [...this.#refused].filter(([, atMs]) => wallMs - atMs <= REFUSED_TOLD_MS).map(([reason]) => WORDS[reason]);
    return reasons.length === 0 ? undefined : `packets were refused: ${reasons.sort().join('; ')}`;
  }

  #remember(sender: bigint, atMs: number, wallMs: number): boolean {
    if (!this.#senders.has(sender) && this.#senders.size >= SENDERS_MAX) {
      // Past the window a packet is stale by itself.
      for (const [each, lastMs] of this.#senders) if (wallMs - lastMs > WINDOW_MS) this.#senders.delete(each);
      if (this.#senders.size >= SENDERS_MAX) return false;
    }
    this.#senders.set(sender, atMs);
    return true;
  }
}
