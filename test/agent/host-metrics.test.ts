import { expect } from 'chai';
import { systemClock, VirtualClock } from '../../src/clock.ts';
import { HostMetrics } from '../../src/agent/host-metrics.ts';

describe('the figures of a host', () => {
  it('are real, named with their units, and in range', async () => {
    const metrics = new HostMetrics(systemClock);
    await metrics.read();
    const figures = new Map((await metrics.read()).map(({ name, value }) => [name, value]));
    expect([...figures.keys()]).to.include.members(['load.1m', 'memory.used_bytes', 'memory.total_bytes']);
    for (const [name, value] of figures) {
      expect(name).to.match(/^[a-z]+\.[a-z0-9_]+$/);
      expect(value, name).to.be.at.least(0);
      if (name.endsWith('_ratio')) expect(value, name).to.be.at.most(1);
    }
    expect(figures.get('memory.used_bytes')!).to.be.below(figures.get('memory.total_bytes')!);
  });

  it('leave out what fails and what cannot be told', async () => {
    const metrics = new HostMetrics(new VirtualClock(), [
      { name: 'good', read: () => Promise.resolve({ 'a.b': 1, 'a.unknown': undefined, 'a.null': null, 'a.nan': Number.NaN }) },
      { name: 'bad', read: () => Promise.reject(new Error('no such device')) },
      {
        name: 'worse',
        read: () => {
          throw new Error('no such device');
        },
      },
    ]);
    expect(await metrics.read()).to.deep.equal([{ name: 'a.b', value: 1 }]);
  });

  it('do not wait for a source that hangs, nor ask it again before it has answered', async () => {
    const clock = new VirtualClock();
    let reads = 0;
    let answer: (figures: Record<string, number>) => void = () => undefined;
    const metrics = new HostMetrics(clock, [
      { name: 'good', read: () => Promise.resolve({ 'a.b': 1 }) },
      {
        name: 'hung',
        read: () => {
          reads++;
          return new Promise((resolve) => (answer = resolve));
        },
      },
    ]);
    const first = metrics.read();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2_000);
    expect(await first).to.deep.equal([{ name: 'a.b', value: 1 }]);
    expect(await metrics.read()).to.deep.equal([{ name: 'a.b', value: 1 }]);
    expect(reads).to.equal(1);
    answer({ 'h.late': 2 });
    await new Promise((resolve) => setImmediate(resolve));
    const again = metrics.read();
    await new Promise((resolve) => setImmediate(resolve));
    answer({ 'h.now': 3 });
    expect(await again).to.deep.equal([{ name: 'a.b', value: 1 }, { name: 'h.now', value: 3 }]);
    expect(reads).to.equal(2);
  });
});
