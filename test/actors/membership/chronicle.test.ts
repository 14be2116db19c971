import { expect } from 'chai';
import type { MemberEvent } from '../../../src/actors/membership/member-events.ts';
import { BrainUnderTest, addressOfHost, alive, brainKnowing, dead, suspect } from './brain-under-test.ts';

function typesOf(brain: BrainUnderTest, name: string): MemberEvent['type'][] {
  const record = brain.brain.recordOf(name);
  return record.kind === 'known' ? record.happenings.map(({ event }) => event.type) : [];
}

describe('the record of a member', () => {
  it('tells who accused it, who confirmed, and what cleared it, each with its time', () => {
    const brain = brainKnowing(4);
    brain.pass(100);
    brain.hear(suspect('b', 1, 'c'));
    brain.pass(100);
    brain.hear(suspect('b', 1, 'd'), suspect('b', 1, 'd'));
    brain.hear(alive('b', 2, '10.0.0.2'));
    const record = brain.brain.recordOf('b');
    expect(record.kind === 'known' && record.member).to.include({ name: 'b', status: 'alive', incarnation: 2 });
    expect(record.kind === 'known' && record.happenings).to.deep.equal([
      { atMs: 0, event: { type: 'alive', reason: 'new', member: 'b', incarnation: 1, address: addressOfHost(2) } },
      { atMs: 100, event: { type: 'suspect', reason: 'told', member: 'b', incarnation: 1, accuser: 'c' } },
      { atMs: 200, event: { type: 'confirmed', reason: 'told', member: 'b', incarnation: 1, accuser: 'd', confirmations: 1, wanted: 2 } },
      { atMs: 200, event: { type: 'refuted', reason: 'answered', member: 'b', incarnation: 2, accuser: 'c' } },
    ]);
  });

  it('is kept when the member is forgotten, and goes on when it comes back', () => {
    const brain = brainKnowing(2);
    brain.acks = () => true;
    brain.hear(dead('b', 1, 'c'));
    brain.pass(40_000);
    expect(brain.status('b')).to.equal(undefined);
    brain.hear(alive('b', 1, '10.0.0.2'));
    expect(typesOf(brain, 'b')).to.deep.equal(['alive', 'dead', 'alive']);
  });

  it('holds the last 32 happenings', () => {
    const brain = brainKnowing(1);
    for (let incarnation = 2; incarnation < 100; incarnation++) brain.hear(alive('b', incarnation, '10.0.0.2', { meta: Buffer.from([incarnation]) }));
    expect(typesOf(brain, 'b')).to.have.length(32);
    expect(typesOf(brain, 'b')).not.to.include('alive');
  });

  it('is kept of the 2,048 members to whom something happened last', () => {
    const brain = new BrainUnderTest();
    for (let i = 0; i < 2_100; i++) brain.hear(alive(`m${i}`, 1, `10.1.${i >> 8}.${i & 255}`));
    expect([typesOf(brain, 'm0'), typesOf(brain, 'm2099')]).to.deep.equal([[], ['alive']]);
    expect(brain.brain.recordOf('m0')).to.include({ kind: 'known' });
  });

  it('of one that nobody has heard of names those that are known', () => {
    const record = brainKnowing(2).brain.recordOf('x');
    expect(record.kind === 'unknown' && record.names).to.include.members(['me', 'b', 'c']);
  });
});
