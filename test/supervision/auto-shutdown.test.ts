import { expect } from 'chai';
import type { AutoShutdown } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { crash, exitNormally, exitWithShutdown, lifeOf, order, puppet, startChild, statusOf, supervisor, terminateChild } from './puppet.ts';
import type { Puppetry } from './puppet.ts';

const FOLLOWED = { kind: 'shutdown', info: 'auto_shutdown' };
const ENDS = { 'in good order': exitNormally, 'with shutdown': exitWithShutdown, 'with an error': crash };

const significant = (id: string, flags: Puppetry = {}): ReturnType<typeof puppet> => puppet(id, { significant: true, restart: 'transient', ...flags });

function worldOf(autoShutdown: AutoShutdown, children: ReturnType<typeof puppet>[]): Promise<ActorWorld> {
  return startWorld({ autoShutdown, children });
}

describe('a supervisor with significant children', () => {
  for (const autoShutdown of ['any_significant', 'all_significant'] as const) {
    for (const restart of ['transient', 'temporary'] as const) {
      for (const [how, end] of Object.entries(ENDS)) {
        const comesBack = restart === 'transient' && how === 'with an error';
        const others = autoShutdown === 'all_significant' ? 'once the last is gone' : 'with the first';

        it(`${autoShutdown}: a ${restart} one that ends ${how} ${comesBack ? 'comes back, and nothing else happens' : `takes it along ${others}`}`, async () => {
          const trace: string[] = [];
          const world = await worldOf(autoShutdown, [puppet('plain', { trace }), significant('a', { restart, trace }), significant('b', { restart, trace })]);
          await order(world, '/a', end);
          if (comesBack) {
            expect([world.exit, lifeOf(world, '/a')]).to.deep.equal([undefined, 2]);
            return world.stop();
          }
          if (autoShutdown === 'all_significant') {
            expect(world.exit).to.equal(undefined);
            await order(world, '/b', end);
          }
          expect(world.exit).to.deep.equal(FOLLOWED);
          expect(trace.at(-1)).to.equal('-plain');
        });
      }
    }

    it(`${autoShutdown}: the end of a child that is not significant is nothing to it`, async () => {
      const world = await worldOf(autoShutdown, [puppet('plain', { restart: 'temporary' }), significant('a')]);
      await order(world, '/plain', exitNormally);
      expect([world.exit, statusOf(world, '/a')]).to.deep.equal([undefined, 'running']);
      await world.stop();
    });

    it(`${autoShutdown}: terminating its children one by one never ends it`, async () => {
      const world = await worldOf(autoShutdown, [significant('a'), significant('b', { restart: 'temporary' })]);
      for (const id of ['a', 'b']) expect(await terminateChild(world, id)).to.equal('ok');
      expect([world.exit, statusOf(world, '/')]).to.deep.equal([undefined, 'running']);
      await world.stop();
    });

    it(`${autoShutdown}: a group that takes a significant bystander along does not end it`, async () => {
      const world = await startWorld({ strategy: 'one_for_all', autoShutdown, children: [puppet('plain'), significant('a', { restart: 'temporary' }), significant('b')] });
      await order(world, '/plain', crash);
      expect([world.exit, statusOf(world, '/a'), lifeOf(world, '/b')]).to.deep.equal([undefined, undefined, 2]);
      await world.stop();
    });
  }

  it('all_significant: one that waits in backoff is not gone', async () => {
    const world = await worldOf('all_significant', [significant('a'), significant('b', { backoff: { baseMs: 1_000, maxMs: 1_000, jitter: 0 } })]);
    await order(world, '/b', crash);
    await order(world, '/a', exitNormally);
    expect(world.exit).to.equal(undefined);
    await world.advance(1_000);
    await order(world, '/b', exitNormally);
    expect(world.exit).to.deep.equal(FOLLOWED);
  });

  it('all_significant: the last running one counts as last, also when others were terminated', async () => {
    const world = await worldOf('all_significant', [significant('a'), significant('b')]);
    await terminateChild(world, 'a');
    await order(world, '/b', exitNormally);
    expect(world.exit).to.deep.equal(FOLLOWED);
  });

  it('comes up first when one of them ends while it starts', async () => {
    const trace: string[] = [];
    const brief = significant('brief', { trace, init: (context) => context.setTimer('enough', 10, exitNormally) });
    const slow = puppet('slow', { trace, init: (context) => new Promise<void>((resolve) => void context.clock.setTimer(100, resolve)) });
    const room = supervisor('room', 'one_for_one', [brief, slow], { autoShutdown: 'any_significant', restart: 'temporary' });
    const world = await startWorld({ children: [room, puppet('next', { trace })] });
    await world.settle();
    expect(trace).to.include.members(['+slow', '-slow', '+next']);
    expect(world.system.events.latest('/', 99).filter(({ path }) => path === '/room').map(({ type, reason }) => [type, reason])).to.deep.equal([
      ['start', 'start'],
      ['exit', 'shutdown (auto_shutdown)'],
    ]);
    await world.stop();
  });

  it('is restarted by its own supervisor like one that ended otherwise', async () => {
    const room = (restart: 'permanent' | 'transient'): ReturnType<typeof supervisor> => supervisor(restart, 'one_for_one', [significant('a')], { autoShutdown: 'any_significant', restart });
    const world = await startWorld({ children: [room('permanent'), room('transient')] });
    for (const path of ['/permanent', '/transient']) await order(world, `${path}/a`, exitNormally);
    expect([lifeOf(world, '/permanent'), statusOf(world, '/permanent/a')]).to.deep.equal([2, 'running']);
    expect([lifeOf(world, '/transient'), statusOf(world, '/transient')]).to.deep.equal([1, 'stopped']);
    await world.stop();
  });

  it('that is dynamic follows a significant child that is let go past its own budget: it does not come back', async () => {
    const world = await startWorld({ strategy: 'dynamic', autoShutdown: 'any_significant', intensity: 1 });
    await startChild(world, significant('a'));
    await order(world, '/a', crash);
    expect(world.exit).to.equal(undefined);
    await order(world, '/a', crash);
    expect(world.exit).to.deep.equal(FOLLOWED);
  });
});
