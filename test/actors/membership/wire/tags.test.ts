import { expect } from 'chai';
import { MeshError } from '../../../../src/errors.ts';
import { decodeTags, encodeTags } from '../../../../src/actors/membership/wire/tags.ts';

describe('tags', () => {
  it('are written as Serf writes them', () => {
    expect(Buffer.from(encodeTags({ role: 'web' })).toString('hex')).to.equal('ff81a4726f6c65a3776562');
    expect(Buffer.from(encodeTags({})).toString('hex')).to.equal('ff80');
  });

  it('of real agents are read', () => {
    expect(decodeTags(Buffer.from('ff81a4726f6c65a473656564', 'hex'))).to.deep.equal({ role: 'seed' });
    expect(decodeTags(Buffer.from('ffc0', 'hex'))).to.deep.equal({});
    expect(decodeTags(new Uint8Array(0))).to.deep.equal({});
  });

  it('meta that is not Serf tags is shown as role, as Serf does', () => {
    expect(decodeTags(Buffer.from('plain'))).to.deep.equal({ role: 'plain' });
  });

  it('that are broken are no tags', () => {
    expect(decodeTags(Buffer.from('ff81a4726f', 'hex'))).to.deep.equal({});
  });

  it('do not depend on the order in which they were given', () => {
    expect(encodeTags({ a: '1', b: '2' })).to.deep.equal(encodeTags({ b: '2', a: '1' }));
  });

  it('named like a trap are only tags', () => {
    const tags = decodeTags(encodeTags(Object.fromEntries([['__proto__', 'x']])));
    expect(Object.keys(tags)).to.deep.equal(['__proto__']);
    expect(Object.getPrototypeOf({})).to.equal(Object.prototype);
  });

  it('that do not fit into an announcement are refused with their size', () => {
    expect(() => encodeTags({ notes: 'x'.repeat(600) }))
      .to.throw(MeshError, /611 bytes, at most 512/)
      .with.property('code', 'TOO_LARGE');
  });
});
