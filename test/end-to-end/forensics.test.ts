import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Line {
  readonly sequence: number;
  readonly type: string;
  readonly path: string;
  readonly reason: string;
  readonly boot: string;
  readonly isEarlierRun: boolean;
}

interface Why {
  readonly kind: string;
  readonly isEarlierRun: boolean;
  readonly isNodeUp: boolean;
  readonly askedBy: string | null;
  readonly event: { readonly mailbox: number; readonly processed: number; readonly budget: { readonly usedBefore: number; readonly used: number }; readonly boot: string };
}

const BUS = '/bus/subjects';

describe('what is left of a crash', function () {
  this.timeout(60_000);
  let play: Playground;
  let node: StartedNode;

  beforeEach(async () => {
    play = new Playground();
    node = await play.node('n1', { bind: '127.0.16.1' });
  });
  afterEach(() => play.clear());

  const kill = async (path: string): Promise<void> => {
    expect((await node.mesh('chaos', 'kill', path)).code).to.equal(0);
    await until(`${path} is back`, 10_000, async () => ((await node.json<Line[]>('history', path)).some((line) => line.type === 'restart' && line.path === path) ? true : undefined));
  };

  it('is told still after the node itself was killed, while it is down and when it is up again', async () => {
    await kill(BUS);
    const before = await node.json<Why>('why', BUS);
    expect(before).to.include({ kind: 'killed', isEarlierRun: false, isNodeUp: true }).and.to.have.property('askedBy').that.matches(/^\S+ \(pid \d+\)$/);
    expect(before.event.budget).to.include({ usedBefore: 0, used: 1 });
    expect(before.event.processed).to.be.a('number');

    await node.kill('SIGKILL');
    const down = await node.mesh('why', BUS);
    expect(down.code, down.stderr).to.equal(0);
    expect(down.stdout).to.match(/was killed .* by\s+\S+\s+\(pid\s+\d+\)/).and.to.match(/node\s+does\s+not\s+run/);
    expect(down.stderr.trimEnd().split('\n')).to.have.length(1);
    expect((await node.mesh('history')).stdout).to.include(BUS);

    node = await play.node('n1', { bind: '127.0.16.1' });
    const lines = await node.json<Line[]>('history');
    expect(lines.filter(({ path, isEarlierRun }) => path === BUS && isEarlierRun).map(({ type }) => type)).to.deep.equal(['admin', 'crash', 'restart']);
    const after = await node.json<Why>('why', BUS);
    expect(after).to.include({ kind: 'killed', isEarlierRun: true, isNodeUp: true });
    expect(after.event.boot).to.equal(before.event.boot);

    await kill(BUS);
    expect(await node.json<Why>('why', BUS)).to.include({ isEarlierRun: false });
    expect((await node.mesh('history')).stdout).to.match(/RUN/).and.to.match(/ now /);
  });

  it('is a file for its owner alone, one event a line, without first starts', async () => {
    await kill(BUS);
    const file = join(node.dataDir, 'log', 'events.jsonl');
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    // Written a moment after the command that kills is answered.
    const text = await until('the restart on disk', 5_000, () => {
      const written = readFileSync(file, 'utf8');
      return written.includes('"restart"') && written.endsWith('\n') ? written : undefined;
    });
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line) as { type: string; node: string });
    expect(lines.map(({ type }) => type)).to.deep.equal(['admin', 'crash', 'restart']);
    expect(lines.every((line) => line.node === 'n1')).to.equal(true);
  });

  it('names who took an actor along that did not fail itself', async () => {
    expect((await node.mesh('chaos', 'kill', '/bus')).code).to.equal(0);
    const said = await until('the edge is back', 10_000, async () => {
      const { code, stdout } = await node.mesh('why', '/edge/grpc');
      return code === 0 && stdout.includes('did not fail') ? stdout.replaceAll('\n', ' ') : undefined;
    });
    expect(said).to.match(/because of \/bus: killed by \S+ \(pid \d+\)/).and.to.include('`mesh why /bus`');
    const why = (await node.mesh('why', '/bus')).stdout.replaceAll('\n', ' ');
    expect(why).to.include('6 siblings with it: /trust, /peers, /agents, /edge, /identity').and.to.include('restart 1 of 3');
  });

  it('goes on as it happens, and says how to go on when the stream ends', async () => {
    const events = play.spawn('events', '--follow', '--path', '/bus', '--type', 'crash', '--type', 'restart', '--data-dir', node.dataDir);
    const said = listenTo(events);
    await kill(BUS);
    await until('both events', 10_000, () => (said.stdout().split('\n').length === 3 ? true : undefined));
    expect(said.stdout()).to.match(/^\S+ #\d+ crash \/bus\/subjects life 1: killed by \S+ \(pid \d+\).* → restart\n\S+ #\d+ restart \/bus\/subjects life 2\n$/);
    const [, last = ''] = /#(\d+) restart/.exec(said.stdout()) ?? [];
    await node.kill('SIGTERM');
    await until('the follower’s end', 10_000, () => events.exitCode ?? undefined);
    expect(events.exitCode).to.equal(3);
    expect(said.stderr()).to.include(`--since ${last}`);
  });

  it('never existed for a path that nobody knows: the nearest is named', async () => {
    const { code, stderr } = await node.mesh('why', '/bus/subject');
    expect(code).to.equal(1);
    expect(stderr).to.include('/bus/subjects');
  });
});
