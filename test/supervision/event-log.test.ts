import { expect } from 'chai';
import * as fc from 'fast-check';
import { EventLog, EVENTS_MAX } from '../../src/supervision/trail/event-log.ts';
import type { EventType } from '../../src/supervision/trail/event-log.ts';

function record(log: EventLog, path: string, type: EventType = 'start'): void {
  log.record({ atMs: 0, type, path, life: 1, reason: type });
}

describe('the event log', () => {
  it('numbers events from 1 without gaps and tells each to its listener', () => {
    const heard: number[] = [];
    const log = new EventLog(({ sequence }) => heard.push(sequence));
    for (const path of ['/a', '/b', '/c']) record(log, path);
    expect(heard).to.deep.equal([1, 2, 3]);
  });

  it('gives the newest events of a path and below it, oldest first, and of no other path', () => {
    const log = new EventLog(() => undefined);
    for (const path of ['/a', '/ab', '/a/b', '/b', '/a/b/c', '/']) record(log, path);
    expect(log.latest('/a', 99).map(({ path }) => path)).to.deep.equal(['/a', '/a/b', '/a/b/c']);
    expect(log.latest('/a', 2).map(({ path }) => path)).to.deep.equal(['/a/b', '/a/b/c']);
    expect(log.latest('/', 99)).to.have.length(6);
    expect(log.latest('/nobody', 99)).to.deep.equal([]);
    expect(log.latest('/a', 0)).to.deep.equal([]);
  });

  it('keeps the newest when it is full, in order, and counts crashes and restarts beyond them', () => {
    const log = new EventLog(() => undefined);
    const extra = 1_234;
    for (let number = 1; number <= EVENTS_MAX + extra; number++) record(log, number % 2 === 0 ? '/even' : '/odd', 'crash');
    const all = log.latest('/', Infinity);
    expect(all).to.have.length(EVENTS_MAX / 2);
    expect(all[0]?.sequence).to.equal(EVENTS_MAX / 2 + extra + 1);
    expect(all.every(({ sequence }, index) => sequence === EVENTS_MAX / 2 + extra + 1 + index)).to.equal(true);
    expect(log.latest('/odd', 3).map(({ sequence }) => sequence)).to.deep.equal([11_229, 11_231, 11_233]);
    expect([log.crashes, log.restarts]).to.deep.equal([EVENTS_MAX + extra, 0]);
    for (let number = 0; number < EVENTS_MAX; number++) record(log, '/gone', 'restart');
    expect([log.crashes, log.restarts]).to.deep.equal([EVENTS_MAX + extra, EVENTS_MAX]);
  });

  it('keeps a crash through any number of lives that come and go in order, and the other way round', () => {
    const log = new EventLog(() => undefined);
    record(log, '/a', 'crash');
    for (let number = 0; number < EVENTS_MAX; number++) record(log, '/b', number % 2 === 0 ? 'start' : 'exit');
    expect(log.latest('/', Infinity)).to.have.length(EVENTS_MAX / 2 + 1);
    expect(log.latest('/', Infinity)[0]).to.deep.include({ path: '/a', type: 'crash' });
    for (let number = 0; number < EVENTS_MAX; number++) record(log, '/a', 'crash');
    expect(log.latest('/b', 1)[0]).to.deep.include({ type: 'exit', sequence: EVENTS_MAX + 1 });
  });

  it('gives events of both kinds in the order in which they happened', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<EventType>('start', 'crash', 'exit', 'admin'), { maxLength: 60 }), fc.nat({ max: 70 }), fc.nat({ max: 70 }), (types, from, limit) => {
        const log = new EventLog(() => undefined);
        for (const type of types) record(log, '/a', type);
        const all = types.map((type, index) => [index + 1, type]);
        expect(log.latest('/', limit).map(({ sequence, type }) => [sequence, type])).to.deep.equal(all.slice(Math.max(0, all.length - limit)));
        expect(log.after(from, limit).map(({ sequence, type }) => [sequence, type])).to.deep.equal(all.slice(from, from + limit));
      }),
    );
  });

  it('gives what came after a number, as far as it is kept', () => {
    const log = new EventLog(() => undefined);
    expect([log.lastSequence, log.after(0, 9)]).to.deep.equal([0, []]);
    for (let number = 1; number <= EVENTS_MAX / 2 + 5; number++) record(log, '/a');
    expect(log.after(0, 2).map(({ sequence }) => sequence)).to.deep.equal([6, 7]);
    expect(log.after(log.lastSequence - 2, 9).map(({ sequence }) => sequence)).to.deep.equal([EVENTS_MAX / 2 + 4, EVENTS_MAX / 2 + 5]);
    expect(log.after(log.lastSequence, 9)).to.deep.equal([]);
    expect(log.after(log.lastSequence + 7, 9)).to.deep.equal([]);
  });

  it('tells whoever listens, until they want no more', () => {
    const heard: string[] = [];
    const log = new EventLog(() => undefined);
    const stop = log.subscribe(({ path }) => heard.push(path));
    record(log, '/a');
    stop();
    record(log, '/b');
    expect(heard).to.deep.equal(['/a']);
  });
});
