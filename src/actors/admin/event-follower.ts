/**
 * One operator's place in the trail of supervision. Pure.
 *
 * Nothing waits for a reader: the trail itself is the buffer, and this is a number in it. Who reads too slowly finds that
 * what comes next was forgotten meanwhile, and is told how much that was.
 */
import { MeshError } from '../../errors.ts';
import { nearestWord } from '../../nearest-word.ts';
import { EVENT_TYPES } from '../../supervision/trail/event-log.ts';
import type { SupervisionEvent } from '../../supervision/trail/event-log.ts';
import type { EventsItem } from '../../transport/generated/omega/mesh/v1/EventsItem.ts';
import type { EventsRequest__Output } from '../../transport/generated/omega/mesh/v1/EventsRequest.ts';
import { historyEvent } from './admin-views.ts';

export interface Trail {
  /** Number of the newest event; 0 when there is none. */
  readonly lastSequence: number;
  /** Up to `limit` of those that came after the one of that number and are kept still, oldest first. */
  after(sequence: number, limit: number): readonly SupervisionEvent[];
}

/** Events looked at in one go: about a millisecond of the loop when all of them are sent. */
const SLICE = 100;

export class EventFollower {
  readonly #request: EventsRequest__Output;
  readonly #trail: Trail;
  readonly #take: (item: EventsItem) => boolean;
  /** Number of the newest event that was dealt with. */
  #at: number;

  /**
   * Who does not say since when begins with the oldest that is kept: what was forgotten before is no gap.
   * @param take false when there is no room now; what it did not take is offered again
   * @throws MeshError BAD_ARGUMENT, REFUSED
   */
  constructor(request: EventsRequest__Output, trail: Trail, take: (item: EventsItem) => boolean) {
    checkTypes(request.types);
    checkSince(request.since, trail.lastSequence);
    this.#request = request;
    this.#trail = trail;
    this.#take = take;
    const oldest = trail.after(0, 1)[0]?.sequence ?? 1;
    this.#at = request.since === 0 ? oldest - 1 : request.since;
  }

  /** Goes on through the trail. `more`: for now it has done enough; `full`: until there is room; `idle`: until there is news. */
  goOn(): 'more' | 'full' | 'idle' | 'over' {
    const events = this.#trail.after(this.#at, SLICE);
    for (const event of events) {
      if (!this.#tellGap(event.sequence)) return 'full';
      if (this.#isWanted(event) && !this.#take({ event: historyEvent(event) })) return 'full';
      this.#at = event.sequence;
    }
    if (events.length === SLICE) return 'more';
    return this.#request.follow ? 'idle' : 'over';
  }

  /** @param sequence of the event that comes next */
  #tellGap(sequence: number): boolean {
    const from = this.#at + 1;
    if (sequence <= from) return true;
    if (!this.#take({ gap: { lost: sequence - from, from, to: sequence - 1 } })) return false;
    this.#at = sequence - 1;
    return true;
  }

  #isWanted({ path, type }: SupervisionEvent): boolean {
    const { path: wanted, types } = this.#request;
    const below = wanted.endsWith('/') ? wanted : `${wanted}/`;
    return (wanted === '' || path === wanted || path.startsWith(below)) && (types.length === 0 || types.includes(type));
  }
}

function checkTypes(types: readonly string[]): void {
  const unknown = types.find((type) => !(EVENT_TYPES as readonly string[]).includes(type));
  if (unknown === undefined) return;
  const nearest = nearestWord(unknown, EVENT_TYPES);
  throw new MeshError('BAD_ARGUMENT', `there are no events of type ${JSON.stringify(unknown)}`, {
    given: unknown,
    expected: EVENT_TYPES.join(', '),
    ...(nearest === undefined ? {} : { todo: `did you mean ${nearest}?` }),
  });
}

function checkSince(since: number, last: number): void {
  if (since <= last) return;
  throw new MeshError('REFUSED', `the last event of this run of the node has number ${last}: there is none after ${since} to go on from`, {
    given: String(since),
    expected: `at most ${last}`,
    todo: 'the node was started again since: leave --since out; `mesh history` shows earlier runs too',
  });
}
