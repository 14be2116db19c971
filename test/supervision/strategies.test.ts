import { expect } from 'chai';
import type { ChildSpec, Strategy } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { crash, failingInit, lifeOf, order, puppet, startChild, statusOf, supervisor } from './puppet.ts';

const STATIC = ['one_for_one', 'one_for_all', 'rest_for_one'] as const;

async function worldOf(strategy: Strategy, children: readonly ChildSpec[], flags = {}): Promise<ActorWorld> {
  const world = await startWorld({ strategy, children: strategy === 'dynamic' ? [] : children, ...flags });
  if (strategy === 'dynamic') for (const spec of children) await startChild(world, spec);
  return world;
}

function lives(world: ActorWorld, ...paths: string[]): (number | undefined)[] {
  return paths.map((path) => lifeOf(world, path));
}

describe('strategies and budgets', () => {
  for (const strategy of [...STATIC, 'dynamic'] as const) {
    const budget = 'supervisor';

    it(`a ${strategy} supervisor whose budget is exceeded stops its children and exits with shutdown`, async () => {
      const trace: string[] = [];
      const world = await worldOf(strategy, [puppet('a', { trace }), puppet('b', { trace })], { budget, intensity: 2, periodMs: 1_000 });
      for (let crashes = 0; crashes < 3; crashes++) await order(world, '/a', crash);
      expect(world.exit).to.deep.equal({ kind: 'shutdown', info: 'reached_max_restart_intensity' });
      expect(trace.at(-1)).to.equal('-b');
      expect(world.system.events.latest('/a', 1)[0]).to.deep.include({ type: 'crash', decision: 'escalate', reason: 'boom' });
      expect(world.system.events.latest('/', 99).find(({ type }) => type === 'escalate')).to.deep.include({ path: '/', reason: 'gives up over /a' });
    });

    it(`a child that keeps failing to restart makes a ${strategy} supervisor give up`, async () => {
      const world = await worldOf(strategy, [puppet('a'), puppet('b', { init: ({ life }) => (life > 1 ? crash(undefined as never) : undefined) }), puppet('c')], { budget });
      await order(world, '/b', crash);
      expect(world.exit).to.deep.equal({ kind: 'shutdown', info: 'reached_max_restart_intensity' });
      expect(lifeOf(world, '/b') ?? 5).to.equal(strategy === 'dynamic' ? 5 : 4);
    });

    it(`crashes further apart than the period never make a ${strategy} supervisor give up`, async () => {
      const world = await worldOf(strategy, [puppet('a')], { intensity: 1, periodMs: 1_000 });
      for (let crashes = 0; crashes < 20; crashes++) {
        await order(world, '/a', crash);
        await world.advance(1_001);
      }
      expect(lifeOf(world, '/a')).to.equal(21);
      await world.stop();
    });
  }

  it('one budget is shared by all children unless they have one each', async () => {
    for (const [budget, isOver] of [['supervisor', true], ['child', false]] as const) {
      const world = await startWorld({ children: [puppet('a'), puppet('b')], intensity: 1, budget });
      await order(world, '/a', crash);
      await order(world, '/b', crash);
      expect(world.exit !== undefined, budget).to.equal(isOver);
      await world.stop();
    }
  });

  it('dynamic children have a budget each: one that exceeds it is let go alone, and can be started anew', async () => {
    const world = await worldOf('dynamic', ['a', 'b', 'c'].map((id) => puppet(id)), { intensity: 1 });
    for (const path of ['/a', '/b', '/c']) await order(world, path, crash);
    expect(lives(world, '/a', '/b', '/c')).to.deep.equal([2, 2, 2]);
    await order(world, '/a', crash);
    expect(world.system.events.latest('/a', 1)[0]).to.deep.include({ type: 'crash', decision: 'stop' });
    expect([world.exit, ...lives(world, '/a', '/b', '/c')]).to.deep.equal([undefined, undefined, 2, 2]);
    await startChild(world, puppet('a'));
    await order(world, '/a', crash);
    expect(statusOf(world, '/a'), 'the budget is new too').to.equal('running');
    await world.stop();
  });

  it('an intensity of 0 allows no restart', async () => {
    const world = await startWorld({ children: [puppet('a')], intensity: 0 });
    await order(world, '/a', crash);
    expect(lifeOf(world, '/a')).to.equal(1);
    expect(world.exit?.kind).to.equal('shutdown');
  });

  it('children of a one_for_all family that fail of one cause are one restart', async () => {
    const world = await startWorld({ strategy: 'one_for_all', intensity: 1, children: ['a', 'b', 'c', 'd', 'e'].map((id) => puppet(id)) });
    for (const path of ['/a', '/b', '/c', '/d', '/e']) world.ref(path).send(crash);
    await world.settle();
    expect(lives(world, '/a', '/b', '/c', '/d', '/e')).to.deep.equal([2, 2, 2, 2, 2]);
    await world.stop();
  });

  it('when the second fails in a one_for_all restart, the first is stopped again and all start anew', async () => {
    const trace: string[] = [];
    const world = await startWorld({ strategy: 'one_for_all', children: [puppet('a', { trace }), puppet('b', { trace, init: failingInit(2) }), puppet('c', { trace })] });
    trace.length = 0;
    await order(world, '/c', crash);
    expect(trace).to.deep.equal(['-b', '-a', '+a', '+b', '-a', '+a', '+b', '+c']);
    await world.stop();
  });

  it('when the second fails in a rest_for_one restart, the first stays', async () => {
    const trace: string[] = [];
    const world = await startWorld({ strategy: 'rest_for_one', children: [puppet('a', { trace }), puppet('b', { trace, init: failingInit(2) }), puppet('c', { trace })] });
    trace.length = 0;
    await order(world, '/a', crash);
    expect(trace).to.deep.equal(['-c', '-b', '+a', '+b', '+b', '+c']);
    expect(lives(world, '/a', '/b', '/c')).to.deep.equal([2, 3, 2]);
    await world.stop();
  });

  it('an earlier child that fails while a rest_for_one group goes down widens the group', async () => {
    const trace: string[] = [];
    const slow = puppet('d', { trace, terminate: () => new Promise(() => undefined), shutdown: 500 });
    const world = await startWorld({ strategy: 'rest_for_one', children: [puppet('a', { trace }), puppet('b', { trace }), puppet('c', { trace }), slow] });
    trace.length = 0;
    await order(world, '/c', crash);
    await order(world, '/a', crash);
    await world.advance(500);
    expect(trace).to.deep.equal(['-d', '-b', '+a', '+b', '+c', '+d']);
    await world.stop();
  });

  it('a group that widens waits as long as the narrower one had to', async () => {
    const slow = puppet('c', { terminate: () => new Promise(() => undefined), shutdown: 100 });
    const world = await startWorld({ strategy: 'rest_for_one', children: [puppet('a'), puppet('b', { backoff: { baseMs: 1_000, maxMs: 1_000, jitter: 0 } }), slow] });
    await order(world, '/b', crash);
    await order(world, '/a', crash);
    await world.advance(1_099);
    expect(statusOf(world, '/a')).to.equal('restarting');
    await world.advance(1);
    expect(lives(world, '/a', '/b', '/c')).to.deep.equal([2, 2, 2]);
    await world.stop();
  });

  it('a child that waits in backoff does not start in the middle of a group that goes down', async () => {
    const trace: string[] = [];
    const slow = puppet('b', { trace, terminate: () => new Promise(() => undefined), shutdown: 1_000 });
    const last = puppet('c', { trace, backoff: { baseMs: 300, maxMs: 300, consecutiveMax: 9 } });
    const world = await startWorld({ strategy: 'rest_for_one', children: [puppet('a', { trace }), slow, last] });
    await order(world, '/c', crash);
    trace.length = 0;
    await order(world, '/a', crash);
    await world.advance(1_000);
    expect(trace).to.deep.equal(['-b', '+a', '+b', '+c']);
    await world.stop();
  });

  it('a temporary bystander that a group takes along is not revived, and burns no budget', async () => {
    const world = await startWorld({ strategy: 'one_for_all', intensity: 1, children: [puppet('a'), puppet('passing', { restart: 'temporary' })] });
    await order(world, '/a', crash);
    expect(world.system.tree()?.children.map(({ path }) => path)).to.deep.equal(['/a']);
    expect(lifeOf(world, '/a')).to.equal(2);
    await world.stop();
  });

  it('a transient child that had ended well comes back with its group, as in OTP', async () => {
    const world = await startWorld({ strategy: 'one_for_all', children: [puppet('a'), puppet('done', { restart: 'transient' })] });
    await order(world, '/done', (context) => context.exit());
    await order(world, '/a', crash);
    expect(statusOf(world, '/done')).to.equal('running');
    await world.stop();
  });

  it('the specs of permanent and transient children outlive every kind of end', async () => {
    for (const restart of ['permanent', 'transient'] as const) {
      const world = await startWorld({ children: [puppet('a', { restart })], intensity: 10 });
      await order(world, '/a', crash);
      await order(world, '/a', (context) => context.exit({ kind: 'shutdown' }));
      expect(world.system.tree('/a')?.restart).to.equal(restart);
      await world.stop();
    }
  });

  it('an inner failure stays inner', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_all', [puppet('a'), puppet('b')]), puppet('outer')] });
    await order(world, '/room/a', crash);
    expect(lives(world, '/', '/room', '/room/a', '/room/b', '/outer')).to.deep.equal([1, 1, 2, 2, 1]);
    await world.stop();
  });

  it('a room that gives up is rebuilt from its spec by the supervisor above', async () => {
    const world = await startWorld({ strategy: 'rest_for_one', children: [puppet('before'), supervisor('room', 'one_for_one', [puppet('a'), puppet('b')], { intensity: 1 }), puppet('after')] });
    await order(world, '/room/a', crash);
    await order(world, '/room/a', crash);
    expect(lives(world, '/before', '/room', '/after')).to.deep.equal([1, 2, 2]);
    expect(statusOf(world, '/room/a')).to.equal('running');
    expect(world.system.events.latest('/room', 99).find(({ type, path }) => path === '/room' && type === 'exit')).to.deep.include({ reason: 'shutdown (reached_max_restart_intensity)', decision: 'restart' });
    await world.stop();
  });

  it('a transient supervisor that gives up stays down, as in OTP: it exits with shutdown', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a')], { intensity: 0, restart: 'transient' })] });
    await order(world, '/room/a', crash);
    expect(statusOf(world, '/room')).to.equal('stopped');
    expect(world.exit).to.equal(undefined);
    await world.stop();
  });

  it('failures climb the tree, level by level, up to the root', async () => {
    const bad = puppet('bad', { init: ({ life }) => (life > 1 ? crash(undefined as never) : undefined) });
    const always = { intensity: 1, periodMs: 60_000 };
    const world = await startWorld({ ...always, children: [supervisor('outer', 'one_for_one', [supervisor('inner', 'one_for_one', [bad], always)], always)] });
    for (let rounds = 0; rounds < 8 && world.exit === undefined; rounds++) await order(world, '/outer/inner/bad', crash);
    expect(world.exit).to.deep.equal({ kind: 'shutdown', info: 'reached_max_restart_intensity' });
    expect(world.system.events.latest('/', 999).filter(({ type }) => type === 'escalate').map(({ path }) => path).slice(-3)).to.deep.equal(['/outer/inner', '/outer', '/']);
  });

  it('a supervisor killed from outside takes its subtree along and is rebuilt', async () => {
    const trace: string[] = [];
    const owning = (id: string): ReturnType<typeof puppet> => puppet(id, { trace, init: (context) => context.own(() => trace.push(`${id} released`)) });
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [owning('a'), supervisor('nook', 'one_for_one', [owning('deep')])])] });
    trace.length = 0;
    world.system.kill('/room', 'test');
    expect(world.system.livingLife('/room/nook/deep')).to.equal(undefined);
    expect(world.system.livingLife('/room/a')).to.equal(undefined);
    await world.settle();
    expect(trace, 'the last first').to.deep.equal(['deep released', 'a released', '+a', '+deep']);
    expect(lives(world, '/room', '/room/a', '/room/nook', '/room/nook/deep')).to.deep.equal([2, 2, 2, 2]);
    await world.stop();
  });

  it('a rebuilt supervisor has its children in the order of its spec, also those that were forgotten', async () => {
    const room = supervisor('room', 'one_for_one', [puppet('passing', { restart: 'temporary' }), puppet('a')]);
    const world = await startWorld({ children: [room] });
    await order(world, '/room/passing', crash);
    world.system.kill('/room', 'test');
    await world.settle();
    expect(world.system.tree('/room')?.children.map(({ path, status }) => [path, status])).to.deep.equal([['/room/passing', 'running'], ['/room/a', 'running']]);
    await world.stop();
  });

  it('a rebuilt dynamic supervisor has no children, and takes new specs under the old names', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [supervisor('guests', 'dynamic', [])] });
    await startChild(world, puppet('a', { init: () => void trace.push('old') }), '/guests');
    world.system.kill('/guests', 'test');
    await world.settle();
    expect(world.system.tree('/guests')?.children).to.deep.equal([]);
    expect(world.ref('/guests/a').send('hello')).to.equal('noproc');
    expect((await startChild(world, puppet('a', { init: () => void trace.push('new') }), '/guests')).outcome).to.equal('started');
    expect(trace).to.deep.equal(['old', 'new']);
    await world.stop();
  });

  it('what was added to a rebuilt supervisor at run time is gone; what its spec names is back', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a')])] });
    await startChild(world, puppet('added'), '/room');
    world.system.kill('/room', 'test');
    await world.settle();
    expect(world.system.tree('/room')?.children.map(({ path, status }) => [path, status])).to.deep.equal([['/room/a', 'running']]);
    await world.stop();
  });

  it('news of the children of an earlier life does not reach the next one', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a')])] });
    world.system.kill('/room', 'test');
    await world.settle();
    world.system.tell('/room', 1, { kind: 'child-exited', id: 'a', epoch: 2, reason: { kind: 'normal' }, uptimeMs: 0 });
    await world.settle();
    expect(lives(world, '/room', '/room/a')).to.deep.equal([2, 2]);
    await world.stop();
  });

  it('backoff doubles, is capped, and starts over after a good life', async () => {
    const backoff = { baseMs: 100, maxMs: 500, jitter: 0, resetAfterMs: 10_000, consecutiveMax: 99 };
    const world = await startWorld({ intensity: 99, children: [puppet('a', { backoff })] });
    const delays: number[] = [];
    const fail = async (): Promise<void> => {
      await order(world, '/a', crash);
      const { delayMs = 0 } = world.system.events.latest('/a', 1)[0]!;
      delays.push(delayMs);
      expect(statusOf(world, '/a')).to.equal('restarting');
      await world.advance(delayMs - 1);
      expect(statusOf(world, '/a')).to.equal('restarting');
      await world.advance(1);
      expect(statusOf(world, '/a')).to.equal('running');
    };
    for (let failures = 0; failures < 5; failures++) await fail();
    await world.advance(10_000);
    await fail();
    expect(delays).to.deep.equal([100, 200, 400, 500, 500, 100]);
    await world.stop();
  });

  it('more failures in a row than allowed make the supervisor give up, however far apart', async () => {
    const backoff = { baseMs: 10_000, maxMs: 10_000, consecutiveMax: 2 };
    const world = await startWorld({ children: [puppet('a', { backoff })] });
    for (let failures = 0; failures < 3; failures++) {
      expect(world.exit).to.equal(undefined);
      await order(world, '/a', crash);
      await world.advance(12_000);
    }
    expect(world.exit).to.deep.equal({ kind: 'shutdown', info: 'reached_max_restart_intensity' });
  });

  it('a group waits as long as its failed child has to', async () => {
    const trace: string[] = [];
    const world = await startWorld({ strategy: 'one_for_all', children: [puppet('a', { trace }), puppet('b', { trace, backoff: { baseMs: 1_000, maxMs: 1_000, jitter: 0 } })] });
    await order(world, '/b', crash);
    trace.length = 0;
    await world.advance(999);
    expect(trace).to.deep.equal([]);
    await world.advance(1);
    expect(trace).to.deep.equal(['+a', '+b']);
    await world.stop();
  });
});
