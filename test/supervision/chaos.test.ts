/** Everything that can go wrong, at random from a seed: afterwards all is as it should be, and the same seed tells the same story. */
import { expect } from 'chai';
import { attributed } from './attributed.ts';
import { inBothLanes } from './puppet.ts';
import { tellStorm } from './stormy-world.ts';

const SEEDS_PER_LANE = 50;
/** `CHAOS_SEED=42 npx mocha …` tells the story of one seed again. */
const CHOSEN = process.env['CHAOS_SEED']?.split(',').map(Number);

let firstSeed = 1;

inBothLanes('a storm', () => {
  const seeds = CHOSEN ?? Array.from({ length: SEEDS_PER_LANE }, (_, at) => firstSeed + at);
  firstSeed += SEEDS_PER_LANE;

  for (const seed of seeds) {
    it(`of seed ${seed} leaves all children running, one life each, and nothing behind`, () =>
      attributed(async (ownerless) => {
        const { verdict, events, impostors, timers } = await tellStorm(seed);
        expect(verdict.checks.filter(({ held }) => !held)).to.deep.equal([]);
        expect({ ownerless, impostors, timers }).to.deep.equal({ ownerless: [], impostors: [], timers: 0 });
        expect(verdict.restarts, 'too quiet a storm').to.be.greaterThan(10);
        expect(events).to.be.greaterThan(100);
      }));
  }

  it('tells the same story for the same seed, and another for another', () =>
    attributed(async () => {
      const [one, again, other] = [await tellStorm(7), await tellStorm(7), await tellStorm(8)];
      expect(again.hash).to.equal(one.hash);
      expect(again.verdict).to.deep.equal(one.verdict);
      expect(other.hash).to.not.equal(one.hash);
    }));
});
