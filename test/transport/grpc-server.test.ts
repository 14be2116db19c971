import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, status as Status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { DialSocket } from '../../src/transport/dial-socket.ts';
import { createAdminServer, createMeshServer } from '../../src/transport/grpc-server.ts';
import { trustDomain } from '../support/trust-domain.ts';
import type { MeshTls } from '../../src/transport/tls.ts';
import { Heard, PeerBench, ping, soon } from './session-ends.ts';

/** A program that speaks gRPC but not our protocol. */
async function rawSession(target: string, bytes: Buffer): Promise<ServiceError> {
  const tls = await (await trustDomain()).tls('node', 'raw');
  const client = new Client(target, new DialSocket(target, { kind: 'node', name: undefined }, tls).credentials);
  const call = client.makeBidiStreamRequest('/omega.mesh.v1.PeerService/Session', (chunk: Buffer) => chunk, (chunk) => chunk);
  call.on('data', () => undefined);
  const ended = new Promise<ServiceError>((resolve) => call.on('error', (error: ServiceError) => resolve(error)));
  call.write(bytes);
  return soon(ended, 'a refusal').finally(() => client.close());
}

async function nodeTls(): Promise<MeshTls> {
  return (await trustDomain()).tls('node', 'n1');
}

async function faultOf(promise: Promise<unknown>, code: ErrorCode): Promise<MeshError> {
  const error: unknown = await promise.then(
    () => new Error('it was taken'),
    (fault: unknown) => fault,
  );
  expect(error).to.be.instanceOf(MeshError).with.property('code', code);
  return error as MeshError;
}

describe('the server for peers and agents', () => {
  let bench: PeerBench;
  beforeEach(async () => {
    bench = await PeerBench.make();
  });
  afterEach(() => bench.close());

  it('listens on every address of the machine when asked to', async () => {
    const server = await createMeshServer({ host: '0.0.0.0', port: 0 }, [], await nodeTls());
    expect(server.address).to.match(/^0\.0\.0\.0:[1-9]\d*$/);
    await server.close(0);
  });

  it('listens on IPv6 loopback', async () => {
    const server = await createMeshServer({ host: '::1', port: 0 }, [], await nodeTls());
    expect(server.address).to.match(/^\[::1\]:[1-9]\d*$/);
    await server.close(0);
  });

  it('names the port that another process holds', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const fault = await faultOf(createMeshServer({ host: '127.0.0.1', port }, [], await nodeTls()), 'PORT_IN_USE');
    expect(fault).to.include({ message: `TCP port ${port} on 127.0.0.1 is in use`, todo: 'stop the process that holds it, or choose another with --grpc-port' });
    await new Promise((resolve) => holder.close(resolve));
  });

  it('survives a frame over the limit and bytes that are no frame', async () => {
    await bench.listen();
    const tooLarge = await rawSession(bench.server.address, Buffer.alloc(5 * 1024 * 1024));
    expect(tooLarge.code).to.equal(Status.RESOURCE_EXHAUSTED);
    const far = new Heard(await bench.accepted());
    expect((await far.closed())?.code).to.equal('SESSION_CLOSED');
    const garbage = await rawSession(bench.server.address, Buffer.from('ffffffff', 'hex'));
    expect(garbage.code).to.equal(Status.INTERNAL);
    await bench.accepted();

    const [host = '', port = ''] = bench.server.address.split(':');
    bench.dial({ host, port: Number(port) }).send(ping(1));
    expect(await new Heard(await bench.accepted()).count(1)).to.have.length(1);
  });

  it('gives open sessions their grace, takes no new ones, and then ends what is left', async () => {
    const { near, far } = await bench.pair();
    const atNear = new Heard(near);
    const atFar = new Heard(far);
    const [host = '', port = ''] = bench.server.address.split(':');
    const closed = bench.server.close(300);
    expect(bench.server.close(0), 'idempotent').to.equal(closed);
    expect((await new Heard(bench.dial({ host, port: Number(port) })).closed())?.code).to.equal('NODE_UNREACHABLE');
    near.send(ping(1));
    await atFar.count(1);
    expect(atNear.closings).to.have.length(0);
    await soon(closed, 'the server to close');
    expect(await atNear.closed()).to.be.instanceOf(MeshError);
    expect(await atFar.closed()).to.be.instanceOf(MeshError);
  });

  it('is closed as soon as its sessions have ended', async () => {
    const { near, far } = await bench.pair();
    const atFar = new Heard(far);
    const closed = bench.server.close(60_000);
    near.close();
    await atFar.closed();
    await soon(closed, 'the server to close');
  });
});

describe('the server for the operator', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'omega-mesh-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('has a socket for its user alone, and takes it away when it closes', async () => {
    const path = join(dir, 'admin.sock');
    const server = await createAdminServer(path, []);
    expect(server.address).to.equal(path);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    await server.close(0);
    expect(existsSync(path)).to.equal(false);
  });

  it('replaces the socket of a killed node', async () => {
    const path = join(dir, 'admin.sock');
    const killed = await leaveStaleSocket(path);
    expect(killed.listening).to.equal(false);
    const server = await createAdminServer(path, []);
    await server.close(0);
  });

  it('leaves the socket of a living node alone', async () => {
    const path = join(dir, 'admin.sock');
    const living = await createAdminServer(path, []);
    await faultOf(createAdminServer(path, []), 'ALREADY_RUNNING');
    expect(existsSync(path)).to.equal(true);
    await living.close(0);
  });

  it('does not delete a file that is no socket', async () => {
    const path = join(dir, 'admin.sock');
    writeFileSync(path, 'precious');
    await faultOf(createAdminServer(path, []), 'DATA_DIR_UNUSABLE');
    expect(existsSync(path)).to.equal(true);
  });

  it('says what to do about a path that is too long for a socket', async () => {
    const path = join(dir, 'd'.repeat(100), 'admin.sock');
    const fault = await faultOf(createAdminServer(path, []), 'BAD_CONFIG');
    expect(fault.message).to.contain(`${Buffer.byteLength(path)} bytes`);
    expect(fault.todo).to.contain('shorter');
  });
});

/** What SIGKILL leaves: the file of a socket that nobody listens on. */
async function leaveStaleSocket(path: string): Promise<Server> {
  const server = new Server();
  const kept = `${path}.kept`;
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const { renameSync } = await import('node:fs');
  // Closing unlinks the path it listened on, so the file is out of the way meanwhile.
  renameSync(path, kept);
  await new Promise((resolve) => server.close(resolve));
  renameSync(kept, path);
  return server;
}
