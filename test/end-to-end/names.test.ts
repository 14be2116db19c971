import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Playground, until, untilSaid } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Member {
  readonly name: string;
  readonly status: string;
  readonly session: string;
  readonly address: string;
}

describe('a name that two nodes want, as processes', function () {
  this.timeout(60_000);
  let play: Playground;
  let n1: StartedNode;
  let n2: StartedNode;

  // One mesh for all: n1 moves on from test to test.
  before(async () => {
    play = new Playground();
    n1 = await play.node('n1', { bind: '127.0.0.1' });
    n2 = await play.node('n2', { bind: '127.0.0.2', flags: ['--join', n1.gossip] });
    await sessionBetween();
  });
  after(() => play.clear());

  const sessionBetween = (): Promise<Member> =>
    until('a session of n2 with n1', 5_000, async () => (await n2.json<Member[]>('members')).find(({ name, session }) => name === 'n1' && session === 'open'));

  const startAgain = (name: string, bind: string): readonly string[] => ['start', '--name', name, '--bind', bind, '--gossip-port', '0', '--grpc-port', '0', '--join', n2.gossip, '--data-dir', join(play.home, `other-${name}`)];

  it('is joined under only when the node can be dialled', () => {
    expect(n1.stderr() + n2.stderr()).not.to.include('session-not-opened');
  });

  it('is refused to the second, which ends with 1 and says whose it is, while the first is not disturbed', async () => {
    const { code, stdout, stderr } = await play.run(...startAgain('n1', '127.0.0.9'));
    expect(code).to.equal(1);
    expect(stdout).to.equal('');
    expect(stderr).to.include(`the name n1 belongs to a node that runs at ${n1.gossip}`);
    expect(await sessionBetween()).to.include({ status: 'alive', address: n1.gossip });
    expect(n2.stderr()).not.to.match(/session-lost|member-left|member-suspect/);
    await until('a line in the log of n1', 2_000, () => (/name n1 is also claimed by 127\.0\.0\.9:\d+/.test(n1.stderr()) ? true : undefined));
  });

  for (const [disk, next, ruin] of [
    ['its own', '127.0.0.9', () => undefined],
    ['empty', '127.0.0.10', (dataDir: string) => rmSync(dataDir, { recursive: true })],
    ['damaged', '127.0.0.11', (dataDir: string) => writeFileSync(join(dataDir, 'incarnation'), 'garbage')],
  ] as const) {
    it(`is given within five seconds to the one that starts elsewhere once the first is gone, though nobody saw it go, its disk ${disk}`, async () => {
      const former = n1;
      await n1.kill('SIGKILL');
      ruin(n1.dataDir);
      n1 = await play.node('n1', { bind: next, flags: ['--join', n2.gossip] });
      await until('n1 at its new address', 5_000, async () =>
        (await n2.json<Member[]>('members')).find(({ name, status, address }) => name === 'n1' && status === 'alive' && address === n1.gossip),
      );
      expect(n1.gossip).not.to.equal(former.gossip);
      await sessionBetween();
    });
  }
});

describe('two nodes of one name, in two meshes that become one, as processes', function () {
  this.timeout(150_000);
  let plays: readonly [Playground, Playground];
  beforeEach(() => void (plays = [new Playground(), new Playground()]));
  afterEach(() => Promise.all(plays.map((play) => play.clear())));

  it('are one: that which fewer know is outvoted, says so, and stops', async () => {
    const start = (play: Playground, name: string, last: number, ...join: readonly StartedNode[]): Promise<StartedNode> =>
      play.node(name, { bind: `127.0.36.${last}`, flags: ['--profile', 'local', ...join.flatMap(({ gossip }) => ['--join', gossip])], readyWithinMs: 30_000 });
    const [here, there] = plays;
    const a1 = await start(here, 'a1', 1);
    const [a2, many, few] = await Promise.all([start(here, 'a2', 2, a1), start(here, 'x', 3, a1), start(there, 'x', 4)]);
    const xAt = async (node: StartedNode): Promise<string | undefined> => (await node.json<Member[]>('members')).find(({ name, status }) => name === 'x' && status === 'alive')?.address;
    for (const node of [a1, a2]) await until(`${node.name} sees x`, 30_000, async () => ((await xAt(node)) === many.gossip ? true : undefined));
    const bridge = await start(here, 'bridge', 5, few, a1);
    await until('the x that fewer know has ended', 60_000, () => (few.process.exitCode === null ? undefined : true));
    await untilSaid(few, /name-lost .*another node has the name of this one, and [23] members know that one, [01] this one/);
    for (const node of [a1, a2, bridge]) await until(`${node.name} sees the other x`, 60_000, async () => ((await xAt(node)) === many.gossip ? true : undefined));
    expect(many.process.exitCode).to.equal(null);
  });
});
