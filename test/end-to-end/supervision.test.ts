import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Tree {
  readonly path: string;
  readonly type: string;
  readonly status: string;
  readonly life: number;
  readonly restarts: number;
  readonly mailbox: number;
  readonly uptimeMs: number;
  readonly children: Tree[];
}

function flat(tree: Tree): Tree[] {
  return [tree, ...tree.children.flatMap(flat)];
}

describe('the supervision tree of a node, as a process', function () {
  this.timeout(60_000);
  let play: Playground;
  let node: StartedNode;
  /** When children were killed, by the supervisor they have. */
  const killedAt = new Map<string, number[]>();

  // One node for all, in this order: the last test ends it.
  before(async () => {
    play = new Playground();
    node = await play.node('n1');
  });
  after(() => play.clear());

  const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
  /** A supervisor's budget is three restarts in five seconds; all but one of these tests are about the actors, not the budget. */
  const untilBudgetAllows = async (path: string): Promise<void> => {
    const waitMs = (killedAt.get(parentOf(path))?.at(-3) ?? -Infinity) + 5_100 - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  };

  it('does not mind garbage on its ports, and counts it', async () => {
    const [host = '', port = ''] = node.gossip.split(':');
    const udp = createSocket('udp4');
    for (const garbage of [Buffer.alloc(0), Buffer.alloc(1, 255), Buffer.alloc(60_000, 7), Buffer.from('0081a4', 'hex'), Buffer.from('07ff', 'hex')]) {
      await new Promise((resolve) => udp.send(garbage, Number(port), host, resolve));
    }
    udp.close();
    for (const address of [node.gossip, node.grpc]) {
      const tcp = connect({ host, port: Number(address.split(':')[1]) });
      tcp.on('error', () => undefined);
      tcp.write(Buffer.alloc(100_000, 6));
      await new Promise((resolve) => setTimeout(resolve, 100));
      tcp.destroy();
    }
    const status = await until('the counts', 5_000, async () => {
      const { packetsDropped } = await node.json<{ packetsDropped: Record<string, number> }>('status');
      return Object.values(packetsDropped).reduce((sum, count) => sum + count, 0) >= 3 ? packetsDropped : undefined;
    });
    expect(Object.keys(status)).not.to.be.empty;
    expect(flat(await node.json<Tree>('tree')).every(({ restarts }) => restarts === 0)).to.equal(true);
  });

  it('names the nearest path when there is none of that name', async () => {
    const { code, stderr } = await node.mesh('tree', '/membership/swin');
    expect(code).to.equal(1);
    expect(stderr).to.include('/membership/swim');
  });

  it('brings every permanent actor back that is killed, one after the other', async () => {
    const all = async (): Promise<Tree[]> => flat(await node.json<Tree>('tree'));
    const paths = (await all()).map(({ path }) => path).filter((path) => path !== '/' && !path.startsWith('/edge'));
    expect(paths).to.include('/membership/swim');
    for (const path of paths) {
      await untilBudgetAllows(path);
      const { life } = await node.json<{ life: number }>('chaos', 'kill', path);
      await until(`${path} is back`, 10_000, async () => {
        const actors = await all();
        const next = actors.find((actor) => actor.path === path);
        return next !== undefined && next.life > life && actors.every(({ status }) => status === 'running') ? true : undefined;
      });
      killedAt.set(parentOf(path), [...(killedAt.get(parentOf(path)) ?? []), performance.now()]);
    }
    expect((await node.json<unknown[]>('history')).length).to.be.greaterThan(paths.length);
  });

  it('brings back the operator’s own door', async () => {
    expect((await node.mesh('chaos', 'kill', '/edge/admin')).code).to.equal(1);
    expect((await node.mesh('chaos', 'kill', '/edge/admin', '--force')).code).to.equal(0);
    await until('the door is open again', 5_000, async () => ((await node.mesh('status')).code === 0 ? true : undefined));
  });

  it('ends a watch of the registry when the registry restarts, and says what to do', async () => {
    const watch = play.spawn('registry', 'watch', '--data-dir', node.dataDir);
    const said = listenTo(watch);
    await until('the watch stands', 10_000, () => (said.stdout().includes('synced') ? true : undefined));
    expect(await endOf(watch, () => void node.mesh('chaos', 'kill', '/registry/document'))).to.equal(1);
    expect(said.stderr()).to.include('the registry has restarted').and.to.include('watch again');
  });

  it('answers a question that comes while a layer below the operator’s door restarts', async () => {
    await untilBudgetAllows('/bus');
    expect((await node.mesh('chaos', 'kill', '/bus')).code).to.equal(0);
    const { code, stderr } = await node.mesh('history');
    expect(code, stderr).to.equal(0);
  });

  it('gives up past its budget, says goodbye and ends with a code that is not 0', async () => {
    for (let kill = 0; kill < 4; kill++) await node.mesh('chaos', 'kill', '/bus');
    const code = await until('the end of the node', 10_000, () => node.process.exitCode ?? undefined);
    expect(code).to.equal(70);
    const last = node.stderr().trimEnd().split('\n').at(-1);
    const why = /^mesh: the node gave up: (.*), at last with: killed by \S+ \(pid \d+\); see `(.*)`$/.exec(last ?? '')?.slice(1);
    expect(why, last).to.deep.equal(['/bus failed more often than its supervisor allows', `${node.dataDir}/log/node.jsonl`]);
  });
});
