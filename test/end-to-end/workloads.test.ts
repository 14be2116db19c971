import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { expect } from 'chai';
import { listenTo, Playground, until, untilSaid, type StartedNode } from '../support/mesh-process.ts';

interface Served {
  readonly id: string;
  readonly endpoint: string;
  readonly serial: string | null;
  readonly streams: number;
}

interface Shown {
  readonly serial: string;
  readonly source: string;
  readonly sourceAt: readonly string[];
}

/** Two homes stand for two machines' authorities: what is in the one, the other does not have. */
describe('the Workload API, as processes', function () {
  this.timeout(60_000);
  let here: Playground;
  let there: Playground;
  before(() => {
    here = new Playground();
    there = new Playground();
  });
  after(async () => {
    await there.clear();
    await here.clear();
  });

  const session = (node: StartedNode, peer: string): Promise<true> =>
    until(`a session with ${peer}`, 20_000, async () => {
      const members = await node.json<{ name: string; session: string }[]>('members');
      return members.some(({ name, session: state }) => name === peer && state === 'open') ? true : undefined;
    });
  const shown = (node: StartedNode): Promise<Shown> => node.json<Shown>('trust', 'show');

  it('gives a program its identity, and a second node its own, which follow every rotation and end with a ban', async () => {
    const n1 = await here.node('n1', { bind: '127.0.73.11', flags: ['--svid-ttl-ms', '10000'], readyWithinMs: 30_000 });
    const web = await n1.json<Served>('workload', 'add', 'web');
    expect(web.id).to.match(/^spiffe:\/\/.+\/workload\/n1\/web$/);
    const socket = web.endpoint.slice('unix://'.length);
    expect(statSync(socket).mode & 0o777).to.equal(0o600);

    const client = new Client(`unix:${socket}`, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('workload.spiffe.io', 'true');
    const call = client.makeServerStreamRequest('/SpiffeWorkloadAPI/FetchX509SVID', () => Buffer.alloc(0), (bytes) => bytes, {}, metadata);
    const pushed: Buffer[] = [];
    call.on('data', (bytes: Buffer) => void pushed.push(bytes));
    const ended = new Promise<ServiceError>((resolve) => void call.once('error', (error: Error) => resolve(error as ServiceError)));

    // A node of another machine's authority: all it has of this trust domain is the socket.
    const n2Socket = (await n1.json<Served>('workload', 'add', 'node/n2')).endpoint;
    const flags = ['--trust-source', 'workload-api', '--workload-socket', n2Socket, '--join', n1.gossip];
    const wrong = there.spawn('start', '--name', 'n3', '--bind', '127.0.73.13', '--gossip-port', '0', '--grpc-port', '0', '--data-dir', join(there.home, 'n3'), ...flags);
    const wrongSays = listenTo(wrong);
    const [n2, wrongCode] = await Promise.all([there.node('n2', { bind: '127.0.73.12', flags, readyWithinMs: 30_000 }), new Promise<number | null>((resolve) => void wrong.once('close', resolve))]);
    expect(wrongCode, wrongSays.stderr()).to.equal(1);
    expect(wrongSays.stderr()).to.match(/has no identity of the node n3: it gives spiffe:\/\/.+\/node\/n2\n/);
    await session(n2, 'n1');
    const first = await shown(n2);
    expect([first.source, first.sourceAt]).to.deep.equal(['workload-api', [n2Socket]]);
    await until('another certificate', 20_000, async () => ((await shown(n2)).serial === first.serial ? undefined : true));
    await until('a push to the program', 20_000, () => (pushed.length > 1 ? true : undefined));
    expect(pushed[0]!.equals(pushed[1]!)).to.equal(false);

    // An agent, likewise.
    const a1Socket = (await n1.json<Served>('workload', 'add', 'agent/a1')).endpoint;
    const agent = there.spawn('agent', '--id', 'a1', '--node', n1.grpc, '--workload-socket', a1Socket);
    await until('the agent', 20_000, async () => ((await n1.json<{ id: string }[]>('agents')).some(({ id }) => id === 'a1') ? true : undefined));
    agent.kill('SIGTERM');

    expect((await n1.mesh('trust', 'ban', 'workload/n1/web', '--reason', 'a test')).code).to.equal(0);
    expect((await ended).details).to.match(/workload\/n1\/web was banned/);
    client.close();

    // Its source goes and comes: it is used meanwhile, told of, and found again by the next start without a word about it.
    await n1.mesh('workload', 'remove', 'node/n2');
    await untilSaid(n2, /workload-api-away/);
    await n1.mesh('workload', 'add', 'node/n2');
    expect(await n2.kill('SIGTERM')).to.equal(0);
    const again = await there.node('n2', { bind: '127.0.73.12', flags: ['--join', n1.gossip], readyWithinMs: 30_000 });
    await session(again, 'n1');
    expect((await shown(again)).source).to.equal('workload-api');
  });
});
