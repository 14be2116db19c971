import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Member {
  readonly name: string;
  readonly status: string;
}

describe('joining, as processes', function () {
  this.timeout(60_000);
  let play: Playground;
  /** Takes connections and never says anything, as a host behind a firewall that only looks open. */
  let mute: Server;
  let muteAddress: string;

  beforeEach(async () => {
    play = new Playground();
    mute = createServer((socket) => void socket.unref());
    await new Promise<void>((resolve) => void mute.listen(0, '127.0.33.9', resolve));
    muteAddress = `127.0.33.9:${(mute.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await play.clear();
    mute.close();
  });

  const sees = (node: StartedNode, ...names: string[]): Promise<true> =>
    until(`${node.name} sees ${names.join()}`, 10_000, async () => {
      const members = await node.json<Member[]>('members');
      return names.every((name) => members.some((member) => member.name === name && member.status === 'alive')) ? true : undefined;
    });

  it('goes through all seeds at once: one that answers is enough beside many that do not, and a name with several addresses', async () => {
    const n1 = await play.node('n1', { bind: '127.0.33.1' });
    const silent = Array.from({ length: 40 }, (_, i) => `127.0.33.${100 + i}:${muteAddress.split(':')[1]}`);
    const n2 = await play.node('n2', { bind: '127.0.33.2', flags: [...silent, muteAddress, n1.gossip].flatMap((seed) => ['--join', seed]) });
    await sees(n2, 'n1', 'n2');
    const port = n1.gossip.split(':')[1]!;
    const local = await play.node('local', { bind: '127.0.0.1' });
    const n3 = await play.node('n3', { bind: '127.0.33.3', flags: ['--join', `localhost:${local.gossip.split(':')[1]!}`, '--join', `127.0.33.1:${port}`] });
    await sees(n3, 'n1', 'n2', 'n3', 'local');
  });

  it('is given up at once when the node is asked to stop meanwhile', async () => {
    const child = play.spawn('start', '--name', 'n4', '--bind', '127.0.33.4', '--gossip-port', '0', '--grpc-port', '0', '--data-dir', `${play.home}/n4`, '--join', muteAddress);
    const said = listenTo(child);
    const asked = new Promise<void>((resolve) => void mute.once('connection', () => resolve()));
    await asked;
    const askedAt = performance.now();
    expect(await endOf(child, () => child.kill('SIGTERM'))).to.equal(0);
    // Less than it takes to find nobody: two seconds.
    expect(performance.now() - askedAt).to.be.lessThan(1_900);
    expect(said.stdout()).not.to.include('READY');
  });
});
