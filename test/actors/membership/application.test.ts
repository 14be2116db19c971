import { expect } from 'chai';
import { VSN, versionsOf } from '../../../src/actors/membership/version-vector.ts';
import { encodePushPull, type PushPull } from '../../../src/actors/membership/wire/stream.ts';
import { BrainUnderTest, alive, hostOf, nameOf, ping, stateOf } from './brain-under-test.ts';

const NONE = versionsOf('none');

describe('a node in a mesh without Serf', () => {
  it('says so, and is with those that say the same', () => {
    const brain = new BrainUnderTest({ application: 'none' });
    brain.hear(alive('plain', 1, '10.0.0.50', { vsn: NONE }), alive('serf', 1, '10.0.0.51', { vsn: VSN }));
    expect(brain.brain.members.map(({ name }) => name)).to.deep.equal(['me', 'plain']);
    expect(brain.dropped).to.deep.equal({ 'incompatible-version': 1 });
    expect([...NONE]).to.deep.equal([1, 5, 2, 0, 0, 0]);
  });

  it('is not let into a mesh of Serf', () => {
    const brain = new BrainUnderTest();
    brain.hear(alive('plain', 1, '10.0.0.50', { vsn: NONE }));
    expect(brain.brain.members.map(({ name }) => name)).to.deep.equal(['me']);
  });

  it('says nothing of Serf: no state, no intent, no coordinate, no event', () => {
    const brain = new BrainUnderTest({ application: 'none' });
    const joined = brain.request(encodePushPull({ join: true, states: [{ ...stateOf('b', 1, hostOf(0), 'alive'), vsn: NONE }], userState: Buffer.from('theirs') })) as PushPull;
    expect(joined.userState).to.have.length(0);
    expect([...joined.states[0]!.vsn]).to.deep.equal([...NONE]);
    brain.hear(ping(7, 'me', { sourceAddr: Uint8Array.of(10, 0, 0, 2), sourcePort: 7946 }), { type: 'user', payload: Buffer.from('theirs') });
    brain.tell({ kind: 'order', order: { kind: 'send-event', name: 'deploy', payload: new Uint8Array(0), coalesce: false } });
    brain.pass(5_000);
    brain.tell({ kind: 'leave', timeoutMs: 1_000 });
    brain.pass(2_000);
    expect(brain.outcomes).to.deep.equal(['no-serf']);
    expect(brain.sentOf('ack').map(({ payload }) => payload.length)).to.deep.equal([0]);
    expect(brain.sentOf('user')).to.deep.equal([]);
    expect(brain.sentOf('dead')).not.to.deep.equal([]);
    expect(brain.dropped).to.deep.equal({ 'user-unused': 1 });
    expect(brain.left).to.equal(1);
  });

  it('has no intent to let go ahead of its goodbye, which is heard at once', () => {
    const brain = new BrainUnderTest({ application: 'none' });
    // So many that each has been told, and no more need be.
    for (let i = 0; i < 20; i++) brain.hear(alive(nameOf(i), 1, hostOf(i), { vsn: NONE }));
    brain.tell({ kind: 'leave', timeoutMs: 1_000 });
    expect(brain.sentOf('dead')[0]).to.include({ node: 'me', from: 'me' });
    expect(brain.left).to.equal(0);
    // A beat that was due at that very moment: the socket has not sent anything yet.
    brain.tell({ kind: 'timer', timer: { kind: 'gossip' } });
    expect(brain.left).to.equal(0);
    brain.pass(500);
    expect(brain.left).to.equal(1);
  });
});
