import { expect } from 'chai';
import { Playground, until, untilSaid } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

const BLOCKED = new URL('../fixtures/blocked-main.mjs', import.meta.url).pathname;
const HUNG = new URL('../fixtures/hung-gossip.mjs', import.meta.url).pathname;

/** Three nodes at once on a machine with something else to do. */
const START_MS = 30_000;

interface MemberLine {
  readonly name: string;
  readonly status: string;
  readonly isDegraded: boolean;
  readonly incarnation: number;
}

describe('a node whose main loop stands still for twelve seconds', function () {
  this.timeout(90_000);
  let play: Playground;

  beforeEach(() => (play = new Playground()));
  afterEach(() => play.clear());

  /** Three nodes that know each other; n1 can be blocked. */
  async function mesh(flags: readonly string[]): Promise<readonly [StartedNode, StartedNode, StartedNode]> {
    const n1 = await play.node('n1', { flags, nodeFlags: ['--import', BLOCKED], readyWithinMs: START_MS });
    const [n2, n3] = await Promise.all(['n2', 'n3'].map((name) => play.node(name, { flags: ['--join', n1.gossip], readyWithinMs: START_MS })));
    for (const node of [n2!, n3!]) await until(`all in the eyes of ${node.name}`, START_MS, async () => (await alive(node)).length === 3 || undefined);
    return [n1, n2!, n3!];
  }

  async function alive(node: StartedNode): Promise<readonly MemberLine[]> {
    return (await node.json<MemberLine[]>('members')).filter(({ status }) => status === 'alive');
  }

  async function n1At(node: StartedNode): Promise<MemberLine | undefined> {
    return (await node.json<MemberLine[]>('members')).find(({ name }) => name === 'n1');
  }

  /** What its peers said of n1 meanwhile. */
  function accusations(...peers: readonly StartedNode[]): string[] {
    return peers.flatMap((peer) => peer.stderr().split('\n').filter((line) => /member-(suspect|dead)/.test(line) && line.includes('member=n1')));
  }

  it('is shown as degraded by all others, suspected by none, and healthy again after', async () => {
    const [n1, n2, n3] = await mesh([]);
    n1.process.kill('SIGUSR2');
    const blockedAt = performance.now();
    await Promise.all([n2, n3].map((peer) => until(`n1 degraded in the eyes of ${peer.name}`, 11_000, async () => (await n1At(peer))?.isDegraded || undefined)));
    expect(performance.now() - blockedAt, 'seen while it stands still').to.be.lessThan(12_000);
    expect((await n2.mesh('members')).stdout).to.match(/^n1 .* alive, degraded /m);
    for (const peer of [n2, n3]) await until(`n1 well in the eyes of ${peer.name}`, 20_000, async () => (await n1At(peer))?.isDegraded === false || undefined);
    expect(accusations(n2, n3)).to.deep.equal([]);
    expect((await n1At(n2))?.incarnation, 'no more than degraded and well again').to.equal(3);
    await untilSaid(n1, /degraded stalledMs=/);
    expect(await n1.kill('SIGTERM')).to.equal(0);
  });

  it('is suspected when its gossip has no thread of its own', async () => {
    const [n1, n2, n3] = await mesh(['--gossip-thread', 'off']);
    n1.process.kill('SIGUSR2');
    await until('a suspicion', 15_000, () => accusations(n2, n3)[0]);
    await until('its refutation', 20_000, async () => (await n1At(n2))?.status === 'alive' || undefined);
    expect((await n1At(n2))?.isDegraded).to.equal(false);
  });
});

describe('a node whose gossip hangs', function () {
  this.timeout(90_000);

  it('goes on with another life of it, at the same port, and is with the others again', async () => {
    const play = new Playground();
    try {
      const n1 = await play.node('n1', { nodeFlags: ['--import', HUNG], readyWithinMs: START_MS });
      const n2 = await play.node('n2', { flags: ['--join', n1.gossip], readyWithinMs: START_MS });
      const end = await until('the end of the life that hung', 30_000, async () => {
        const events = await n1.json<{ path: string; type: string; reason: string }[]>('history');
        return events.find(({ path, type }) => path === '/membership/swim' && type === 'crash');
      });
      expect(end.reason).to.include('its thread gave no sign of life for 5000 ms');
      await until('both alive in the eyes of both', 30_000, async () => {
        const seen = await Promise.all([n1, n2].map((node) => node.json<MemberLine[]>('members')));
        return seen.every((members) => members.filter(({ status }) => status === 'alive').length === 2) || undefined;
      });
      expect((await n1.json<{ gossipAddress: string }>('status')).gossipAddress).to.equal(n1.gossip);
      expect(await n1.kill('SIGTERM')).to.equal(0);
    } finally {
      await play.clear();
    }
  });
});
