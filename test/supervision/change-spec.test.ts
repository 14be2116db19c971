import { expect } from 'chai';
import type { SupervisorRules } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { changeSpec, countChildren, crash, deleteChild, lifeOf, order, puppet, restartChild, startChild, statusOf, supervisor } from './puppet.ts';

function listed(world: ActorWorld, path = '/'): (string | undefined)[][] {
  return (world.system.tree(path)?.children ?? []).map((child) => [child.path, child.status]);
}

describe('a change of spec at run time', () => {
  it('replaces the flags: strategy and budget from now on', async () => {
    const children = [puppet('a'), puppet('b')];
    const world = await startWorld({ strategy: 'one_for_one', intensity: 0, children });
    expect(await changeSpec(world, { strategy: 'one_for_all', intensity: 1, children })).to.deep.equal({ outcome: 'changed' });
    await order(world, '/a', crash);
    expect([lifeOf(world, '/a'), lifeOf(world, '/b'), world.system.tree()?.strategy]).to.deep.equal([2, 2, 'one_for_all']);
    await order(world, '/a', crash);
    expect(world.exit?.kind).to.equal('shutdown');
  });

  it('gives back the default of a flag that is left out', async () => {
    const children = [puppet('a')];
    const world = await startWorld({ intensity: 0, children });
    await changeSpec(world, { strategy: 'one_for_one', children });
    for (let crashes = 0; crashes < 3; crashes++) await order(world, '/a', crash);
    expect([world.exit, lifeOf(world, '/a')]).to.deep.equal([undefined, 4]);
    await world.stop();
  });

  it('lists new children and does not start them; whoever wants them does', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a')] });
    await changeSpec(world, { strategy: 'one_for_one', children: [puppet('new', { trace }), puppet('a')] });
    expect(listed(world)).to.deep.equal([['/new', 'stopped'], ['/a', 'running']]);
    expect(await countChildren(world)).to.deep.include({ specs: 2, active: 1 });
    expect(trace).to.deep.equal([]);
    expect((await restartChild(world, 'new')).outcome).to.equal('started');
    expect(trace).to.deep.equal(['+new']);
    await world.stop();
  });

  it('keeps children that are named no more until they are deleted, first in the order', async () => {
    const world = await startWorld({ children: [puppet('a'), puppet('old', { restart: 'transient' }), puppet('c')] });
    await changeSpec(world, { strategy: 'one_for_one', children: [puppet('c'), puppet('a')] });
    expect(listed(world)).to.deep.equal([['/old', 'running'], ['/c', 'running'], ['/a', 'running']]);
    await order(world, '/old', crash);
    expect(lifeOf(world, '/old'), 'it is still restarted').to.equal(2);
    expect(await deleteChild(world, 'old')).to.equal('running');
    await order(world, '/old', (context) => context.exit());
    expect(await deleteChild(world, 'old')).to.equal('ok');
    expect(listed(world).map(([path]) => path)).to.deep.equal(['/c', '/a']);
    await world.stop();
  });

  it('stops children in reverse of the new order', async () => {
    const trace: string[] = [];
    const [a, b, old] = ['a', 'b', 'old'].map((id) => puppet(id, { trace }));
    const world = await startWorld({ children: [a!, b!, old!] });
    await changeSpec(world, { strategy: 'one_for_one', children: [b!, a!] });
    trace.length = 0;
    await world.stop();
    expect(trace).to.deep.equal(['-a', '-b', '-old']);
  });

  it('leaves a running child alone; its next life runs what the new spec says', async () => {
    const trace: string[] = [];
    const world = await startWorld({ children: [puppet('a', { init: () => void trace.push('old') })] });
    await changeSpec(world, { strategy: 'one_for_one', children: [puppet('a', { init: () => void trace.push('new'), restart: 'transient' })] });
    expect([lifeOf(world, '/a'), world.system.tree('/a')?.restart]).to.deep.equal([1, 'transient']);
    await order(world, '/a', crash);
    expect(trace).to.deep.equal(['old', 'new']);
    await order(world, '/a', (context) => context.exit());
    expect(statusOf(world, '/a')).to.equal('stopped');
    await world.stop();
  });

  it('outlives the supervisor: its next life goes by the new rules and starts the new children', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a'), puppet('old')])] });
    await changeSpec(world, { strategy: 'one_for_all', children: [puppet('a'), puppet('new')] }, '/room');
    world.system.kill('/room', 'test');
    await world.settle();
    expect([world.system.tree('/room')?.strategy, listed(world, '/room')]).to.deep.equal(['one_for_all', [['/room/a', 'running'], ['/room/new', 'running']]]);
    expect(lifeOf(world, '/room/a')).to.equal(2);
    await world.stop();
  });

  it('of the supervisor above brings a room that is changed its new spec with its next life', async () => {
    const world = await startWorld({ children: [supervisor('room', 'one_for_one', [puppet('a')])] });
    await changeSpec(world, { strategy: 'one_for_one', children: [puppet('a'), puppet('passing')] }, '/room');
    await changeSpec(world, { strategy: 'one_for_one', children: [supervisor('room', 'rest_for_one', [puppet('b')])] });
    expect(listed(world, '/room')).to.deep.equal([['/room/a', 'running'], ['/room/passing', 'stopped']]);
    world.system.kill('/room', 'test');
    await world.settle();
    expect(listed(world, '/room')).to.deep.equal([['/room/b', 'running']]);
    await world.stop();
  });

  it('of a dynamic supervisor replaces its limits and leaves its children', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    await startChild(world, puppet('a'));
    expect(await changeSpec(world, { strategy: 'dynamic', childrenMax: 1 })).to.deep.equal({ outcome: 'changed' });
    expect(listed(world)).to.deep.equal([['/a', 'running']]);
    expect((await startChild(world, puppet('b'))).outcome).to.equal('children_max');
    await world.stop();
  });

  it('waits for nobody: it is taken while a child is in backoff, which comes back under the new rules', async () => {
    const backoff = { baseMs: 1_000, maxMs: 1_000, jitter: 0, consecutiveMax: 9 };
    const world = await startWorld({ strategy: 'one_for_all', children: [puppet('a', { backoff }), puppet('b')] });
    await order(world, '/a', crash);
    await changeSpec(world, { strategy: 'one_for_one', children: [puppet('a', { backoff })] });
    expect(statusOf(world, '/a')).to.equal('restarting');
    await world.advance(1_000);
    expect([lifeOf(world, '/a'), lifeOf(world, '/b')]).to.deep.equal([2, 2]);
    await world.stop();
  });

  const present: SupervisorRules = { strategy: 'one_for_one', children: [puppet('a', { mailbox: { max: 5 } }), supervisor('room', 'one_for_one', [])] };
  const bad: Record<string, [rules: unknown, at: string, code: string]> = {
    'that is none': [undefined, '/', 'invalid_child_spec'],
    'with faults in its flags': [{ ...present, periodMs: 0 }, '/', 'invalid_period'],
    'with faults in a child': [{ ...present, children: [puppet('b', { shutdown: -1 })] }, '/b', 'invalid_shutdown'],
    'to dynamic': [{ strategy: 'dynamic' }, '/', 'unchangeable'],
    'of a worker into a supervisor': [{ ...present, children: [supervisor('a', 'one_for_one', [])] }, '/a', 'unchangeable'],
    'of a worker into one in a thread': [
      { ...present, children: [{ type: 'worker', id: 'a', isolation: 'thread', module: 'file:///a.js', export: 'a', mailbox: { max: 5 } }] },
      '/a',
      'unchangeable',
    ],
    'of a mailbox that stands already': [{ ...present, children: [puppet('a', { mailbox: { max: 6 } })] }, '/a', 'unchangeable'],
  };

  for (const [what, [rules, at, code]] of Object.entries(bad)) {
    it(`${what} is refused with ${code}, and nothing changes`, async () => {
      const world = await startWorld(present);
      const before = listed(world);
      const answer = await changeSpec(world, rules as SupervisorRules);
      expect(answer.outcome).to.equal('bad_spec');
      expect('faults' in answer && answer.faults.map((fault) => [fault.at, fault.code])).to.deep.equal([[at, code]]);
      expect([listed(world), world.system.tree()?.strategy]).to.deep.equal([before, 'one_for_one']);
      await order(world, '/a', crash);
      expect(lifeOf(world, '/a'), 'the budget is the old one').to.equal(2);
      await world.stop();
    });
  }

  it('that is refused names all its faults at once', async () => {
    const world = await startWorld(present);
    const answer = await changeSpec(world, { strategy: 'one_for_one', intensity: -1, children: [puppet('b', { shutdown: -1 }), puppet('b')] });
    expect('faults' in answer && answer.faults.map(({ code }) => code)).to.deep.equal(['invalid_intensity', 'duplicate_child_name', 'invalid_shutdown']);
    await world.stop();
  });

  it('is refused by a supervisor that is about to go', async () => {
    const world = await startWorld({ children: [puppet('slow', { terminate: () => new Promise(() => undefined) })] });
    world.system.stop();
    await world.settle();
    expect(await world.supervisor().ask((reply) => ({ kind: 'change-spec', rules: present, reply }), 1_000)).to.deep.equal({ outcome: 'shutting_down' });
    await world.stop();
  });
});
