import { expect } from 'chai';
import { loadingArguments } from '../../src/supervision/thread/thread-options.ts';

describe('the arguments that a thread takes over from its process', () => {
  const cases: Record<string, readonly [given: readonly string[], taken: readonly (readonly string[])[]]> = {
    'are those that say how modules are loaded, in both ways to write them': [
      ['--import', './hooks.js', '--require=./a.cjs', '-r', './b.cjs', '--conditions', 'dev'],
      [['--import', './hooks.js'], ['--require', './a.cjs'], ['-r', './b.cjs'], ['--conditions', 'dev']],
    ],
    'are not those that a thread cannot start with, or that are for the main thread': [
      ['--input-type=module', '-e', 'x', '--inspect=0', '--max-old-space-size=64', '--import', './hooks.js'],
      [['--import', './hooks.js']],
    ],
    'are none of none, and none of one that was cut short': [['--import'], []],
  };
  for (const [name, [given, taken]] of Object.entries(cases)) {
    it(name, () => expect(loadingArguments(given)).to.deep.equal(taken));
  }
});
