import { expect } from 'chai';
import { nearestWord } from '../src/nearest-word.ts';

describe('the nearest word', () => {
  it('is the one with the fewest slips, the first of several', () => {
    expect(nearestWord('regstry', ['members', 'registry', 'registrar'])).to.equal('registry');
    expect(nearestWord('n4', ['n1', 'n2'])).to.equal('n1');
  });

  it('may be written in capitals', () => {
    expect(nearestWord('gossip_prt', ['NAME', 'GOSSIP_PORT'])).to.equal('GOSSIP_PORT');
  });

  it('is none when more than half the letters are wrong, or when none are known', () => {
    expect(nearestWord('abcd', ['abxy'])).to.equal('abxy');
    expect(nearestWord('abcd', ['axyz'])).to.equal(undefined);
    expect(nearestWord('abcd', [])).to.equal(undefined);
  });

  it('is looked for among a few thousand at most: words that are too long or too short do not count', () => {
    let seen = 0;
    function* ids(length: number): Generator<string> {
      for (let at = 0; at < 100_000; at++, seen++) yield String(at).padStart(length, 'x');
    }
    expect(nearestWord('yyyyyyyy', ids(8))).to.equal(undefined);
    expect(seen).to.be.within(2_000, 2_001);
    expect(nearestWord('sensor', ['s', ...ids(40), 'sensro'])).to.equal('sensro');
  });
});
