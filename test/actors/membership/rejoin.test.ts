import { expect } from 'chai';
import { BrainUnderTest, addressOfHost, alive, dead, pushPull, stateOf } from './brain-under-test.ts';

const HOUR_MS = 3_600_000;

function joining(...hosts: string[]): BrainUnderTest {
  const brain = new BrainUnderTest({ profile: 'wan' });
  brain.acks = () => true;
  brain.tell({ kind: 'join', seeds: hosts.map((host) => ({ host, port: 7946 })), remembered: [] });
  return brain;
}

function answered(brain: BrainUnderTest, host: string, name: string): void {
  const { exchange } = brain.requests.findLast(({ to }) => to.host === host)!;
  brain.tell({ kind: 'answered', exchange, answer: pushPull(stateOf(name, 1, host, 'alive')) });
}

function unanswered(brain: BrainUnderTest, host: string): void {
  const { exchange } = brain.requests.findLast(({ to }) => to.host === host)!;
  brain.tell({ kind: 'unanswered', exchange, reason: 'refused' });
}

describe('a seed whose name stands for several addresses', () => {
  const named = (): BrainUnderTest => {
    const brain = joining('mesh.local');
    brain.tell({ kind: 'resolved', seed: 'mesh.local:7946', hosts: ['10.0.0.7', '10.0.0.8', '10.0.0.1'] });
    return brain;
  };

  it('is tried at all of them at once, but for its own', () => {
    expect(named().requests.map(({ to }) => to.host)).to.have.members(['10.0.0.7', '10.0.0.8']);
  });

  it('is reached with the first that answers', () => {
    const brain = named();
    unanswered(brain, '10.0.0.7');
    expect(brain.settled).to.equal(0);
    answered(brain, '10.0.0.8', 'h');
    expect([brain.settled, brain.brain.view.unreachedSeeds]).to.deep.equal([1, []]);
    expect(brain.joining.map(({ type }) => type)).to.deep.equal(['seed-reached']);
  });

  it('has failed when all have, once, and is resolved anew', () => {
    const brain = named();
    brain.resolving = [];
    unanswered(brain, '10.0.0.7');
    unanswered(brain, '10.0.0.8');
    expect(brain.joining.map(({ type }) => type)).to.deep.equal(['seed-unreached']);
    brain.pass(1_500);
    expect(brain.resolving).to.deep.equal(['mesh.local:7946']);
  });

  it('that stands for none has failed', () => {
    const brain = joining('mesh.local');
    brain.tell({ kind: 'resolved', seed: 'mesh.local:7946', hosts: [] });
    expect(brain.joining).to.deep.include({ type: 'seed-unreached', seed: 'mesh.local:7946', reason: 'the name has no address', failures: 1 });
  });
});

describe('a join through many seeds', () => {
  const many = Array.from({ length: 100 }, (_, i) => `10.2.0.${i}`);

  it('tries 32 at once and the others soon', () => {
    const brain = joining(...many);
    expect(brain.resolving).to.have.length(32);
    brain.pass(1_000);
    expect(new Set(brain.resolving).size).to.equal(100);
  });

  it('ends at once when the node is asked to leave, and nothing is tried any more', () => {
    const brain = joining(...many);
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    expect(brain.left).to.equal(1);
    brain.forget();
    brain.tell({ kind: 'resolved', seed: '10.2.0.1:7946', hosts: ['10.2.0.1'] });
    brain.tell({ kind: 'unresolved', seed: '10.2.0.2:7946', reason: 'no such host' });
    brain.pass(60_000);
    expect([brain.requests, brain.resolving, brain.joining]).to.deep.equal([[], [], []]);
  });
});

describe('who was there and is gone', () => {
  /** Knows b and c, of whom b is gone. */
  const bereft = (): BrainUnderTest => {
    const brain = joining();
    brain.hear(alive('b', 1, '10.0.0.2'), alive('c', 1, '10.0.0.3'));
    brain.pass(1_000);
    brain.hear(dead('b', 1, 'c'));
    brain.pass(120_000);
    brain.forget();
    return brain;
  };
  const triesOf = (brain: BrainUnderTest, host: string): number => brain.requests.filter(({ to }) => to.host === host).length;

  it('is looked for after a day of silence, and after three, at the same slow pace', () => {
    const brain = bereft();
    expect(brain.status('b')).to.equal(undefined);
    brain.pass(25 * HOUR_MS);
    brain.forget();
    brain.pass(HOUR_MS);
    const [early] = [triesOf(brain, '10.0.0.2')];
    brain.pass(48 * HOUR_MS);
    brain.forget();
    brain.pass(HOUR_MS);
    // Two nodes live, each of which tries it at most once in two intervals of 30 s.
    for (const tries of [early, triesOf(brain, '10.0.0.2')]) expect(tries).to.be.within(20, 120);
  }).timeout(20_000);

  it('is not looked for when it said goodbye', () => {
    const brain = joining();
    brain.hear(alive('b', 1, '10.0.0.2'), alive('c', 1, '10.0.0.3'));
    brain.pass(1_000);
    brain.hear(dead('b', 1, 'b'));
    brain.pass(HOUR_MS);
    expect(brain.remembered.at(-1)).to.deep.equal([addressOfHost(3)]);
  });

  it('is not pushed out by all who come and go after it, and the memory stays bounded', () => {
    const brain = joining();
    const gone = (from: number, count: number): void => {
      for (let i = from; i < from + count; i++) brain.hear(alive(`m${i}`, 1, `10.1.${i >> 8}.${i & 255}`));
      brain.pass(60_000);
      for (let i = from; i < from + count; i++) brain.hear(dead(`m${i}`, 1, 'x'));
      brain.pass(60_000);
    };
    gone(0, 128);
    const isFirst = ({ host }: { readonly host: string }): boolean => host.startsWith('10.1.0.') && Number(host.slice(7)) < 128;
    gone(256, 64);
    const kept = brain.remembered.at(-1)!;
    expect(kept).to.have.length(128);
    expect(kept.filter(isFirst).length).to.be.at.least(64);
    expect(kept.some((address) => !isFirst(address))).to.equal(true);
  });

  it('is looked for at its seed too, when that was reached once and lives no more, though others are there', () => {
    const brain = joining('10.0.0.50');
    brain.tell({ kind: 'resolved', seed: '10.0.0.50:7946', hosts: ['10.0.0.50'] });
    answered(brain, '10.0.0.50', 's');
    brain.hear(alive('b', 1, '10.0.0.2'));
    brain.pass(60_000);
    brain.resolving = [];
    brain.pass(HOUR_MS);
    expect(brain.resolving).to.deep.equal([]);
    brain.hear(dead('s', 1, 'b'));
    brain.pass(HOUR_MS);
    const tries = brain.resolving.length;
    expect(tries).to.be.within(10, 120);
    brain.tell({ kind: 'unresolved', seed: '10.0.0.50:7946', reason: 'no' });
    expect(brain.joining.filter(({ type }) => type === 'seed-unreached')).to.deep.equal([]);
  });
});
