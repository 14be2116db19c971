/** What becomes of messages and questions around the lives of an actor. */
import { expect } from 'chai';
import { AskError } from '../../src/supervision/behavior.ts';
import type { Behavior, Reply } from '../../src/supervision/behavior.ts';
import type { ChildSpec, WorkerSpec } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { crash, exitNormally, hang, inBothLanes, inLane, lifeOf, order, puppet, startChild, statusOf, terminateChild } from './puppet.ts';
import type { Order } from './puppet.ts';

const BACKOFF = { baseMs: 1_000, maxMs: 1_000, jitter: 0, consecutiveMax: 9 };

type Question = { readonly text: string; readonly reply: Reply<string> };

function oracle(flags: Partial<WorkerSpec<undefined, Question>> = {}): ChildSpec {
  const behavior: Behavior<undefined, Question> = { init: () => undefined, receive: (_state, { text, reply }) => reply(`${text}!`) as undefined };
  return { type: 'worker', id: 'oracle', start: () => behavior, ...flags, mailbox: { ...inLane(), ...flags.mailbox } };
}

function deadLetters(world: ActorWorld): string[] {
  return world.system.deadLetters.latest().map(({ path, reason }) => `${path} ${reason}`);
}

/** How an ask failed, without waiting for it to. */
function failureOf(asking: Promise<unknown>): Promise<string> {
  return asking.then(
    () => 'answered',
    (error: unknown) => (error instanceof AskError ? error.failure : String(error)),
  );
}

inBothLanes('mail', () => {
  it('is heard in the order in which one sender sent it', async () => {
    const heard: number[] = [];
    const world = await startWorld({ children: [puppet('a')] });
    for (let number = 0; number < 1_000; number++) world.ref<Order>('/a').send(() => heard.push(number));
    await world.settle();
    expect(heard).to.deep.equal(Array.from({ length: 1_000 }, (_, number) => number));
    await world.stop();
  });

  it('waits while a child is in backoff, and the next life hears it', async () => {
    const heard: number[] = [];
    const world = await startWorld({ children: [puppet('a', { backoff: BACKOFF })] });
    await order(world, '/a', crash);
    expect(world.ref<Order>('/a').send(({ life }) => heard.push(life))).to.equal('accepted');
    await world.advance(1_000);
    expect(heard).to.deep.equal([2]);
    await world.stop();
  });

  it('is not lost between the end of a life and the start of the next', async () => {
    const heard: number[] = [];
    const world = await startWorld({ intensity: 100, children: [puppet('a')] });
    const ref = world.ref<Order>('/a');
    for (let turns = 0; turns < 12; turns++) {
      world.system.kill('/a', 'test');
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve));
      expect(ref.send(() => heard.push(turns)), `${turns} turns after the end`).to.equal('accepted');
      await world.settle();
    }
    expect(heard).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await world.stop();
  });

  it('that waited for a life that ended is dead, unless the spec says keep', async () => {
    for (const onRestart of ['drop', 'keep'] as const) {
      const heard: number[] = [];
      const world = await startWorld({ children: [puppet('a', { mailbox: { onRestart } })] });
      const ref = world.ref<Order>('/a');
      ref.send(crash);
      ref.send(({ life }) => heard.push(life));
      await world.settle();
      expect(heard).to.deep.equal(onRestart === 'keep' ? [2] : []);
      expect(deadLetters(world)).to.deep.equal(onRestart === 'keep' ? [] : ['/a ended']);
      await world.stop();
    }
  });

  it('that is kept outlives a second failure', async () => {
    const heard: number[] = [];
    const world = await startWorld({ children: [puppet('a', { mailbox: { onRestart: 'keep' } })] });
    const ref = world.ref<Order>('/a');
    for (const message of [crash, crash, ({ life }: { life: number }) => heard.push(life)]) ref.send(message);
    await world.settle();
    expect(heard).to.deep.equal([3]);
    await world.stop();
  });

  it('for a child that will not run again is dead at once, and so are questions', async () => {
    const endings: [string, Partial<WorkerSpec<unknown, Order>>, (world: ActorWorld) => unknown][] = [
      ['transient that exits', { restart: 'transient' }, (world) => world.ref<Order>('/a').send(exitNormally)],
      ['temporary that crashes', { restart: 'temporary' }, (world) => world.ref<Order>('/a').send(crash)],
      ['terminated', {}, (world) => world.supervisor().send({ kind: 'terminate-child', id: 'a', reply: () => undefined })],
    ];
    for (const [what, flags, end] of endings) {
      for (let turns = 0; turns < 10; turns++) {
        const world = await startWorld({ children: [puppet('a', { ...flags, mailbox: { onRestart: 'keep' } })] });
        end(world);
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve));
        const ref = world.ref<Order>('/a');
        const before = world.system.deadLetters.total;
        let isHeard = false;
        ref.send(() => (isHeard = true));
        let isAskHeard = false;
        const question = failureOf(ref.ask(() => () => (isAskHeard = true), 60_000));
        await world.settle();
        expect(isHeard || world.system.deadLetters.total > before, `${what}, ${turns} turns later`).to.equal(true);
        if (!isAskHeard) expect(await question).to.be.oneOf(['exited', 'noproc']);
        expect(world.system.find('/a')?.mailbox.depth ?? 0).to.equal(0);
        await world.stop();
      }
    }
  });

  it('that waits for a child in backoff is dead when the child is terminated instead', async () => {
    const world = await startWorld({ children: [puppet('a', { backoff: BACKOFF })] });
    await order(world, '/a', crash);
    world.ref('/a').send('hello');
    const question = failureOf(world.ref('/a').ask(() => 'and?', 60_000));
    const before = world.clock.now();
    expect(await terminateChild(world, 'a')).to.equal('ok');
    expect(await question).to.equal('exited');
    expect(world.clock.now()).to.equal(before);
    expect(deadLetters(world)).to.deep.equal(['/a ended', '/a ended']);
    expect(world.ref('/a').send('hello')).to.equal('noproc');
    await world.stop();
  });

  it('for a child whose supervisor gives up during its backoff is dead', async () => {
    const world = await startWorld({ intensity: 1, children: [puppet('a', { backoff: BACKOFF }), puppet('b')] });
    await order(world, '/a', crash);
    world.ref('/a').send('hello');
    await order(world, '/b', crash);
    expect(world.exit?.kind).to.equal('shutdown');
    expect(statusOf(world, '/a')).to.equal('stopped');
    expect(deadLetters(world)).to.deep.equal(['/a ended']);
  });

  it('to a path where nothing ever stood is refused and counted', async () => {
    const world = await startWorld({ children: [] });
    expect(world.ref('/nobody').send({ kind: 'greeting' })).to.equal('noproc');
    expect(world.system.deadLetters.latest()).to.deep.equal([{ sequence: 1, atMs: 0, path: '/nobody', reason: 'noproc', message: 'greeting' }]);
    await world.stop();
  });

  it('a ref made before its actor finds it when it is there', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    const ref = world.ref<Order>('/later');
    expect(ref.send(crash)).to.equal('noproc');
    await startChild(world, puppet('later'));
    expect(ref.send(() => undefined)).to.equal('accepted');
    await world.settle();
    expect(lifeOf(world, '/later')).to.equal(1);
    await world.stop();
  });

  it('over the bound is refused, dropped at the old end, or dropped at the new end, as the spec says', async () => {
    const heardWith = async (overflow: 'reject' | 'drop_oldest' | 'drop_newest'): Promise<unknown[]> => {
      const heard: number[] = [];
      const world = await startWorld({ children: [puppet('a', { mailbox: { max: 2, overflow } })] });
      const outcomes = [1, 2, 3].map((number) => world.ref<Order>('/a').send(() => heard.push(number)));
      await world.settle();
      const dead = deadLetters(world);
      await world.stop();
      return [heard, outcomes.at(-1), dead];
    };
    expect(await heardWith('reject')).to.deep.equal([[1, 2], 'full', ['/a full']]);
    expect(await heardWith('drop_oldest')).to.deep.equal([[2, 3], 'accepted', ['/a dropped']]);
    expect(await heardWith('drop_newest')).to.deep.equal([[1, 2], 'accepted', ['/a dropped']]);
  });

  it('that is a newer version of what waits takes its place, and is no dead letter', async () => {
    type Reading = { readonly gauge: string; readonly value: number };
    const heard: Reading[] = [];
    const gauge: Behavior<undefined, Reading> = { init: () => undefined, receive: (_state, reading) => void heard.push(reading) };
    const mailbox = { ...inLane(), overflow: 'coalesce', coalesceKey: (reading: Reading) => reading.gauge } as const;
    const world = await startWorld({ children: [{ type: 'worker', id: 'gauge', start: () => gauge, mailbox }] });
    for (let value = 1; value <= 5; value++) for (const name of ['cpu', 'heap']) world.ref<Reading>('/gauge').send({ gauge: name, value });
    await world.settle();
    expect(heard).to.deep.equal([{ gauge: 'cpu', value: 5 }, { gauge: 'heap', value: 5 }]);
    expect(world.system.tree('/gauge')).to.deep.include({ overflow: 'coalesce', overflowed: 8 });
    expect(deadLetters(world)).to.deep.equal([]);
    await world.stop();
  });

  it('whose key cannot be told crashes its receiver, not its sender', async () => {
    const mailbox = { overflow: 'coalesce', coalesceKey: (): string => crash(undefined as never) as string } as const;
    const world = await startWorld({ children: [puppet('a', { mailbox })] });
    expect(world.ref<Order>('/a').send(exitNormally)).to.equal('full');
    await world.settle();
    expect(lifeOf(world, '/a')).to.equal(2);
    expect(deadLetters(world)).to.deep.equal(['/a full']);
    await world.stop();
  });

  it('offered from the high-water mark on waits until only the low one waits', async () => {
    const world = await startWorld({ children: [puppet('a', { mailbox: { overflow: 'backpressure', max: 6, high: 4, low: 1 } })] });
    const log: string[] = [];
    const offer = (name: string, order: Order): void => void world.ref<Order>('/a').offer(order).then((outcome) => log.push(`${name} ${outcome}`));
    let letGo: () => void = () => undefined;
    await order(world, '/a', () => new Promise<void>((resolve) => (letGo = resolve)));
    for (let number = 1; number <= 7; number++) offer(`offer ${number}`, () => log.push(`heard ${number}`));
    await world.settle();
    expect(log.toSorted()).to.deep.equal(['offer 1 accepted', 'offer 2 accepted', 'offer 3 accepted', 'offer 7 full']);
    log.length = 0;
    letGo();
    await world.settle();
    expect(log.filter((line) => line.startsWith('heard'))).to.have.length(6);
    expect(log.indexOf('offer 4 accepted')).to.be.greaterThan(log.indexOf('heard 4'));
    expect(log.filter((line) => line.endsWith('accepted'))).to.deep.equal(['offer 4 accepted', 'offer 5 accepted', 'offer 6 accepted']);
    await world.stop();
  });

  it('offered does not keep its sender waiting for a life that has ended, nor where nobody is', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'temporary', mailbox: { overflow: 'backpressure', max: 6, high: 1 } })] });
    await order(world, '/a', hang);
    const offered = world.ref<Order>('/a').offer(hang);
    world.system.kill('/a', 'test');
    expect(await offered).to.equal('accepted');
    await world.settle();
    expect(await world.ref<Order>('/a').offer(hang)).to.equal('noproc');
    await world.stop();
  });

  it('over the bound of an actor that must not fall behind ends its life, told as such', async () => {
    const world = await startWorld({ children: [puppet('a', { mailbox: { overflow: 'crash', max: 2 } })] });
    const outcomes = [1, 2, 3].map(() => world.ref<Order>('/a').send(() => undefined));
    expect(outcomes).to.deep.equal(['accepted', 'accepted', 'full']);
    await world.settle();
    expect(lifeOf(world, '/a')).to.equal(2);
    expect(world.system.find('/a')?.lastFailure).to.deep.include({ during: 'overflow' });
    expect(world.system.find('/a')?.lastFailure?.error?.message).to.equal('more than 2 messages waited');
    expect(deadLetters(world).toSorted()).to.deep.equal(['/a ended', '/a ended', '/a full']);
    await world.stop();
  });

  it("an actor's own timers and results are not dropped for what others send", async () => {
    for (const max of [1, 2]) {
      const heard: string[] = [];
      let finish: () => void = () => undefined;
      const world = await startWorld({ children: [puppet('a', { mailbox: { max, overflow: 'drop_oldest' } })] });
      await order(world, '/a', async (context) => {
        context.setTimer('own', 10, () => heard.push('own timer'));
        context.pipe(Promise.resolve('own result'), (result) => () => heard.push(result), () => crash);
        await new Promise<void>((resolve) => (finish = resolve));
      });
      await world.advance(10);
      for (let number = 0; number < 5; number++) world.ref<Order>('/a').send(() => heard.push(`other ${number}`));
      finish();
      await world.settle();
      expect(heard).to.deep.equal(['own result', 'own timer', 'other 4']);
      await world.stop();
    }
  });
});

inBothLanes('questions', () => {
  it('are answered', async () => {
    const world = await startWorld({ children: [oracle()] });
    const answer = world.ref<Question>('/oracle').ask<string>((reply) => ({ text: 'yes', reply }), 1_000);
    expect(await answer).to.equal('yes!');
    await world.stop();
  });

  it('fail at once when the life that was asked ends, however it ends', async () => {
    for (const ending of [crash, exitNormally]) {
      const world = await startWorld({ children: [puppet('a')] });
      const ref = world.ref<Order>('/a');
      ref.send(ending);
      const waiting = failureOf(ref.ask(() => () => undefined, 60_000));
      await world.settle();
      expect(await waiting).to.equal('exited');
      expect(world.clock.now()).to.equal(0);
      await world.stop();
    }
    const world = await startWorld({ children: [puppet('a')] });
    const unanswered = failureOf(world.ref<Order>('/a').ask(() => hang, 60_000));
    await world.settle();
    world.system.kill('/a', 'test');
    expect(await unanswered).to.equal('exited');
    await world.stop();
  });

  it('fail at once when there is nobody, or no room', async () => {
    const world = await startWorld({ children: [puppet('a', { mailbox: { max: 1 } })] });
    expect(await failureOf(world.ref('/nobody').ask(() => 'hello', 60_000))).to.equal('noproc');
    world.ref<Order>('/a').send(hang);
    expect(await failureOf(world.ref('/a').ask(() => 'hello', 60_000))).to.equal('full');
    await world.stop();
  });

  it('fail when no answer comes in time, at most a sweep late', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    const question = failureOf(world.ref<Order>('/a').ask(() => () => undefined, 1_000));
    await world.advance(999);
    const state = await Promise.race([question, Promise.resolve('waiting')]);
    expect(state).to.equal('waiting');
    await world.advance(51);
    expect(await question).to.equal('timeout');
    await world.stop();
  });

  it('answered too late, or twice, are dead letters', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    const replies: Reply<string>[] = [];
    const ref = world.ref<Order>('/a');
    const late = failureOf(ref.ask<string>((reply) => () => replies.push(reply), 100));
    const twice = ref.ask<string>((reply) => () => [reply('once'), reply('again')], 100);
    expect(await twice).to.equal('once');
    await world.advance(200);
    expect(await late).to.equal('timeout');
    replies[0]!('at last');
    expect(deadLetters(world)).to.deep.equal(['/a late_reply', '/a late_reply']);
    await world.stop();
  });

  it('whose message cannot be made fail, and leave nothing behind', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    const timers = world.clock.timers;
    const question = failureOf(
      world.ref('/a').ask(() => {
        throw new Error('no words');
      }, 60_000),
    );
    expect(await question).to.equal('Error: no words');
    expect(world.clock.timers).to.equal(timers);
    await world.stop();
  });

  it('do not mix up their answers, however many are open', async () => {
    const world = await startWorld({ children: [puppet('a', { mailbox: { max: 100_000 } })] });
    const ref = world.ref<Order>('/a');
    const questions = Array.from({ length: 20_000 }, (_, number) => ref.ask<number>((reply) => () => reply(number), 60_000));
    expect(await Promise.all(questions)).to.deep.equal(questions.map((_, number) => number));
    await world.stop();
  });
});

inBothLanes('dead letters', () => {
  it('are kept up to a bound, and counted beyond it', async () => {
    const world = await startWorld({ children: [] });
    for (let number = 0; number < 3_000; number++) world.ref(`/nobody-${number}`).send('hello');
    expect(world.system.deadLetters.total).to.equal(3_000);
    expect(world.system.deadLetters.latest()).to.have.length(1_000);
    expect(world.system.deadLetters.latest().at(-1)?.path).to.equal('/nobody-2999');
    await world.stop();
  });

  it('are spoken of once, then at most every ten seconds with their number', async () => {
    const world = await startWorld({ children: [] });
    const ref = world.ref('/nobody');
    for (let number = 0; number < 500; number++) ref.send('hello');
    await world.advance(10_000);
    ref.send('hello');
    const spoken = world.log.filter(({ event }) => event === 'dead-letters').map(({ fields }) => fields['count']);
    expect(spoken).to.deep.equal([1, 500]);
    await world.stop();
  });
});
