import { expect } from 'chai';
import * as fc from 'fast-check';
import { EventFollower } from '../../../src/actors/admin/event-follower.ts';
import { MeshError } from '../../../src/errors.ts';
import type { EventType, SupervisionEvent } from '../../../src/supervision/trail/event-log.ts';
import type { EventsItem } from '../../../src/transport/generated/omega/mesh/v1/EventsItem.ts';
import type { EventsRequest__Output } from '../../../src/transport/generated/omega/mesh/v1/EventsRequest.ts';

const ALL: EventsRequest__Output = { path: '', types: [], since: 0, follow: true };

/** A trail that keeps the newest `max`. */
class ShortTrail {
  readonly #max: number;
  readonly #events: SupervisionEvent[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get lastSequence(): number {
    return this.#events.length;
  }

  add(path = '/a', type: EventType = 'crash'): void {
    this.#events.push({ sequence: this.#events.length + 1, atMs: 0, type, path, life: 1, reason: type });
  }

  after(sequence: number, limit: number): readonly SupervisionEvent[] {
    const from = Math.max(sequence, this.#events.length - this.#max);
    return this.#events.slice(from, from + limit);
  }
}

/** A reader with room for some. */
function reader(room: number): { room: number; readonly said: string[]; take(item: EventsItem): boolean } {
  return {
    room,
    said: [],
    take({ event, gap }) {
      if (this.room === 0) return false;
      this.room--;
      this.said.push(gap ? `lost ${Number(gap.lost)}: ${Number(gap.from)}-${Number(gap.to)}` : String(event?.sequence));
      return true;
    },
  };
}

function faultOf(act: () => unknown): MeshError {
  try {
    act();
  } catch (error) {
    if (error instanceof MeshError) return error;
  }
  throw new Error('there was no fault');
}

describe('an operator who follows the events', () => {
  let trail: ShortTrail;

  beforeEach(() => void (trail = new ShortTrail(5)));

  const add = (count: number): void => void Array.from({ length: count }, () => trail.add());

  it('is told what is kept, then each as it comes', () => {
    const to = reader(99);
    add(2);
    const follower = new EventFollower(ALL, trail, (item) => to.take(item));
    expect(follower.goOn()).to.equal('idle');
    add(1);
    expect(follower.goOn()).to.equal('idle');
    expect(to.said).to.deep.equal(['1', '2', '3']);
  });

  it('is done when there is no more, unless it wants to go on', () => {
    add(2);
    expect(new EventFollower({ ...ALL, follow: false }, trail, () => true).goOn()).to.equal('over');
  });

  it('goes on after the number that it names', () => {
    const to = reader(99);
    add(4);
    new EventFollower({ ...ALL, since: 2 }, trail, (item) => to.take(item)).goOn();
    expect(to.said).to.deep.equal(['3', '4']);
  });

  it('is not told of what was forgotten before it came, unless it asked for that', () => {
    add(9);
    const [newcomer, known] = [reader(99), reader(99)];
    new EventFollower(ALL, trail, (item) => newcomer.take(item)).goOn();
    new EventFollower({ ...ALL, since: 2 }, trail, (item) => known.take(item)).goOn();
    expect(newcomer.said).to.deep.equal(['5', '6', '7', '8', '9']);
    expect(known.said).to.deep.equal(['lost 2: 3-4', '5', '6', '7', '8', '9']);
  });

  it('that reads too slowly finds a gap with its size, and the newest behind it', () => {
    const to = reader(1);
    add(2);
    const follower = new EventFollower(ALL, trail, (item) => to.take(item));
    expect(follower.goOn()).to.equal('full');
    add(10);
    to.room = 99;
    expect(follower.goOn()).to.equal('idle');
    expect(to.said).to.deep.equal(['1', 'lost 6: 2-7', '8', '9', '10', '11', '12']);
  });

  it('hears only of the paths and types that it wants, and of nothing twice', () => {
    const to = reader(99);
    for (const [path, type] of [['/a', 'crash'], ['/ab', 'crash'], ['/a/b', 'crash'], ['/a', 'restart']] as const) trail.add(path, type);
    new EventFollower({ ...ALL, path: '/a', types: ['crash'] }, trail, (item) => to.take(item)).goOn();
    expect(to.said).to.deep.equal(['1', '3']);
  });

  it('that asks for a type that there is not hears which there are, and the nearest', () => {
    const fault = faultOf(() => new EventFollower({ ...ALL, types: ['crahs'] }, trail, () => true));
    expect(fault).to.include({ code: 'BAD_ARGUMENT', given: 'crahs', todo: 'did you mean crash?' });
    expect(fault.expected).to.include('restart');
  });

  it('that wants to go on after a number that never was hears that the node is another run', () => {
    add(3);
    expect(faultOf(() => new EventFollower({ ...ALL, since: 4 }, trail, () => true))).to.include({ code: 'REFUSED', expected: 'at most 3' });
  });

  it('takes turns with others: a long trail is told in pieces', () => {
    trail = new ShortTrail(1_000);
    add(250);
    const to = reader(999);
    const follower = new EventFollower(ALL, trail, (item) => to.take(item));
    expect([follower.goOn(), follower.goOn(), follower.goOn()]).to.deep.equal(['more', 'more', 'idle']);
    expect(to.said).to.have.length(250);
  });

  it('hears of every number once, in order, as an event or within a gap, however it reads', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.record({ added: fc.nat(12), room: fc.nat(6) }), { maxLength: 30 }), (kept, steps) => {
        trail = new ShortTrail(kept);
        const told: number[] = [];
        let room = 0;
        const follower = new EventFollower(ALL, trail, ({ event, gap }) => {
          if (room === 0) return false;
          room--;
          for (let lost = Number(gap?.from ?? 1); lost <= Number(gap?.to ?? 0); lost++) told.push(lost);
          if (event) told.push(Number(event.sequence));
          return true;
        });
        for (const step of [...steps, { added: 0, room: 99 }]) {
          add(step.added);
          room = step.room;
          follower.goOn();
        }
        expect(told).to.deep.equal(Array.from({ length: trail.lastSequence }, (_, at) => at + 1));
      }),
    );
  });
});
