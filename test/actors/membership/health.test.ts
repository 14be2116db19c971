import { expect } from 'chai';
import { encodeTags } from '../../../src/actors/membership/wire/tags.ts';
import { BrainUnderTest, brainKnowing, hostOf } from './brain-under-test.ts';

function note(brain: BrainUnderTest, isDegraded: boolean): BrainUnderTest {
  brain.tell({ kind: 'health', isDegraded });
  return brain;
}

/** What it says of itself now. */
function said(brain: BrainUnderTest): unknown {
  const { tags, incarnation } = brain.member('me')!;
  return { ...tags, incarnation };
}

describe('a node whose main loop stands still', () => {
  it('says so at once beside what else it says, at its next incarnation, and stays alive', () => {
    const brain = note(brainKnowing(1), true);
    expect(said(brain)).to.deep.equal({ role: 'test', health: 'degraded', incarnation: 2 });
    expect(brain.events).to.deep.equal([{ type: 'updated', member: 'me', incarnation: 2, reason: 'tags' }]);
    brain.pass(300);
    expect(brain.sentOf('alive', hostOf(0)).map(({ node, incarnation, meta }) => [node, incarnation, Buffer.from(meta).toString('hex')])).to.deep.include(['me', 2, Buffer.from(encodeTags({ role: 'test', health: 'degraded' })).toString('hex')]);
  });

  it('says it once, however often it is looked at', () => {
    const brain = brainKnowing(1);
    for (let i = 0; i < 40; i++, brain.pass(250)) note(brain, true);
    expect(brain.incarnation).to.equal(2);
  });

  it('takes it back when the loop turns again', () => {
    const brain = note(brainKnowing(1), true);
    brain.pass(5_000);
    expect(said(note(brain, false))).to.deep.equal({ role: 'test', incarnation: 3 });
  });

  it('is degraded all the while when it stalls again and again: the mesh hears of it twice in five seconds at most', () => {
    const brain = brainKnowing(1);
    for (let ms = 0; ms < 60_000; ms += 250, brain.pass(250)) note(brain, ms % 2_000 < 1_000);
    expect(brain.incarnation).to.be.within(2, 1 + 2 * 12);
  });

  it('keeps it to itself when its tags leave no room', () => {
    const brain = note(new BrainUnderTest({ tags: { role: 'x'.repeat(390) } }), true);
    expect(brain.incarnation).to.equal(1);
    expect(note(new BrainUnderTest({ tags: { role: 'x'.repeat(370) } }), true).incarnation).to.equal(2);
  });

  it('says nothing more when it has said goodbye', () => {
    const brain = brainKnowing(1);
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    brain.pass(5_000);
    expect(note(brain, true).incarnation).to.equal(1);
  });
});
