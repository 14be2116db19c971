/** Lives that end together. The rules are those of link/1 in erlang(3). */
import { expect } from 'chai';
import { VirtualClock } from '../../src/clock.ts';
import { seededRandom } from '../../src/random.ts';
import type { Signal } from '../../src/supervision/behavior.ts';
import type { WorkerSpec } from '../../src/supervision/child-spec.ts';
import { ActorSystem } from '../../src/supervision/system.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { until } from '../support/real-time.ts';
import { crash, exitNormally, exitWithShutdown, hang, inBothLanes, inLane, lifeOf, order, puppet, statusOf } from './puppet.ts';
import type { Order } from './puppet.ts';

const linkTo = (world: ActorWorld, path: string): Order => (context) => context.link(world.ref(path));

/** Hears the ends of those it is linked to. */
function trapper(heard: string[]): WorkerSpec<undefined, Order> {
  const signal = (_state: undefined, news: Signal): undefined => void (news.kind === 'exit' && heard.push(`${news.path} ${news.life} ${news.reason.kind}`));
  const receive = (_state: undefined, does: Order, context: Parameters<Order>[0]): undefined => void does(context);
  return { type: 'worker', id: 'trapper', start: () => ({ init: () => undefined, receive, signal, trapsExits: true }), mailbox: inLane() };
}

inBothLanes('a link', () => {
  it('ends both lives when one fails, with the reason of the one that failed', async () => {
    for (const [from, to] of [['/a', '/b'], ['/b', '/a']] as const) {
      const world = await startWorld({ children: [puppet('a'), puppet('b'), puppet('bystander')] });
      await order(world, from, linkTo(world, to));
      await order(world, '/b', crash);
      expect(['/a', '/b', '/bystander'].map((path) => lifeOf(world, path))).to.deep.equal([2, 2, 1]);
      expect(world.system.find('/a')?.lastFailure).to.deep.include({ during: 'a link' });
      expect(world.system.find('/a')?.lastFailure?.error?.message).to.equal('boom');
      await world.stop();
    }
  });

  it('is not felt when the other ends normally, but is when it is shut down', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'transient' }), puppet('b')] });
    await order(world, '/a', linkTo(world, '/b'));
    await order(world, '/b', exitNormally);
    expect(statusOf(world, '/a')).to.equal('running');
    await order(world, '/a', linkTo(world, '/b'));
    await order(world, '/b', exitWithShutdown);
    expect(statusOf(world, '/a')).to.equal('stopped');
    await world.stop();
  });

  it('to what has no life ends who made it with noproc, which a transient child comes back from', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'transient' })] });
    await order(world, '/a', linkTo(world, '/nobody'));
    expect([lifeOf(world, '/a'), statusOf(world, '/a')]).to.deep.equal([2, 'running']);
    await world.stop();
  });

  it('is heard as a signal by who traps exits, with path, life and reason, and ends nothing', async () => {
    const heard: string[] = [];
    const world = await startWorld({ children: [puppet('a'), trapper(heard)] });
    await order(world, '/trapper', linkTo(world, '/a'));
    await order(world, '/a', crash);
    await order(world, '/trapper', linkTo(world, '/a'));
    await order(world, '/a', exitNormally);
    await order(world, '/trapper', linkTo(world, '/nobody'));
    expect(heard).to.deep.equal(['/a 1 error', '/a 2 normal', '/nobody 0 noproc']);
    expect(lifeOf(world, '/trapper')).to.equal(1);
    await order(world, '/trapper', linkTo(world, '/a'));
    await order(world, '/trapper', crash);
    expect(lifeOf(world, '/a'), 'the other way round').to.equal(4);
    await world.stop();
  });

  it('taken back is not felt, from either side, even when the news of an end waits already', async () => {
    const heard: string[] = [];
    const world = await startWorld({ children: [puppet('a'), puppet('b'), trapper(heard)] });
    await order(world, '/a', linkTo(world, '/b'));
    await order(world, '/b', (context) => context.unlink(world.ref('/a')));
    await order(world, '/b', crash);
    await order(world, '/trapper', linkTo(world, '/a'));
    await order(world, '/trapper', (context) => {
      world.system.kill('/a', 'test');
      context.unlink(world.ref('/a'));
    });
    expect([lifeOf(world, '/a'), heard]).to.deep.equal([2, []]);
    await world.stop();
  });

  it('is between lives: the next ones are not linked', async () => {
    const world = await startWorld({ children: [puppet('a'), puppet('b')] });
    await order(world, '/a', linkTo(world, '/b'));
    await order(world, '/a', crash);
    await order(world, '/a', crash);
    expect([lifeOf(world, '/a'), lifeOf(world, '/b')]).to.deep.equal([3, 2]);
    await world.stop();
  });

  it('to itself is none', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', linkTo(world, '/a'));
    await order(world, '/a', crash);
    expect(lifeOf(world, '/a')).to.equal(2);
    await world.stop();
  });

  it('reaches also who hangs in a handler', async () => {
    const world = await startWorld({ children: [puppet('a'), puppet('b')] });
    await order(world, '/a', linkTo(world, '/b'));
    await order(world, '/a', hang);
    await order(world, '/b', crash);
    expect(world.system.tree('/a')).to.deep.include({ life: 2, status: 'running', zombies: 1 });
    await world.stop();
  });

  it('after link makes a ring of any length, which ends as one', async () => {
    const count = 5_000;
    const system = new ActorSystem({ clock: new VirtualClock(), random: seededRandom(1), log: { log: () => undefined } });
    const children = Array.from({ length: count }, (_, number) => puppet(`c${number}`, { restart: 'temporary' }));
    await system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', children }, () => undefined);
    let linked = 0;
    for (let number = 0; number < count; number++) {
      system.ref<Order>(`/c${number}`).send((context) => {
        context.link(system.ref(`/c${(number + 1) % count}`));
        linked++;
      });
    }
    await until(() => linked === count, 'the ring');
    system.kill('/c0', 'test');
    await until(() => system.tree()?.children.length === 0, 'the end of all');
    expect(system.events.crashes).to.equal(count);
  });
});
