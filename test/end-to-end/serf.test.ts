import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Member {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
}

describe('what programs tell and ask each other, as processes', function () {
  this.timeout(60_000);
  let play: Playground;
  let n1: StartedNode;
  let n2: StartedNode;

  // One pair of nodes for all; the last test restarts one of them.
  before(async () => {
    play = new Playground();
    n1 = await play.node('n1', { bind: '127.0.35.21', flags: ['--profile', 'local', '--tag', 'role=web'] });
    n2 = await play.node('n2', { bind: '127.0.35.22', flags: ['--profile', 'local', '--tag', 'role=db', '--join', n1.gossip] });
    await until('n1 sees n2', 10_000, async () => (await tagsOf('n2')) && true);
  });
  after(() => play.clear());

  const tagsOf = async (name: string): Promise<Member['tags'] | undefined> => (await n1.json<Member[]>('members')).find((member) => member.name === name)?.tags;

  it('an event reaches who follows on another node', async () => {
    const follower = play.spawn('event', '--follow', 'deploy', '--json', '--data-dir', n2.dataDir);
    const said = listenTo(follower);
    await until('deploy is heard', 20_000, async () => {
      // Nothing says when a follower has begun to follow.
      expect((await n1.mesh('event', 'deploy', 'v1')).code).to.equal(0);
      return said.stdout().includes('\n') ? true : undefined;
    });
    expect(JSON.parse(said.stdout().split('\n')[0]!)).to.deep.include({ type: 'event', name: 'deploy', payload: 'v1' });
    await endOf(follower, () => follower.kill('SIGTERM'));
  });

  it('a query is heard by all that it is for, and answered by what runs there', async () => {
    play.spawn('answer', 'load', 'cat', '--data-dir', n2.dataDir);
    const query = async (...flags: string[]): Promise<{ type: string; from?: string; payload?: string }[]> =>
      (await n1.mesh('query', 'load', 'how much?', '--timeout', '1s', '--json', ...flags)).stdout.trim().split('\n').map((line) => JSON.parse(line));
    const items = await until('an answer', 30_000, async () => {
      const lines = await query();
      return lines.some(({ type }) => type === 'response') ? lines : undefined;
    });
    expect(items.filter(({ type }) => type === 'ack').map(({ from }) => from)).to.have.members(['n1', 'n2']);
    expect(items.filter(({ type }) => type === 'response')).to.deep.equal([{ type: 'response', from: 'n2', payload: 'how much?' }]);
    expect(items.at(-1)).to.deep.equal({ type: 'over', acks: 2, responses: 1 });
    expect((await query('--tag', 'role=^web$')).filter(({ type }) => type !== 'over')).to.deep.equal([{ type: 'ack', from: 'n1' }]);
    expect((await query('--node', 'n2', '--no-ack')).map(({ type }) => type)).to.deep.equal(['response', 'over']);
  });

  it('the round trip between members is estimated once they have pinged', async () => {
    const rtt = await until('an estimate', 20_000, async () => {
      const { code, stdout } = await n1.mesh('rtt', 'n2', '--json');
      return code === 0 ? (JSON.parse(stdout) as { from: string; to: string; rttMs: number }) : undefined;
    });
    expect(rtt).to.include({ from: 'n2', to: 'n1' });
    expect(rtt.rttMs).to.be.within(0, 1_000);
    expect((await n1.mesh('rtt', 'nobody')).code).to.equal(1);
  });

  it('one that was killed is said to have left, and forgotten, by whoever is asked', async () => {
    const n3 = await play.node('n3', { bind: '127.0.35.23', flags: ['--profile', 'local', '--join', n1.gossip] });
    const statusAt = async (node: StartedNode): Promise<string | undefined> => (await node.json<{ name: string; status: string }[]>('members')).find(({ name }) => name === 'n3')?.status;
    for (const node of [n1, n2]) await until(`${node.name} sees n3`, 20_000, async () => ((await statusAt(node)) === 'alive' ? true : undefined));
    const early = await n1.mesh('force-leave', 'n3');
    expect([early.code, early.stderr]).to.satisfy(([code, text]: [number, string]) => code === 1 && text.includes('n3 is not known to be dead'));
    await n3.kill('SIGKILL');
    for (const node of [n1, n2]) await until(`${node.name} holds n3 dead`, 30_000, async () => ((await statusAt(node)) === 'dead' ? true : undefined));
    expect(await n1.mesh('force-leave', 'n3')).to.include({ code: 0, stdout: 'n3 has left\n' });
    for (const node of [n1, n2]) await until(`${node.name} lets n3 go`, 20_000, async () => ((await statusAt(node)) === 'left' ? true : undefined));
    expect(await n2.json('force-leave', 'n3', '--prune')).to.deep.equal({ member: 'n3', prune: true });
    for (const node of [n1, n2]) await until(`${node.name} has forgotten n3`, 20_000, async () => ((await statusAt(node)) === undefined ? true : undefined));
    expect((await n1.mesh('members', 'why', 'n3')).stdout).to.include('it had left, and it was said that it is to be forgotten');
    expect(await n1.mesh('force-leave', 'n3')).to.include({ code: 1 });
  });

  it('tags are changed while the node runs, told to the others, and there again after a restart', async () => {
    expect((await n2.json<object>('tags', 'set', 'role=cache', 'zone=eu'))).to.include({ role: 'cache', zone: 'eu' });
    await n2.mesh('tags', 'delete', 'zone');
    await until('n1 hears of it', 5_000, async () => ((await tagsOf('n2'))?.['role'] === 'cache' ? true : undefined));
    const refused = await n2.mesh('tags', 'set', 'grpc=elsewhere');
    expect([refused.code, refused.stderr]).to.satisfy(([code, stderr]: [number, string]) => code === 1 && stderr.includes('where other nodes find this one'));
    await n2.kill('SIGTERM');
    n2 = await play.node('n2', { bind: '127.0.35.22', flags: ['--profile', 'local', '--tag', 'role=db'] });
    expect(await n2.json<object>('tags')).to.include({ role: 'cache' }).and.not.to.have.property('zone');
  });
});
