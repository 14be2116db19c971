import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Info {
  readonly status: string;
  readonly life: number;
  readonly restarts: number;
  readonly mailbox: number;
  readonly budget: { readonly used: number } | null;
}

interface Letter {
  readonly sequence: number;
  readonly withheld: string | null;
}

describe('what an operator does with one actor, as processes', function () {
  this.timeout(60_000);
  let play: Playground;
  let node: StartedNode;

  // One node for all, in this order: the first test looks at all that was done, the last one stops it.
  before(async () => {
    play = new Playground();
    node = await play.node('n1');
  });
  after(() => play.clear());

  const info = (path: string): Promise<Info> => node.json<Info>('info', path);
  const adminEvents = async (): Promise<string[]> =>
    (await node.json<{ type: string; path: string; reason: string }[]>('history')).filter(({ type }) => type === 'admin').map(({ path, reason }) => `${path} ${reason.replace(/ by .* \(pid \d+\)$/, ' by somebody')}`);

  it('restart, stop, start, suspend and resume are done when they are answered, and the trail names who asked', async () => {
    const path = '/bus/subjects';
    for (const [verb, outcome, status] of [
      ['restart', 'restarted', 'running'],
      ['stop', 'stopped', 'stopped'],
      ['start', 'started', 'running'],
      ['suspend', 'suspended', 'suspended'],
      ['resume', 'resumed', 'running'],
    ] as const) {
      expect(await node.json<object>(verb, path)).to.include({ verb, outcome, path });
      expect(await info(path), verb).to.include({ status });
    }
    expect(await info(path)).to.deep.include({ life: 3, restarts: 2 }).and.to.have.nested.property('budget.used', 0);
    expect(await adminEvents()).to.deep.equal(['restart', 'stop', 'start', 'suspend', 'resume'].map((verb) => `${path} ${verb} asked by somebody`));
  });

  it('restart of a layer that takes the operator’s door along is answered when the layer is back', async () => {
    expect(await node.json<object>('restart', '/bus')).to.include({ outcome: 'restarted', life: 2 });
    expect((await info('/bus')).status).to.equal('running');
    expect((await node.mesh('restart', '/edge/admin')).code).to.equal(1);
    expect(await node.json<object>('restart', '/edge/admin', '--force')).to.include({ outcome: 'restarted', life: 3 });
  });

  it('a suspended actor says so while its mail waits, and its figures and state can be read', async () => {
    await node.mesh('suspend', '/peers/roster');
    await until('mail waits', 10_000, async () => ((await info('/peers/roster')).mailbox > 0 ? true : undefined));
    expect(await node.json<object>('state', '/peers/roster')).to.include({ isShown: true, isCut: false });
    expect((await node.mesh('resume', '/peers/roster')).code).to.equal(0);
  });

  it('a trace ends by itself at its limits, and on the node when its reader dies', async () => {
    const short = await node.mesh('trace', '/peers/roster', '--max', '3', '--for', '20s', '--json');
    expect([short.code, short.stdout.trimEnd().split('\n').length]).to.deep.equal([0, 3]);
    const timed = await node.mesh('trace', '/registry/storage', '--for', '500ms');
    expect([timed.code, timed.stderr]).to.deep.equal([0, 'mesh: 0 shown; ended by --for\n']);
    const traces = async (): Promise<number> => (await node.json<{ state: { traces: number } }>('state', '/edge/admin')).state.traces;
    const long = play.spawn('trace', '/peers/roster', '--for', '1h', '--max', '10000', '--data-dir', node.dataDir);
    const said = listenTo(long);
    await until('the trace runs', 10_000, () => (said.stdout() === '' ? undefined : true));
    expect(await traces()).to.equal(1);
    await endOf(long, () => long.kill('SIGKILL'));
    await until('the node has let go', 5_000, async () => ((await traces()) === 0 ? true : undefined));
    const stopped = play.spawn('trace', '/peers/roster', '--data-dir', node.dataDir);
    const heard = listenTo(stopped);
    await until('the trace runs', 10_000, () => (heard.stdout() === '' ? undefined : true));
    expect(await endOf(stopped, () => stopped.kill('SIGINT'))).to.equal(0);
  });

  it('a dead letter reaches the actor that was down when it is sent again', async () => {
    await node.mesh('stop', '/bus/subjects');
    const letter = await until('a dead letter', 10_000, async () => (await node.json<Letter[]>('dead-letters', 'list', '/bus')).find(({ withheld }) => withheld === null));
    await node.mesh('start', '/bus/subjects');
    const replay = (): ReturnType<StartedNode['mesh']> => node.mesh('dead-letters', 'replay', String(letter.sequence));
    expect((await replay()).stdout).to.equal(`dead letter ${letter.sequence} is in the mailbox of /bus/subjects\n`);
    const again = await replay();
    expect([again.code, again.stderr.includes('it was sent again already')]).to.deep.equal([1, true]);
    expect(await adminEvents()).to.include(`/bus/subjects replay of dead letter ${letter.sequence} asked by somebody`);
  });

  it('an unknown path names the nearest, and top prints one picture into a pipe', async () => {
    for (const words of [['info'], ['state'], ['trace'], ['restart'], ['stop'], ['start'], ['suspend'], ['resume']]) {
      const { code, stderr } = await node.mesh(...words, '/bus/subject');
      expect([code, stderr.includes('did you mean /bus/subjects?')], words.join(' ')).to.deep.equal([1, true]);
    }
    const top = await node.mesh('top', '--sort', 'name');
    expect([top.code, top.stdout.split('\n')[1]?.split(' ')[0]]).to.deep.equal([0, '/']);
    expect((await node.mesh('tree', '--watch')).code).to.equal(2);
  });

  it('stop of the root ends the node in order, when it is meant', async () => {
    expect((await node.mesh('stop', '/')).stderr).to.include('--force');
    const ended = endOf(node.process, () => undefined);
    expect((await node.mesh('stop', '/', '--force')).stdout).to.equal('the node is stopping\n');
    expect(await ended).to.equal(0);
  });
});
