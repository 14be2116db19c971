import { expect } from 'chai';
import { asksForKeeper, isKept } from '../../src/keeper/kept.ts';

describe('mesh start --keep', () => {
  it('asks for a keeper wherever the flag stands', () => {
    expect(asksForKeeper(['start', '--keep'])).to.equal(true);
    expect(asksForKeeper(['start', '--name', 'n1', '--keep', '--json'])).to.equal(true);
  });

  it('asks for none when help is wanted, when the word is no flag, or for another command', () => {
    for (const words of [[], ['start'], ['--keep'], ['status', '--keep'], ['start', '--keep', '--help'], ['start', '-h', '--keep'], ['start', '--', '--keep']]) {
      expect(asksForKeeper(words), words.join(' ')).to.equal(false);
    }
  });

  it('does not take a process for a kept node that only inherited the environment of one', () => {
    expect(isKept({ OMEGA_MESH_KEPT: '1' })).to.equal(process.send !== undefined);
    expect(isKept({})).to.equal(false);
  });
});
