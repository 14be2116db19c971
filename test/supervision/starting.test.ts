import { expect } from 'chai';
import { IGNORE } from '../../src/supervision/behavior.ts';
import { childFlags } from '../../src/supervision/child-spec.ts';
import type { ChildSpec } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import { countChildren, deleteChild, failingInit, hang, lifeOf, order, puppet, restartChild, startChild, statusOf, supervisor } from './puppet.ts';

const ignoring = (id: string, flags = {}): ChildSpec => puppet(id, { init: () => IGNORE, ...flags });

/** What a start refused with, as one line. */
function refusal(start: Promise<unknown>): Promise<string> {
  return start.then(
    () => 'it started',
    (error: unknown) => String(error),
  );
}

describe('starting', () => {
  it('a tree comes up child by child and ends with shutdown when it is asked to', async () => {
    const trace: string[] = [];
    const slow = puppet('slow', { trace, init: () => Promise.resolve() });
    const world = await startWorld({ children: [slow, supervisor('room', 'one_for_one', [puppet('inner', { trace })]), puppet('last', { trace })] });
    expect(trace).to.deep.equal(['+slow', '+inner', '+last']);
    await world.stop();
    expect(world.exit).to.deep.equal({ kind: 'shutdown' });
    expect(trace.slice(3)).to.deep.equal(['-last', '-inner', '-slow']);
  });

  it('a child that ignores keeps its spec without a life', async () => {
    const world = await startWorld({ children: [ignoring('shy'), puppet('bold')] });
    expect(statusOf(world, '/shy')).to.equal('ignored');
    expect(world.ref('/shy').send('hello')).to.equal('noproc');
    expect(await countChildren(world)).to.deep.equal({ specs: 2, active: 1, supervisors: 0, workers: 2 });
    await world.stop();
  });

  it('a temporary child that ignores is forgotten, be it from the spec or started later', async () => {
    const world = await startWorld({ children: [ignoring('early', { restart: 'temporary' })] });
    expect(await startChild(world, ignoring('late', { restart: 'temporary' }))).to.deep.equal({ outcome: 'ignored' });
    expect(await countChildren(world)).to.deep.include({ specs: 0, active: 0 });
    expect(world.system.paths()).to.deep.equal(['/']);
    await world.stop();
  });

  it('a dynamic supervisor forgets a child of any type that ignores, and still ends in order', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    for (const restart of ['permanent', 'transient', 'temporary'] as const) {
      expect(await startChild(world, ignoring(restart, { restart }))).to.deep.equal({ outcome: 'ignored' });
    }
    expect(await countChildren(world)).to.deep.include({ specs: 0 });
    await world.stop();
  });

  it('an ignoring child can be started again, and stays listed when that fails', async () => {
    const world = await startWorld({ children: [] });
    const changing = puppet('changing', { init: ({ life }) => (life === 1 ? IGNORE : failingInit()({ life } as never)) });
    expect(await startChild(world, changing)).to.deep.equal({ outcome: 'ignored' });
    expect(await restartChild(world, 'changing')).to.deep.include({ outcome: 'start_failed' });
    expect(statusOf(world, '/changing')).to.equal('stopped');
    expect(await deleteChild(world, 'changing')).to.equal('ok');
    await world.stop();
  });

  it('mail that reached a child before it ignored is told as dead', async () => {
    for (const strategy of ['dynamic', 'one_for_one'] as const) {
      const world = await startWorld({ strategy });
      let answer: (ignore: typeof IGNORE) => void = () => undefined;
      const spec = puppet('undecided', { mailbox: { onRestart: 'keep' }, init: () => new Promise((resolve) => (answer = resolve)) });
      const started = world.supervisor().ask((reply) => ({ kind: 'start-child', spec, reply }), 1_000);
      await world.settle();
      const question = refusal(world.ref('/undecided').ask(() => 'question', 1_000));
      answer(IGNORE);
      expect(await world.outcome(started)).to.deep.equal({ outcome: 'ignored' });
      expect(await question).to.match(/AskError.*ended/);
      expect(world.system.deadLetters.total).to.equal(1);
      await world.stop();
    }
  });

  it('an init that throws fails the start with its cause, and what was up is undone in reverse', async () => {
    const trace: string[] = [];
    const children = [puppet('a', { trace }), puppet('b', { trace }), puppet('c', { trace, init: failingInit() }), puppet('d', { trace })];
    expect(await refusal(startWorld({ children }))).to.equal('StartError: start failed: StartFailed: /c could not start ← no start in life 1');
    expect(trace).to.deep.equal(['+a', '+b', '+c', '-b', '-a']);
  });

  it('a failure deep in the tree names every supervisor on the way up', async () => {
    const children = [supervisor('outer', 'one_for_one', [supervisor('inner', 'one_for_one', [puppet('bad', { init: failingInit() })])])];
    expect(await refusal(startWorld({ children }))).to.match(/\/outer could not start .*\/outer\/inner could not start .*\/outer\/inner\/bad could not start .*no start/);
  });

  it('an init that rejects fails the start as one that throws', async () => {
    const children = [puppet('late', { init: () => Promise.reject(new Error('not today')) })];
    expect(await refusal(startWorld({ children }))).to.match(/late could not start ← not today/);
  });

  it('a start function that throws fails its child alone', async () => {
    const world = await startWorld({ children: [puppet('steady')] });
    const broken: ChildSpec = {
      type: 'worker',
      id: 'broken',
      start: () => {
        throw new Error('no behavior');
      },
    };
    const outcome = await startChild(world, broken);
    expect(outcome).to.deep.include({ outcome: 'start_failed' });
    expect(lifeOf(world, '/')).to.equal(1);
    expect(lifeOf(world, '/steady')).to.equal(1);
    await world.stop();
  });

  it('a start function that gives no behavior fails its child alone, and says what it gave', async () => {
    const world = await startWorld({ children: [puppet('steady')] });
    const starts: [start: unknown, given: RegExp][] = [
      [() => undefined, /gave undefined/],
      [() => Promise.resolve(puppet('a').start()), /gave a promise/],
      [() => ({ init: () => undefined }), /must give a behavior, which has init and receive, and gave object/],
    ];
    for (const [start, given] of starts) {
      const outcome = await startChild(world, { type: 'worker', id: 'broken', start } as ChildSpec);
      expect(outcome).to.deep.include({ outcome: 'start_failed' });
      expect('error' in outcome && outcome.error.message).to.match(given);
    }
    expect(lifeOf(world, '/steady')).to.equal(1);
    await world.stop();
  });

  it('an init that never settles fails the start when its time is over', async () => {
    const children = [puppet('stuck', { init: hang, startTimeoutMs: 3_000 })];
    expect(await refusal(startWorld({ children }))).to.match(/StartTimeout: init took longer than 3000 ms/);
  });

  it('a child that fails its start on request is answered and not kept', async () => {
    const world = await startWorld({ children: [] });
    const outcome = await startChild(world, puppet('bad', { init: failingInit() }));
    expect(outcome.outcome).to.equal('start_failed');
    expect('error' in outcome && outcome.error.message).to.equal('no start in life 1');
    expect(await countChildren(world)).to.deep.include({ specs: 0 });
    expect(world.system.find('/bad')).to.equal(undefined);
    await world.stop();
  });

  it('the same holds under a dynamic supervisor, and its other children do not notice', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    await startChild(world, puppet('good'));
    expect((await startChild(world, puppet('bad', { init: failingInit() }))).outcome).to.equal('start_failed');
    expect(await countChildren(world)).to.deep.include({ specs: 1, active: 1 });
    expect(lifeOf(world, '/good')).to.equal(1);
    await world.stop();
  });

  it('a stopped child whose restart on request fails stays listed as stopped', async () => {
    const world = await startWorld({ children: [puppet('moody', { restart: 'transient', init: failingInit(2) })] });
    await order(world, '/moody', (context) => context.exit());
    expect((await restartChild(world, 'moody')).outcome).to.equal('start_failed');
    expect(statusOf(world, '/moody')).to.equal('stopped');
    expect((await restartChild(world, 'moody')).outcome).to.equal('started');
    await world.stop();
  });

  it('a kill while starting fails that start at once, and is told once', async () => {
    const world = await startWorld({ children: [] });
    const start = world.supervisor().ask((reply) => ({ kind: 'start-child', spec: puppet('slow', { init: hang }), reply }), 60_000);
    await world.settle();
    const before = world.clock.now();
    world.system.kill('/slow', 'test');
    expect(await start).to.deep.include({ outcome: 'start_failed' });
    expect(world.clock.now()).to.equal(before);
    expect(world.system.events.latest('/slow', 10).filter(({ type }) => type === 'crash')).to.have.length(1);
    await world.stop();
  });

  it('children started on request under a dynamic supervisor do not wait for each other', async () => {
    const world = await startWorld({ strategy: 'dynamic' });
    const slow = world.supervisor().ask((reply) => ({ kind: 'start-child', spec: puppet('slow', { init: hang }), reply }), 60_000);
    await world.settle();
    expect((await startChild(world, puppet('quick'))).outcome).to.equal('started');
    expect(statusOf(world, '/slow')).to.equal('starting');
    await world.stop();
    expect(await slow).to.deep.equal({ outcome: 'shutting_down' });
  });

  it('a child started on request while its supervisor restarts a group follows that group', async () => {
    const trace: string[] = [];
    const world = await startWorld({ strategy: 'one_for_all', children: [puppet('a', { trace, backoff: { baseMs: 100, maxMs: 100 } }), puppet('b', { trace })] });
    world.system.kill('/a', 'test');
    await world.settle();
    trace.length = 0;
    expect((await startChild(world, puppet('c', { trace }))).outcome).to.equal('started');
    expect(trace).to.deep.equal(['+a', '+b', '+c']);
    await world.stop();
  });

  it('a child that is being started when its group restarts is answered with the life it ends up with', async () => {
    const world = await startWorld({ strategy: 'one_for_all', children: [puppet('a')] });
    const spec = puppet('slow', { init: ({ life }) => (life === 1 ? hang(undefined as never) : undefined), shutdown: 'brutal_kill' });
    const start = world.supervisor().ask((reply) => ({ kind: 'start-child', spec, reply }), 60_000);
    await world.settle();
    world.system.kill('/a', 'test');
    expect(await world.outcome(start)).to.deep.include({ outcome: 'started' });
    expect(lifeOf(world, '/slow')).to.equal(2);
    await world.stop();
  });

  it('a minimal spec reads back with the defaults of OTP', () => {
    expect(childFlags(puppet('w'))).to.deep.equal({ restart: 'permanent', shutdown: 5_000, startTimeoutMs: 5_000, significant: false });
    expect(childFlags(supervisor('s', 'one_for_one', []))).to.deep.equal({ restart: 'permanent', shutdown: 'infinity', startTimeoutMs: Infinity, significant: false });
  });

  it('a bad spec is refused before anything runs, with all its faults', async () => {
    const trace: string[] = [];
    const children = [puppet('a', { trace }), puppet('a/b', { trace }), puppet('c', { trace, shutdown: -1 })];
    expect(await refusal(startWorld({ children }))).to.match(/BadSpecError: .*"a\/b".*shutdown -1/s);
    expect(trace).to.deep.equal([]);
  });

  it('a bad spec given at run time is an answer, not a crash, even when it is no spec at all', async () => {
    const world = await startWorld({ children: [] });
    for (const spec of [undefined, null, 'a', {}, { type: 'worker', id: 'a' }, { type: 'gnome', id: 'a' }] as unknown as ChildSpec[]) {
      expect((await startChild(world, spec)).outcome, JSON.stringify(spec)).to.equal('bad_spec');
    }
    expect(lifeOf(world, '/')).to.equal(1);
    await world.stop();
  });
});
