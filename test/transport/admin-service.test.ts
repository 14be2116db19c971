import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { adminService } from '../../src/transport/admin-service.ts';
import type { AdminHandler, AdminSink } from '../../src/transport/admin-service.ts';
import { connectAdmin } from '../../src/transport/grpc-client.ts';
import type { AdminClient } from '../../src/transport/grpc-client.ts';
import { createAdminServer } from '../../src/transport/grpc-server.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import type { RegistryEvent } from '../../src/transport/generated/omega/mesh/v1/RegistryEvent.ts';
import type { TelemetryEvent } from '../../src/transport/generated/omega/mesh/v1/TelemetryEvent.ts';
import { soon } from './session-ends.ts';

const unused = (): never => {
  throw new Error('not asked in this test');
};

const SILENT: AdminHandler = {
  getStatus: unused,
  listMembers: unused,
  watchMembers: unused,
  getMemberRecord: unused,
  getTree: unused,
  listHistory: unused,
  listEvents: unused,
  killActor: unused,
  getActor: unused,
  getState: unused,
  listDeadLetters: unused,
  traceActor: unused,
  controlActor: unused,
  replayDeadLetter: unused,
  listSessions: unused,
  listAgents: unused,
  tailAgent: unused,
  sendCommand: unused,
  registryPut: unused,
  registryGet: unused,
  registryDelete: unused,
  registryList: unused,
  registryWatch: unused,
};

async function faultOf(promise: Promise<unknown>): Promise<MeshError> {
  const error: unknown = await soon(promise, 'an answer').then(
    () => new Error('it was answered'),
    (fault: unknown) => fault,
  );
  expect(error).to.be.instanceOf(MeshError);
  return error as MeshError;
}

describe('the operator’s service', () => {
  let dir: string;
  let path: string;
  let server: MeshServer | undefined;
  let admin: AdminClient;
  let bugs: unknown[];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'omega-mesh-'));
    path = join(dir, 'admin.sock');
    bugs = [];
    admin = connectAdmin(path, 'ada (pid 7)');
  });
  afterEach(async () => {
    admin.close();
    await server?.close(0);
    server = undefined;
    rmSync(dir, { recursive: true, force: true });
  });

  const serve = async (handler: Partial<AdminHandler>): Promise<void> => {
    server = await createAdminServer(path, [adminService({ ...SILENT, ...handler }, (error) => bugs.push(error))]);
  };

  it('answers each question with what its handler says', async () => {
    const asked: unknown[] = [];
    const echo = (name: string) => (request: object) => {
      asked.push([name, request]);
      return Promise.resolve({});
    };
    await serve({
      getStatus: echo('getStatus'),
      listMembers: echo('listMembers'),
      getTree: echo('getTree'),
      listHistory: echo('listHistory'),
      killActor: echo('killActor'),
      listSessions: echo('listSessions'),
      listAgents: echo('listAgents'),
      sendCommand: echo('sendCommand'),
      registryPut: echo('registryPut'),
      registryGet: echo('registryGet'),
      registryDelete: echo('registryDelete'),
      registryList: echo('registryList'),
    });
    expect((await admin.getStatus({})).node).to.equal('');
    expect((await admin.listMembers({})).members).to.deep.equal([]);
    expect((await admin.getTree({ path: '/a' })).children).to.deep.equal([]);
    expect((await admin.listHistory({ limit: 5 })).events).to.deep.equal([]);
    expect((await admin.killActor({ path: '/a', force: true })).life).to.equal(0);
    expect((await admin.listAgents({})).agents).to.deep.equal([]);
    expect((await admin.sendCommand({ agent: 'a', name: 'ping', arguments: ['x'] })).ok).to.equal(false);
    expect((await admin.registryPut({ key: 'k', value: 'v' })).created).to.equal(false);
    expect((await admin.registryGet({ key: 'k' })).value).to.equal('');
    expect((await admin.registryDelete({ key: 'k' })).deleted).to.equal(false);
    expect((await admin.registryList({ prefix: 'k' })).entries).to.deep.equal([]);
    expect(asked).to.deep.equal([
      ['getStatus', {}],
      ['listMembers', {}],
      ['getTree', { path: '/a' }],
      ['listHistory', { path: '', limit: 5 }],
      ['killActor', { path: '/a', force: true, by: '' }],
      ['listAgents', {}],
      ['sendCommand', { agent: 'a', name: 'ping', arguments: ['x'], timeoutMs: 0 }],
      ['registryPut', { key: 'k', value: 'v' }],
      ['registryGet', { key: 'k' }],
      ['registryDelete', { key: 'k' }],
      ['registryList', { prefix: 'k' }],
    ]);
  });

  it('carries a status with counts by reason and numbers beyond 32 bits', async () => {
    const status = { node: 'node-1', pid: 7, uptimeMs: 1.5, memoryBytes: 2 ** 40, packetsDropped: { malformed: 3 }, deadLetters: 2 ** 33 };
    await serve({ getStatus: () => Promise.resolve(status) });
    expect(await admin.getStatus({})).to.deep.include(status);
  });

  it('a fault of the handler comes back as it was', async () => {
    const fault = new MeshError('UNKNOWN_PATH', 'no actor at /edg', { given: '/edg', expected: '/edge', todo: 'see mesh tree' });
    await serve({ getTree: () => Promise.reject(fault), listMembers: () => { throw fault; } });
    for (const asked of [admin.getTree({ path: '/edg' }), admin.listMembers({})]) {
      expect(await faultOf(asked)).to.include({ code: 'UNKNOWN_PATH', message: 'no actor at /edg', given: '/edg', expected: '/edge', todo: 'see mesh tree' });
    }
    expect(bugs).to.deep.equal([]);
  });

  it('a bug of the handler is INTERNAL for the operator, and whole for who looks after the node', async () => {
    const bug = new TypeError('x is not a function');
    await serve({ getStatus: () => Promise.reject(bug), tailAgent: () => { throw bug; } });
    const fault = await faultOf(admin.getStatus({}));
    expect(fault.code).to.equal('INTERNAL');
    expect(`${fault.message}${fault.todo ?? ''}`).not.to.contain('x is not');
    const tail = admin.tailAgent({ id: 'a' })[Symbol.asyncIterator]();
    expect((await faultOf(tail.next())).code).to.equal('INTERNAL');
    expect(bugs).to.deep.equal([bug, bug]);
  });

  it('an answer larger than a session’s frame arrives', async () => {
    const value = 'v'.repeat(60 * 1024);
    const entries = Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, value }));
    await serve({ registryList: () => Promise.resolve({ entries }) });
    expect((await admin.registryList({})).entries).to.have.length(100);
  });

  it('who follows events too slowly is not taken, and may go on when what was sent is on its way', async () => {
    let refused = 0;
    await serve({
      listEvents: (_request, sink) => {
        let sequence = 0;
        const goOn = (): void => {
          while (sequence < 5_000 && sink.send({ event: { sequence: sequence + 1, reason: 'x'.repeat(1_000) } })) sequence++;
          if (sequence === 5_000) sink.close();
          else refused++;
        };
        sink.onDrained(goOn);
        goOn();
      },
    });
    const sequences: number[] = [];
    for await (const { event } of admin.listEvents({})) sequences.push(event?.sequence ?? 0);
    expect(sequences).to.deep.equal(Array.from({ length: 5_000 }, (_, at) => at + 1));
    expect(refused).to.be.greaterThan(5);
  });

  it('who asks where no node runs hears which socket was tried', async () => {
    const missing = await faultOf(admin.getStatus({}));
    expect(missing).to.include({ code: 'NODE_UNREACHABLE', given: path });
    expect(missing.message).to.contain(path);
    expect(missing.todo).to.be.a('string');
    const tail = admin.tailAgent({ id: 'a' })[Symbol.asyncIterator]();
    expect(await faultOf(tail.next())).to.include({ code: 'NODE_UNREACHABLE', given: path });
  });

  it('an answer that does not come in time is NODE_UNREACHABLE', async () => {
    await serve({ getStatus: () => new Promise(() => undefined) });
    expect((await faultOf(admin.getStatus({}, { timeoutMs: 50 }))).code).to.equal('NODE_UNREACHABLE');
  });

  it('a stream brings every message, then its end', async () => {
    await serve({
      registryWatch: ({ prefix }, sink) => {
        for (let i = 0; i < 500; i++) expect(sink.send({ type: 'put', entry: { key: `${prefix}${i}` } })).to.equal(true);
        sink.close();
        expect(sink.send({ type: 'synced' })).to.equal(false);
      },
    });
    const keys: (string | undefined)[] = [];
    for await (const event of admin.registryWatch({ prefix: 'p/' })) keys.push(event.entry?.key);
    expect(keys).to.deep.equal(Array.from({ length: 500 }, (_, i) => `p/${i}`));
  });

  it('a stream that ends in a fault throws it after the messages before it', async () => {
    await serve({
      registryWatch: (_request, sink) => {
        sink.send({ type: 'synced' });
        sink.close(new MeshError('OVERLOADED', 'too slow'));
      },
    });
    const watch = admin.registryWatch({})[Symbol.asyncIterator]();
    expect((await watch.next()).value).to.include({ type: 'synced' });
    expect((await faultOf(watch.next())).code).to.equal('OVERLOADED');
  });

  for (const way of ['aborts', 'stops iterating'] as const) {
    it(`the handler hears of a reader who ${way}, and the reader of no error`, async () => {
      let closings = 0;
      let serving: Promise<void> | undefined;
      const closed = new Promise<void>((resolve) => {
        serving = serve({
          tailAgent: (_request, sink: AdminSink<TelemetryEvent>) => {
            sink.onClosed(() => {
              closings++;
              resolve();
            });
            sink.send({ sequence: 1 });
          },
        });
      });
      await serving;
      const abort = new AbortController();
      let seen = 0;
      for await (const event of admin.tailAgent({ id: 'a' }, abort.signal)) {
        seen += event.sequence;
        if (way === 'stops iterating') break;
        abort.abort();
      }
      expect(seen).to.equal(1);
      await soon(closed, 'the handler to hear');
      expect(closings).to.equal(1);
    });
  }

  it('a reader who does not read is not waited for: what does not fit is not taken', async () => {
    let taken = 0;
    let serving: Promise<void> | undefined;
    const offered = new Promise<void>((resolve) => {
      serving = serve({
        registryWatch: (_request, sink: AdminSink<RegistryEvent>) => {
          const entry = { value: 'v'.repeat(1024 * 1024) };
          while (taken < 100 && sink.send({ type: 'put', entry })) taken++;
          resolve();
        },
      });
    });
    await serving;
    void admin.registryWatch({})[Symbol.asyncIterator]().next().catch(() => undefined);
    await soon(offered, 'the watch');
    expect(taken).to.be.within(1, 99);
  });
});
