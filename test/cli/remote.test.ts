/** Commands that ask a node elsewhere. */
import { expect } from 'chai';
import { allCommands, commandsFor, firstWordIn } from '../../src/cli/commands.ts';
import { MeshError } from '../../src/errors.ts';
import type { RemoteAsking } from '../../src/remote-admin.ts';
import type { AdminClient } from '../../src/transport/grpc-client.ts';
import { FakeProcess } from './fake-process.ts';

const COMMANDS = await allCommands();

describe('a command for a node elsewhere', () => {
  let fake: FakeProcess;
  let asked: Pick<RemoteAsking, 'node' | 'admin' | 'user'>[];

  beforeEach(() => {
    fake = new FakeProcess();
    asked = [];
  });
  afterEach(() => fake.remove());

  const answerElsewhere = (admin: Partial<AdminClient>): void => {
    fake.doors.connectRemote = ({ node, admin: name, user, remark }) => {
      asked.push({ node, admin: name, user });
      remark('asking n2 at 10.0.0.2:7947 as admin/kim (viewer)');
      return Promise.resolve({ ...admin, close: () => void fake.closed++ } as AdminClient);
    };
  };
  const NODE = { name: undefined, address: { host: '10.0.0.2', port: 7947 } };

  it('names it before the command or behind it, and hears who answers', async () => {
    answerElsewhere({ listMembers: () => Promise.resolve({ members: [] }) });
    for (const argv of [['--node', '10.0.0.2', 'members'], ['--node=10.0.0.2', 'members'], ['members', '--node', '10.0.0.2'], ['--json', '--node', '10.0.0.2:7947', 'members']]) {
      const { exitCode, stderr } = await fake.mesh(...argv);
      expect(exitCode, stderr).to.equal(0);
      expect(stderr).to.equal(argv.includes('--json') ? '' : 'mesh: asking n2 at 10.0.0.2:7947 as admin/kim (viewer)\n');
    }
    expect(asked).to.deep.equal(Array.from({ length: 4 }, () => ({ node: NODE, admin: undefined, user: 'ada' })));
    expect(fake.closed).to.equal(4);
  });

  it('may name the node that is expected there, and who asks', async () => {
    answerElsewhere({ listMembers: () => Promise.resolve({ members: [] }) });
    await fake.mesh('--node', 'n2=[::1]:7000', '--as', 'kim', 'members');
    fake.env['MESH_ADMIN'] = 'lee';
    await fake.mesh('members', '--node', '10.0.0.2');
    await fake.mesh('members', '--node', '10.0.0.2', '--as', 'kim');
    expect(asked.map(({ node, admin }) => [node.name, node.address.host, admin])).to.deep.equal([
      ['n2', '::1', 'kim'],
      [undefined, '10.0.0.2', 'lee'],
      [undefined, '10.0.0.2', 'kim'],
    ]);
  });

  it('stands before a query, which has a --node of its own', async () => {
    const queries: unknown[] = [];
    answerElsewhere({
      runQuery: async function* ({ nodes }) {
        queries.push(nodes);
        yield { over: { acks: 1, responses: 0 } };
      },
    });
    await fake.mesh('--node', '10.0.0.2', 'query', 'uptime', '--node', 'n3');
    expect(asked.map(({ node }) => node.address.host)).to.deep.equal(['10.0.0.2']);
    expect(queries).to.deep.equal([['n3']]);
  });

  it('is told once who answers, however often it asks', async () => {
    answerElsewhere({ listHistory: () => Promise.resolve({ events: [], boot: 'b' }), getTree: () => Promise.resolve({} as never) });
    const { stderr } = await fake.mesh('--node', '10.0.0.2', 'why', '/bus');
    expect(stderr.match(/asking/g)).to.have.length(1);
    expect(asked).to.have.length(2);
    expect(stderr).to.include('on its own machine only');
  });

  it('asks again with another certificate when the one it has is of before, and no more than once', async () => {
    const asking: boolean[] = [];
    let refusals = 1;
    fake.doors.connectRemote = ({ isOutdated }) => {
      asking.push(isOutdated);
      const listMembers = (): Promise<never> => (refusals-- > 0 ? Promise.reject(new MeshError('EVICTED', 'it was evicted')) : Promise.resolve({ members: [] } as never));
      return Promise.resolve({ listMembers, close: () => void fake.closed++ } as unknown as AdminClient);
    };
    expect((await fake.mesh('--node', 'h', 'members')).exitCode).to.equal(0);
    expect(asking).to.deep.equal([false, true]);
    refusals = 2;
    expect(await fake.mesh('--node', 'h', 'members')).to.include({ exitCode: 1 }).and.to.have.property('stderr').that.includes('it was evicted');
    expect(asking).to.deep.equal([false, true, false, true]);
    expect(fake.closed).to.equal(4);
    fake.doors.connectRemote = ({ isOutdated }) =>
      Promise.resolve({ listMembers: () => Promise.reject(new MeshError('BANNED', 'it was banned')), close: () => void (isOutdated && expect.fail('asked again')) } as unknown as AdminClient);
    expect((await fake.mesh('--node', 'h', 'members')).stderr).to.include('it was banned');
  });

  it('is refused where it is about this machine, and beside --data-dir', async () => {
    answerElsewhere({});
    for (const { words, operands = '' } of COMMANDS.filter(({ isLocal }) => isLocal === true)) {
      const needed = [...operands.matchAll(/<\S+>/g)].map(() => 'x');
      const { exitCode, stderr } = await fake.mesh('--node', '10.0.0.2', ...words.split(' '), ...needed);
      expect(exitCode, words).to.equal(2);
      expect(stderr, words).to.include(`\`mesh ${words}\` is about this machine`);
    }
    expect((await fake.mesh('--node', '10.0.0.2', 'start')).stderr).to.include('started on its own machine');
    expect((await fake.mesh('--node', '10.0.0.2', 'members', '--data-dir', '/d')).stderr).to.include('--data-dir one here');
    expect((await fake.mesh('members', '--as', 'kim')).stderr).to.include('name it with --node');
    expect((await fake.mesh('--node', 'a:b', 'members')).stderr).to.include('"a:b" is not an address');
    expect(asked).to.deep.equal([]);
  });

  it('is helped with: --node stands in the help of mesh, and of each command that can be asked elsewhere', async () => {
    expect((await fake.mesh('--help')).stdout).to.include('--node <address>').and.to.include('--as <admin>');
    expect((await fake.mesh('--help')).stdout).to.match(/^ {2}audit +see /m).and.to.match(/^ {2}status \[options\] +show /m);
    expect((await fake.mesh('members', '--help')).stdout).to.include('--node <address>');
    expect((await fake.mesh('audit', 'tail', '--help')).stdout).not.to.include('--node');
  });

  it('is found by its first word, behind what stands before it', async () => {
    for (const argv of [['--node', 'members', 'tree'], ['--node=x', '--as', 'kim', 'tree'], ['--json', 'tree']]) expect(firstWordIn(argv)).to.equal('tree');
    expect(firstWordIn(['--node'])).to.equal(undefined);
    expect((await commandsFor('tree')).map(({ words }) => words)).to.deep.equal(['tree', 'top']);
  });
});
