import { expect } from 'chai';
import { VirtualClock } from '../../src/clock.ts';
import type { LogFields } from '../../src/log.ts';
import { EventLines } from '../../src/supervision/trail/event-lines.ts';
import type { EventType } from '../../src/supervision/trail/event-log.ts';
import { startWorld } from '../support/actor-world.ts';
import { crash, puppet } from './puppet.ts';

class Paper {
  readonly clock = new VirtualClock();
  readonly written: [event: string, fields: LogFields][] = [];
  readonly lines = new EventLines(this.clock, { log: (_level, event, fields = {}) => void this.written.push([event, fields]) });

  add(path: string, type: EventType, times = 1): void {
    for (let time = 0; time < times; time++) this.lines.add({ sequence: 1, atMs: 0, type, path, life: 1, reason: type });
  }

  count(event: string): number {
    return this.written.filter(([name]) => name === event).length;
  }

  /** What was said to be held back: actor, how many, of how many. */
  get held(): unknown[] {
    return this.written.filter(([name]) => name === 'actor-lines-held').map(([, { actor, paths, held, of }]) => [actor ?? paths, held, of]);
  }
}

describe('the lines of the log about crashes', () => {
  it('are all there when they are few', () => {
    const paper = new Paper();
    for (let second = 0; second < 100; second++) {
      paper.add('/a', 'crash');
      paper.clock.advance(1_000);
    }
    expect([paper.count('actor-crash'), paper.held]).to.deep.equal([100, []]);
  });

  it('tell a delay in whole milliseconds, which jitter does not give', () => {
    const paper = new Paper();
    paper.lines.add({ sequence: 1, atMs: 0, type: 'crash', path: '/a', life: 1, reason: 'x', decision: 'backoff', delayMs: 207.867 });
    expect(paper.written[0]?.[1]).to.include({ delayMs: 208 });
  });

  it('are ten of a path in ten seconds, then one that says exactly how many were held back', () => {
    const paper = new Paper();
    for (let second = 0; second < 10; second++) {
      paper.add('/a', 'crash', 100);
      paper.add('/b', 'crash');
      paper.clock.advance(1_000);
    }
    expect([paper.count('actor-crash'), paper.held]).to.deep.equal([20, [['/a', 990, 1_000]]]);
    paper.add('/a', 'crash');
    expect(paper.count('actor-crash'), 'the next window begins anew').to.equal(21);
  });

  it('are limited for each kind of event by itself, and not at all for what an operator did', () => {
    const paper = new Paper();
    for (const type of ['crash', 'restart', 'admin', 'escalate', 'start'] as const) paper.add('/a', type, 30);
    expect(['crash', 'restart', 'admin', 'escalate', 'start'].map((type) => paper.count(`actor-${type}`))).to.deep.equal([10, 10, 30, 30, 30]);
  });

  it('are five hundred of all paths together; the paths with most are named, the others summed up', () => {
    const paper = new Paper();
    for (let number = 0; number < 700; number++) paper.add(`/a${number}`, 'crash');
    paper.add('/a699', 'crash', 5);
    paper.clock.advance(10_000);
    expect(paper.count('actor-crash')).to.equal(500);
    expect(paper.held).to.have.length(11);
    expect(paper.held[0]).to.deep.equal(['/a699', 6, 6]);
    expect(paper.held.at(-1)).to.deep.equal([190, 190, undefined]);
  });

  it('are accounted for when the tree ends, and wait for no window', async () => {
    const world = await startWorld({ intensity: 1_000, children: [puppet('a')] });
    for (let crashes = 0; crashes < 30; crashes++) {
      world.ref('/a').send(crash);
      await world.settle();
    }
    expect(world.log.filter(({ event }) => event === 'actor-crash')).to.have.length(10);
    expect(world.system.events.crashes, 'the counters are exact').to.equal(30);
    await world.stop();
    expect(world.log.filter(({ event }) => event === 'actor-lines-held').map(({ fields }) => [fields['type'], fields['held']])).to.deep.equal([['crash', 20], ['restart', 20]]);
    expect(world.clock.timers).to.equal(0);
  });
});
