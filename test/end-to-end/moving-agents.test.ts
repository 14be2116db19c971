import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Agent {
  readonly id: string;
  readonly node: string;
  readonly connected: boolean;
}

describe('an agent that knows three nodes, as processes', function () {
  this.timeout(60_000);
  let play: Playground;
  let nodes: readonly [StartedNode, StartedNode, StartedNode];
  let said: ReturnType<typeof listenTo>;

  beforeEach(async () => {
    play = new Playground();
    const n1 = await play.node('n1', { bind: '127.0.0.1' });
    const [n2, n3] = await Promise.all([
      play.node('n2', { bind: '127.0.0.2', flags: ['--join', n1.gossip] }),
      play.node('n3', { bind: '127.0.0.3', flags: ['--join', n1.gossip] }),
    ]);
    nodes = [n1, n2, n3];
    said = listenTo(play.spawn('agent', '--id', 'a1', ...nodes.flatMap(({ grpc }) => ['--node', grpc])));
    await isOn('n1', 10_000);
  });
  afterEach(() => play.clear());

  const connections = (): string[] => [...said.stderr().matchAll(/ connected to=(\S+)/g)].map(([, node]) => node!);
  const isOn = (node: string, withinMs: number): Promise<true> =>
    until(`a1 on ${node}`, withinMs, () => (connections().at(-1) === node ? true : undefined)).catch((error: Error) => {
      throw new Error(`${error.message}; it says ${said.stderr()}`);
    });

  it('is on the next one two seconds after its node was killed', async () => {
    await nodes[0].kill('SIGKILL');
    await isOn('n2', 2_000);
  });

  it('is on the last one two seconds after both others were killed', async () => {
    await Promise.all([nodes[0].kill('SIGKILL'), nodes[1].kill('SIGKILL')]);
    await isOn('n3', 2_000);
  });

  it('goes to the next one, with the reason, when its node is asked to stop, and the node ends within three seconds', async () => {
    const startedAt = performance.now();
    expect(await nodes[0].kill('SIGTERM')).to.equal(0);
    expect(performance.now() - startedAt).to.be.below(3_000);
    await isOn('n2', 2_000);
    expect(connections()).to.deep.equal(['n1', 'n2']);
    const lost = said.stderr().split('\n').filter((line) => line.includes('disconnected'));
    expect(lost).to.have.length(1);
    expect(lost[0]).to.include('the session ends on this node');
    await until('n3 sees a1 on n2', 5_000, async () => (await nodes[2].json<Agent[]>('agents')).find(({ node, connected }) => node === 'n2' && connected));
  });
});

describe('the listener of a node, as a process', function () {
  this.timeout(60_000);
  let play: Playground;
  let n1: StartedNode;
  let n2: StartedNode;

  before(async () => {
    play = new Playground();
    n1 = await play.node('n1', { bind: '127.0.0.1' });
    n2 = await play.node('n2', { bind: '127.0.0.2', flags: ['--join', n1.gossip] });
  });
  after(() => play.clear());

  for (const [path, there, later, flags] of [['/edge/grpc', 'a1', 'a2', []], ['/bus', 'a3', 'a4', ['--force']]] as const) {
    it(`is back on the same port, with peers and agents, after ${path} was killed`, async () => {
      const agent = play.spawn('agent', '--id', there, '--node', n2.grpc, '--interval', '200');
      await whole(there);
      const before = await life('/edge/grpc');
      expect((await n2.mesh('chaos', 'kill', path, ...flags)).code).to.equal(0);
      await until('a new life of the listener', 5_000, async () => ((await life('/edge/grpc')) > before ? true : undefined));
      await whole(there);
      expect(await n2.json('status')).to.include({ grpcAddress: n2.grpc });
      await endOf(agent, () => agent.kill('SIGTERM'));
      // A new one finds the node where it was.
      play.spawn('agent', '--id', later, '--node', n2.grpc);
      await until(`${later} on n2`, 15_000, async () => (await n1.json<Agent[]>('agents')).find(({ id, node, connected }) => id === later && node === 'n2' && connected));
    });
  }

  async function life(path: string): Promise<number> {
    return (await n2.json<{ life: number }>('tree', path)).life;
  }

  /** A session between the nodes, and both of them see the agent. Sent away, it may have gone to n1. */
  async function whole(agent: string): Promise<void> {
    for (const node of [n1, n2]) {
      await until(`${node.name} sees all`, 10_000, async () => {
        const { sessionsOpen } = await node.json<{ sessionsOpen: number }>('status');
        const agents = await node.json<Agent[]>('agents');
        return sessionsOpen === 1 && agents.some(({ id, connected }) => id === agent && connected) ? true : undefined;
      });
    }
  }
});
