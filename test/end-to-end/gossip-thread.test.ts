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

describe('a mesh in which the main loops of two nodes stand still for twelve seconds', function () {
  this.timeout(90_000);
  let play: Playground;

  beforeEach(() => (play = new Playground()));
  afterEach(() => play.clear());

  async function at(node: StartedNode, name: string): Promise<MemberLine | undefined> {
    return (await node.json<MemberLine[]>('members')).find((member) => member.name === name);
  }

  it('shows the one with a thread for gossip as degraded and suspects it nowhere, and suspects the one without', async () => {
    const blockable = { nodeFlags: ['--import', BLOCKED], readyWithinMs: START_MS };
    const n1 = await play.node('n1', blockable);
    const flags = ['--join', n1.gossip];
    const starting = [play.node('n2', { flags, readyWithinMs: START_MS }), play.node('n3', { flags, readyWithinMs: START_MS })] as const;
    const [n2, n3, single] = await Promise.all([...starting, play.node('single', { ...blockable, flags: [...flags, '--gossip-thread', 'off'] })]);
    const peers = [n2, n3];
    for (const node of [n1, ...peers]) {
      await until(`all in the eyes of ${node.name}`, START_MS, async () => (await node.json<MemberLine[]>('members')).filter(({ status }) => status === 'alive').length === 4 || undefined);
    }
    const accusations = (name: string): string[] => peers.flatMap((peer) => peer.stderr().split('\n').filter((line) => /member-(suspect|dead)/.test(line) && line.includes(`member=${name}`)));

    for (const node of [n1, single]) node.process.kill('SIGUSR2');
    const blockedAt = performance.now();
    await Promise.all(peers.map((peer) => until(`n1 degraded in the eyes of ${peer.name}`, 11_000, async () => (await at(peer, 'n1'))?.isDegraded || undefined)));
    expect((await n2.mesh('members')).stdout).to.match(/^n1 .* alive, degraded /m);
    await until('a suspicion of the other', 11_000, () => accusations('single')[0]);
    expect(performance.now() - blockedAt, 'seen while they stand still').to.be.lessThan(12_000);

    for (const peer of peers) await until(`n1 well in the eyes of ${peer.name}`, 20_000, async () => (await at(peer, 'n1'))?.isDegraded === false || undefined);
    expect(accusations('n1')).to.deep.equal([]);
    expect((await at(n2, 'n1'))?.incarnation, 'no more than degraded and well again').to.equal(3);
    await untilSaid(n1, /degraded stalledMs=/);
    await until('the refutation of the other', 20_000, async () => (await at(n2, 'single'))?.status === 'alive' || undefined);
    expect((await at(n2, 'single'))?.isDegraded).to.equal(false);
    expect(await n1.kill('SIGTERM')).to.equal(0);
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
