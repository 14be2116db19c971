import { expect } from 'chai';
import * as fc from 'fast-check';
import { addRestart, restartsInPeriod } from '../../src/supervision/intensity.ts';
import type { Intensity, RestartTimes } from '../../src/supervision/intensity.ts';

/** At which of these times the budget is exceeded for the first time; undefined when never. */
function exceededAt(times: readonly number[], limit: Intensity): number | undefined {
  let kept: RestartTimes = [];
  for (const now of times) {
    const added = addRestart(kept, now, limit);
    if (added.isExceeded) return now;
    kept = added.times;
  }
  return undefined;
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

  it('remembers no more times than it needs', () => {
    let times: RestartTimes = [];
    for (let now = 0; now < 100; now++) ({ times } = addRestart(times, now, { intensity: 3, periodMs: 1 }));
    expect(times).to.deep.equal([96, 97, 98, 99]);
  });

  it('shows what of it is used', () => {
    expect(restartsInPeriod([0, 500, 1_000, 1_500], 1_700, { intensity: 3, periodMs: 1_000 })).to.equal(2);
  });
});
