import { expect } from 'chai';
import { SerfUnderTest } from './serf-under-test.ts';

describe('the clocks of a node', () => {
  it('are kept when they have changed, once a second at most', () => {
    const serf = new SerfUnderTest();
    serf.brain.pass(10_000);
    expect(serf.brain.keptClocks).to.deep.equal([]);
    for (let lTime = 10; lTime < 60; lTime++) {
      serf.hear({ type: 'join', lTime, node: 'b' });
      serf.hear({ type: 'userEvent', lTime: lTime + 100, name: 'e', payload: new Uint8Array(0), coalesce: false });
      serf.brain.pass(100);
    }
    serf.brain.pass(2_000);
    expect(serf.brain.keptClocks).to.have.length.within(5, 7);
    expect(serf.brain.keptClocks.at(-1)).to.deep.equal({ member: 60, event: 160, query: 1 });
  });

  it('are kept as they are when it leaves', () => {
    const serf = new SerfUnderTest();
    serf.brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    serf.brain.pass(6_000);
    expect(serf.brain.left).to.equal(1);
    expect(serf.brain.keptClocks.at(-1)).to.include({ member: 2 });
  });

  it('go on where an earlier life left them', () => {
    const serf = new SerfUnderTest(3, { keptClocks: { member: 40, event: 50, query: 60 } });
    serf.meet({});
    serf.brain.pass(1_000);
    expect(serf.said('join')).to.deep.equal([{ type: 'join', lTime: 40, node: 'me' }]);
    expect(serf.brain.keptClocks).to.deep.equal([{ member: 41, event: 50, query: 60 }]);
  });
});
