import { expect } from 'chai';
import { BrainUnderTest, pushPull, stateOf } from './brain-under-test.ts';

const seed = (host: string): { host: string; port: number } => ({ host, port: 7946 });

function joined(...hosts: string[]): BrainUnderTest {
  const brain = new BrainUnderTest();
  brain.tell({ kind: 'join', seeds: hosts.map(seed), remembered: [] });
  return brain;
}

describe('seeds that discovery finds', () => {
  it('are tried beside those of the configuration, each once', () => {
    const brain = joined('fixed');
    brain.tell({ kind: 'discovered', seeds: [seed('fixed'), seed('found')] });
    brain.tell({ kind: 'discovered', seeds: [seed('fixed'), seed('found')] });
    expect(brain.resolving).to.deep.equal(['fixed:7946', 'found:7946']);
  });

  it('are let go of when they are no longer wanted; those of the configuration are not', () => {
    const brain = joined('fixed');
    brain.tell({ kind: 'discovered', seeds: [seed('old'), seed('kept')] });
    brain.tell({ kind: 'discovered', seeds: [seed('kept'), seed('new')] });
    expect(brain.brain.view.unreachedSeeds).to.deep.equal(['fixed:7946', 'kept:7946', 'new:7946']);
    brain.tell({ kind: 'unresolved', seed: 'old:7946', reason: 'no such host' });
    brain.forget();
    brain.pass(60_000);
    expect(brain.resolving).to.deep.equal([]);
  });

  it('may answer after they were let go of', () => {
    const brain = joined();
    brain.tell({ kind: 'discovered', seeds: [seed('old')] });
    brain.tell({ kind: 'resolved', seed: 'old:7946', hosts: ['10.0.0.2'] });
    brain.tell({ kind: 'discovered', seeds: [] });
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer: pushPull(stateOf('b', 3, '10.0.0.2', 'alive')) });
    expect(brain.brain.members.map(({ name }) => name)).to.have.members(['me', 'b']);
    expect(brain.joining).to.deep.equal([]);
  });

  it('are tried again by themselves, and only once after they were let go of and wanted again', () => {
    const brain = joined();
    brain.tell({ kind: 'discovered', seeds: [seed('a')] });
    brain.tell({ kind: 'unresolved', seed: 'a:7946', reason: 'no such host' });
    expect(brain.joining).to.deep.equal([{ type: 'seed-unreached', seed: 'a:7946', reason: 'no such host', failures: 1, isDiscovered: true }]);
    brain.tell({ kind: 'discovered', seeds: [] });
    brain.tell({ kind: 'discovered', seeds: [seed('a')] });
    brain.forget();
    brain.pass(5_000);
    expect(brain.resolving).to.deep.equal([]);
    brain.tell({ kind: 'unresolved', seed: 'a:7946', reason: 'no such host' });
    brain.pass(1_300);
    expect(brain.resolving).to.deep.equal(['a:7946']);
  });

  it('are waited for at the start, but not when there are none and not for long', () => {
    const join = { kind: 'join', seeds: [], remembered: [], isDiscovering: true } as const;
    const waiting = new BrainUnderTest();
    waiting.tell(join);
    expect(waiting.settled).to.equal(0);
    waiting.pass(2_000);
    expect(waiting.settled).to.equal(1);

    const alone = new BrainUnderTest();
    alone.tell(join);
    alone.tell({ kind: 'discovered', seeds: [] });
    expect(alone.settled).to.equal(1);

    const trying = new BrainUnderTest();
    trying.tell(join);
    trying.tell({ kind: 'discovered', seeds: [seed('a')] });
    expect(trying.settled).to.equal(0);
    trying.tell({ kind: 'unresolved', seed: 'a:7946', reason: 'no such host' });
    expect(trying.settled).to.equal(1);
  });
});
