import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { Playground, until, untilSaid } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Member {
  readonly name: string;
  readonly status: string;
  readonly udpLost: boolean;
}

const NETNS = `mesh-lost-ways-${process.pid}`;

function inside(...command: string[]): boolean {
  return spawnSync('ip', ['netns', 'exec', NETNS, ...command]).status === 0;
}

async function member(node: StartedNode, name: string): Promise<Member | undefined> {
  return (await node.json<Member[]>('members')).find((known) => known.name === name);
}

/** Who is known to gossip, and who is only listed for people. */
async function gossipOf(node: StartedNode): Promise<readonly { readonly name: string; readonly isDeparted?: true }[]> {
  return (await node.json<{ state: { members: { name: string; isDeparted?: true }[] } }>('state', '/membership/swim')).state.members;
}

describe('three nodes between whom a way is lost, as processes', function () {
  this.timeout(120_000);
  const plays: Playground[] = [];
  // Most of both stories is waiting: they wait together.
  let allWays: Promise<void>;

  before(() => {
    allWays = loseAllWays();
    allWays.catch(() => undefined);
  });
  after(() => Promise.all(plays.map((play) => play.clear())));

  const three = async (more: { readonly netns?: string; readonly flags?: readonly string[] }): Promise<readonly [StartedNode, StartedNode, StartedNode]> => {
    const play = new Playground();
    plays.push(play);
    const n1 = await play.node('n1', { bind: '127.0.33.1', readyWithinMs: 30_000, ...more });
    const others = { readyWithinMs: 30_000, ...more, flags: ['--join', n1.gossip, ...(more.flags ?? [])] };
    const [n2, n3] = await Promise.all([play.node('n2', { bind: '127.0.33.2', ...others }), play.node('n3', { bind: '127.0.33.3', ...others })]);
    for (const node of [n1, n2, n3]) await until(`${node.name} sees three`, 20_000, async () => ((await node.json<Member[]>('members')).filter(({ status }) => status === 'alive').length === 3 ? true : undefined));
    return [n1, n2, n3];
  };

  describe('UDP, in a network of their own', () => {
    // Networks and their filters are root's, and need tools that are not everywhere.
    before(function () {
      const isMade = spawnSync('ip', ['netns', 'add', NETNS]).status === 0 && inside('ip', 'link', 'set', 'lo', 'up');
      if (!isMade || !inside('nft', 'add', 'table', 'inet', 'f')) this.skip();
    });
    after(() => void spawnSync('ip', ['netns', 'delete', NETNS]));

    it('say so, go on over TCP without a suspicion, and say when it is over', async () => {
      const [n1, n2, n3] = await three({ netns: NETNS });
      const rule = (way: string): boolean => inside('nft', 'add', 'rule', 'inet', 'f', 'in', 'ip', way, '127.0.33.3', 'meta', 'l4proto', 'udp', 'drop');
      expect(inside('nft', 'add', 'chain', 'inet', 'f', 'in', '{ type filter hook input priority 0; }') && rule('saddr') && rule('daddr')).to.equal(true);
      for (const node of [n1, n2]) await until(`${node.name} finds it out`, 30_000, async () => ((await member(node, 'n3'))?.udpLost === true ? true : undefined));
      await until('n3 finds it out', 30_000, async () => ((await member(n3, 'n1'))?.udpLost === true && (await member(n3, 'n2'))?.udpLost === true ? true : undefined));
      expect((await n1.mesh('status')).stdout).to.match(/UDP lost +to n3; TCP works, and is used/);
      expect((await n1.mesh('members')).stdout).to.match(/n3 .* alive, UDP lost/);
      expect((await n1.mesh('members', 'why', 'n3')).stdout).to.include('UDP to n3 lost, TCP works');
      await untilSaid(n1, /warn .*member-udp-lost .*member=n3/);

      expect(await n2.kill('SIGTERM')).to.equal(0);
      await until('n3 hears over TCP that n2 has left', 10_000, async () => ((await member(n3, 'n2'))?.status === 'left' ? true : undefined));
      expect(n1.stderr()).not.to.match(/member-(suspect|dead) .*member=n3/);

      expect(inside('nft', 'flush', 'chain', 'inet', 'f', 'in')).to.equal(true);
      await until('UDP is back', 30_000, async () => ((await member(n1, 'n3'))?.udpLost === false ? true : undefined));
      await untilSaid(n1, /member-udp-back .*member=n3/);
    });
  });

  describe('all ways, until the others have forgotten the third', () => {
    it('are whole again without a restart', () => allWays);
  });

  async function loseAllWays(): Promise<void> {
    const [n1, n2, n3] = await three({ flags: ['--profile', 'local'] });
    n3.process.kill('SIGSTOP');
    for (const node of [n1, n2]) await until(`the gossip of ${node.name} has forgotten n3`, 90_000, async () => ((await gossipOf(node)).find(({ name }) => name === 'n3')?.isDeparted));
    expect(await member(n1, 'n3'), 'as people see it').to.include({ status: 'dead' });
    n3.process.kill('SIGCONT');
    for (const node of [n1, n2, n3]) await until(`${node.name} sees three`, 20_000, async () => ((await node.json<Member[]>('members')).filter(({ status }) => status === 'alive').length === 3 ? true : undefined));
    expect((await n1.mesh('members', 'why', 'n3')).stdout).to.match(/dead[^]*it is back/);
  }
});
