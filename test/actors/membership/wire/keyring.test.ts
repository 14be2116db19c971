import { inspect } from 'node:util';
import { expect } from 'chai';
import { KEYS_MAX, Keyring } from '../../../../src/actors/membership/wire/keyring.ts';

const key = (first: number): Uint8Array => new Uint8Array(32).fill(first);
const firsts = (ring: Keyring): number[] => ring.keys.map((each) => each.export()[0]!);

describe('a keyring', () => {
  it('changes its primary key step by step: install, use, remove', () => {
    const ring = new Keyring([key(1)]);
    expect(ring.change({ kind: 'install', key: key(2) })).to.equal('changed');
    expect(firsts(ring)).to.deep.equal([1, 2]);
    expect(ring.change({ kind: 'use', key: key(2) })).to.equal('changed');
    expect(firsts(ring)).to.deep.equal([2, 1]);
    expect(ring.change({ kind: 'remove', key: key(1) })).to.equal('changed');
    expect(firsts(ring)).to.deep.equal([2]);
  });

  it('takes each step again without another change, for orders are repeated', () => {
    const ring = new Keyring([key(1), key(2)]);
    expect(ring.change({ kind: 'install', key: key(2) })).to.equal('same');
    expect(ring.change({ kind: 'use', key: key(1) })).to.equal('same');
    expect(ring.change({ kind: 'remove', key: key(3) })).to.equal('same');
    expect(firsts(ring)).to.deep.equal([1, 2]);
  });

  it('does not use what is not installed, nor remove what is used', () => {
    const ring = new Keyring([key(1)]);
    expect(ring.change({ kind: 'use', key: key(2) })).to.equal('not-installed');
    expect(ring.change({ kind: 'remove', key: key(1) })).to.equal('is-primary');
    expect(ring.change({ kind: 'install', key: new Uint8Array(15) })).to.equal('bad-length');
    expect(firsts(ring)).to.deep.equal([1]);
  });

  it('has a limit', () => {
    const ring = new Keyring([key(0)]);
    for (let i = 1; i < KEYS_MAX; i++) expect(ring.change({ kind: 'install', key: key(i) })).to.equal('changed');
    expect(ring.change({ kind: 'install', key: key(KEYS_MAX) })).to.equal('too-many');
  });

  it('does not show its keys to who prints it', () => {
    const ring = new Keyring([Buffer.from('0123456789abcdef')]);
    const shown = inspect(ring, { showHidden: true, depth: 10 }) + JSON.stringify({ ring, keys: ring.keys });
    for (const form of ['0123456789abcdef', '30313233', 'MDEyMzQ1', '30 31 32', '48,49', '48, 49']) expect(shown).not.to.include(form);
  });
});
