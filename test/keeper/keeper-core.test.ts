/** Who keeps a node, as a state machine. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { BACKOFF, BUDGET, END_SIGNALS, KeeperCore, START_DEADLINE_MS } from '../../src/keeper/keeper-core.ts';
import type { Crash, KeeperEffect, KeeperInput } from '../../src/keeper/keeper-core.ts';
import { seededRandom } from '../../src/random.ts';

type Effect<K extends KeeperEffect['kind']> = Extract<KeeperEffect, { kind: K }>;

/** Stands for the process around a keeper: counts lives, holds timers, moves time. */
class Stage {
  now = 0;
  /** Whether a life is there. */
  isAlive = false;
  exitCode: number | undefined;
  readonly effects: KeeperEffect[] = [];
  readonly timers: { readonly at: number; readonly turn: number }[] = [];
  readonly #core: KeeperCore;

  constructor(seed = 7) {
    this.#core = new KeeperCore(seededRandom(seed));
  }

  take(input: KeeperInput): this {
    if (input.kind === 'exited') this.isAlive = false;
    for (const effect of this.#core.handle(input, this.now)) {
      this.effects.push(effect);
      if (effect.kind === 'wake') this.timers.push({ at: this.now + effect.afterMs, turn: effect.turn });
      if (effect.kind === 'start') {
        expect(this.isAlive, 'a second life beside the first').to.equal(false);
        this.isAlive = true;
      }
      if (effect.kind === 'exit') {
        expect(this.isAlive, 'the keeper ends before its node').to.equal(false);
        expect(this.exitCode, 'the keeper ends twice').to.equal(undefined);
        this.exitCode = effect.exitCode;
      }
    }
    return this;
  }

  begin(): this {
    return this.take({ kind: 'begin' });
  }

  up(): this {
    return this.take({ kind: 'ready', where: 'n1' });
  }

  ended(exitCode: number, signal: string | null = null): this {
    return this.take({ kind: 'exited', exitCode, signal });
  }

  /** Moves to the timer that is due next, whether it still means anything or not. */
  wake(): this {
    this.timers.sort((a, b) => a.at - b.at);
    const next = this.timers.shift();
    if (next === undefined) throw new Error('no timer is set');
    this.now = Math.max(this.now, next.at);
    return this.take({ kind: 'woken', turn: next.turn });
  }

  /** Lets timers fire until the next life is there. */
  untilAlive(): this {
    while (!this.isAlive) this.wake();
    return this;
  }

  all<K extends KeeperEffect['kind']>(kind: K): Effect<K>[] {
    return this.effects.filter((effect): effect is Effect<K> => effect.kind === kind);
  }

  get lastCrash(): Crash | undefined {
    return this.all('report').at(-1)?.crash;
  }
}

describe('the keeper', () => {
  describe('decides by how the node ended and whether it was ever up', () => {
    const ends = [
      { end: 'exit 0', code: 0, signal: null, first: 'ends', later: 'ends' },
      { end: 'exit 1', code: 1, signal: null, first: 'ends', later: 'restarts' },
      { end: 'exit 2', code: 2, signal: null, first: 'ends', later: 'ends' },
      { end: 'exit 70', code: 70, signal: null, first: 'restarts', later: 'restarts' },
      { end: 'exit 71', code: 71, signal: null, first: 'restarts', later: 'restarts' },
      { end: 'exit 72', code: 72, signal: null, first: 'restarts', later: 'restarts' },
      { end: 'exit 73', code: 73, signal: null, first: 'restarts', later: 'restarts' },
      { end: 'exit 74', code: 74, signal: null, first: 'ends', later: 'restarts' },
      { end: 'SIGKILL', code: 137, signal: 'SIGKILL', first: 'restarts', later: 'restarts' },
      { end: 'SIGABRT', code: 134, signal: 'SIGABRT', first: 'restarts', later: 'restarts' },
      { end: 'SIGTERM from elsewhere', code: 143, signal: 'SIGTERM', first: 'restarts', later: 'restarts' },
    ] as const;

    for (const { end, code, signal, first, later } of ends) {
      it(`${first} after ${end} of a node that never came up, and ${later} when it had`, () => {
        for (const [wasUp, decision] of [[false, first], [true, later]] as const) {
          const stage = new Stage().begin();
          if (wasUp) stage.up();
          stage.ended(code, signal);
          if (decision === 'ends') {
            expect(stage.exitCode).to.equal(code);
          } else {
            expect(stage.exitCode).to.equal(undefined);
            expect(stage.untilAlive().all('start').map(({ life }) => life)).to.deep.equal([1, 2]);
          }
        }
      });
    }

    it('restarts after exit 1 in a later life that did not come up: the port of the last may still be held', () => {
      const stage = new Stage().begin().up().ended(137, 'SIGKILL').untilAlive().ended(1);
      expect(stage.exitCode).to.equal(undefined);
      expect(stage.lastCrash).to.include({ life: 2, wasReady: false, decision: 'restart' });
    });
  });

  it('reports each crash with its decision, delay and budget, and an end in order not at all', () => {
    const stage = new Stage().begin().up();
    stage.now = 5_000;
    stage.ended(137, 'SIGKILL');
    const { delayMs, why, ...rest } = stage.lastCrash!;
    expect(rest).to.deep.equal({ life: 1, exitCode: 137, signal: 'SIGKILL', uptimeMs: 5_000, wasReady: true, decision: 'restart', restartsInPeriod: 1 });
    expect(why).to.equal('1 of 10 restarts in 10 min');
    expect(delayMs).to.be.within(160, 240);
    expect(new Stage().begin().up().ended(0).all('report')).to.deep.equal([]);
  });

  it('waits twice as long after each crash, up to its longest delay', () => {
    const stage = new Stage().begin();
    for (let crash = 0; crash < BUDGET.intensity; crash++) stage.ended(70).untilAlive();
    const delays = stage.all('report').map(({ crash }) => crash.delayMs!);
    for (const [failures, delayMs] of delays.entries()) {
      const middle = Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** failures);
      expect(delayMs, `after ${failures} failures`).to.be.within(middle * 0.8 - 1, middle * 1.2 + 1);
    }
  });

  it('begins with the shortest delay again after a life that was up for a minute', () => {
    const stage = new Stage().begin();
    for (let crash = 0; crash < 5; crash++) stage.ended(70).untilAlive();
    stage.up();
    stage.now += 60_000;
    expect(stage.ended(70).lastCrash!.delayMs).to.be.within(160, 240);
  });

  it('gives up with the code of the node at one crash more than its budget', () => {
    const stage = new Stage().begin();
    for (let crash = 0; crash < BUDGET.intensity; crash++) stage.ended(70).untilAlive();
    expect(stage.exitCode).to.equal(undefined);
    stage.ended(139, 'SIGSEGV');
    expect(stage.exitCode).to.equal(139);
    expect(stage.lastCrash).to.include({ decision: 'give-up', delayMs: null, why: 'more than 10 restarts in 10 min' });
  });

  it('never gives up a node whose crashes are further apart than its budget', () => {
    const stage = new Stage().begin();
    for (let crash = 0; crash < 50; crash++) {
      stage.up();
      stage.now += BUDGET.periodMs / BUDGET.intensity + 1_000;
      stage.ended(70).untilAlive();
    }
    expect(stage.exitCode).to.equal(undefined);
  });

  it('kills a node that is not up in time, and no other', () => {
    const hung = new Stage().begin().wake();
    expect(hung.now).to.equal(START_DEADLINE_MS);
    expect(hung.all('pass')).to.deep.equal([{ kind: 'pass', signal: 'SIGKILL' }]);
    expect(new Stage().begin().up().wake().all('pass')).to.deep.equal([]);
  });

  it('does not take the deadline of a life that is over for the end of a delay', () => {
    const stage = new Stage().begin();
    for (let crash = 0; crash < 8; crash++) stage.ended(70).untilAlive();
    stage.now += START_DEADLINE_MS - 1_000;
    stage.ended(70);
    const due = stage.now + stage.lastCrash!.delayMs!;
    expect(stage.untilAlive().now).to.equal(due);
  });

  for (const signal of END_SIGNALS) {
    it(`passes ${signal} on, and a second one, and ends with the code of the node`, () => {
      const stage = new Stage().begin().up().take({ kind: 'signalled', signal });
      expect(stage.effects.at(-2)).to.include({ kind: 'announce', state: 'stopping' });
      expect(stage.effects.at(-1)).to.deep.equal({ kind: 'pass', signal });
      stage.take({ kind: 'signalled', signal });
      expect(stage.effects.at(-1)).to.deep.equal({ kind: 'pass', signal });
      expect(stage.ended(0).exitCode).to.equal(0);
    });
  }

  it('kills a node that heard two signals and is still there at the third', () => {
    const stage = new Stage().begin().up();
    for (const signal of END_SIGNALS) stage.take({ kind: 'signalled', signal });
    expect(stage.effects.at(-1)).to.deep.equal({ kind: 'pass', signal: 'SIGKILL' });
  });

  it('ends at once, and with 0, when it is told to stop between two lives', () => {
    const stage = new Stage().begin().ended(70).take({ kind: 'signalled', signal: 'SIGTERM' });
    expect(stage.exitCode).to.equal(0);
    while (stage.timers.length > 0) stage.wake();
    expect(stage.isAlive).to.equal(false);
  });

  it('reports a crash on the way down, but no death by the signal that was passed on', () => {
    const stop = (): Stage => new Stage().begin().up().take({ kind: 'signalled', signal: 'SIGTERM' });
    expect(stop().ended(143, 'SIGTERM').all('report')).to.deep.equal([]);
    expect(stop().ended(143).all('report')).to.deep.equal([]);
    const hung = stop().ended(72);
    expect(hung.lastCrash).to.include({ decision: 'end', exitCode: 72 });
    expect(hung.exitCode).to.equal(72);
  });

  it('tells a service manager of each life that is up, and not that it is up on its way down', () => {
    const stage = new Stage().begin().up().ended(70).untilAlive().up();
    expect(stage.all('announce').map(({ state }) => state)).to.deep.equal(['up', 'restarting', 'up']);
    const leaving = new Stage().begin().take({ kind: 'signalled', signal: 'SIGINT' }).up();
    expect(leaving.all('announce').map(({ state }) => state)).to.deep.equal(['stopping']);
  });

  it('has one life at a time, ends after it, starts none once told to stop and spends no more than its budget, whatever happens', () => {
    const step = fc.oneof(
      fc.constant({ do: 'up' as const }),
      fc.constant({ do: 'wake' as const }),
      fc.record({ do: fc.constant('pass-time' as const), ms: fc.integer({ min: 0, max: 120_000 }) }),
      fc.record({ do: fc.constant('end' as const), code: fc.constantFrom(0, 1, 2, 70, 73, 137) }),
      { weight: 1, arbitrary: fc.record({ do: fc.constant('signal' as const), signal: fc.constantFrom(...END_SIGNALS) }) },
    );
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 80 }), (seed, steps) => {
        const stage = new Stage(seed).begin();
        const restarts: number[] = [];
        let isTold = false;
        for (const each of steps) {
          const starts = stage.all('start').length;
          if (each.do === 'up') stage.up();
          if (each.do === 'pass-time') stage.now += each.ms;
          if (each.do === 'wake' && stage.timers.length > 0) stage.wake();
          if (each.do === 'signal') {
            stage.take({ kind: 'signalled', signal: each.signal });
            isTold = true;
          }
          if (each.do === 'end' && stage.isAlive) {
            stage.ended(each.code, each.code === 137 ? 'SIGKILL' : null);
            if (stage.lastCrash?.decision === 'restart' && stage.exitCode === undefined) restarts.push(stage.now);
          }
          if (isTold || stage.exitCode !== undefined) expect(stage.all('start').length).to.equal(starts);
          const recent = restarts.filter((at) => stage.now - at <= BUDGET.periodMs);
          expect(recent.length).to.be.at.most(BUDGET.intensity);
        }
      }),
      { numRuns: 500 },
    );
  });
});
