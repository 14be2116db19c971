import { expect } from 'chai';
import type { Behavior } from '../../src/supervision/behavior.ts';
import { recorder, startWorld } from './actor-world.ts';

describe('the actor world', () => {
  it('runs every timer of a chain while the clock moves, each at its own time', async () => {
    const heard: number[] = [];
    const ticking: Behavior<number, 'tick'> = {
      init(context) {
        context.setTimer('tick', 1_000, 'tick');
        return 0;
      },
      receive(count, _tick, context) {
        heard.push(context.clock.now());
        context.setTimer('tick', 1_000, 'tick');
        return count + 1;
      },
    };
    const world = await startWorld({ children: [{ type: 'worker', id: 'ticking', start: () => ticking }] });
    await world.advance(3_500);
    expect(heard).to.deep.equal([1_000, 2_000, 3_000]);
    expect(world.clock.now()).to.equal(3_500);
    await world.stop();
    expect(world.clock.timers).to.equal(0);
  });

  it('remembers what a stand-in hears', async () => {
    const neighbour = recorder<string>('neighbour');
    const world = await startWorld({ children: [neighbour.spec] });
    world.ref<string>('/neighbour').send('hello');
    await world.settle();
    expect(neighbour.messages).to.deep.equal(['hello']);
    await world.stop();
    expect(world.exit).to.deep.equal({ kind: 'shutdown' });
  });
});
