import type { ChildProcess } from 'node:child_process';
import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Agent {
  readonly id: string;
  readonly node: string;
  readonly connected: boolean;
  readonly ratePerS: number;
}

describe('agents, as processes', function () {
  this.timeout(60_000);
  let play: Playground;
  let n1: StartedNode;
  let n2: StartedNode;

  // One pair of nodes for all, each test with an agent of its own; the last test ends one of them.
  before(async () => {
    play = new Playground();
    n1 = await play.node('n1', { bind: '127.0.0.1' });
    n2 = await play.node('n2', { bind: '127.0.0.2', flags: ['--join', n1.gossip] });
  });
  const agents: ChildProcess[] = [];
  const agent = (...args: string[]): ChildProcess => {
    const child = play.spawn('agent', ...args);
    agents.push(child);
    return child;
  };
  afterEach(() => Promise.all(agents.splice(0).map((child) => endOf(child, () => child.kill('SIGKILL')))));
  after(() => play.clear());

  const agentOn = async (asked: StartedNode, id: string, node: string): Promise<Agent> => {
    let seen: Agent[] = [];
    return until(`${asked.name} sees ${id} on ${node}`, 15_000, async () => {
      seen = await asked.json<Agent[]>('agents');
      return seen.find((agent) => agent.id === id && agent.node === node && agent.connected);
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it sees ${JSON.stringify(seen)}`);
    });
  };

  it('are listed on every node, with the rate at which they report', async () => {
    agent('--id', 'a1', '--node', n1.grpc);
    await agentOn(n1, 'a1', 'n1');
    await agentOn(n2, 'a1', 'n1');
    await until('a rate', 10_000, async () => ((await agentOn(n2, 'a1', 'n1')).ratePerS > 0 ? true : undefined));
  });

  it('are heard live on a node other than their own', async () => {
    agent('--id', 'a2', '--node', n1.grpc, '--interval', '200');
    await agentOn(n2, 'a2', 'n1');
    const tail = play.spawn('agents', 'tail', 'a2', '--data-dir', n2.dataDir, '--json');
    const said = listenTo(tail);
    await until('three events', 10_000, () => (said.stdout().trim().split('\n').length >= 3 ? true : undefined));
    const event = JSON.parse(said.stdout().split('\n')[0]!) as { id: string; samples: Record<string, number> };
    expect(event.id).to.equal('a2');
    expect(JSON.stringify(event)).to.include('memory.used_bytes');
    expect(await endOf(tail, () => tail.kill('SIGINT'))).to.equal(0);
  });

  it('answer commands given on any node', async () => {
    agent('--id', 'a3', '--node', n1.grpc);
    await agentOn(n2, 'a3', 'n1');
    for (const node of [n1, n2]) {
      const { code, stdout } = await node.mesh('command', 'send', 'a3', 'ping');
      expect(code).to.equal(0);
      expect(stdout).to.include('pong');
    }
  });

  it('that are unknown, offline or late are told apart by exit codes', async () => {
    expect((await n1.mesh('command', 'send', 'nobody', 'ping')).code).to.equal(4);
    const silenced = agent('--id', 'a4', '--node', n1.grpc);
    await agentOn(n1, 'a4', 'n1');
    silenced.kill('SIGSTOP');
    expect((await n1.mesh('command', 'send', 'a4', 'ping', '--timeout', '300')).code).to.equal(6);
    silenced.kill('SIGCONT');
    await endOf(silenced, () => silenced.kill('SIGTERM'));
    await until('a4 is offline', 5_000, async () => ((await n1.json<Agent[]>('agents')).find(({ id }) => id === 'a4')!.connected ? undefined : true));
    const { code, stderr } = await n1.mesh('command', 'send', 'a4', 'ping');
    expect(code).to.equal(5);
    expect(stderr).to.include('a4');
  });

  it('come back when their actor is killed, and the tree shows the restart', async () => {
    agent('--id', 'a5', '--node', n1.grpc);
    await agentOn(n1, 'a5', 'n1');
    expect((await n1.mesh('chaos', 'kill', '/agents/sessions/a5')).code).to.equal(0);
    await agentOn(n1, 'a5', 'n1');
    await until('an answer from the new life', 10_000, async () => ((await n1.mesh('command', 'send', 'a5', 'ping')).code === 0 ? true : undefined));
    const view = await n1.json<{ restarts: number; status: string }>('tree', '/agents/sessions/a5');
    expect(view).to.include({ restarts: 1, status: 'running' });
  });

  it('move to a node that lives when theirs is killed', async () => {
    agent('--id', 'a6', '--node', n1.grpc);
    await until('both are members', 5_000, async () => ((await n1.json<unknown[]>('members')).length === 2 ? true : undefined));
    await agentOn(n2, 'a6', 'n1');
    await n1.kill('SIGKILL');
    await agentOn(n2, 'a6', 'n2');
  });
});
