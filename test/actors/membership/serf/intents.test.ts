import { expect } from 'chai';
import { decodeState, type SerfState } from '../../../../src/actors/membership/serf/serf-messages.ts';
import type { PushPull } from '../../../../src/actors/membership/wire/stream.ts';
import { addressOfHost, alive, dead, pushPull } from '../brain-under-test.ts';
import { SerfUnderTest } from './serf-under-test.ts';

/** What this node says in a push/pull. */
function stateOf(serf: SerfUnderTest): SerfState {
  return decodeState((serf.brain.request(pushPull()) as PushPull).userState) as SerfState;
}

/** Of b, c and d, which are remembered, b has been dead for a while. */
function gone(afterMs: number): SerfUnderTest {
  const serf = new SerfUnderTest();
  serf.brain.pass(2_000);
  serf.brain.hear(dead('b', 1, 'c'));
  serf.brain.pass(afterMs);
  serf.brain.sent = [];
  return serf;
}

function listed(serf: SerfUnderTest): string[] {
  return serf.brain.brain.view.members.filter(({ isSelf }) => !isSelf).map(({ name, status }) => `${name} ${status}`);
}

describe('an intent', () => {
  it('to be here is told to all when the first node of the mesh has answered, later than all that node has heard of', () => {
    const serf = new SerfUnderTest();
    serf.meet({ lTime: 41 });
    serf.brain.pass(1_000);
    expect(serf.said('join')).to.deep.equal([{ type: 'join', lTime: 41, node: 'me' }]);
    expect(stateOf(serf)).to.deep.include({ lTime: 42 });
    serf.meet({ lTime: 41 });
    serf.brain.pass(1_000);
    expect(serf.said('join')).to.have.length(1);
  });

  it('of another is passed on once, and only when it is newer than what was known', () => {
    const serf = new SerfUnderTest();
    serf.hear({ type: 'join', lTime: 7, node: 'b' });
    serf.hear({ type: 'join', lTime: 7, node: 'b' });
    serf.hear({ type: 'leave', lTime: 6, node: 'b', prune: false });
    serf.brain.pass(2_000);
    expect([serf.said('join'), serf.said('leave')]).to.deep.equal([[{ type: 'join', lTime: 7, node: 'b' }], []]);
    expect(stateOf(serf).statusLTimes.get('b')).to.equal(7);
  });

  it('to leave makes one that falls silent one that has left', () => {
    const serf = new SerfUnderTest();
    serf.hear({ type: 'leave', lTime: 7, node: 'b', prune: false });
    serf.brain.hear(dead('b', 1, 'c'), dead('d', 1, 'c'));
    expect(stateOf(serf).leftMembers).to.deep.equal(['b']);
  });

  it('to leave, said about one that is dead, lets it go', () => {
    const serf = new SerfUnderTest();
    serf.brain.hear(dead('b', 1, 'c'));
    serf.hear({ type: 'leave', lTime: 7, node: 'b', prune: false });
    expect(serf.brain.status('b')).to.equal('left');
    expect(serf.brain.events.at(-1)).to.include({ type: 'left', member: 'b' });
  });

  it('to leave that comes before the death is noticed makes that death a goodbye', () => {
    const serf = new SerfUnderTest();
    serf.hear({ type: 'leave', lTime: 7, node: 'b', prune: false });
    serf.brain.hear(dead('b', 1, 'c'));
    expect(serf.brain.status('b')).to.equal('left');
  });

  it('to leave, said about one that gossip has forgotten, lets it go, and its address is not tried again', () => {
    const serf = gone(60_000);
    serf.hear({ type: 'leave', lTime: 7, node: 'b', prune: false });
    expect(listed(serf)).to.include('b left');
    expect(serf.brain.events.at(-1)).to.deep.equal({ type: 'left', reason: 'let-go', member: 'b', incarnation: 1, address: addressOfHost(2) });
    expect(serf.brain.remembered.at(-1)).to.deep.equal([addressOfHost(3), addressOfHost(4)]);
  });

  for (const [when, afterMs] of [['is dead', 1_000], ['gossip has forgotten', 60_000]] as const) {
    it(`to leave for good, said about one that ${when}, has it forgotten at once, and is passed on`, () => {
      const serf = gone(afterMs);
      serf.hear({ type: 'leave', lTime: 7, node: 'b', prune: true });
      expect(listed(serf)).to.deep.equal(['c alive', 'd alive']);
      expect(serf.brain.events.map((event) => `${event.type} ${event.reason}`).slice(-2)).to.deep.equal(['left let-go', 'reaped pruned']);
      expect(stateOf(serf).leftMembers).to.deep.equal([]);
      serf.brain.pass(1_000);
      expect(serf.said('leave')).to.deep.equal([{ type: 'leave', lTime: 7, node: 'b', prune: true }]);
    });
  }

  it('to leave for good has one forgotten that comes up again only because others have not heard it', () => {
    const serf = gone(1_000);
    serf.hear({ type: 'leave', lTime: 7, node: 'b', prune: true });
    serf.brain.hear(alive('b', 1, '10.0.0.2'), dead('b', 1, 'c'));
    expect(listed(serf)).to.deep.equal(['c alive', 'd alive']);
  });

  it('to leave for good is over when its member says later that it is here', () => {
    const serf = gone(1_000);
    serf.hear({ type: 'leave', lTime: 7, node: 'b', prune: true });
    serf.brain.hear(alive('b', 1, '10.0.0.2'));
    serf.hear({ type: 'join', lTime: 8, node: 'b' });
    serf.brain.hear(dead('b', 1, 'c'));
    expect(listed(serf)).to.include('b dead');
  });

  it('to leave is said for one that is gone, and for nobody else', () => {
    const serf = gone(1_000);
    for (const member of ['c', 'me', 'nobody', 'b']) serf.brain.tell({ kind: 'order', order: { kind: 'force-leave', member, prune: false } });
    expect(serf.brain.outcomes).to.deep.equal(['still-here', 'still-here', 'unknown-member', 'done']);
    serf.brain.tell({ kind: 'order', order: { kind: 'force-leave', member: 'b', prune: true } });
    expect(listed(serf)).to.deep.equal(['c alive', 'd alive']);
    serf.brain.pass(1_000);
    expect(serf.said('leave')).to.have.deep.members([{ type: 'leave', lTime: 1_002, node: 'b', prune: false }, { type: 'leave', lTime: 2_004, node: 'b', prune: true }]);
  });

  it('that comes before its member counts when the member comes', () => {
    const serf = new SerfUnderTest();
    serf.hear({ type: 'join', lTime: 9, node: 'z' });
    expect(stateOf(serf).statusLTimes.has('z')).to.equal(false);
    serf.brain.hear(alive('z', 1, '10.0.0.40'));
    expect(stateOf(serf).statusLTimes.get('z')).to.equal(9);
  });

  it('that a push/pull makes of a list of those that left is about who is gone: it lets the dead go, and nobody else', () => {
    const serf = new SerfUnderTest();
    serf.brain.hear(dead('b', 1, 'c'));
    serf.meet({ leftMembers: ['b', 'd', 'z'] });
    expect(serf.brain.status('b')).to.equal('left');
    serf.brain.hear(alive('z', 1, '10.0.0.40'), dead('d', 1, 'c'), dead('z', 1, 'c'));
    expect(stateOf(serf).leftMembers).to.deep.equal(['b']);
  });

  it('of this node to leave, from an earlier life, is answered with one to be here', () => {
    const serf = new SerfUnderTest();
    serf.meet({ lTime: 30, statusLTimes: new Map([['me', 20]]), leftMembers: ['me'] });
    serf.brain.pass(1_000);
    const joins = serf.said('join');
    expect(joins.every(({ lTime, node }) => node === 'me' && lTime > 21)).to.equal(true);
    expect(stateOf(serf).leftMembers).to.deep.equal([]);
  });

  it('at a time that nobody can have reached is not believed', () => {
    const serf = new SerfUnderTest();
    serf.hear({ type: 'join', lTime: 2 ** 40, node: 'b' });
    expect(serf.brain.dropped).to.deep.equal({ 'implausible-time': 1 });
    expect(stateOf(serf).lTime).to.equal(1);
  });
});
