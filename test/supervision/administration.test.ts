import { expect } from 'chai';
import type { StartChildOutcome, SupervisorMessage } from '../../src/supervision/supervisor-messages.ts';
import { startWorld } from '../support/actor-world.ts';
import { crash, countChildren, deleteChild, exitNormally, failingInit, hang, lifeOf, order, puppet, restartChild, restartOne, startChild, statusOf, supervisor, terminateChild } from './puppet.ts';
import type { Order } from './puppet.ts';

describe('administration of children', () => {
  it('terminating an unknown child is not_found, a stopped one ok', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'transient' })] });
    expect(await terminateChild(world, 'nobody')).to.equal('not_found');
    expect(await terminateChild(world, 'a')).to.equal('ok');
    expect(await terminateChild(world, 'a')).to.equal('ok');
    expect(statusOf(world, '/a')).to.equal('stopped');
    await world.stop();
  });

  it('starting what runs is already_started, what is stopped already_present', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    expect(await startChild(world, puppet('a'))).to.deep.equal({ outcome: 'already_started' });
    await terminateChild(world, 'a');
    expect(await startChild(world, puppet('a'))).to.deep.equal({ outcome: 'already_present' });
    await world.stop();
  });

  it('a running child can be neither restarted nor deleted', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    expect(await restartChild(world, 'a')).to.deep.equal({ outcome: 'running' });
    expect(await deleteChild(world, 'a')).to.equal('running');
    expect(lifeOf(world, '/a')).to.equal(1);
    await world.stop();
  });

  it('a child in backoff answers restarting to both', async () => {
    const world = await startWorld({ children: [puppet('a', { backoff: { baseMs: 60_000, maxMs: 60_000, consecutiveMax: 9 } })] });
    world.system.kill('/a', 'test');
    await world.settle();
    const restart = world.supervisor().ask((reply) => ({ kind: 'restart-child', id: 'a', reply }), 1_000);
    const remove = world.supervisor().ask((reply) => ({ kind: 'delete-child', id: 'a', reply }), 1_000);
    expect(await restart).to.deep.equal({ outcome: 'restarting' });
    expect(await remove).to.equal('restarting');
    await world.stop();
  });

  it('a child that waits for its group answers restarting too', async () => {
    const world = await startWorld({ strategy: 'rest_for_one', children: [puppet('a', { backoff: { baseMs: 60_000, maxMs: 60_000, consecutiveMax: 9 } }), puppet('b')] });
    world.system.kill('/a', 'test');
    await world.settle();
    expect(statusOf(world, '/a')).to.equal('restarting');
    expect(statusOf(world, '/b')).to.equal('restarting');
    expect(await world.supervisor().ask((reply) => ({ kind: 'restart-child', id: 'b', reply }), 1_000)).to.deep.equal({ outcome: 'restarting' });
    expect(await world.supervisor().ask((reply) => ({ kind: 'start-child', spec: puppet('b'), reply }), 1_000)).to.deep.equal({ outcome: 'already_started' });
    await world.stop();
  });

  it('a stopped child can be restarted, and counts on', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'transient' })] });
    await order(world, '/a', exitNormally);
    expect(statusOf(world, '/a')).to.equal('stopped');
    expect((await restartChild(world, 'a')).outcome).to.equal('started');
    expect(lifeOf(world, '/a')).to.equal(2);
    await world.stop();
  });

  it('a child restarted on request ends in order, starts again and is answered when it runs, for no budget', async () => {
    const trace: string[] = [];
    const world = await startWorld({ intensity: 0, children: [puppet('a', { trace, init: () => Promise.resolve() }), puppet('b', { trace })] });
    trace.length = 0;
    expect(await restartOne(world, 'a')).to.deep.include({ outcome: 'restarted' });
    expect(trace).to.deep.equal(['-a', '+a']);
    expect([lifeOf(world, '/a'), statusOf(world, '/a'), world.exit]).to.deep.equal([2, 'running', undefined]);
    expect(world.system.events.latest('/a', 2).map(({ type, reason }) => `${type}: ${reason}`)).to.deep.equal(['admin: restart asked by operator', 'restart: restart']);
    await world.stop();
  });

  for (const [strategy, walked] of [['one_for_all', '-c -b -a +a +b +c'], ['rest_for_one', '-c -b +b +c']] as const) {
    it(`under ${strategy} it takes its group along`, async () => {
      const trace: string[] = [];
      const world = await startWorld({ strategy, intensity: 0, children: ['a', 'b', 'c'].map((id) => puppet(id, { trace })) });
      trace.length = 0;
      expect((await restartOne(world, 'b')).outcome).to.equal('restarted');
      await world.settle();
      expect(trace.join(' ')).to.equal(walked);
      expect(world.exit).to.equal(undefined);
      await world.stop();
    });
  }

  it('a child restarted on request comes back whatever its restart says, and under a dynamic supervisor too', async () => {
    for (const strategy of ['one_for_one', 'dynamic'] as const) {
      const world = await startWorld({ strategy });
      await startChild(world, puppet('a', { restart: 'temporary' }));
      expect((await restartOne(world, 'a')).outcome).to.equal('restarted');
      expect(lifeOf(world, '/a')).to.equal(2);
      await order(world, '/a', crash);
      expect(statusOf(world, '/a'), 'afterwards its spec counts again').to.equal(undefined);
      await world.stop();
    }
  });

  it('a child that is down or in backoff is started at once when its restart is asked for', async () => {
    const backoff = { baseMs: 60_000, maxMs: 60_000, consecutiveMax: 9 };
    for (const strategy of ['one_for_one', 'one_for_all'] as const) {
      const world = await startWorld({ strategy, children: [puppet('down', { restart: 'transient' }), puppet('a', { backoff })] });
      await order(world, '/down', exitNormally);
      expect((await restartOne(world, 'down')).outcome).to.equal('restarted');
      await order(world, '/a', crash);
      const before = world.clock.now();
      expect((await restartOne(world, 'a')).outcome).to.equal('restarted');
      expect(world.clock.now(), strategy).to.equal(before);
      await world.stop();
    }
  });

  it('who asks for a restart while one is under way is answered with the life that comes', async () => {
    const world = await startWorld({ children: [puppet('a', { terminate: () => new Promise(() => undefined), shutdown: 1_000 })] });
    const outcomes = await Promise.all([restartOne(world, 'a'), restartOne(world, 'a')]);
    expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal(['restarted', 'restarted']);
    expect(lifeOf(world, '/a')).to.equal(2);
    await world.stop();
  });

  it('a restart on request whose start fails says so, and the supervisor goes on by its rules', async () => {
    const world = await startWorld({ children: [puppet('a', { init: failingInit(2) })] });
    const outcome = await restartOne(world, 'a');
    expect(outcome).to.deep.include({ outcome: 'start_failed' });
    await world.settle();
    expect([lifeOf(world, '/a'), statusOf(world, '/a')]).to.deep.equal([3, 'running']);
    await world.stop();
  });

  it('of a restart and an end asked for together the last word counts', async () => {
    const slow = puppet('a', { terminate: () => new Promise(() => undefined), shutdown: 1_000 });
    for (const lastWord of ['end', 'restart'] as const) {
      const world = await startWorld({ children: [slow] });
      const asked = (what: string): Promise<unknown> => (what === 'end' ? terminateChild(world, 'a') : restartOne(world, 'a'));
      const [first, last] = await Promise.all([asked(lastWord === 'end' ? 'restart' : 'end'), asked(lastWord)]);
      if (lastWord === 'end') expect([first, last]).to.deep.equal([{ outcome: 'terminated' }, 'ok']);
      else expect([first, (last as { outcome: string }).outcome]).to.deep.equal(['ok', 'restarted']);
      expect(statusOf(world, '/a')).to.equal(lastWord === 'end' ? 'stopped' : 'running');
      await world.stop();
    }
  });

  it('a restart of nobody is not_found, one of a supervisor that goes is refused, one that it cuts short is told so', async () => {
    for (const strategy of ['one_for_one', 'one_for_all', 'dynamic'] as const) {
      const world = await startWorld({ strategy });
      for (const id of ['a', 'b']) await startChild(world, puppet(id, { terminate: () => new Promise(() => undefined), shutdown: 1_000 }));
      expect(await restartOne(world, 'nobody')).to.deep.equal({ outcome: 'not_found' });
      const cut = world.supervisor().ask((reply) => ({ kind: 'restart-one', id: 'a', reply }), 60_000);
      await world.settle();
      world.system.stop();
      await world.settle();
      expect(await cut).to.deep.equal({ outcome: 'shutting_down' });
      expect(await world.supervisor().ask((reply) => ({ kind: 'restart-one', id: 'b', reply }), 60_000)).to.deep.equal({ outcome: 'shutting_down' });
      await world.stop();
      expect(lifeOf(world, '/a') ?? 1).to.equal(1);
    }
  });

  it('what a person asks for stands in the event log with who asked, what a program asks for does not', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    const ask = (message: (reply: (answer: unknown) => void) => SupervisorMessage): Promise<unknown> => world.outcome(world.supervisor().ask(message, 1_000));
    for (const by of ['ann', undefined]) {
      const asker = by === undefined ? {} : { by };
      await ask((reply) => ({ kind: 'terminate-child', id: 'a', ...asker, reply }));
      await ask((reply) => ({ kind: 'restart-child', id: 'a', ...asker, reply }));
      await ask((reply) => ({ kind: 'restart-one', id: 'a', ...asker, reply }));
      await ask((reply) => ({ kind: 'change-spec', rules: { strategy: 'one_for_one' }, ...asker, reply }));
      await ask((reply) => ({ kind: 'terminate-child', id: 'nobody', ...asker, reply }));
    }
    expect(world.system.events.latest('/', 99).filter(({ type }) => type === 'admin').map(({ path, reason }) => `${path} ${reason}`)).to.deep.equal([
      '/a stop asked by ann',
      '/a start asked by ann',
      '/a restart asked by ann',
      '/ change asked by ann',
    ]);
    await world.stop();
  });

  it('a deleted child is not_found, and its place is gone', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    await terminateChild(world, 'a');
    expect(await deleteChild(world, 'a')).to.equal('ok');
    expect(await restartChild(world, 'a')).to.deep.equal({ outcome: 'not_found' });
    expect(await deleteChild(world, 'a')).to.equal('not_found');
    expect(world.system.tree('/a')).to.equal(undefined);
    await world.stop();
  });

  it('a child deleted and started anew runs what its new spec says', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a', { trace, init: () => void trace.push('old') })] });
    await terminateChild(world, 'a');
    await deleteChild(world, 'a');
    await startChild(world, puppet('a', { trace, init: () => void trace.push('new') }));
    expect(trace).to.deep.equal(['+a', 'old', '-a', '+a', 'new']);
    await world.stop();
  });

  it('a supervisor that is gone answers noproc at once, one that is about to go refuses', async () => {
    const world = await startWorld({ children: [puppet('slow', { terminate: () => new Promise(() => undefined) })] });
    world.system.stop();
    await world.settle();
    const refused = await world.supervisor().ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec: puppet('b'), reply }), 1_000);
    expect(refused).to.deep.equal({ outcome: 'shutting_down' });
    await world.stop();
    const failure = await world.supervisor().ask((reply) => ({ kind: 'count-children', reply }), 1_000).catch((error: unknown) => error);
    expect(failure).to.deep.include({ name: 'AskError', failure: 'noproc' });
  });

  it('whoever hears an answer may end the supervisor over it: no child starts after that', async () => {
    const world = await startWorld({ children: [supervisor('room', 'dynamic', [])] });
    await startChild(world, puppet('a', { terminate: () => Promise.resolve() }), '/room');
    world.supervisor('/room').send({ kind: 'terminate-child', id: 'a', reply: () => void world.system.kill('/room', 'whoever asked') });
    world.supervisor('/room').send({ kind: 'restart-one', id: 'a', reply: () => undefined });
    await world.settle();
    expect([lifeOf(world, '/room'), world.system.paths()]).to.deep.equal([2, ['/', '/room']]);
    await world.stop();
  });

  it('a dynamic child that is terminated is forgotten, with all below it', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    await startChild(world, puppet('a'));
    await startChild(world, supervisor('room', 'one_for_one', [puppet('inner')]));
    expect(await terminateChild(world, 'a')).to.equal('ok');
    expect(await terminateChild(world, 'a')).to.equal('not_found');
    expect(await terminateChild(world, 'room')).to.equal('ok');
    expect(world.system.paths()).to.deep.equal(['/']);
    await world.stop();
  });

  it('counts are right after every step, supervisors apart from workers', async () => {
    const world = await startWorld({ children: [puppet('a'), supervisor('room', 'one_for_one', [puppet('inner')])] });
    const steps: unknown[] = [];
    const count = async (): Promise<void> => void steps.push(Object.values(await countChildren(world)));
    await count();
    await startChild(world, puppet('b', { restart: 'temporary' }));
    await count();
    await terminateChild(world, 'a');
    await count();
    await deleteChild(world, 'a');
    await count();
    await order(world, '/b', crash);
    await count();
    expect(steps).to.deep.equal([[2, 2, 1, 1], [3, 3, 1, 2], [3, 2, 1, 2], [2, 2, 1, 1], [1, 1, 1, 0]]);
    await world.stop();
  });

  it('while a child restarts its spec counts and its life does not', async () => {
    const world = await startWorld({ children: [puppet('a', { backoff: { baseMs: 60_000, maxMs: 60_000, consecutiveMax: 9 } }), puppet('b')] });
    world.system.kill('/a', 'test');
    await world.settle();
    expect(await world.supervisor().ask((reply) => ({ kind: 'count-children', reply }), 1_000)).to.deep.include({ specs: 2, active: 1 });
    await world.stop();
  });

  it('a dynamic supervisor refuses more children than it may have', async () => {
    const world = await startWorld({ strategy: 'dynamic', childrenMax: 2 });
    const outcomes: string[] = [];
    for (const id of ['a', 'b', 'c']) outcomes.push((await startChild(world, puppet(id))).outcome);
    expect(outcomes).to.deep.equal(['started', 'started', 'children_max']);
    await terminateChild(world, 'a');
    expect((await startChild(world, puppet('c'))).outcome).to.equal('started');
    await world.stop();
  });

  it('requests are answered while a child takes its time to start or to stop', async () => {
    const world = await startWorld({ children: [puppet('a', { terminate: () => new Promise(() => undefined) })] });
    world.supervisor().send({ kind: 'start-child', spec: puppet('slow', { init: hang }), reply: () => undefined });
    world.supervisor().send({ kind: 'terminate-child', id: 'a', reply: () => undefined });
    await world.settle();
    const before = world.clock.now();
    expect(await countChildren(world)).to.deep.include({ specs: 2, active: 2 });
    expect(world.clock.now()).to.equal(before);
    await world.stop();
  });

  it('the tree can be read while an actor is wedged, and shows what waits for it', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('wedged')])] });
    await order(world, '/room/wedged', hang);
    world.ref<Order>('/room/wedged').send(exitNormally);
    expect(world.system.tree('/room')?.children[0]).to.deep.include({ path: '/room/wedged', status: 'running', mailbox: 1, mailboxMax: 10_000, life: 1, restarts: 0, type: 'worker' });
    expect(world.system.tree('/nowhere')).to.equal(undefined);
    await world.stop();
  });

  it('a reply that throws is the fault of who asked, not of the supervisor', async () => {
    const world = await startWorld({ children: [] });
    world.supervisor().send({
      kind: 'count-children',
      reply: () => {
        throw new Error('not listening');
      },
    });
    await world.settle();
    expect(lifeOf(world, '/')).to.equal(1);
    expect(world.exit).to.equal(undefined);
    expect(world.log.filter(({ event }) => event === 'reply-failed')).to.have.length(1);
    await world.stop();
  });

  it('a kill of what is not alive ends nothing', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'transient' })] });
    await order(world, '/a', exitNormally);
    expect(world.system.kill('/a', 'operator')).to.equal(undefined);
    expect(world.system.kill('/nobody', 'operator')).to.equal(undefined);
    expect(world.system.livingLife('/a')).to.equal(undefined);
    await world.stop();
  });

  it('a kill names who asked for it, and whom it ended', async () => {
    const world = await startWorld({ children: [puppet('a')] });
    expect(world.system.kill('/a', 'operator')).to.equal(1);
    await world.settle();
    const [admin, end, back] = world.system.events.latest('/a', 3);
    expect(admin).to.deep.include({ type: 'admin', life: 1, reason: 'kill asked by operator' });
    expect(end).to.deep.include({ type: 'crash', life: 1, reason: 'killed by operator', supervisor: '/', decision: 'restart' });
    expect(back).to.deep.include({ type: 'restart', life: 2 });
    await world.stop();
  });

  it('a permanent child that cannot start again on request stays known', async () => {
    const world = await startWorld({ children: [puppet('a', { init: failingInit(2) })] });
    await terminateChild(world, 'a');
    expect((await restartChild(world, 'a')).outcome).to.equal('start_failed');
    expect(await countChildren(world)).to.deep.include({ specs: 1, active: 0 });
    await world.stop();
  });
});
