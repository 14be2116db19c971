import { expect } from 'chai';
import { formatAddress } from '../../src/address.ts';
import { NodeRing } from '../../src/agent/node-ring.ts';

const A = { host: 'a', port: 1 };
const B = { host: 'b', port: 2 };

describe('the ring of nodes', () => {
  const names = (ring: NodeRing, steps: number): readonly string[] => Array.from({ length: steps }, () => formatAddress(ring.advance()));

  it('begins with the first and goes round', () => {
    const ring = new NodeRing([A, B]);
    expect(ring.current).to.equal(A);
    expect(names(ring, 3)).to.deep.equal(['b:2', 'a:1', 'b:2']);
  });

  it('of one node is that node again', () => {
    expect(names(new NodeRing([A]), 2)).to.deep.equal(['a:1', 'a:1']);
  });

  it('goes on to what it has learned, each address once', () => {
    const ring = new NodeRing([A, B]);
    ring.learn(['localhost:3', 'a:1', 'localhost:3', '[::1]:4']);
    expect(names(ring, 4)).to.deep.equal(['b:2', 'localhost:3', '[::1]:4', 'a:1']);
  });

  it('passes over what is no whole address', () => {
    const ring = new NodeRing([A]);
    ring.learn(['', 'localhost', 'localhost:0', 'localhost:99999', 'http://localhost:3', 'localhost:4']);
    expect(names(ring, 2)).to.deep.equal(['localhost:4', 'a:1']);
  });

  it('forgets what it is no longer told of, and then begins anew', () => {
    const ring = new NodeRing([A]);
    ring.learn(['localhost:3']);
    expect(names(ring, 1)).to.deep.equal(['localhost:3']);
    ring.learn(['localhost:4']);
    expect(names(ring, 3)).to.deep.equal(['a:1', 'localhost:4', 'a:1']);
  });

  it('learns sixteen and no more', () => {
    const ring = new NodeRing([A]);
    ring.learn(Array.from({ length: 40 }, (_, i) => `localhost:${i + 1}`));
    expect(names(ring, 17)).to.deep.equal([...Array.from({ length: 16 }, (_, i) => `localhost:${i + 1}`), 'a:1']);
  });
});
