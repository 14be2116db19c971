import { expect } from 'chai';
import { judge } from './laws.ts';
import { storm, type StormOptions } from './storm.ts';

/** Storms that once broke a law, with what they taught. */
const ONCE_FAILED: readonly (StormOptions & { readonly lesson: string })[] = [
  { seed: 3, nodes: 7, forMs: 60_000, weather: { duplication: 0.01 }, lesson: 'a member repeats its refutation to who accuses it of what it has refuted' },
  { seed: 33, nodes: 7, forMs: 200_000, weather: { duplication: 0.01 }, lesson: 'a member that pings one who holds it dead learns so with the ack' },
  { seed: 7, nodes: 5, forMs: 100_000, weather: { loss: 0.05, duplication: 0.01 }, lesson: 'an update is sent often enough for small meshes too' },
  { seed: 17, nodes: 20, forMs: 120_000, weather: { loss: 0.05, duplication: 0.01 }, lesson: 'a goodbye must reach everyone' },
  { seed: 4, nodes: 50, forMs: 160_000, weather: { loss: 0.05, duplication: 0.01 }, lesson: 'the suspected are told again when the rumour is spent' },
];

describe('storms that once broke a law', () => {
  for (const { lesson, ...options } of ONCE_FAILED) {
    it(`seed ${options.seed} over ${options.nodes} nodes: ${lesson}`, () => {
      expect(judge(storm(options).history()).flatMap(({ violations }) => violations)).to.deep.equal([]);
    });
  }
});
