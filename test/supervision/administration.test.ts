import { expect } from 'chai';
import type { StartChildOutcome } from '../../src/supervision/supervisor-messages.ts';
import { startWorld } from '../support/actor-world.ts';
import { crash, countChildren, deleteChild, exitNormally, failingInit, hang, lifeOf, order, puppet, restartChild, startChild, statusOf, supervisor, terminateChild } from './puppet.ts';
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

  it('a dynamic child that is terminated is forgotten', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    await startChild(world, puppet('a'));
    expect(await terminateChild(world, 'a')).to.equal('ok');
    expect(await terminateChild(world, 'a')).to.equal('not_found');
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
