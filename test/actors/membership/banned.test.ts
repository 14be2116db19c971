import { expect } from 'chai';
import { alive, brainKnowing, dead, hostOf, ping, pushPull, stateOf, suspect } from './brain-under-test.ts';

describe('a member that the mesh has banned', () => {
  it('is dead to this node at once, and stays so whatever it or others say', () => {
    const brain = brainKnowing(3);
    brain.tell({ kind: 'banned', names: ['b'] });
    expect(brain.status('b')).to.equal('dead');
    expect(brain.events).to.deep.equal([{ type: 'dead', reason: 'banned', member: 'b', incarnation: 1, accuser: 'me', address: { host: hostOf(0), port: 7946 } }]);
    brain.hear(alive('b', 9, hostOf(0)), alive('b', 10, '10.0.0.77'));
    brain.tell({ kind: 'answered', exchange: -1, answer: pushPull(stateOf('b', 11, hostOf(0), 'alive')) });
    expect(brain.status('b')).to.equal('dead');
    expect(brain.dropped).to.deep.equal({ banned: 2 });
  });

  it('is believed nothing of others', () => {
    const brain = brainKnowing(3);
    brain.tell({ kind: 'banned', names: ['b'] });
    brain.hear(suspect('c', 1, 'b'), dead('d', 1, 'b'), suspect('me', 1, 'b'));
    expect(['c', 'd'].map((name) => brain.status(name))).to.deep.equal(['alive', 'alive']);
    expect(brain.dropped).to.deep.equal({ banned: 3 });
  });

  it('is answered no ping and told no list', () => {
    const brain = brainKnowing(2);
    brain.tell({ kind: 'banned', names: ['b'] });
    brain.forget();
    brain.hear(ping(7, 'me', { sourceNode: 'b' }));
    expect(brain.sentOf('ack')).to.deep.equal([]);
    expect(brain.request(pushPull(stateOf('b', 1, hostOf(0), 'alive')))).to.deep.include({ type: 'error' });
    expect(brain.request(pushPull(stateOf('c', 1, hostOf(1), 'alive'), stateOf('b', 1, hostOf(0), 'dead')))).to.deep.include({ type: 'pushPull' });
  });

  it('is told nothing: no gossip, no list, and it is not looked for where it was', () => {
    const brain = brainKnowing(2);
    brain.acks = () => true;
    brain.pass(15_000);
    brain.tell({ kind: 'banned', names: ['b'] });
    brain.forget();
    brain.hear(alive('x', 1, '10.0.0.50'));
    brain.pass(120_000);
    expect(brain.sent.filter(({ to }) => to === hostOf(0))).to.deep.equal([]);
    expect(brain.requests.filter(({ to }) => to.host === hostOf(0))).to.deep.equal([]);
    expect(brain.remembered.at(-1)?.map(({ host }) => host) ?? []).to.not.include(hostOf(0));
  });

  it('gives its address free to another', () => {
    const brain = brainKnowing(1);
    brain.tell({ kind: 'banned', names: ['b'] });
    brain.hear(alive('c', 1, hostOf(0)));
    brain.forget();
    brain.pass(120_000);
    expect(brain.requests.some(({ to }) => to.host === hostOf(0))).to.equal(true);
  });

  it('is a member again when the ban is taken back and it says so', () => {
    const brain = brainKnowing(2);
    brain.tell({ kind: 'banned', names: ['b'] });
    brain.tell({ kind: 'banned', names: [] });
    brain.hear(alive('b', 2, hostOf(0)));
    expect(brain.status('b')).to.equal('alive');
  });

  it('may be this node itself, to which that means nothing, or one that was never here', () => {
    const brain = brainKnowing(1);
    brain.tell({ kind: 'banned', names: ['me', 'x'] });
    expect(brain.status('me')).to.equal('alive');
    brain.hear(alive('x', 1, '10.0.0.50'));
    expect(brain.status('x')).to.equal(undefined);
  });
});
