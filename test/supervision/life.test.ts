/** What one life sets going, and that none of it outlives it. */
import { expect } from 'chai';
import type { ActorContext, ExitReason } from '../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import { crash, exitNormally, inBothLanes, inLane, lifeOf, order, puppet, supervisor } from './puppet.ts';
import type { Order } from './puppet.ts';

inBothLanes('a life', () => {
  it('counts from 1, and the context says which it is', async () => {
    const lives: number[] = [];
    const world = await startWorld({ children: [puppet('a', { init: ({ life }) => lives.push(life) })] });
    await order(world, '/a', crash);
    await order(world, '/a', exitNormally);
    expect(lives).to.deep.equal([1, 2, 3]);
    await world.stop();
  });

  it('takes its timers and intervals along', async () => {
    const heard: string[] = [];
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', (context) => {
      context.setTimer('once', 1_000, () => heard.push('once'));
      context.setInterval('again', 300, () => heard.push('again'));
    });
    await world.advance(700);
    await order(world, '/a', crash);
    await world.advance(5_000);
    expect(heard).to.deep.equal(['again', 'again']);
    await world.stop();
    expect(world.clock.timers).to.equal(0);
  });

  it('does not hear the timer that had fired for the life before', async () => {
    const heard: number[] = [];
    const world = await startWorld({ children: [puppet('a', { mailbox: { onRestart: 'keep' } })] });
    await order(world, '/a', (context) => context.setTimer('t', 10, ({ life }) => heard.push(life)));
    world.ref<Order>('/a').send(crash);
    world.clock.advance(10);
    world.ref<Order>('/a').send(({ life }) => heard.push(life));
    await world.settle();
    expect(heard).to.deep.equal([2]);
    await world.stop();
  });

  it('leaves no dead letter of what it said to itself', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', (context) => context.setTimer('t', 10, () => undefined));
    world.ref<Order>('/a').send(crash);
    world.clock.advance(10);
    await world.settle();
    expect(lifeOf(world, '/a')).to.equal(2);
    expect(world.system.deadLetters.total).to.equal(0);
    await world.stop();
  });

  it('that has ended watches nobody, links to nobody and sees its signal aborted, whatever it still calls', async () => {
    const heard: unknown[] = [];
    let ended: ActorContext<Order> | undefined;
    const world = await startWorld({ children: [puppet('a', { signal: (signal) => heard.push(signal) }), puppet('b')] });
    await order(world, '/a', (context) => (ended = context));
    await order(world, '/a', crash);
    ended!.monitor(world.ref('/b'));
    ended!.link(world.ref('/b'));
    ended!.exit();
    ended!.setTimer('t', 10, () => heard.push('timer'));
    await order(world, '/b', crash);
    await world.advance(100);
    expect([ended!.signal.aborted, lifeOf(world, '/a'), heard]).to.deep.equal([true, 2, []]);
    await world.stop();
    expect(world.clock.timers).to.equal(0);
  });

  it('hears a timer of one key once, the last one set', async () => {
    const heard: string[] = [];
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', (context) => {
      context.setTimer('key', 100, () => heard.push('first'));
      context.setTimer('key', 200, () => heard.push('second'));
      context.setTimer('other', 50, () => heard.push('other'));
    });
    await world.advance(1_000);
    expect(heard).to.deep.equal(['other', 'second']);
    await world.stop();
  });

  it('hears nothing of a timer that it cleared or set anew, even when its message waits already', async () => {
    const heard: string[] = [];
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', (context) => {
      context.setTimer('cleared', 10, () => heard.push('cleared'));
      context.setTimer('renewed', 10, () => heard.push('old'));
    });
    world.ref<Order>('/a').send((context) => {
      context.clearTimer('cleared');
      context.setTimer('renewed', 10, () => heard.push('new'));
    });
    world.clock.advance(10);
    await world.advance(1_000);
    expect(heard).to.deep.equal(['new']);
    await world.stop();
  });

  it('that is slower than its interval hears one tick, not all that it missed', async () => {
    const heard: number[] = [];
    let finish: () => void = () => undefined;
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', (context) => context.setInterval('tick', 100, ({ clock }) => heard.push(clock.now())));
    await order(world, '/a', () => new Promise<void>((resolve) => (finish = resolve)));
    await world.advance(10_000);
    expect(world.system.find('/a')?.mailbox.depth).to.equal(1);
    finish();
    await world.advance(200);
    expect(heard).to.deep.equal([10_000, 10_100, 10_200]);
    await world.stop();
  });

  it('hears the outcome of what it pipes as a message, good or bad', async () => {
    const heard: string[] = [];
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', (context) => {
      context.pipe(Promise.resolve('good'), (value) => () => heard.push(value), () => crash);
      context.pipe(Promise.reject(new Error('bad')), () => crash, (error) => () => heard.push(error.message));
      context.pipe(Promise.reject('worse'), () => crash, (error) => () => heard.push(error.message)); // oxlint-disable-line prefer-promise-reject-errors
    });
    expect(heard).to.have.members(['good', 'bad', 'worse']);
    await world.stop();
  });

  it('that has ended hears no outcome', async () => {
    const heard: string[] = [];
    let resolve: (value: string) => void = () => undefined;
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', (context) =>
      context.pipe(new Promise<string>((settle) => (resolve = settle)), (value) => () => heard.push(value), () => crash),
    );
    await order(world, '/a', crash);
    resolve('too late');
    await world.settle();
    expect(heard).to.deep.equal([]);
    await world.stop();
  });

  it('releases what it owns, last first, however it ends, and once', async () => {
    const endings: Record<string, (world: Awaited<ReturnType<typeof startWorld>>) => unknown> = {
      crash: (world) => world.ref<Order>('/a').send(crash),
      exit: (world) => world.ref<Order>('/a').send(exitNormally),
      kill: (world) => world.system.kill('/a', 'test'),
      stop: (world) => world.system.stop(),
    };
    for (const [name, end] of Object.entries(endings)) {
      const released: string[] = [];
      const own: Order = (context) => [context.own(() => released.push('socket')), context.own(() => released.push('file'))];
      const world = await startWorld({ children: [puppet('a', { restart: 'temporary' })] });
      await order(world, '/a', own);
      end(world);
      await world.settle();
      expect(released, name).to.deep.equal(['file', 'socket']);
      await world.stop();
      expect(released, name).to.have.length(2);
    }
  });

  it('releases at once what it comes to own after its end', async () => {
    const released: string[] = [];
    let open: () => void = () => undefined;
    const world = await startWorld({ children: [puppet('a', { restart: 'temporary' })] });
    await order(world, '/a', async (context) => {
      await new Promise<void>((resolve) => (open = resolve));
      context.own(() => released.push('socket'));
    });
    world.system.kill('/a', 'test');
    open();
    await world.settle();
    expect(released).to.deep.equal(['socket']);
    await world.stop();
  });

  it('releases the rest when one release throws, and says so', async () => {
    const released: string[] = [];
    const world = await startWorld({ children: [puppet('a', { restart: 'temporary' })] });
    await order(world, '/a', (context) => [context.own(() => released.push('socket')), context.own(() => crash(context))]);
    await order(world, '/a', exitNormally);
    expect(released).to.deep.equal(['socket']);
    expect(world.log.filter(({ event }) => event === 'release-failed')).to.have.length(1);
    expect(world.system.events.latest('/a', 1)[0]?.reason).to.equal('normal');
    await world.stop();
  });

  it('aborts its signal at its end, also when nobody asked for it before', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'temporary' })] });
    let signal: AbortSignal | undefined;
    let late: () => AbortSignal = () => AbortSignal.abort();
    await order(world, '/a', (context) => ((signal = context.signal), (late = () => context.signal)));
    expect(signal?.aborted).to.equal(false);
    await order(world, '/a', exitNormally);
    expect(signal?.aborted).to.equal(true);
    expect(late().aborted).to.equal(true);
    await world.stop();
  });

  it('can do nothing more once it has ended', async () => {
    const heard: unknown[] = [];
    let resume: () => void = () => undefined;
    const world = await startWorld({ children: [puppet('a', { restart: 'temporary' }), puppet('b')] });
    await order(world, '/a', async (context) => {
      await new Promise<void>((resolve) => (resume = resolve));
      context.setTimer('t', 1, () => heard.push('timer'));
      context.setInterval('i', 1, () => heard.push('interval'));
      context.monitor(world.ref<never>('/b'));
      context.demonitor(world.ref<never>('/b'));
      context.exit();
      context.started();
      context.self.send(() => heard.push('self'));
    });
    world.system.kill('/a', 'test');
    const timers = world.clock.timers;
    resume();
    await world.settle();
    expect(world.clock.timers).to.equal(timers);
    await world.advance(1_000);
    expect(heard).to.deep.equal([]);
    await world.stop();
  });

  it('speaks in the log with its path and its number', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', ({ log }) => log.log('info', 'hello', { colour: 'blue' }));
    expect(world.log.find(({ event }) => event === 'hello')).to.deep.equal({ level: 'info', event: 'hello', fields: { actor: '/a', life: 1, colour: 'blue' } });
    await world.stop();
  });

  it('that asks to end in its init ends after it', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a', { restart: 'temporary', trace, init: (context) => context.exit({ kind: 'shutdown', info: 'nothing to do' }) })] });
    await world.settle();
    expect(trace).to.deep.equal(['+a', '-a']);
    expect(world.system.events.latest('/a', 1)[0]?.reason).to.equal('shutdown (nothing to do)');
    await world.stop();
  });

  it('that is told to stop by signal ends when it says so, with its own reason', async () => {
    const reasons: ExitReason[] = [];
    const winding: ChildSpec = {
      type: 'worker',
      mailbox: inLane(),
      id: 'winding',
      start: () => ({
        trapsStop: true,
        init: () => undefined,
        receive: (_state, _message, context) => context.exit({ kind: 'shutdown', info: 'wound up' }),
        signal: (_state, signal, context) => (signal.kind === 'stop' ? context.setTimer('end', 500, 'end') : undefined),
        terminate: (_state, reason) => void reasons.push(reason),
      }),
    };
    const world = await startWorld({ children: [winding] });
    await world.stop();
    expect(world.clock.now()).to.equal(500);
    expect(reasons).to.deep.equal([{ kind: 'shutdown', info: 'wound up' }]);
  });

  it('starts also when its supervisor is back before the news of its end', async () => {
    for (let turns = 0; turns < 4; turns++) {
      const heard: number[] = [];
      const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a')])] });
      world.ref<Order>('/room/a').send(() => undefined);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve));
      world.ref<Order>('/room/a').send(() => undefined);
      world.system.kill('/room', 'test');
      await world.settle();
      await order(world, '/room/a', ({ life }) => heard.push(life));
      expect([lifeOf(world, '/room'), heard]).to.deep.equal([2, [2]]);
      await world.stop();
    }
  });
});
