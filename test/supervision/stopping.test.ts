import { expect } from 'chai';
import { VirtualClock } from '../../src/clock.ts';
import { seededRandom } from '../../src/random.ts';
import { IGNORE } from '../../src/supervision/behavior.ts';
import type { Behavior, ExitReason } from '../../src/supervision/behavior.ts';
import type { ChildSpec, WorkerSpec } from '../../src/supervision/child-spec.ts';
import { ActorSystem } from '../../src/supervision/system.ts';
import { startWorld } from '../support/actor-world.ts';
import { countChildren, crash, hang, lifeOf, order, puppet, startChild, statusOf, supervisor, terminateChild } from './puppet.ts';
import type { Order } from './puppet.ts';

/** Takes `endMs` from the request to its end. */
function slowToEnd(id: string, endMs: number, flags: Partial<WorkerSpec<undefined, 'end'>> = {}, trace: string[] = []): ChildSpec {
  const behavior: Behavior<undefined, 'end'> = {
    trapsStop: true,
    init: () => undefined,
    receive: (_state, _end, context) => context.exit({ kind: 'shutdown' }) as undefined,
    signal: (_state, _stop, context) => context.setTimer('end', endMs, 'end') as undefined,
    terminate: () => void trace.push(`-${id}`),
  };
  return { type: 'worker', id, start: () => behavior, ...flags };
}

describe('stopping', () => {
  it('a worker may take as long as it likes when its shutdown is infinity', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [slowToEnd('slow', 300_000, { shutdown: 'infinity' }, trace)] });
    await world.stop();
    expect(world.clock.now()).to.equal(300_000);
    expect(trace).to.deep.equal(['-slow']);
  });

  it('a child past its time is killed, and its siblings end in order', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a', { trace }), slowToEnd('stubborn', 60_000, { shutdown: 2_000 }, trace), puppet('c', { trace })] });
    trace.length = 0;
    await world.stop();
    expect(world.clock.now()).to.equal(2_000);
    expect(trace).to.deep.equal(['-c', '-a']);
    expect(world.system.events.latest('/stubborn', 1)[0]).to.deep.include({ type: 'shutdown_error', reason: 'killed by shutdown timeout' });
  });

  it('a child that unlinks its supervisor, hides from its stop and hangs goes down with it all the same', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a', { shutdown: 300 })])] });
    await order(world, '/room/a', (context) => [context.link(world.ref('/room')), context.unlink(world.ref('/room'))]);
    await order(world, '/room/a', hang);
    expect(await terminateChild(world, 'room')).to.equal('ok');
    expect([world.clock.now(), statusOf(world, '/room/a')]).to.deep.equal([300, 'stopped']);
    await world.stop();
  });

  it('brutal_kill does not ask', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a', { trace, shutdown: 'brutal_kill' })] });
    await world.stop();
    expect(trace).to.deep.equal(['+a']);
    expect(world.system.events.latest('/a', 5).map(({ type }) => type)).to.deep.equal(['start']);
  });

  it('stops in reverse of the start order at shutdown, one after the other, waiting for each', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [slowToEnd('a', 10, {}, trace), slowToEnd('b', 30, {}, trace), slowToEnd('c', 20, {}, trace)] });
    await world.stop();
    expect(trace).to.deep.equal(['-c', '-b', '-a']);
    expect(world.clock.now()).to.equal(60);
  });

  it('stops in reverse and starts in order within a rest_for_one group', async () => {
    const trace: string[] = [];
    const world = await startWorld({ strategy: 'rest_for_one', children: ['a', 'b', 'c', 'd'].map((id) => puppet(id, { trace })) });
    trace.length = 0;
    world.system.kill('/b', 'test');
    await world.settle();
    expect(trace).to.deep.equal(['-d', '-c', '+b', '+c', '+d']);
    await world.stop();
  });

  it('dynamic children stop all at once, each within its own time', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    for (const [id, endMs] of [['a', 1_000], ['b', 60_000], ['c', 3_000]] as const) await startChild(world, slowToEnd(id, endMs, { shutdown: 4_000 }));
    const before = world.clock.now();
    await world.stop();
    expect(world.clock.now() - before).to.equal(4_000);
    expect(world.system.events.latest('/', 20).filter(({ type }) => type === 'shutdown_error').map(({ path }) => path)).to.deep.equal(['/b']);
  });

  it('a stop during an init is heard when the init is done', async () => {
    const trace: string[] = [];
    let finish: (value: unknown) => void = () => undefined;
    const spec = puppet('slow', { trace, init: () => new Promise((resolve) => (finish = resolve)) });
    const world = await startWorld({ strategy: 'dynamic' });
    world.supervisor().send({ kind: 'start-child', spec, reply: () => undefined });
    await world.settle();
    world.system.stop();
    await world.settle();
    finish(undefined);
    await world.stop();
    expect(trace).to.deep.equal(['+slow', '-slow']);
  });

  it('a stop during an init that then ignores does not hang the supervisor', async () => {
    for (const strategy of ['one_for_one', 'dynamic'] as const) {
      let finish: (value: unknown) => void = () => undefined;
      const spec = puppet('slow', { init: () => new Promise((resolve) => (finish = resolve)), shutdown: 'infinity', startTimeoutMs: 1e9 });
      const world = await startWorld({ strategy });
      world.supervisor().send({ kind: 'start-child', spec, reply: () => undefined });
      await world.settle();
      world.system.stop();
      await world.settle();
      finish(IGNORE);
      await world.stop();
    }
  });

  it('an init that never settles is ended at its start timeout, also when a stop without limit waits for it', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    world.supervisor().send({ kind: 'start-child', spec: puppet('stuck', { init: hang, shutdown: 'infinity', startTimeoutMs: 7_000 }), reply: () => undefined });
    await world.settle();
    await world.stop();
    expect(world.clock.now()).to.equal(7_000);
  });

  it('a child that comes up while it is asked to stop has all its time to stop', async () => {
    const trace: string[] = [];
    let finish: () => void = () => undefined;
    const spec = slowToEnd('slow', 60_000, { shutdown: 'infinity' }, trace) as WorkerSpec<undefined, 'end'>;
    const behavior = { ...spec.start(), init: () => new Promise<undefined>((resolve) => (finish = () => resolve(undefined))) };
    const world = await startWorld({ strategy: 'dynamic' });
    world.supervisor().send({ kind: 'start-child', spec: { ...spec, start: () => behavior }, reply: () => undefined });
    await world.settle();
    world.system.stop();
    await world.settle();
    finish();
    await world.stop();
    expect(world.clock.now()).to.equal(60_000);
    expect(trace).to.deep.equal(['-slow']);
  });

  it('a failure on the way down is told, and changes nothing else', async () => {
    const world = await startWorld({ children: [puppet('a'), puppet('b')] });
    world.ref<Order>('/b').send(crash);
    world.system.stop();
    await world.stop();
    expect(world.exit).to.deep.equal({ kind: 'shutdown' });
    expect(world.system.events.latest('/b', 1)[0]).to.deep.include({ type: 'shutdown_error', reason: 'boom' });
  });

  it('a terminate that throws or rejects does not change why the life ended, and is logged', async () => {
    const throwing = (): void => {
      throw new Error('stuck valve');
    };
    for (const failing of [throwing, () => Promise.reject(new Error('stuck valve'))]) {
      const world = await startWorld({ children: [puppet('a', { terminate: failing }), puppet('b')] });
      await order(world, '/a', (context) => context.exit({ kind: 'shutdown', info: 'done' }));
      expect(world.system.events.latest('/a', 2)[0]).to.deep.include({ type: 'exit', reason: 'shutdown (done)' });
      expect(world.log.filter(({ event }) => event === 'terminate-failed').map(({ fields }) => fields['error'])).to.deep.equal(['stuck valve']);
      await world.stop();
    }
  });

  it('a terminate that never settles is killed with its life', async () => {
    const world = await startWorld({ children: [puppet('a', { terminate: () => new Promise(() => undefined), shutdown: 1_000 })] });
    await world.stop();
    expect(world.clock.now()).to.equal(1_000);
  });

  it('the message in hand is finished before a stop is heard, and those that wait are told as dead', async () => {
    const trace: string[] = [];
    let finish: () => void = () => undefined;
    const world = await startWorld({ children: [puppet('a', { trace })] });
    const ref = world.ref<Order>('/a');
    ref.send(async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      trace.push('finished');
    });
    ref.send(() => trace.push('never'));
    await world.settle();
    world.system.stop();
    await world.settle();
    finish();
    await world.stop();
    expect(trace).to.deep.equal(['+a', 'finished', '-a']);
    expect(world.system.deadLetters.latest().map(({ path, reason }) => [path, reason])).to.deep.equal([['/a', 'ended']]);
  });

  it('a supervisor stops while one of its children is in a restart loop', async () => {
    for (const strategy of ['one_for_one', 'rest_for_one', 'one_for_all', 'dynamic'] as const) {
      const looping = puppet('looping', { init: ({ life }) => (life > 1 ? crash(undefined as never) : undefined), backoff: { baseMs: 500, maxMs: 500, consecutiveMax: 1_000 } });
      const world = await startWorld({ strategy, intensity: 1_000, children: strategy === 'dynamic' ? [] : [puppet('a'), looping, puppet('c')] });
      if (strategy === 'dynamic') await startChild(world, looping);
      world.system.kill('/looping', 'test');
      await world.advance(2_100);
      expect(statusOf(world, '/looping'), strategy).to.equal('restarting');
      const before = world.clock.now();
      await world.stop();
      expect(world.clock.now(), strategy).to.equal(before);
    }
  });

  it('a child in a restart loop can be terminated, and then has no more lives', async () => {
    for (const strategy of ['one_for_one', 'rest_for_one', 'one_for_all'] as const) {
      const looping = puppet('looping', { init: ({ life }) => (life > 1 ? crash(undefined as never) : undefined), backoff: { baseMs: 500, maxMs: 500, consecutiveMax: 1_000 } });
      const world = await startWorld({ strategy, intensity: 1_000, children: [puppet('a'), looping, puppet('c')] });
      world.system.kill('/looping', 'test');
      await world.advance(2_100);
      expect(await terminateChild(world, 'looping'), strategy).to.equal('ok');
      const life = lifeOf(world, '/looping');
      await world.advance(5_000);
      expect(lifeOf(world, '/looping'), strategy).to.equal(life);
      expect(statusOf(world, '/looping'), strategy).to.equal('stopped');
      expect(statusOf(world, '/c'), strategy).to.equal('running');
      await world.stop();
    }
  });

  it('a stop that comes before the start is done undoes what is up and fails the start', async () => {
    const trace: string[] = [];
    const clock = new VirtualClock();
    const system = new ActorSystem({ clock, random: seededRandom(1), log: { log: () => undefined } });
    const children = [puppet('a', { trace }), puppet('slow', { trace, init: hang, shutdown: 1_000 }), puppet('c', { trace })];
    let exit: ExitReason | undefined;
    const start = system.start(supervisor('root', 'one_for_one', children), (reason) => (exit = reason)).catch(String);
    while (statusOf({ system }, '/slow') !== 'starting') await new Promise((resolve) => void setImmediate(resolve));
    system.stop();
    while (statusOf({ system }, '/slow') !== 'stopping') await new Promise((resolve) => void setImmediate(resolve));
    clock.advance(1_000);
    expect(await start).to.equal('StartError: shutdown');
    expect(exit).to.deep.equal({ kind: 'shutdown' });
    expect(trace).to.deep.equal(['+a', '+slow', '-a']);
  });

  it('after the end every place is stopped and takes no more mail', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('inner')]), puppet('waiting', { backoff: { baseMs: 9_000, maxMs: 9_000, consecutiveMax: 1 } })] });
    world.system.kill('/waiting', 'test');
    await world.settle();
    world.ref('/waiting').send('still there?');
    const question = world.ref('/waiting').ask(() => 'and now?', 600_000).catch(String);
    await world.stop();
    expect(await question).to.match(/AskError/);
    for (const path of ['/', '/room', '/room/inner', '/waiting']) {
      expect(statusOf(world, path), path).to.equal('stopped');
      expect(world.ref(path).send('anyone?'), path).to.equal('noproc');
    }
    expect(world.system.find('/waiting')?.mailbox.depth).to.equal(0);
    // The one timer that all asks share finds nothing more to wait for.
    await world.advance(100);
    expect(world.clock.timers).to.equal(0);
  });

  it('counts are right while children stop', async () => {
    const world = await startWorld({ children: [puppet('a'), slowToEnd('b', 1_000)] });
    const terminated = world.supervisor().ask((reply) => ({ kind: 'terminate-child', id: 'b', reply }), 60_000);
    await world.settle();
    expect(statusOf(world, '/b')).to.equal('stopping');
    expect(await countChildren(world)).to.deep.include({ specs: 2, active: 2 });
    await world.outcome(terminated);
    expect(await countChildren(world)).to.deep.include({ specs: 2, active: 1 });
    await world.stop();
  });
});
