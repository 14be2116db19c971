/**
 * What this node says of its own main loop: `health=degraded` among its tags while that stands still, though gossip, in a
 * thread of its own, goes on. Peers do not bury such a node, and people see why nothing of it answers.
 */
import type { MemberView } from './membership-messages.ts';
import type { SwimContext } from './swim-context.ts';
import type { Updates } from './updates.ts';
import { encodeTags, fitsOwnMeta } from './wire/tags.ts';

const TAG = 'health';
const DEGRADED = 'degraded';
/** A loop that stalls again and again is degraded all the while: two announcements in this time are the most. */
const SAID_FOR_MS = 5_000;

/** Whether the member says so of itself. */
function isDegraded({ tags }: Pick<MemberView, 'tags'>): boolean {
  return tags[TAG] === DEGRADED;
}

export class Health {
  readonly #context: SwimContext;
  readonly #updates: Updates;
  #saidAt = 0;

  constructor(context: SwimContext, updates: Updates) {
    this.#context = context;
    this.#updates = updates;
  }

  /** @param stands whether the main loop stands still; noted again and again */
  note(stands: boolean): void {
    const { self, now, isLeaving } = this.#context;
    if (isLeaving || stands === isDegraded(self)) return;
    if (!stands && now - this.#saidAt < SAID_FOR_MS) return;
    const { [TAG]: _said, ...others } = self.tags;
    const tags = stands ? { ...others, [TAG]: DEGRADED } : others;
    // Those that leave no room for it go before it.
    if (!fitsOwnMeta(tags)) return;
    if (stands) this.#saidAt = now;
    this.#updates.retag(encodeTags(tags));
  }
}
