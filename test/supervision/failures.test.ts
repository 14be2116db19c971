/** Failures of every kind end the life they belong to, and nothing else. */
import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs';
import { attributeFailures } from '../../src/supervision/attribution.ts';
import { IGNORE } from '../../src/supervision/behavior.ts';
import type { Behavior } from '../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import { pause, until } from '../support/real-time.ts';
import { attributed, HOOKS } from './attributed.ts';
import { crash, exitNormally, hang, inBothLanes, inLane, lifeOf, order, puppet, startChild, statusOf, supervisor, terminateChild } from './puppet.ts';
import type { Order } from './puppet.ts';

const boom = (): never => {
  throw new Error('boom');
};

inBothLanes('a detached failure', () => {
  const emitter = new EventEmitter();
  const kinds: Record<string, Order> = {
    'a timer that throws': () => void setTimeout(boom, 1),
    'an immediate that throws': () => void setImmediate(boom),
    'a tick that throws': () => process.nextTick(boom),
    'a promise nobody awaits': () => void Promise.reject(new Error('boom')),
    'an async function nobody awaits': () =>
      void (async () => {
        await pause(1);
        boom();
      })(),
    'a file callback that throws': () => readFile('/', boom),
    'a listener on an emitter of its own': () => {
      const own = new EventEmitter();
      own.on('news', boom);
      setTimeout(() => own.emit('news'), 1);
    },
    'an error event nobody listens to': () => void setImmediate(() => emitter.emit('error', new Error('boom'))),
    'the making of a message from a result': (context) => context.pipe(Promise.resolve(1), boom, boom),
  };

  for (const [kind, what] of Object.entries(kinds)) {
    it(`${kind} crashes its owner, and nobody else`, () =>
      attributed(async (ownerless) => {
        const world = await startWorld({ children: [puppet('culprit'), puppet('bystander'), supervisor('room', 'one_for_one', [puppet('inner')])] });
        await order(world, '/culprit', what);
        await until(() => lifeOf(world, '/culprit') === 2, 'the crash');
        await world.settle();
        expect(lifeOf(world, '/culprit')).to.equal(2);
        for (const path of ['/', '/bystander', '/room', '/room/inner']) expect(lifeOf(world, path), path).to.equal(1);
        expect(world.system.events.latest('/culprit', 2)[0]).to.deep.include({ type: 'crash', during: 'detached work' });
        expect(ownerless).to.deep.equal([]);
        await world.stop();
      }));
  }

  it('in a start fails that start', () =>
    attributed(async () => {
      const world = await startWorld({ children: [] });
      const start = world.supervisor().ask((reply) => ({ kind: 'start-child', spec: puppet('a', { init: () => (setTimeout(boom, 1), hang(undefined as never)) }), reply }), 60_000);
      expect(await start).to.deep.include({ outcome: 'start_failed' });
      expect(world.system.events.latest('/a', 9).filter(({ type }) => type === 'crash')).to.have.length(1);
      await world.stop();
    }));

  it('of a life that is over is told, and harms no other life', () =>
    attributed(async (ownerless) => {
      const world = await startWorld({ children: [puppet('a')] });
      await order(world, '/a', (context) => {
        setTimeout(boom, 5);
        context.exit();
      });
      await until(() => world.log.some(({ event }) => event === 'late-failure'), 'the late failure');
      expect(lifeOf(world, '/a')).to.equal(2);
      expect(statusOf(world, '/a')).to.equal('running');
      expect(ownerless).to.deep.equal([]);
      await world.stop();
    }));

  it('of a release belongs to the life that owned it, not to whoever ended it', () =>
    attributed(async (ownerless) => {
      const world = await startWorld({ children: [puppet('a'), puppet('killer')] });
      await order(world, '/a', (context) => context.own(() => void Promise.reject(new Error('boom'))));
      world.system.kill('/a', 'operator');
      await until(() => world.log.some(({ event }) => event === 'late-failure'), 'the late failure');
      await order(world, '/a', (context) => context.own(() => void Promise.reject(new Error('boom'))));
      await order(world, '/killer', () => world.system.kill('/a', 'killer'));
      await until(() => world.log.filter(({ event }) => event === 'late-failure').length === 2, 'the second');
      expect(lifeOf(world, '/killer')).to.equal(1);
      expect(ownerless).to.deep.equal([]);
      await world.stop();
    }));

  it('in an immediate right before the next turn of its owner does not stop the loop of Node', () =>
    attributed(async () => {
      const world = await startWorld({ children: [puppet('a')] });
      const ref = world.ref<Order>('/a');
      ref.send(() => void setImmediate(boom));
      // Stands behind the failing one in the queue of immediates; to end the life used to clear it there.
      setImmediate(() => ref.send(() => undefined));
      await until(() => lifeOf(world, '/a') === 2, 'the crash');
      await world.stop();
    }));

  it('that no actor caused is told as such', () =>
    attributed(async (ownerless) => {
      const world = await startWorld({ children: [puppet('a')] });
      setTimeout(boom, 1);
      await until(() => ownerless.length > 0, 'the failure');
      expect(lifeOf(world, '/a')).to.equal(1);
      await world.stop();
    }));

  it('after the hooks are taken off is no business of the runtime', () => {
    const before = HOOKS.map((hook) => process.listenerCount(hook));
    attributeFailures(() => undefined)();
    expect(HOOKS.map((hook) => process.listenerCount(hook))).to.deep.equal(before);
  });
});

inBothLanes('a handler that hangs', () => {
  it('is killed after its shutdown time, and the next life works', async () => {
    const world = await startWorld({ children: [puppet('stuck', { shutdown: 3_000 })] });
    await order(world, '/stuck', hang);
    expect(await terminateChild(world, 'stuck')).to.equal('ok');
    expect(world.clock.now()).to.equal(3_000);
    expect(statusOf(world, '/stuck')).to.equal('stopped');
    await world.supervisor().ask((reply) => ({ kind: 'restart-child', id: 'stuck', reply }), 1_000);
    let isHeard = false;
    await order(world, '/stuck', () => (isHeard = true));
    expect(isHeard).to.equal(true);
    await world.stop();
  });

  it('is counted as a zombie until it settles, whatever ended its life', () =>
    attributed(async () => {
      const endings: Record<string, (world: Awaited<ReturnType<typeof startWorld>>) => void> = {
        killed: (world) => void world.system.kill('/a', 'test'),
        'crashed by detached work': () => undefined,
        'brutally stopped': (world) => world.supervisor().send({ kind: 'terminate-child', id: 'a', reply: () => undefined }),
      };
      for (const [how, end] of Object.entries(endings)) {
        let settle: () => void = () => undefined;
        const world = await startWorld({ children: [puppet('a', { shutdown: 'brutal_kill' })] });
        const zombies = (): number | undefined => world.system.find('/a')?.zombies;
        await order(world, '/a', () => {
          if (how.startsWith('crashed')) setImmediate(boom);
          return new Promise<void>((resolve) => (settle = resolve));
        });
        end(world);
        await world.settle();
        expect(zombies(), how).to.equal(1);
        settle();
        await world.settle();
        expect(zombies(), how).to.equal(0);
        await world.stop();
      }
    }));

  it('and fails after its life has ended is told, and changes nothing', async () => {
    let fail: (error: Error) => void = () => undefined;
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', () => new Promise((_resolve, reject) => (fail = reject)));
    world.system.kill('/a', 'test');
    await world.settle();
    fail(new Error('too late'));
    await world.settle();
    expect(lifeOf(world, '/a')).to.equal(2);
    expect(world.log.find(({ event }) => event === 'zombie-settled')?.fields).to.deep.equal({ actor: '/a', life: 1, error: 'too late' });
    await world.stop();
  });

  it('in init and returns after its life has ended does not start the next, nor make it ignore', async () => {
    for (const late of [undefined, IGNORE]) {
      const finish: ((state: unknown) => void)[] = [];
      const hanging = puppet('a', { init: ({ life }) => (life === 1 ? undefined : new Promise((resolve) => finish.push(resolve))) });
      const world = await startWorld({ children: [hanging] });
      for (let kills = 0; kills < 2; kills++) {
        world.system.kill('/a', 'test');
        await world.settle();
      }
      finish[0]!(late);
      await world.settle();
      expect([lifeOf(world, '/a'), statusOf(world, '/a')]).to.deep.equal([3, 'starting']);
      finish[1]!(undefined);
      await world.settle();
      expect(statusOf(world, '/a')).to.equal('running');
      await world.stop();
    }
  });

  it('and returns after its life has ended does not touch the state of the next', async () => {
    let settle: (state: number) => void = () => undefined;
    const seen: number[] = [];
    const counting: Behavior<number, 'wait' | 'look'> = {
      init: ({ life }) => life * 100,
      receive(state, message) {
        seen.push(state);
        return message === 'wait' ? new Promise((resolve) => (settle = resolve)) : state;
      },
    };
    const world = await startWorld({ children: [{ type: 'worker', id: 'a', start: () => counting, mailbox: inLane() }] });
    world.ref('/a').send('wait');
    await world.settle();
    world.system.kill('/a', 'test');
    await world.settle();
    settle(666);
    await world.settle();
    world.ref('/a').send('look');
    await world.settle();
    expect(seen).to.deep.equal([100, 200]);
    await world.stop();
  });
});

inBothLanes('a failure that is told', () => {
  const shown = (flags: Partial<Behavior<{ count: number }, { kind: string }>> = {}): ChildSpec => ({
    type: 'worker',
    mailbox: inLane(),
    id: 'a',
    start: () => ({ init: () => ({ count: 7 }), receive: boom, ...flags }),
  });

  it('says what was being handled, in what state, under which supervisor, and what came of it', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [shown({ view: (state) => state })])] });
    world.ref('/room/a').send({ kind: 'put' });
    await world.settle();
    const [report] = world.system.events.latest('/room/a', 2);
    expect(report).to.deep.include({ type: 'crash', path: '/room/a', life: 1, reason: 'boom', during: 'receive put', state: '{"count":7}', supervisor: '/room', decision: 'restart', delayMs: 0 });
    expect(report?.budget).to.deep.equal({ usedBefore: 0, used: 1, intensity: 3, periodMs: 5_000 });
    expect(report?.error?.stack).to.match(/boom/);
    expect(world.system.tree('/room/a')?.lastError?.message).to.equal('boom');
    await world.stop();
  });

  it('is told in words of the behavior where it has them', async () => {
    const world = await startWorld({ children: [shown({ describe: ({ kind }) => `${kind} (secret)` })] });
    world.ref('/a').send({ kind: 'put' });
    await world.settle();
    expect(world.system.events.latest('/a', 2)[0]?.during).to.equal('receive put (secret)');
    await world.stop();
  });

  it('is told all the same when describe and view throw themselves', async () => {
    const world = await startWorld({ children: [shown({ describe: boom, view: boom })] });
    world.ref('/a').send({ kind: 'put' });
    await world.settle();
    expect(world.system.events.latest('/a', 2)[0]).to.deep.include({ type: 'crash', reason: 'boom', during: 'receive put', state: 'its view failed: boom' });
    expect(lifeOf(world, '/a')).to.equal(2);
    await world.stop();
  });

  it('says so when it happened in init or on a signal', async () => {
    const world = await startWorld({ children: [puppet('a', { init: ({ life }) => (life === 2 ? boom() : undefined), signal: boom })] });
    await order(world, '/a', (context) => context.monitor(world.ref('/nobody')));
    const events = world.system.events.latest('/a', 9).filter(({ type }) => type === 'crash');
    expect(events.map(({ during }) => during)).to.deep.equal(['signal down', 'init']);
    await world.stop();
  });

  it('may be anything that was thrown', async () => {
    const odd: unknown[] = [undefined, null, 'text', 7n, { self: {} }, Object.create(null), Symbol('s')];
    const world = await startWorld({ intensity: 99, children: [puppet('a')] });
    for (const thrown of odd) {
      await order(world, '/a', () => {
        throw thrown;
      });
    }
    expect(lifeOf(world, '/a')).to.equal(odd.length + 1);
    await world.stop();
  });

  it('of a supervisor itself ends its children and climbs', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a', { trace, init: (context) => context.own(() => trace.push('released')) })])] });
    world.ref('/room').send({ kind: 'start-child' });
    await world.settle();
    world.ref('/room').send(undefined);
    await world.settle();
    expect(lifeOf(world, '/room')).to.equal(2);
    expect(trace).to.deep.equal(['+a', 'released', '+a']);
    await world.stop();
  });

  it('never stops the loop: an init that always throws lets timers run', async () => {
    const world = await startWorld({ intensity: 1e6, strategy: 'dynamic' });
    await startChild(world, puppet('a', { init: ({ life }) => (life > 1 ? boom() : undefined) }));
    world.ref<Order>('/a').send(crash);
    await until(() => lifeOf(world, '/a')! > 10, 'lives, and timers between them');
    world.system.stop();
    await until(() => world.exit !== undefined, 'the end');
  });
});

inBothLanes('an exit', () => {
  it('is given once, whatever else happens in the same turn', async () => {
    for (const isAsync of [false, true]) {
      const dying: Behavior<undefined, string> = {
        init: () => undefined,
        receive(_state, _message, context) {
          context.exit();
          world.system.kill('/a', 'one');
          world.system.kill('/a', 'two');
          if (isAsync) return Promise.reject(new Error('and a rejection'));
          throw new Error('and a throw');
        },
      };
      const world = await startWorld({ children: [{ type: 'worker', id: 'a', start: () => dying, restart: 'temporary', mailbox: inLane() }] });
      world.ref('/a').send('die');
      await world.settle();
      const ends = world.system.events.latest('/a', 9).filter(({ type }) => type !== 'admin' && type !== 'start');
      expect(ends.map(({ reason }) => reason)).to.deep.equal(['killed by one']);
      await world.stop();
    }
  });

  it('asked for twice keeps its first reason', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'temporary' })] });
    await order(world, '/a', (context) => [context.exit({ kind: 'shutdown', info: 'first' }), exitNormally(context)]);
    expect(world.system.events.latest('/a', 1)[0]?.reason).to.equal('shutdown (first)');
    await world.stop();
  });
});
