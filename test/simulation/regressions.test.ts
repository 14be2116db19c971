import { expect } from 'chai';
import { judge } from './laws.ts';
import { storm, type StormOptions } from './storm.ts';

/**
 * Storms that once broke a law, with what they taught. They are as hard as they were only while storms grow as they did: a
 * change to `storm.ts` makes others of them, and each new failure belongs here.
 */
const ONCE_FAILED: readonly (StormOptions & { readonly lesson: string })[] = [
  { seed: 26, nodes: 7, forMs: 80_000, weather: { duplication: 0.01 }, lesson: 'an update must be sent often enough for small meshes too' },
  { seed: 44, nodes: 5, forMs: 70_000, weather: { loss: 0.05, duplication: 0.01 }, lesson: 'and all the more when packets get lost' },
  { seed: 2, nodes: 50, forMs: 140_000, weather: { loss: 0.05, duplication: 0.01 }, lesson: 'the suspected are told so again when the rumour is spent' },
  { seed: 151, nodes: 50, forMs: 133_000, lesson: 'and so are those that one node alone holds dead, after a cut' },
  { seed: 26, nodes: 30, forMs: 148_000, lesson: 'a list of those that left says nothing about a stranger who is about to come back' },
];

describe('storms that once broke a law', () => {
  for (const { lesson, ...options } of ONCE_FAILED) {
    it(`seed ${options.seed} over ${options.nodes} nodes: ${lesson}`, () => {
      expect(judge(storm(options).history()).flatMap(({ violations }) => violations)).to.deep.equal([]);
    });
  }
});
