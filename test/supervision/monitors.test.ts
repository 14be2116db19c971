import { expect } from 'chai';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Signal } from '../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import { crash, exitNormally, inBothLanes, order, puppet, startChild, supervisor } from './puppet.ts';
import type { Order, Puppetry } from './puppet.ts';

/** A puppet that notes whose end it hears of. */
function watcher(id: string, heard: [string, string][], flags: Puppetry = {}): ChildSpec {
  const note = (signal: Signal): void => void (signal.kind === 'down' && heard.push([signal.path, signal.reason.kind]));
  return puppet(id, { ...flags, signal: note });
}

inBothLanes('a monitor', () => {
  it('tells of the end of a life once, with its reason', async () => {
    const heard: [string, string][] = [];
    const world = await startWorld({ children: [puppet('target'), watcher('watcher', heard)] });
    await order(world, '/watcher', (context) => [context.monitor(world.ref('/target')), context.monitor(world.ref('/target'))]);
    await order(world, '/target', crash);
    await order(world, '/target', crash);
    expect(heard).to.deep.equal([['/target', 'error']]);
    await world.stop();
  });

  it('of what has no life tells noproc, and not before the message in hand is done', async () => {
    const heard: [string, string][] = [];
    const world = await startWorld({ children: [watcher('watcher', heard), puppet('done', { restart: 'transient' })] });
    await order(world, '/done', exitNormally);
    await order(world, '/watcher', (context) => {
      context.monitor(world.ref('/nobody'));
      context.monitor(world.ref('/done'));
      expect(heard).to.deep.equal([]);
    });
    expect(heard).to.deep.equal([['/nobody', 'noproc'], ['/done', 'noproc']]);
    await world.stop();
  });

  it('tells in which life the end was', async () => {
    const lives: number[] = [];
    const note = (signal: Signal, context: { monitor(ref: never): void }): void => {
      if (signal.kind !== 'down') return;
      lives.push(signal.life);
      if (lives.length < 3) context.monitor(ref as never);
    };
    const world = await startWorld({ strategy: 'rest_for_one', children: [watcher('x', []), puppet('watcher', { signal: note }), puppet('target')] });
    const ref = world.ref<Order>('/target');
    await order(world, '/watcher', (context) => context.monitor(ref));
    await order(world, '/target', crash);
    expect(lives).to.deep.equal([1, 1, 1]);
    await world.stop();
  });

  it('taken back tells nothing', async () => {
    const heard: [string, string][] = [];
    const world = await startWorld({ children: [puppet('target'), watcher('watcher', heard)] });
    await order(world, '/watcher', (context) => context.monitor(world.ref('/target')));
    await order(world, '/watcher', (context) => context.demonitor(world.ref('/target')));
    await order(world, '/target', crash);
    expect(heard).to.deep.equal([]);
    await world.stop();
  });

  it('taken back tells nothing, even when the end had happened', async () => {
    const heard: [string, string][] = [];
    const world = await startWorld({ children: [puppet('target'), watcher('watcher', heard)] });
    await order(world, '/watcher', (context) => context.monitor(world.ref('/target')));
    world.ref<Order>('/watcher').send((context) => {
      world.system.kill('/target', 'test');
      context.demonitor(world.ref('/target'));
    });
    await world.settle();
    await order(world, '/target', crash);
    expect(heard).to.deep.equal([]);
    await world.stop();
  });

  it('ends with the life that set it: the next one hears nothing', async () => {
    const heard: [string, string][] = [];
    const world = await startWorld({ children: [puppet('target'), watcher('watcher', heard)] });
    await order(world, '/watcher', (context) => context.monitor(world.ref('/target')));
    await order(world, '/watcher', crash);
    await order(world, '/target', crash);
    expect(heard).to.deep.equal([]);
    await world.stop();
  });

  it('tells everyone who watches, also of a whole subtree', async () => {
    const heard: [string, string][] = [];
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('inner')]), watcher('w1', heard), watcher('w2', heard)] });
    for (const path of ['/w1', '/w2']) await order(world, path, (context) => [context.monitor(world.ref('/room')), context.monitor(world.ref('/room/inner'))]);
    world.system.kill('/room', 'test');
    await world.settle();
    expect(heard.map(([path, kind]) => `${path} ${kind}`).toSorted()).to.deep.equal(['/room killed', '/room killed', '/room/inner killed', '/room/inner killed']);
    await world.stop();
  });

  it('does not hold on to lives that set it and are gone', async () => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const world = await startWorld({ children: [puppet('target'), supervisor('watchers', 'dynamic', [])] });
    const refs: WeakRef<object>[] = [];
    for (let number = 0; number < 20; number++) {
      await startChild(world, puppet('w', { restart: 'temporary' }), '/watchers');
      await order(world, '/watchers/w', (context) => {
        refs.push(new WeakRef(context));
        context.monitor(world.ref('/target'));
      });
      await order(world, '/watchers/w', exitNormally);
    }
    await world.settle();
    collect();
    await new Promise((resolve) => void setImmediate(resolve));
    collect();
    // nact and the loop may still hold the newest.
    expect(refs.filter((ref) => ref.deref() !== undefined).length).to.be.lessThan(3);
    await world.stop();
  });
});
