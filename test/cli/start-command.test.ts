import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { thisProcess } from '../../src/data-dir/lock-file.ts';
import type { NodeOptions, RunningNode } from '../../src/node.ts';
import { FakeProcess, type Outcome } from './fake-process.ts';

describe('mesh start', () => {
  let fake: FakeProcess;
  const mesh = (...argv: string[]): Promise<Outcome> => fake.mesh(...argv);

  beforeEach(() => {
    fake = new FakeProcess();
  });

  afterEach(() => fake.remove());

  let options: NodeOptions | undefined;
  let finish: (exitCode: number, why?: string) => void;
  let stops: number;

  beforeEach(() => {
    stops = 0;
    fake.doors.startNode = (given) => {
      options = given;
      const node: RunningNode = {
        name: given.config.name,
        gossipAddress: '127.0.0.1:1',
        grpcAddress: '127.0.0.1:2',
        adminSocket: join(given.config.dataDir, 'admin.sock'),
        stop: () => {
          stops++;
        },
        done: new Promise((resolve) => (finish = (exitCode, why) => resolve({ exitCode, ...(why === undefined ? {} : { why }) }))),
      };
      return Promise.resolve(node);
    };
  });

  const dataDir = (): string => join(fake.home, '.omega-mesh', 'box');

  it('needs nothing, and prints one line when it is up', async () => {
    const ended = mesh('start');
    await fake.nextStdout();
    expect(options?.config).to.include({ name: 'box', bind: '127.0.0.1', dataDir: dataDir() });
    expect(JSON.parse(readFileSync(join(dataDir(), 'node.lock'), 'utf8'))).to.include({ pid: process.pid, name: 'box' });
    finish(0);
    expect(await ended).to.deep.equal({
      exitCode: 0,
      stdout: `READY box gossip=127.0.0.1:1 grpc=127.0.0.1:2 admin=${dataDir()}/admin.sock\n`,
      stderr: '',
    });
    expect(readdirSync(dataDir())).to.deep.equal(['log']);
  });

  it('prints the same as JSON', async () => {
    const ended = mesh('start', '--json');
    const line = await fake.nextStdout();
    finish(0);
    await ended;
    expect(JSON.parse(line)).to.deep.equal({
      name: 'box',
      pid: process.pid,
      gossipAddress: '127.0.0.1:1',
      grpcAddress: '127.0.0.1:2',
      adminSocket: join(dataDir(), 'admin.sock'),
      dataDir: dataDir(),
    });
  });

  it('is found by other commands while it runs', async () => {
    fake.doors.connectAdmin = (path) => {
      expect(path).to.equal(join(fake.home, 'elsewhere', 'admin.sock'));
      return Promise.reject(new MeshError('REFUSED', 'found it'));
    };
    const ended = mesh('start', '--data-dir', join(fake.home, 'elsewhere'));
    await fake.nextStdout();
    expect((await mesh('status')).stderr).to.include('found it');
    finish(0);
    await ended;
  });

  it('takes options from flags, variables and a file', async () => {
    const file = join(fake.home, 'mesh.yaml');
    writeFileSync(file, 'name: in-file\nprofile: wan\nlogLevel: debug\n');
    fake.env['MESH_PROFILE'] = 'local';
    fake.env['MESH_PROFIL'] = 'x';
    const ended = mesh('start', '--config', file, '--name', 'flag', '--join', 'h1', '--join', 'h2:3', '--grpc-port', '0');
    await fake.nextStdout();
    finish(0);
    const { stderr } = await ended;
    expect(options?.config).to.deep.include({
      name: 'flag',
      profile: 'local',
      logLevel: 'debug',
      grpcPort: 0,
      join: [{ host: 'h1', port: 7946 }, { host: 'h2', port: 3 }],
    });
    expect(stderr).to.equal('mesh: warning: unknown environment variable MESH_PROFIL is ignored; did you mean MESH_PROFILE?\n');
  });

  it('refuses a bad configuration before it touches anything', async () => {
    const file = join(fake.home, 'mesh.yaml');
    writeFileSync(file, 'name: x\ngosipPort: 1\n');
    const { exitCode, stderr } = await mesh('start', '--config', file);
    expect(exitCode).to.equal(2);
    expect(stderr).to.include(`${file}:2: unknown key "gosipPort"`).and.to.include('did you mean gossipPort?');
    expect(readdirSync(fake.home)).to.deep.equal(['mesh.yaml']);
  });

  it('refuses a configuration file that cannot be read', async () => {
    const { exitCode, stderr } = await mesh('start', '--config', join(fake.home, 'none.yaml'));
    expect(exitCode).to.equal(2);
    expect(stderr).to.match(/cannot read .*none\.yaml: no such file or directory \(ENOENT\)/);
  });

  it('refuses a data directory that another node holds', async () => {
    mkdirSync(dataDir(), { recursive: true });
    writeFileSync(join(dataDir(), 'node.lock'), JSON.stringify({ ...thisProcess(), name: 'box' }));
    const { exitCode, stderr } = await mesh('start');
    expect(exitCode).to.equal(1);
    expect(stderr).to.include(`already running, pid ${process.pid}`);
  });

  it('lets go of the data directory when the node does not come up', async () => {
    fake.doors.startNode = () => Promise.reject(new MeshError('PORT_IN_USE', 'port 7946 is taken'));
    const { exitCode, stdout, stderr } = await mesh('start');
    expect([exitCode, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.include('port 7946 is taken');
    expect(readdirSync(dataDir())).to.deep.equal(['log']);
  });

  it('stops in order on the first signal and at once on the second', async () => {
    const ended = mesh('start');
    await fake.nextStdout();
    fake.signal('SIGTERM');
    expect([stops, fake.exits]).to.deep.equal([1, []]);
    fake.signal('SIGTERM');
    fake.signal('SIGINT');
    expect([stops, fake.exits]).to.deep.equal([1, [143, 130]]);
    finish(0);
    expect((await ended).exitCode).to.equal(0);
    expect(fake.isListeningForSignals).to.equal(false);
  });

  it('stops without a READY line when the signal comes before it is up', async () => {
    const startNode = fake.doors.startNode!;
    fake.doors.startNode = async (given) => {
      fake.signal('SIGTERM');
      const node = await startNode(given);
      finish(0);
      return node;
    };
    expect(await mesh('start')).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' });
    expect(stops).to.equal(1);
  });

  it('ends with what the node ended with when its supervisors gave up', async () => {
    const ended = mesh('start');
    await fake.nextStdout();
    finish(70, 'the node gave up: /bus');
    expect(await ended).to.include({ exitCode: 70, stderr: `mesh: the node gave up: /bus; see \`${dataDir()}/log/node.jsonl\`\n` });
  });
});
