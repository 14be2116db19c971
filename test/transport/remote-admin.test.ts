/** Admins at the listener of a mesh, over TLS on real sockets. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import type { Address } from '../../src/address.ts';
import { systemClock } from '../../src/clock.ts';
import type { AuditEvent } from '../../src/data-dir/audit-chain.ts';
import type { AuditLog } from '../../src/data-dir/audit-log.ts';
import type { MeshError } from '../../src/errors.ts';
import { operatorServices } from '../../src/operator-services.ts';
import type { OperatorServices } from '../../src/operator-services.ts';
import type { AdminHandler, AdminSink } from '../../src/transport/admin-service.ts';
import { banService } from '../../src/transport/ban-service.ts';
import type { BanHandler } from '../../src/transport/ban-service.ts';
import type { Caller } from '../../src/transport/caller.ts';
import type { EventsItem } from '../../src/transport/generated/omega/mesh/v1/EventsItem.ts';
import { connectAdmin, connectRemoteAdmin } from '../../src/transport/grpc-client.ts';
import type { AdminClient } from '../../src/transport/grpc-client.ts';
import { createMeshServer } from '../../src/transport/grpc-server.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import type { MeshTls } from '../../src/transport/tls.ts';
import type { AdminRole } from '../../src/trust/authority.ts';
import { formatSpiffeId } from '../../src/trust/spiffe-id.ts';
import { TrustDomain, trustDomain } from '../support/trust-domain.ts';
import type { TestTls } from '../support/trust-domain.ts';
import { soon } from './session-ends.ts';

describe('an admin elsewhere', () => {
  let domain: TrustDomain;
  let dir: string;
  let far: TestTls;
  let operators: OperatorServices;
  let server: MeshServer;
  let address: Address;
  let audit: AuditEvent[];
  let asked: unknown[];
  let sinks: AdminSink<EventsItem>[];
  const open: { close(): void | Promise<void> }[] = [];

  const handler = {
    getStatus: () => Promise.resolve({ node: 'far' }),
    killActor: ({ by }: { by: string }) => {
      asked.push(by);
      return Promise.resolve({});
    },
    listEvents: (_: unknown, sink: AdminSink<EventsItem>) => {
      sinks.push(sink);
      sink.send({ event: { sequence: 1 } });
    },
  } as unknown as AdminHandler;
  const bans: BanHandler = {
    issueBan: ({ by }, caller) => {
      asked.push(by, caller === undefined ? 'nobody' : formatSpiffeId(caller.id));
      return Promise.resolve({ outcome: 'waits', subject: 'x' });
    },
    listBans: () => Promise.resolve({ bans: [], waiting: [] }),
  };

  before(async () => {
    domain = await trustDomain();
  });
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'omega-mesh-'));
    [audit, asked, sinks] = [[], [], []];
    const onBug = (error: unknown): never => {
      throw error;
    };
    const log = { record: (event: AuditEvent) => void audit.push(event) } as unknown as AuditLog;
    operators = operatorServices({ adminSocket: join(dir, 'admin.sock'), others: [banService(bans, onBug)], audit: log, clock: systemClock, onBug });
    far = await domain.tls('node', 'far');
    server = await createMeshServer({ host: '127.0.0.1', port: 0 }, operators.forAdmins, far);
    address = parseAddress(server.address, 0);
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
    await server.close(0);
    rmSync(dir, { recursive: true });
  });

  const opened = <T extends { close(): void | Promise<void> }>(each: T): T => {
    open.push(each);
    return each;
  };
  const openDoor = async (): Promise<{ close(): Promise<void> }> => {
    const door = await operators.openSocket(handler);
    return opened({ close: () => door.close(0) });
  };
  const admin = async (role: AdminRole, reached: Caller[] = []): Promise<AdminClient> => dial(await domain.tls('admin', 'kim', { role }), { reached });
  const dial = (tls: MeshTls, { reached = [], name }: { reached?: Caller[]; name?: string } = {}): AdminClient =>
    opened(connectRemoteAdmin({ address, name }, tls, (node) => void reached.push(node)));
  const faultOf = (promise: Promise<unknown>): Promise<MeshError> => soon(promise.then(() => expect.fail('answered'), (error: MeshError) => error), 'an answer');

  it('asks what his role lets him, is told which one would do for more, and who answers is known', async () => {
    await openDoor();
    const reached: Caller[] = [];
    const viewer = await admin('viewer', reached);
    expect((await viewer.getStatus({})).node).to.equal('far');
    expect(reached.map(({ id }) => formatSpiffeId(id))).to.deep.equal(['spiffe://omega.test/node/far']);
    expect(await faultOf(viewer.killActor({ path: '/bus' }))).to.include({ code: 'ROLE_TOO_LOW', message: 'viewer kim may not call AdminService/KillActor: an operator may' });
    expect(await faultOf(viewer.issueBan({ kind: 'ban', subject: 'n4' }))).to.include({ code: 'ROLE_TOO_LOW' });
    expect([...far.sessions.refusals]).to.deep.equal([['ROLE_TOO_LOW', 2]]);
    expect(far.alarms.map((alarm) => alarm.kind === 'refused' && alarm.call)).to.deep.equal(['/omega.mesh.v1.AdminService/KillActor', '/omega.mesh.v1.BanService/IssueBan']);
    expect(asked).to.deep.equal([]);
  });

  it('is named by his certificate, whatever he says of himself', async () => {
    await openDoor();
    const operator = await admin('operator');
    await operator.killActor({ path: '/bus', by: 'root (pid 1)' });
    await (await admin('admin')).issueBan({ kind: 'unban', subject: 'n4', reason: 'x', by: 'somebody else' });
    expect(asked).to.deep.equal(['admin/kim (operator)', 'admin/kim (admin)', 'spiffe://omega.test/admin/kim']);
    expect(audit).to.deep.equal([
      { what: 'kill', subject: '/bus', who: 'admin/kim (operator)', outcome: 'done' },
      // It waits for a second one.
      { what: 'unban', subject: 'n4', detail: 'x', who: 'admin/kim (admin)', outcome: 'begun' },
    ]);
    const local = opened(connectAdmin(join(dir, 'admin.sock'), 'ada (pid 7)'));
    await local.issueBan({ kind: 'ban', subject: 'n4', by: 'ada (pid 7)' });
    expect(asked.slice(3)).to.deep.equal(['ada (pid 7)', 'nobody']);
  });

  it('hears that the room is away, and its streams end with it; the listener stays', async () => {
    const viewer = await admin('viewer');
    expect(await faultOf(viewer.getStatus({}))).to.include({ code: 'NODE_UNREACHABLE' }).and.to.have.property('message').that.includes('does not run just now');
    const door = await openDoor();
    const stream = viewer.listEvents({ follow: true })[Symbol.asyncIterator]();
    expect((await stream.next()).value).to.have.nested.property('event.sequence', 1);
    await door.close();
    expect(await faultOf(stream.next())).to.include({ code: 'SESSION_CLOSED' });
    await openDoor();
    expect((await viewer.getStatus({})).node).to.equal('far');
  });

  it('is cut off with his streams when he is banned', async () => {
    await openDoor();
    const viewer = await admin('viewer');
    const stream = viewer.listEvents({ follow: true })[Symbol.asyncIterator]();
    await stream.next();
    const closed = new Promise<void>((resolve) => sinks[0]!.onClosed(resolve));
    expect(far.sessions.sever(({ id }) => id.kind === 'admin' && id.name === 'kim')).to.equal(1);
    expect((await faultOf(stream.next())).code).to.be.oneOf(['SESSION_CLOSED', 'NODE_UNREACHABLE']);
    await soon(closed, 'the end of the stream');
  });

  it('follows something for longer than the certificate of the node holds, which renews it, but not his own', async () => {
    await server.close(0);
    far.identity.replace(await domain.identity('node', 'far', { ttlMs: 2_500 }));
    server = await createMeshServer({ host: '127.0.0.1', port: 0 }, operators.forAdmins, far);
    address = parseAddress(server.address, 0);
    await openDoor();
    const stream = (await admin('viewer')).listEvents({ follow: true })[Symbol.asyncIterator]();
    const short = dial(await domain.tls('admin', 'lee', { role: 'viewer', ttlMs: 4_500 })).listEvents({ follow: true })[Symbol.asyncIterator]();
    await Promise.all([stream.next(), short.next()]);
    const renewed = await domain.identity('node', 'far');
    far.identity.replace(renewed);
    // By then the first certificate of the node has expired a second ago at least.
    expect((await faultOf(short.next())).code).to.be.oneOf(['SESSION_CLOSED', 'NODE_UNREACHABLE']);
    for (const sink of sinks) sink.send({ event: { sequence: 2 } });
    expect((await soon(stream.next(), 'an event')).value).to.have.nested.property('event.sequence', 2);
  });

  it('is told at once of a node that is not the one he meant, or of another mesh', async () => {
    const tls = await domain.tls('admin', 'kim', { role: 'admin' });
    expect(await faultOf(dial(tls, { name: 'near' }).getStatus({}))).to.include({ code: 'WRONG_IDENTITY', given: 'spiffe://omega.test/node/far' });
    const other = await TrustDomain.make('other.test');
    expect((await faultOf(dial(await other.tls('admin', 'kim', { role: 'admin' })).getStatus({}))).code).to.equal('WRONG_TRUST_DOMAIN');
    const agent = await domain.tls('agent', 'a1');
    expect((await faultOf(dial(agent).getStatus({}))).code).to.equal('NOT_PERMITTED');
  });
});
