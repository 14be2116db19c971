import { expect } from 'chai';
import * as fc from 'fast-check';
import { RestartTimes } from '../../src/supervision/intensity.ts';
import type { Intensity } from '../../src/supervision/intensity.ts';

/** At which of these times the budget is exceeded for the first time; undefined when never. */
function exceededAt(times: readonly number[], limit: Intensity): number | undefined {
  const kept = new RestartTimes();
  return times.find((now) => kept.add(now, limit));
}

describe('the budget of restarts', () => {
  const cases: readonly [times: readonly number[], intensity: number, periodMs: number, exceeded: number | undefined][] = [
    [[0], 0, 1_000, 0],
    [[0], 1, 1_000, undefined],
    [[0, 1_000], 1, 1_000, 1_000],
    [[0, 1_001], 1, 1_000, undefined],
    [[0, 1, 2], 3, 1_000, undefined],
    [[0, 1, 2, 3], 3, 1_000, 3],
    [[0, 400, 800, 1_200, 1_600], 3, 1_000, undefined],
    [[0, 400, 800, 900, 1_000], 3, 1_000, 900],
    [[0, 5_000, 5_001, 5_002, 5_003], 3, 1_000, 5_003],
  ];

  for (const [times, intensity, periodMs, exceeded] of cases) {
    it(`of ${intensity} within ${periodMs} ms is ${exceeded === undefined ? 'kept' : `exceeded at ${exceeded}`} by restarts at ${times.join(', ')}`, () => {
      expect(exceededAt(times, { intensity, periodMs })).to.equal(exceeded);
    });
  }

  it('is exceeded exactly when more than `intensity` restarts lie within one period, by any count of them', () => {
    fc.assert(
      fc.property(fc.nat({ max: 5 }), fc.integer({ min: 1, max: 100 }), fc.array(fc.nat({ max: 60 }), { maxLength: 40 }), (intensity, periodMs, gaps) => {
        let now = 0;
        const times = gaps.map((gap) => (now += gap));
        const first = times.find((at, index) => times.slice(0, index + 1).filter((other) => at - other <= periodMs).length > intensity);
        expect(exceededAt(times, { intensity, periodMs })).to.equal(first);
      }),
    );
  });

  it('shows what of it is used, and a copy goes its own way', () => {
    const limit = { intensity: 3, periodMs: 1_000 };
    const times = new RestartTimes([0, 500, 1_000, 1_500]);
    const copy = times.fork();
    expect(times.used(1_700, limit)).to.equal(2);
    expect([times.add(1_800, limit), times.add(1_900, limit)]).to.deep.equal([false, true]);
    expect([times.used(2_600, limit), copy.used(1_700, limit)]).to.deep.equal([2, 2]);
  });

  it('costs a restart the same at any rate', () => {
    const limit = { intensity: 1e6, periodMs: 300_000 };
    const times = new RestartTimes();
    const before = performance.now();
    for (let now = 0; now < 300_000; now++) times.add(now, limit);
    // Looked at one by one they would take minutes.
    expect(performance.now() - before).to.be.lessThan(3_000);
    expect(times.used(300_000, limit)).to.equal(300_000);
    expect(times.used(900_000, limit)).to.equal(0);
  });
});
