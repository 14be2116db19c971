/** What an operator can do with one actor and see of it, whatever state it is in. */
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import type { Behavior } from '../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../src/supervision/child-spec.ts';
import type { TraceEntry, TraceOptions } from '../../src/supervision/trace.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { crash, exitNormally, hang, inBothLanes, inLane, lifeOf, order, puppet, statusOf, supervisor, terminateChild } from './puppet.ts';
import type { Order } from './puppet.ts';

type Note = { readonly kind: string };

function notebook(flags: Partial<Behavior<string[], Note>> = {}): ChildSpec {
  const behavior: Behavior<string[], Note> = {
    init: () => [],
    receive(notes, { kind }) {
      if (kind === 'crash') throw new Error('boom');
      return [...notes, kind];
    },
    view: (notes) => ({ notes }),
    ...flags,
  };
  return { type: 'worker', id: 'notebook', start: () => behavior, mailbox: inLane() };
}

function admins(world: ActorWorld): string[] {
  return world.system.events.latest('/', 100).flatMap(({ type, path, reason }) => (type === 'admin' ? [`${path} ${reason}`] : []));
}

inBothLanes('a suspended actor', () => {
  it('hears no mail and none of its timers, and hears them in order when it is resumed', async () => {
    const heard: string[] = [];
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', (context) => context.setTimer('t', 10, () => heard.push('timer')));
    expect(world.system.suspend('/a', 'ada')).to.equal(1);
    expect(statusOf(world, '/a')).to.equal('suspended');
    await order(world, '/a', () => heard.push('mail'));
    await world.advance(1_000);
    expect([heard, world.system.tree('/a')?.mailbox]).to.deep.equal([[], 2]);
    expect(world.system.resume('/a', 'ada')).to.equal(1);
    await world.settle();
    expect([heard, statusOf(world, '/a')]).to.deep.equal([['mail', 'timer'], 'running']);
    expect(admins(world)).to.deep.equal(['/a suspend asked by ada', '/a resume asked by ada']);
    await world.stop();
  });

  it('hears what the runtime says', async () => {
    const heard: string[] = [];
    const world = await startWorld({ children: [puppet('a', { signal: (signal) => heard.push(signal.kind) }), puppet('b')] });
    await order(world, '/a', (context) => context.monitor(world.ref('/b')));
    world.system.suspend('/a', 'ada');
    await order(world, '/b', crash);
    expect(heard).to.deep.equal(['down']);
    await world.stop();
  });

  it('can be stopped in order, killed, and terminated', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a', { trace }), puppet('b', { trace }), puppet('c', { trace })] });
    for (const path of ['/a', '/b', '/c']) world.system.suspend(path, 'ada');
    expect(await terminateChild(world, 'b')).to.equal('ok');
    world.system.kill('/c', 'ada');
    await world.settle();
    expect([statusOf(world, '/b'), statusOf(world, '/c'), lifeOf(world, '/c')]).to.deep.equal(['stopped', 'running', 2]);
    await world.stop();
    expect(trace).to.deep.equal(['+a', '+b', '+c', '-b', '+c', '-c', '-a']);
    expect(world.clock.now()).to.equal(0);
  });

  it('that is restarted is not suspended any more', async () => {
    let isHeard = false;
    const world = await startWorld({ children: [puppet('a')] });
    world.system.suspend('/a', 'ada');
    world.system.kill('/a', 'ada');
    await order(world, '/a', () => (isHeard = true));
    expect(isHeard).to.equal(true);
    await world.stop();
  });

  it('in the middle of a message finishes that one first', async () => {
    const heard: string[] = [];
    let letGo: () => void = () => undefined;
    const world = await startWorld({ children: [puppet('a')] });
    await order(world, '/a', async () => {
      await new Promise<void>((resolve) => (letGo = resolve));
      heard.push('first');
    });
    world.ref<Order>('/a').send(() => heard.push('second'));
    world.system.suspend('/a', 'ada');
    letGo();
    await world.settle();
    expect(heard).to.deep.equal(['first']);
    await world.stop();
  });

  it('that is a supervisor restarts its children all the same', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a')])] });
    world.system.suspend('/room', 'ada');
    await order(world, '/room/a', crash);
    expect([lifeOf(world, '/room/a'), statusOf(world, '/room/a'), statusOf(world, '/room')]).to.deep.equal([2, 'running', 'suspended']);
    await world.stop();
  });

  it('must have a life', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'transient' })] });
    await order(world, '/a', exitNormally);
    expect([world.system.suspend('/a', 'ada'), world.system.suspend('/nobody', 'ada'), world.system.resume('/a', 'ada')]).to.deep.equal([undefined, undefined, undefined]);
    expect(statusOf(world, '/a')).to.equal('stopped');
    await world.stop();
  });
});

inBothLanes('an injected error', () => {
  it('ends the life as if it had thrown it, and says who asked', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    expect(world.system.inject('/a', new Error('on purpose'), 'ada')).to.equal(1);
    await world.settle();
    expect([lifeOf(world, '/a'), statusOf(world, '/a')]).to.deep.equal([2, 'running']);
    expect(world.system.find('/a')?.lastFailure).to.deep.include({ during: 'an injected error' });
    expect(admins(world)).to.deep.equal(['/a error injected by ada: on purpose']);
    expect(world.system.inject('/nobody', new Error('on purpose'), 'ada')).to.equal(undefined);
    await world.stop();
  });

  it('reaches a life that hangs, starts or is suspended', async () => {
    const world = await startWorld({ intensity: 9, children: [puppet('hangs'), puppet('waits'), puppet('starts', { init: ({ life }) => (life === 2 ? new Promise(() => undefined) : undefined) })] });
    await order(world, '/hangs', hang);
    await order(world, '/starts', crash);
    world.system.suspend('/waits', 'ada');
    for (const path of ['/hangs', '/waits', '/starts']) world.system.inject(path, new Error('on purpose'), 'ada');
    await world.settle();
    expect(['/hangs', '/waits', '/starts'].map((path) => [lifeOf(world, path), statusOf(world, path)])).to.deep.equal([[2, 'running'], [2, 'running'], [3, 'running']]);
    await world.stop();
  });
});

inBothLanes('a state', () => {
  it('is shown as its view puts it, as it is now', async () => {
    const world = await startWorld({ children: [notebook()] });
    world.ref<Note>('/notebook').send({ kind: 'hello' });
    await world.settle();
    expect(world.system.state('/notebook')).to.deep.equal({ life: 1, shown: '{"notes":["hello"]}' });
    await world.stop();
  });

  it('of an actor without a view is not shown, of nobody there is none', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    expect([world.system.state('/a'), world.system.state('/nobody')]).to.deep.equal([{ life: 1, shown: undefined }, undefined]);
    await world.stop();
  });

  it('can be read while its supervisor is wedged', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [notebook()])] });
    world.system.suspend('/room', 'ada');
    world.ref<Note>('/room/notebook').send({ kind: 'hello' });
    await world.settle();
    expect(world.system.state('/room/notebook')?.shown).to.equal('{"notes":["hello"]}');
    await world.stop();
  });

  it('that is huge is shown up to the limit, and not walked beyond it', async () => {
    let looked = 0;
    const huge = Array.from({ length: 90 }, () => Array.from({ length: 90 }, () => Array.from({ length: 90 }, () => ({ get one() { return ++looked; } })))); // oxlint-disable-line
    const world = await startWorld({ children: [notebook({ view: () => huge })] });
    const shown = world.system.state('/notebook', 500)?.shown ?? '';
    expect(shown.length).to.equal(501);
    expect(shown.endsWith('…')).to.equal(true);
    expect(looked).to.be.lessThan(200);
    await world.stop();
  });
});

inBothLanes('a trace', () => {
  const traced = (entries: TraceEntry[], options: Partial<TraceOptions> = {}): TraceOptions => ({ messagesMax: 100, perS: 100, onEntry: (entry) => entries.push(entry), ...options });

  it('tells of each message, what became of it and how long it took, over restarts too', async () => {
    const entries: TraceEntry[] = [];
    const world = await startWorld({ children: [notebook({ describe: ({ kind }) => `a note of ${kind}` })] });
    const stop = world.system.trace('/notebook', traced(entries));
    for (const kind of ['one', 'crash']) world.ref<Note>('/notebook').send({ kind });
    await world.settle();
    world.ref<Note>('/notebook').send({ kind: 'two' });
    await world.settle();
    expect(entries.map(({ message, outcome, life }) => `${message} ${outcome} ${life}`)).to.deep.equal(['a note of one done 1', 'a note of crash threw 1', 'a note of two done 2']);
    expect(entries[0]).to.deep.include({ atMs: 0, tookMs: 0, skipped: 0 });
    stop?.();
    world.ref<Note>('/notebook').send({ kind: 'three' });
    await world.settle();
    expect(entries).to.have.length(3);
    expect(world.system.find('/notebook')?.traces).to.equal(undefined);
    await world.stop();
  });

  it('ends by itself after so many, and skips what is too fast, and says how much', async () => {
    const entries: TraceEntry[] = [];
    const world = await startWorld({ children: [notebook()] });
    world.system.trace('/notebook', traced(entries, { messagesMax: 3, perS: 2 }));
    for (let number = 0; number < 10; number++) world.ref<Note>('/notebook').send({ kind: 'note' });
    await world.advance(1_000);
    for (let number = 0; number < 10; number++) world.ref<Note>('/notebook').send({ kind: 'note' });
    await world.settle();
    expect(entries.map(({ skipped }) => skipped)).to.deep.equal([0, 0, 8]);
    expect(world.system.find('/notebook')?.traces).to.equal(undefined);
    await world.stop();
  });

  it('that is not bounded is refused', async () => {
    const world = await startWorld({ children: [notebook()] });
    for (const limits of [{ messagesMax: Infinity }, { perS: Infinity }, { messagesMax: 0 }, { perS: 1.5 }, { messagesMax: undefined }, { messagesMax: 1e6 }] as Partial<TraceOptions>[]) {
      expect(() => world.system.trace('/notebook', traced([], limits)), JSON.stringify(limits)).to.throw(MeshError, /must be bounded/);
    }
    expect(world.system.trace('/nobody', traced([]))).to.equal(undefined);
    await world.stop();
  });

  it('does not harm the actor when whoever watches fails', async () => {
    const world = await startWorld({ children: [notebook()] });
    const others: TraceEntry[] = [];
    world.system.trace('/notebook', traced([], { onEntry: () => crash(undefined as never) }));
    world.system.trace('/notebook', traced(others));
    for (let number = 0; number < 3; number++) world.ref<Note>('/notebook').send({ kind: 'note' });
    await world.settle();
    expect([lifeOf(world, '/notebook'), others.length]).to.deep.equal([1, 3]);
    await world.stop();
  });
});

inBothLanes('the figures of an actor', () => {
  it('say what waited, came, was refused, failed, hangs and how much there was to do', async () => {
    const world = await startWorld({ intensity: 9, children: [puppet('a', { mailbox: { max: 5 } })] });
    await order(world, '/a', crash);
    for (let number = 0; number < 8; number++) world.ref<Order>('/a').send(({ clock }) => (clock as ActorWorld['clock']).advance(50));
    await world.settle();
    await order(world, '/a', hang);
    world.system.kill('/a', 'ada');
    await world.settle();
    expect(world.system.tree('/a')).to.deep.include({
      life: 3, restarts: 2, crashes: 1, mailbox: 0, mailboxMax: 5, mailboxPeak: 5, overflow: 'reject', overflowed: 3, processed: 7, busyMs: 250, zombies: 1,
    });
    await world.stop();
  });

  it('tell the rate of late, which fades when nothing comes', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    for (let second = 0; second < 60; second++) {
      for (let number = 0; number < 20; number++) world.ref<Order>('/a').send(() => undefined);
      await world.advance(1_000);
    }
    const rate = (): number => world.system.tree('/a')?.ratePerS ?? 0;
    expect(rate()).to.be.within(19, 21);
    await world.advance(10_000);
    expect(rate()).to.be.within(6, 9);
    await world.advance(100_000);
    expect(rate()).to.be.lessThan(0.5);
    await world.stop();
  });
});
