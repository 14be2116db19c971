import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { adminService, type AdminHandler } from '../../src/transport/admin-service.ts';
import { connectAdmin } from '../../src/transport/grpc-client.ts';
import { createAdminServer, type MeshServer } from '../../src/transport/grpc-server.ts';
import { FakeProcess } from './fake-process.ts';

describe('mesh over a real admin socket', () => {
  let fake: FakeProcess;
  let server: MeshServer | undefined;

  beforeEach(() => {
    fake = new FakeProcess();
    fake.registerNode(join(fake.home, 'admin.sock'));
    fake.doors.connectAdmin = (...parameters) => Promise.resolve(connectAdmin(...parameters));
  });

  afterEach(async () => {
    await server?.close(0);
    server = undefined;
    fake.remove();
  });

  async function serve(handler: Partial<AdminHandler>): Promise<void> {
    server = await createAdminServer(join(fake.home, 'admin.sock'), [adminService(handler as AdminHandler, () => undefined)]);
  }

  it('prints what the node answers', async () => {
    await serve({ registryGet: ({ key }) => Promise.resolve({ key, value: 'green', writer: 'a', writtenAtMs: 5 }) });
    const { exitCode, stdout } = await fake.mesh('registry', 'get', 'color', '--json');
    expect(exitCode).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.equal({ key: 'color', value: 'green', writer: 'a', writtenAt: '1970-01-01T00:00:00.005Z', conflict: false });
  });

  it("ends with the code of the node's fault, in the node's words", async () => {
    await serve({ sendCommand: ({ agent }) => Promise.reject(new MeshError('AGENT_UNKNOWN', `no agent ${agent}`, { todo: 'see `mesh agents`' })) });
    expect(await fake.mesh('command', 'send', 'ghost', 'ping')).to.deep.equal({
      exitCode: 4,
      stdout: '',
      stderr: 'mesh: no agent ghost\n  see `mesh agents`\n',
    });
  });

  it('follows a stream until it is told to stop', async () => {
    let closed: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => (closed = resolve));
    await serve({
      tailAgent: ({ id }, sink) => {
        sink.onClosed(() => closed?.());
        sink.send({ id, node: 'a', sequence: 1, atMs: 0, samples: [{ name: 'cpu', value: 1 }] });
      },
    });
    const run = fake.mesh('agents', 'tail', 'a1');
    expect(await fake.nextStdout()).to.equal('1970-01-01T00:00:00.000Z a1@a cpu=1\n');
    fake.signal('SIGINT');
    expect((await run).exitCode).to.equal(0);
    await ended;
  });

  /** Takes every connection and says nothing, as a process does that is stopped. */
  async function freeze(): Promise<void> {
    const connections: Socket[] = [];
    const silent = createServer((socket) => connections.push(socket));
    await new Promise<void>((resolve) => silent.listen(join(fake.home, 'admin.sock'), resolve));
    server = {
      address: '',
      close: () =>
        new Promise((resolve) => {
          for (const socket of connections) socket.destroy();
          silent.close(() => resolve());
        }),
    };
  }

  it('ends with 3 when the node is there and says nothing, for a question and for a stream alike', async function () {
    // The time that a node is given to answer.
    this.timeout(15_000);
    await freeze();
    for (const run of await Promise.all([fake.mesh('status'), fake.mesh('agents', 'tail', 'a1')])) {
      expect(run.exitCode).to.equal(3);
      expect(run.stderr).to.include(`the node on ${join(fake.home, 'admin.sock')} did not answer in time`);
    }
  });

  it('stops following at once when it is told to, also before the node has answered', async () => {
    await freeze();
    const run = fake.mesh('agents', 'tail', 'a1');
    await fake.listensForSignals();
    fake.signal('SIGINT');
    expect((await run).exitCode).to.equal(0);
  });

  it('ends with 3 when nobody listens on it', async () => {
    const { exitCode, stdout, stderr } = await fake.mesh('status');
    expect([exitCode, stdout]).to.deep.equal([3, '']);
    expect(stderr).to.include('mesh: no node answers on');
  });
});
