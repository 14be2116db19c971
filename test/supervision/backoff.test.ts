import { expect } from 'chai';
import * as fc from 'fast-check';
import { seededRandom } from '../../src/random.ts';
import { backoffDelayMs, backoffShortestMs, isRecovered } from '../../src/supervision/backoff.ts';

const delays = (backoff: Parameters<typeof backoffDelayMs>[0]): number[] => [0, 1, 2, 3, 4].map((failures) => backoffDelayMs(backoff, failures, seededRandom(1)));

describe('backoff', () => {
  it('doubles from the base up to the most', () => expect(delays({ baseMs: 100, maxMs: 1_000, jitter: 0 })).to.deep.equal([100, 200, 400, 800, 1_000]));

  it('grows by its factor', () => expect(delays({ baseMs: 10, maxMs: 1e6, jitter: 0, factor: 10 })).to.deep.equal([10, 100, 1_000, 10_000, 100_000]));

  it('stays at the base with a factor of 1', () => expect(delays({ baseMs: 10, maxMs: 1e6, jitter: 0, factor: 1 })).to.deep.equal([10, 10, 10, 10, 10]));

  it('is spread by its jitter, never below what it says is its shortest', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2_000 }), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (failures, seed, jitter) => {
        const backoff = { baseMs: 200, maxMs: 30_000, jitter };
        const delay = backoffDelayMs(backoff, failures, seededRandom(seed));
        const middle = Math.min(30_000, 200 * 2 ** failures);
        expect(delay).to.be.within(backoffShortestMs(backoff, failures), middle * (1 + jitter));
        expect(backoffShortestMs(backoff, failures)).to.equal(middle * (1 - jitter));
      }),
    );
  });

  it('starts over after a life as long as it says, a minute by default', () => {
    expect(isRecovered({ baseMs: 1, maxMs: 1 }, 59_999)).to.equal(false);
    expect(isRecovered({ baseMs: 1, maxMs: 1 }, 60_000)).to.equal(true);
    expect(isRecovered({ baseMs: 1, maxMs: 1, resetAfterMs: 5 }, 5)).to.equal(true);
  });
});
