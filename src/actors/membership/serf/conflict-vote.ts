/**
 * Whose a name is when two nodes that live have it, as after a partition: all others are asked where they see it, and who
 * is seen by fewer goes. Peers of Serf go also when the vote is even; then both would.
 */
import { addressKey, addressOf } from '../wire/ip-address.ts';
import type { GossipAddress } from '../../../transport/gossip-transport.ts';
import { decodeConflictResponse } from './serf-messages.ts';

export class ConflictVote {
  readonly #mine: string;
  #forMe = 0;
  #against = 0;

  /** @param mine where this node is */
  constructor(mine: GossipAddress) {
    this.#mine = addressKey(mine);
  }

  /** @param answer of one of the others */
  count(answer: Uint8Array): void {
    const seen = decodeConflictResponse(answer);
    const address = typeof seen === 'string' ? undefined : addressOf(seen.addr, seen.port);
    // Who does not know the name has no vote.
    if (address === undefined) return;
    if (addressKey(address) === this.#mine) this.#forMe++;
    else this.#against++;
  }

  get forMe(): number {
    return this.#forMe;
  }

  get against(): number {
    return this.#against;
  }
}
