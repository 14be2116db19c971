import { expect } from 'chai';
import { Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Member {
  readonly name: string;
  readonly status: string;
  readonly session: string;
}

interface Bans {
  readonly bans: readonly { readonly subject: string; readonly kind: string; readonly counts: boolean }[];
  readonly digest: string;
}

describe('a ban, as processes', function () {
  this.timeout(120_000);
  let play: Playground;

  beforeEach(() => (play = new Playground()));
  afterEach(() => play.clear());

  const start = (name: string, join?: StartedNode, ports?: readonly [string, string]): Promise<StartedNode> =>
    play.node(name, { flags: ['--profile', 'local', ...(join === undefined ? [] : ['--join', join.gossip])], ...(ports === undefined ? {} : { ports }), readyWithinMs: 30_000 });
  const memberOf = async (node: StartedNode, name: string): Promise<Member | undefined> => (await node.json<Member[]>('members')).find((member) => member.name === name);
  const open = async (node: StartedNode): Promise<string[]> => (await node.json<Member[]>('members')).filter(({ session }) => session === 'open').map(({ name }) => name);
  const agents = async (node: StartedNode): Promise<{ id: string; connected: boolean }[]> => node.json('agents');
  const portOf = (address: string): string => address.slice(address.lastIndexOf(':') + 1);

  it('ends what a node has with others everywhere, and outlives restarts of all of them', async () => {
    const n1 = await start('n1');
    const [n2, n3, n4] = await Promise.all(['n2', 'n3', 'n4'].map((name) => start(name, n1)));
    await until('sessions between all', 30_000, async () => ((await open(n4!)).length === 3 && (await open(n3!)).length === 3 ? true : undefined));
    // One that is away learns it when it is back.
    await n3!.kill('SIGTERM');

    expect((await n1.mesh('trust', 'ban', 'n4')).stderr).to.include('a reason is missing');
    expect((await n1.mesh('trust', 'ban', 'n1', '--reason', 'x')).stderr).to.include('the node that you ask');
    const banned = await n1.mesh('trust', 'ban', 'n4', '--reason', 'its disk was stolen');
    expect(banned.stdout).to.match(/^banned spiffe:\/\/.*\/node\/n4: told 1 node, cut off 1 connection here\n$/);
    await until('n2 to have let go of n4', 5_000, async () => {
      const { status, session } = (await memberOf(n2!, 'n4'))!;
      return status === 'dead' && session === 'none' ? true : undefined;
    });
    expect(await open(n4!)).to.deep.equal([]);
    const audit = await n2!.mesh('audit', 'tail', '--json', '--limit', '1000');
    expect(audit.stdout).to.include('"what":"ban-in-force"').and.to.include('its disk was stolen');

    const back = await start('n3', n1, [portOf(n3!.gossip), portOf(n3!.grpc)]);
    await until('n3 to have learnt of it', 30_000, async () => ((await back.json<Bans>('trust', 'bans')).digest === (await n1.json<Bans>('trust', 'bans')).digest ? true : undefined));
    await until('n3 to be with n1 and n2', 30_000, async () => ((await open(back)).join() === 'n1,n2' ? true : undefined));

    // The banned one starts again: nobody speaks to it, and it learns nothing.
    await n4!.kill('SIGKILL');
    const n4Again = await start('n4', n1, [portOf(n4!.gossip), portOf(n4!.grpc)]);
    await until('n4 to have been refused', 15_000, async () => {
      const { refusedCalls } = await n1.json<{ refusedCalls: Record<string, number> }>('status');
      const { packetsDropped } = await n1.json<{ packetsDropped: Record<string, number> }>('status');
      return (refusedCalls['BANNED'] ?? 0) + (packetsDropped['banned'] ?? 0) > 0 ? true : undefined;
    });
    expect(await open(n4Again)).to.deep.equal([]);
    expect((await n4Again.json<Bans>('trust', 'bans')).bans).to.deep.equal([]);
    for (const node of [n1, n2!, back]) expect((await memberOf(node, 'n4'))?.status ?? 'dead').to.equal('dead');

    // One person alone takes nothing back, unless it is meant.
    const waits = await n1.mesh('trust', 'unban', 'n4', '--reason', 'reinstalled');
    expect(waits.stdout + waits.stderr).to.include('is kept out still').and.to.include('a second admin');
    expect((await n1.mesh('trust', 'unban', 'n4', '--reason', 'reinstalled')).stdout).to.include('is kept out still');
    expect((await n1.mesh('trust', 'unban', 'n4', '--reason', 'reinstalled', '--force')).stdout).to.include('unbanned');
    await until('n4 to be a member again', 60_000, async () => ((await open(n2!)).includes('n4') ? true : undefined));
    expect((await n1.mesh('audit', 'tail', '--json', '--limit', '1000')).stdout).to.include('forced: reinstalled');
    expect((await n1.mesh('audit', 'verify')).code).to.equal(0);
  });

  it('of the certificates only has the node attest again, and come back by itself', async () => {
    const n1 = await start('n1');
    const n2 = await start('n2', n1);
    const serial = async (): Promise<string | undefined> => (await n1.json<{ peer: string; serial: string }[]>('sessions')).find(({ peer }) => peer.includes('n2'))?.serial;
    const before = await until('the session', 30_000, async () => ((await open(n1)).length === 1 ? serial() : undefined));
    expect((await n1.mesh('trust', 'evict', 'n2', '--reason', 'its key was in a backup')).stdout).to.include('evicted');
    await until('a session with a new certificate', 60_000, async () => {
      const now = await serial();
      return now !== undefined && now !== before && (await open(n1)).includes('n2') ? true : undefined;
    });
    expect((await n2.mesh('audit', 'tail', '--json', '--limit', '1000')).stdout).to.include('evict-in-force');
  });

  it('ends the stream of an agent wherever it is connected, and an eviction that of its old certificate', async () => {
    const n1 = await start('n1');
    const n2 = await start('n2', n1);
    await until('the session', 30_000, async () => ((await open(n1)).length === 1 ? true : undefined));
    play.spawn('agent', '--id', 'a1', '--node', n2.grpc);
    await until('the agent to be connected', 30_000, async () => ((await agents(n1)).some(({ id, connected }) => id === 'a1' && connected) ? true : undefined));
    await n1.mesh('trust', 'ban', 'agent/a1', '--reason', 'it lies');
    await until('the agent to be offline', 5_000, async () => ((await agents(n1)).some(({ id, connected }) => id === 'a1' && !connected) ? true : undefined));
    await until('the agent to be refused', 30_000, async () => (((await n2.json<{ refusedCalls: Record<string, number> }>('status')).refusedCalls['BANNED'] ?? 0) > 0 ? true : undefined));
    expect((await agents(n2)).find(({ id }) => id === 'a1')?.connected).to.equal(false);
    expect((await n1.mesh('trust', 'evict', 'agent/a1', '--reason', 'x')).stderr).to.include('an eviction would be milder');
    expect((await n1.mesh('trust', 'unban', 'agent/a2', '--reason', 'x')).code).to.equal(1);
    const { bans } = await n2.json<Bans>('trust', 'bans');
    expect(bans.map(({ subject, kind, counts }) => `${kind} ${subject.split('/').at(-1)!} ${counts}`)).to.deep.equal(['ban a1 true']);
  });

  it('of the milder kind lets an agent attest again, by itself and within seconds', async () => {
    const n1 = await start('n1');
    play.spawn('agent', '--id', 'a1', '--node', n1.grpc);
    const session = async (): Promise<string | undefined> => (await n1.json<{ peer: string; serial: string }[]>('sessions')).find(({ peer }) => peer.endsWith('/agent/a1'))?.serial;
    const before = await until('the agent to be connected', 30_000, session);
    await n1.mesh('trust', 'evict', 'agent/a1', '--reason', 'its host was reinstalled');
    const after = await until('the agent to be back', 30_000, async () => {
      const serial = await session();
      return serial === before ? undefined : serial;
    });
    expect(after).not.to.equal(before);
  });
});
