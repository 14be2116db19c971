import { expect } from 'chai';
import type { ChildSpec } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import { pause, turnsUntil, until } from '../support/real-time.ts';
import { hang, inBothLanes, order, puppet } from './puppet.ts';
import type { Order } from './puppet.ts';

inBothLanes('a turn', () => {
  it('ends in time for timers, however much mail there is and however it is handled', async () => {
    const again: Order = async (context) => void context.self.send(again);
    const world = await startWorld({ children: [puppet('a')] });
    world.ref<Order>('/a').send(again);
    await pause(5);
    world.system.kill('/a', 'test');
    await world.stop();
  });

  it('ends in time also when each message takes long, however few they are', async () => {
    let handled = 0;
    const world = await startWorld({ children: [puppet('a')] });
    const slow: Order = () => {
      handled++;
      world.clock.advance(1);
    };
    for (let number = 0; number < 100; number++) world.ref<Order>('/a').send(slow);
    await turnsUntil(() => handled > 0);
    expect(handled).to.be.lessThan(10);
    await world.stop();
  });

  it('ends in time also when an actor only hears signals', async () => {
    let heard = 0;
    const world = await startWorld({ children: [puppet('a', { signal: (signal, context) => (signal.kind === 'down' && heard++ < 1e7 ? context.monitor(world.ref('/nobody')) : undefined) })] });
    world.ref<Order>('/a').send((context) => context.monitor(world.ref('/nobody')));
    await until(() => heard > 10, 'signals, and timers between them');
    world.system.kill('/a', 'test');
    await world.stop();
  });

  it('looks first at what the runtime says, then at mail', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a', { trace, restart: 'temporary' })] });
    for (let number = 0; number < 100; number++) world.ref<Order>('/a').send(() => trace.push('mail'));
    world.system.requestStop('/a', { kind: 'shutdown' });
    await world.settle();
    expect(trace).to.deep.equal(['+a', '-a']);
    await world.stop();
  });

  it('waits for a handler that promises before it looks at the next message', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a')] });
    const slow: Order = async () => {
      trace.push('in');
      await new Promise((resolve) => void setImmediate(resolve));
      trace.push('out');
    };
    for (let number = 0; number < 3; number++) world.ref<Order>('/a').send(slow);
    await until(() => trace.length === 6, 'three messages');
    expect(trace).to.deep.equal(['in', 'out', 'in', 'out', 'in', 'out']);
    await world.stop();
  });

  it('leaves an actor whose handler never settles alone: others go on', async () => {
    const world = await startWorld({ children: [puppet('stuck'), puppet('free')] });
    await order(world, '/stuck', hang);
    let isHeard = false;
    await order(world, '/free', () => (isHeard = true));
    expect(isHeard).to.equal(true);
    await world.stop();
  });
});

describe('the line of the lane queue', () => {
  const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  const queued = (id: string): ChildSpec => puppet(id, { mailbox: { lane: 'queue', max: 100_000 } });
  it('takes a message through a hundred lives in one turn of the loop', async () => {
    const count = 100;
    const world = await startWorld({ children: Array.from({ length: count }, (_, number) => queued(`c${number}`)) });
    let isThrough = false;
    const pass = (at: number): Order => () => (at === count ? (isThrough = true) : world.ref<Order>(`/c${at}`).send(pass(at + 1)));
    world.ref<Order>('/c0').send(pass(1));
    await turnOfTheLoop();
    expect(isThrough).to.equal(true);
    await world.stop();
  });

  it('gives each life a slice: one that is flooded does not hold up the next', async () => {
    const world = await startWorld({ children: [queued('flooded'), queued('other')] });
    const heardBefore: number[] = [];
    let flood = 0;
    for (let number = 0; number < 50_000; number++) world.ref<Order>('/flooded').send(() => void flood++);
    for (let number = 0; number < 3; number++) world.ref<Order>('/other').send(() => heardBefore.push(flood));
    await world.settle();
    expect(heardBefore[0]).to.be.lessThan(65);
    expect(flood).to.equal(50_000);
    await world.stop();
  });

  it('lets the loop turn after some thousand messages, so that timers fire', async () => {
    const world = await startWorld({ children: [queued('a'), queued('b')] });
    let passes = 0;
    const toAndFro = (to: string, back: string): Order => () => void (passes++, world.ref<Order>(to).send(toAndFro(back, to)));
    world.ref<Order>('/a').send(toAndFro('/b', '/a'));
    await turnOfTheLoop();
    await turnOfTheLoop();
    expect(passes).to.be.within(2, 2 * 4_096);
    world.system.kill('/a', 'test');
    await world.stop();
  });
});
