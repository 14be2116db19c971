import { expect } from 'chai';
import { Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Member {
  readonly name: string;
  readonly status: string;
  readonly session: string;
  readonly rttMs: number | null;
}

async function members(node: StartedNode): Promise<Record<string, string>> {
  return Object.fromEntries((await node.json<Member[]>('members')).map(({ name, status }) => [name, status]));
}

async function seesAll(node: StartedNode, wanted: Record<string, string>, withinMs: number): Promise<void> {
  let seen: Record<string, string> = {};
  await until(`${node.name} sees ${JSON.stringify(wanted)}`, withinMs, async () => {
    seen = await members(node);
    return Object.entries(wanted).every(([name, status]) => seen[name] === status) ? true : undefined;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; it sees ${JSON.stringify(seen)}`);
  });
}

describe('three nodes, as processes', function () {
  this.timeout(60_000);
  let play: Playground;
  let n1: StartedNode;
  let n2: StartedNode;
  let n3: StartedNode;

  // Each test leaves them as it found them; the last one does not.
  before(async () => {
    play = new Playground();
    [n1, n2, n3] = await play.trio('127.0.0');
  });
  after(() => play.clear());

  it('see each other alive within two seconds', async () => {
    const alive = { n1: 'alive', n2: 'alive', n3: 'alive' };
    await Promise.all([n1, n2, n3].map((node) => seesAll(node, alive, 2_000)));
  });

  it('hold a session with each other and measure its round trip', async () => {
    for (const node of [n1, n2, n3]) {
      await until(`sessions of ${node.name}`, 5_000, async () => {
        const others = (await node.json<Member[]>('members')).filter(({ name }) => name !== node.name);
        return others.length === 2 && others.every(({ session, rttMs }) => session === 'open' && rttMs !== null) ? true : undefined;
      });
    }
  });

  it('bury the one that was killed, and have it back within five seconds of its return', async () => {
    await seesAll(n1, { n1: 'alive', n2: 'alive', n3: 'alive' }, 2_000);
    await n3.kill('SIGKILL');
    // LAN: up to a round of probes until suspicion, then at least 4 s of it, then gossip.
    await until('n1 suspects n3', 8_000, async () => ((await members(n1))['n3'] === 'suspect' ? true : undefined));
    await Promise.all([n1, n2].map((node) => seesAll(node, { n3: 'dead' }, 12_000)));
    const port = (address: string): string => address.slice(address.lastIndexOf(':') + 1);
    n3 = await play.node('n3', { bind: '127.0.0.3', flags: ['--join', n1.gossip], ports: [port(n3.gossip), port(n3.grpc)] });
    await Promise.all([n1, n2, n3].map((node) => seesAll(node, { n1: 'alive', n2: 'alive', n3: 'alive' }, 5_000)));
  });

  it('read on the others within a second what was put on one', async () => {
    await sessionsOpen([n1, n2, n3]);
    expect((await n1.mesh('registry', 'put', 'zone', 'eu-1')).code).to.equal(0);
    for (const node of [n2, n3]) {
      await until(`the key on ${node.name}`, 1_000, async () => {
        const { code, stdout } = await node.mesh('registry', 'get', 'zone', '--json');
        return code === 0 && (JSON.parse(stdout) as { value: string }).value === 'eu-1' ? true : undefined;
      });
    }
  });

  it('agree on what was put on both sides of a broken session', async () => {
    await sessionsOpen([n1, n2, n3]);
    await Promise.all([n1.mesh('chaos', 'kill', '/peers/sessions/n2'), n2.mesh('chaos', 'kill', '/peers/sessions/n1')]);
    await Promise.all([
      n1.mesh('registry', 'put', 'both-sides/left', '1'),
      n2.mesh('registry', 'put', 'both-sides/right', '2'),
      n1.mesh('registry', 'put', 'both-sides/both', 'from n1'),
      n2.mesh('registry', 'put', 'both-sides/both', 'from n2'),
    ]);
    const entries = async (node: StartedNode): Promise<string> =>
      JSON.stringify((await node.json<{ key: string; value: string }[]>('registry', 'list', 'both-sides/')).map(({ key, value }) => [key, value]));
    await until('the same three keys everywhere', 10_000, async () => {
      const [a, b, c] = await Promise.all([n1, n2, n3].map(entries));
      return a === b && b === c && JSON.parse(a!).length === 3 ? true : undefined;
    });
  });

  it('find each other again after the membership of one has crashed', async () => {
    await seesAll(n1, { n1: 'alive', n2: 'alive', n3: 'alive' }, 2_000);
    expect((await n1.mesh('chaos', 'kill', '/membership/swim')).code).to.equal(0);
    await Promise.all([n1, n2, n3].map((node) => seesAll(node, { n1: 'alive', n2: 'alive', n3: 'alive' }, 5_000)));
  });

  it('show the one that was asked to stop as left', async () => {
    await seesAll(n1, { n1: 'alive', n2: 'alive', n3: 'alive' }, 2_000);
    expect(await n2.kill('SIGTERM')).to.equal(0);
    await Promise.all([n1, n3].map((node) => seesAll(node, { n2: 'left' }, 2_000)));
  });

  async function sessionsOpen(nodes: readonly StartedNode[]): Promise<void> {
    for (const node of nodes) {
      await until(`sessions of ${node.name}`, 5_000, async () => {
        const { sessionsOpen } = await node.json<{ sessionsOpen: number }>('status');
        return sessionsOpen === nodes.length - 1 ? true : undefined;
      });
    }
  }
});
