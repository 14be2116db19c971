/**
 * The other nodes that are there, as membership tells it, and where they take sessions. Pure.
 *
 * Absent is not gone: membership that has just restarted may list only itself, and those it then finds again never left.
 * A node is gone when it is listed as dead or left, or not listed at all for `ABSENT_MAX_MS`.
 */
import { parseAddress } from '../../address.ts';
import type { MemberView } from '../membership/membership-messages.ts';

/** Two of membership's repeats; a member that is forgotten was dead long before. */
const ABSENT_MAX_MS = 10_000;

interface KnownNode {
  /** host:port; undefined for a member that takes no sessions. */
  readonly address: string | undefined;
  listedAtMs: number;
}

export class KnownNodes {
  readonly #nodes = new Map<string, KnownNode>();
  #listed: ReadonlySet<string> | undefined;

  /** Whether membership has told anything yet. */
  get isTold(): boolean {
    return this.#listed !== undefined;
  }

  /** Those that take sessions: name and host:port. */
  get dialable(): readonly (readonly [node: string, address: string])[] {
    return [...this.#nodes].flatMap(([node, { address }]) => (address === undefined ? [] : [[node, address] as const]));
  }

  has(node: string): boolean {
    return this.#nodes.has(node);
  }

  /** What membership tells: the whole list. */
  learn(members: readonly MemberView[], now: number): void {
    this.#listed = new Set(members.map(({ name }) => name));
    for (const { name, status, isSelf, tags, verified, quarantine } of members) {
      // An agent of Serf may have a tag of the name, and is no peer for that: nodes of ours sign what they say.
      const address = verified === 'no' ? undefined : tags['grpc'];
      if (isSelf || status === 'dead' || status === 'left' || quarantine !== undefined) this.#nodes.delete(name);
      else this.#nodes.set(name, { address: address !== undefined && canBeDialled(address) ? address : undefined, listedAtMs: now });
    }
    this.expire(now);
  }

  /** Forgets who has been absent for too long; to be called on every pulse. */
  expire(now: number): void {
    for (const [node, known] of this.#nodes) {
      if (this.#listed?.has(node) === true) known.listedAtMs = now;
      else if (now - known.listedAtMs >= ABSENT_MAX_MS) this.#nodes.delete(node);
    }
  }
}

/**
 * Others write their tags themselves, and gossip can be forged: what is no host:port must not reach the dialer. Who answers
 * there must prove to be the node.
 */
function canBeDialled(address: string): boolean {
  try {
    return parseAddress(address, 0).port > 0;
  } catch {
    return false;
  }
}
