import { expect } from 'chai';
import { lookEveryMs, StallJudge } from '../../src/supervision/watchdog/stall-judge.ts';
import type { StallLimits, Verdict } from '../../src/supervision/watchdog/stall-judge.ts';
import { TurnMark } from '../../src/supervision/watchdog/turn-mark.ts';

const LIMITS: StallLimits = { degradedMs: 1_000, stallLimitMs: 10_000 };

/** Looks at its pace for `forMs`; the loop turns or stands still. */
class Watched {
  readonly verdicts: Verdict['kind'][] = [];
  last: Verdict | undefined;
  readonly #judge: StallJudge;
  readonly #everyMs: number;
  #now = 0;
  #beats = 0;

  constructor(limits = LIMITS) {
    this.#judge = new StallJudge(limits);
    this.#everyMs = lookEveryMs(limits);
  }

  pass(forMs: number, loop: 'turns' | 'stands', isDebugged = false): this {
    for (const until = this.#now + forMs; this.#now < until; ) {
      this.#now += this.#everyMs;
      if (loop === 'turns') this.#beats++;
      this.#look(isDebugged);
    }
    return this;
  }

  /** Nobody looks for so long: everything was asleep, the watchdog too. */
  sleep(forMs: number): this {
    this.#now += forMs;
    this.#look(false);
    return this;
  }

  #look(isDebugged: boolean): void {
    const verdict = this.#judge.look(this.#beats, isDebugged, this.#now);
    if (verdict === undefined) return;
    this.last = verdict;
    this.verdicts.push(verdict.kind);
  }
}

describe('a loop that is watched', () => {
  it('is left alone while it turns', () => {
    expect(new Watched().pass(60_000, 'turns').verdicts).to.deep.equal([]);
  });

  it('is left alone when it stands still for less than the limit, again and again', () => {
    const watched = new Watched();
    for (let n = 0; n < 50; n++) watched.pass(750, 'stands').pass(250, 'turns');
    expect(watched.verdicts).to.deep.equal([]);
  });

  it('is degraded once, within a quarter of its limit, and recovers with the length of the stall', () => {
    const watched = new Watched().pass(1_000, 'turns').pass(1_250, 'stands');
    expect(watched.last).to.deep.equal({ kind: 'degraded', stalledMs: 1_000 });
    watched.pass(3_000, 'stands').pass(1_000, 'turns');
    expect(watched.verdicts).to.deep.equal(['degraded', 'recovered']);
    expect(watched.last?.stalledMs).to.be.within(4_250, 4_750);
  });

  it('is given up past the limit, once', () => {
    const watched = new Watched().pass(1_000, 'turns').pass(60_000, 'stands');
    expect(watched.verdicts).to.deep.equal(['degraded', 'given-up']);
    expect(watched.last?.stalledMs).to.be.within(10_000, 10_250);
  });

  it('is never given up when the limit is 0', () => {
    expect(new Watched({ ...LIMITS, stallLimitMs: 0 }).pass(1_000, 'turns').pass(3_600_000, 'stands').verdicts).to.deep.equal(['degraded']);
  });

  it('is not blamed for the sleep of the machine, which the watchdog slept too', () => {
    expect(new Watched().pass(1_000, 'turns').sleep(3_600_000).pass(500, 'stands').pass(1_000, 'turns').verdicts).to.deep.equal([]);
  });

  it('is given up all the same when it also stood still before the sleep and after it', () => {
    expect(new Watched().pass(1_000, 'turns').pass(5_000, 'stands').sleep(60_000).pass(6_000, 'stands').verdicts).to.deep.equal(['degraded', 'given-up']);
  });

  it('is not blamed for a debugger that stopped it', () => {
    expect(new Watched().pass(1_000, 'turns').pass(600_000, 'stands', true).pass(1_000, 'turns').verdicts).to.deep.equal([]);
  });
});

describe('the mark of a turn', () => {
  it('is read in another thread as it was written', () => {
    const mark = new TurnMark();
    const other = new TurnMark(mark.memory);
    expect(other.turn).to.equal(undefined);
    mark.enter('/agents/sessions/a1', 7);
    expect(other.turn).to.deep.equal({ path: '/agents/sessions/a1', life: 7 });
    mark.enter('/bus', 1);
    expect(other.turn).to.deep.equal({ path: '/bus', life: 1 });
    mark.leave();
    expect(other.turn).to.equal(undefined);
    mark.beat(true);
    expect([other.beats, other.isDebugged]).to.deep.equal([1, true]);
  });

  it('holds a path of any length, without its end when it is too long', () => {
    const mark = new TurnMark();
    mark.enter(`/${'x'.repeat(5_000)}`, 1);
    expect(mark.turn?.path).to.match(/^\/x{999}$/);
  });
});
