import { expect } from 'chai';
import { assert as holds, integer, property } from 'fast-check';
import { Renewal, type RenewalEffect } from '../../src/trust/renewal.ts';
import { BACKDATE_MS } from '../../src/trust/authority.ts';
import { seededRandom } from '../../src/random.ts';

const HOUR = 3_600_000;

/** Moves the wall clock from timer to timer; what `renew` answers is an identity of an hour, or a fault. */
class World {
  nowMs = 0;
  readonly renewedAtMs: number[] = [];
  readonly logged: string[] = [];
  isFabricAway = false;
  readonly renewal: Renewal;
  #nextMs = 0;
  readonly #lifeMs: number;

  constructor(seed = 1, lifeMs = HOUR) {
    this.#lifeMs = lifeMs;
    this.renewal = new Renewal({ notBeforeMs: -BACKDATE_MS, notAfterMs: lifeMs }, seededRandom(seed));
    this.#perform(this.renewal.handle({ kind: 'tick' }, 0));
  }

  passUntil(untilMs: number): void {
    while (this.#nextMs <= untilMs) {
      this.nowMs = this.#nextMs;
      this.#perform(this.renewal.handle({ kind: 'tick' }, this.nowMs));
    }
    this.nowMs = untilMs;
  }

  /** The clock is set, or the machine slept: timers did not see it. */
  jumpTo(nowMs: number): void {
    this.nowMs = nowMs;
    this.#perform(this.renewal.handle({ kind: 'tick' }, nowMs));
  }

  renewNow(): void {
    this.#perform(this.renewal.handle({ kind: 'renew' }, this.nowMs));
  }

  renewSoon(): void {
    this.#perform(this.renewal.handle({ kind: 'renew-soon' }, this.nowMs));
  }

  #perform(effects: readonly RenewalEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'log') this.logged.push(effect.event);
      if (effect.kind === 'set-timer') this.#nextMs = this.nowMs + effect.delayMs;
      if (effect.kind === 'renew') this.#renew();
    }
  }

  #renew(): void {
    if (this.isFabricAway) return this.#perform(this.renewal.handle({ kind: 'failed', reason: 'nobody answers', todo: undefined }, this.nowMs));
    this.renewedAtMs.push(this.nowMs);
    this.#perform(this.renewal.handle({ kind: 'has', validity: { notBeforeMs: this.nowMs - BACKDATE_MS, notAfterMs: this.nowMs + this.#lifeMs } }, this.nowMs));
  }
}

describe('the renewal of an identity', () => {
  it('happens within seconds when all are to be replaced, once, and not of all at the same moment, however often that is said', () => {
    const firsts = Array.from({ length: 50 }, (_, seed) => {
      const world = new World(seed);
      world.passUntil(60_000);
      for (let i = 0; i < 20; i++) {
        if (world.renewedAtMs.length === 0) world.renewSoon();
        world.passUntil(61_000 + i * 1_000);
      }
      world.passUntil(0.4 * HOUR);
      expect(world.renewedAtMs).to.have.length(1);
      return world.renewedAtMs[0]! - 60_000;
    });
    expect(Math.max(...firsts)).to.be.within(15_000, 20_000);
    expect(Math.min(...firsts)).to.be.below(3_000);
  });

  it('happens at half its life, not all at the same moment', () => {
    const firsts = Array.from({ length: 20 }, (_, seed) => {
      const world = new World(seed);
      world.passUntil(HOUR);
      return world.renewedAtMs[0]!;
    });
    expect(Math.min(...firsts)).to.be.within(0.45 * HOUR, 0.5 * HOUR);
    expect(Math.max(...firsts)).to.be.within(0.5 * HOUR, 0.55 * HOUR);
    expect(new Set(firsts.map(Math.round)).size).to.equal(20);
  });

  it('leaves at least 45 % of a life for whoever renews to be away, whatever the life and the chance', () => {
    holds(
      property(integer({ min: 0, max: 1_000 }), integer({ min: 10_000, max: 48 * HOUR }), (seed, lifeMs) => {
        const world = new World(seed, lifeMs);
        world.passUntil(5 * lifeMs);
        const gaps = world.renewedAtMs.map((at, index) => at - (world.renewedAtMs[index - 1] ?? 0));
        expect(gaps.length).to.be.within(9, 11);
        for (const gap of gaps) expect(gap / lifeMs).to.be.within(0.44, 0.56);
        expect(world.logged.every((event) => event === 'identity-renewed')).to.equal(true);
      }),
      { numRuns: 30 },
    );
  });

  it('is tried again while nobody answers, with a warning at a quarter, at a tenth and at the end, and works on return', () => {
    const world = new World();
    world.isFabricAway = true;
    world.passUntil(0.7 * HOUR);
    expect(world.logged.filter((event) => event !== 'identity-not-renewed')).to.deep.equal([]);
    world.passUntil(2 * HOUR);
    expect(world.logged.filter((event) => event !== 'identity-not-renewed')).to.deep.equal(['identity-expires-soon', 'identity-expires-soon', 'identity-expired']);
    world.isFabricAway = false;
    world.passUntil(2 * HOUR + 80_000);
    expect(world.renewedAtMs).to.have.length(1);
    expect(world.logged.at(-1)).to.equal('identity-renewed');
  });

  it('tries each minute at most, and some thirty times an hour at least', () => {
    const world = new World();
    world.isFabricAway = true;
    world.passUntil(2 * HOUR);
    expect(world.logged.filter((event) => event === 'identity-not-renewed').length).to.be.within(70, 200);
  });

  it('of a short life does not wait for long', () => {
    const world = new World(1, 120_000);
    world.isFabricAway = true;
    world.passUntil(100_000);
    world.isFabricAway = false;
    world.passUntil(108_000);
    expect(world.renewedAtMs).to.have.length(1);
  });

  it('is made up for by a machine that slept', () => {
    const world = new World();
    world.jumpTo(3 * HOUR);
    expect(world.renewedAtMs).to.deep.equal([3 * HOUR]);
    expect(world.logged).to.deep.equal(['identity-expired', 'identity-renewed']);
  });

  it('happens at once on demand, and not in a row however often it is asked for', () => {
    const world = new World();
    world.passUntil(60_000);
    for (let times = 0; times < 10; times++) world.renewNow();
    expect(world.renewedAtMs).to.deep.equal([60_000]);
    world.passUntil(63_000);
    expect(world.renewedAtMs).to.deep.equal([60_000, 62_000]);
  });

  it('that fails is tried at its own pace, however often it is asked for', () => {
    const world = new World();
    world.isFabricAway = true;
    for (let second = 0; second < 600; second++) {
      world.passUntil(second * 1_000);
      world.renewNow();
    }
    expect(world.logged.length).to.be.within(12, 30);
  });

  it('is asked for once at a time', () => {
    const renewal = new Renewal({ notBeforeMs: 0, notAfterMs: HOUR }, seededRandom(1));
    expect(renewal.handle({ kind: 'renew' }, 10).map(({ kind }) => kind)).to.include('renew');
    expect(renewal.handle({ kind: 'renew' }, 20).map(({ kind }) => kind)).not.to.include('renew');
    expect(renewal.handle({ kind: 'tick' }, HOUR).map(({ kind }) => kind)).not.to.include('renew');
  });
});
