/** TLS between two programs, on real sockets: who is let in, who is not, and what he hears. */
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client, credentials, status as Status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import type { Address } from '../../src/address.ts';
import { MeshError } from '../../src/errors.ts';
import { agentService } from '../../src/transport/agent-service.ts';
import { DialSocket } from '../../src/transport/dial-socket.ts';
import { dialAgent, dialPeer } from '../../src/transport/grpc-client.ts';
import { createMeshServer } from '../../src/transport/grpc-server.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { errorFromStatus } from '../../src/transport/grpc-status.ts';
import { peerService } from '../../src/transport/peer-service.ts';
import type { MeshTls } from '../../src/transport/tls.ts';
import { holdIdentity } from '../../src/trust/identity-source.ts';
import { oddPair, SpireLike, USAGE } from '../trust/odd-leaf.ts';
import { TrustDomain, trustDomain } from '../support/trust-domain.ts';
import type { TestTls } from '../support/trust-domain.ts';
import { Heard, ping, soon } from './session-ends.ts';
import type { PeerStream } from './session-ends.ts';

describe('a listener of a mesh', () => {
  let domain: TrustDomain;
  let far: TestTls;
  let server: MeshServer;
  let address: Address;
  const accepted: PeerStream[] = [];
  let onAccepted: (stream: PeerStream) => void;

  const listen = async (tls: TestTls): Promise<void> => {
    far = tls;
    const services = [peerService((stream) => onAccepted(stream)), agentService((stream) => stream.close())];
    server = await createMeshServer({ host: '127.0.0.1', port: 0 }, services, tls);
    address = parseAddress(server.address, 0);
  };
  const dialled: { close(): void }[] = [];
  const dial = (tls: MeshTls, node = 'far'): PeerStream => {
    const stream = dialPeer(address, node, { tls });
    dialled.push(stream);
    return stream;
  };
  const refusal = async (tls: MeshTls, node?: string): Promise<MeshError | undefined> => new Heard(dial(tls, node)).closed();
  const pair = async (near: MeshTls): Promise<{ readonly near: PeerStream; readonly far: PeerStream }> => {
    const next = new Promise<PeerStream>((resolve) => (onAccepted = resolve));
    const stream = dial(near);
    return { near: stream, far: await soon(next, 'a session') };
  };

  before(async () => {
    domain = await trustDomain();
  });
  beforeEach(async () => {
    onAccepted = (stream) => void accepted.push(stream);
    await listen(await domain.tls('node', 'far'));
  });
  afterEach(async () => {
    for (const stream of dialled.splice(0)) stream.close();
    accepted.length = 0;
    await server.close(0);
  });

  it('knows who calls, who calls knows who answers, and both know how their keys were exchanged', async () => {
    const streams = await pair(await domain.tls('node', 'near'));
    streams.far.send(ping(1));
    await new Heard(streams.near).count(1);
    expect(streams.far.caller?.id).to.deep.equal({ trustDomain: 'omega.test', kind: 'node', name: 'near' });
    expect(streams.near.caller?.id).to.deep.equal({ trustDomain: 'omega.test', kind: 'node', name: 'far' });
    expect(streams.near.caller?.serial).to.equal(far.identity.current().svid.serial);
    expect(streams.near.caller?.tlsGroup).to.be.a('string');
    expect(streams.far.caller?.tlsGroup).to.equal(streams.near.caller?.tlsGroup);
  });

  it('is one for nodes whose certificates SPIRE has issued, through an intermediate', async () => {
    const spire = await SpireLike.make();
    const tlsOf = async (name: string): Promise<TestTls> => ({ ...(await domain.tls('node', name)), identity: holdIdentity(await spire.node(name)) });
    await server.close(0);
    await listen(await tlsOf('far'));
    const streams = await pair(await tlsOf('near'));
    streams.far.send(ping(1));
    await new Heard(streams.near).count(1);
    expect([streams.far.caller?.id.name, streams.near.caller?.id.name]).to.deep.equal(['near', 'far']);
  });

  it('lists its sessions with what each has carried', async () => {
    const near = await domain.tls('node', 'near');
    const streams = await pair(near);
    const heard = new Heard(streams.far);
    for (let i = 0; i < 100; i++) streams.near.send(ping(i));
    await heard.count(100);
    const [there] = far.sessions.list();
    const [here] = near.sessions.list();
    expect(there).to.include({ isDialled: false, remote: streams.far.remote });
    expect(here).to.include({ isDialled: true, remote: server.address });
    expect(there?.bytesIn).to.be.above(1_000);
    expect(here?.bytesOut).to.be.above(1_000);
    streams.near.close();
    await heard.closed();
    await soon(until(() => far.sessions.list().length === 0), 'the end of the connection');
  });

  const REFUSED: readonly (readonly [who: string, tls: () => Promise<MeshTls>, code: string])[] = [
    ['a certificate that has expired', () => domain.tls('node', 'near', { shiftMs: -3_000_000 - 3_600_000 }), 'SVID_EXPIRED'],
    ['one that expired some minutes ago by the clock here', () => domain.tls('node', 'near', { shiftMs: -10 * 60_000, ttlMs: 5 * 60_000 }), 'CLOCK_SKEW'],
    ['one that begins in ten minutes by the clock here', () => domain.tls('node', 'near', { shiftMs: 11 * 60_000 }), 'CLOCK_SKEW'],
  ];
  for (const [who, tlsOf, code] of REFUSED) {
    it(`tells ${who} why it is refused: ${code}`, async () => {
      const fault = await refusal(await tlsOf());
      expect(fault).to.be.instanceOf(MeshError).with.property('code', code);
      expect(fault?.message).to.include('spiffe://omega.test/node/near');
      expect(far.sessions.refusals.get(code as never)).to.equal(1);
      expect(far.alarms[0]).to.deep.include({ kind: 'refused', id: { trustDomain: 'omega.test', kind: 'node', name: 'near' } });
      expect(accepted).to.deep.equal([]);
    });
  }

  it('takes nobody in whom only one of its two judges finds a fault: ours, or OpenSSL', async () => {
    const now = Date.now();
    const { authority } = domain;
    const { bundle } = far.identity.current();
    const twoNames = await oddPair(authority, now, { uris: ['spiffe://omega.test/node/near', 'spiffe://omega.test/node/other'] });
    // The authority may have none between it and its members, which is OpenSSL's to say.
    const between = await oddPair(authority, now, { uris: [], isAuthority: true, usage: USAGE.keyCertSign, subject: 'CN=between' });
    const below = await oddPair(between, now, { uris: ['spiffe://omega.test/node/near'] });
    for (const [chain, key, code] of [
      [[twoNames.certificate], twoNames.key, 'SVID_NOT_ONE_ID'],
      [[below.certificate, between.certificate], below.key, 'SVID_REFUSED'],
    ] as const) {
      const near = await domain.tls('node', 'near');
      near.identity.replace({ svid: { ...near.identity.current().svid, certificates: chain, key }, bundle });
      expect((await refusal(near))?.code).to.equal(code);
      expect(far.sessions.refusals.get(code)).to.equal(1);
    }
    expect(accepted).to.deep.equal([]);
  });

  it('is told of two authorities of the same name, at either end', async () => {
    const other = await TrustDomain.make();
    // Who dials looks first, and hangs up.
    expect((await refusal(await other.tls('node', 'near')))?.code).to.equal('UNKNOWN_AUTHORITY');
    const gullible = await other.tls('node', 'near');
    const { svid } = gullible.identity.current();
    gullible.identity.replace({ svid, bundle: (await domain.identity('node', 'near')).bundle });
    expect((await refusal(gullible))?.code).to.equal('UNKNOWN_AUTHORITY');
    expect(far.sessions.refusals.get('UNKNOWN_AUTHORITY')).to.equal(1);
  });

  it('is not spoken to when it is not whom the caller meant', async () => {
    const near = await domain.tls('node', 'near');
    const fault = await refusal(near, 'other');
    expect(fault).to.include({ code: 'WRONG_IDENTITY', given: 'spiffe://omega.test/node/far', expected: 'node other' });
    expect(near.sessions.refusals.get('WRONG_IDENTITY')).to.equal(1);
    expect(accepted).to.deep.equal([]);
  });

  it('lets nobody use a service that is not for his kind, and names the kind that it is for', async () => {
    const fault = await refusal(await domain.tls('agent', 'a1'));
    expect(fault).to.include({ code: 'NOT_PERMITTED', message: 'spiffe://omega.test/agent/a1 may not use omega.mesh.v1.PeerService: a node may' });
    const stream = dialAgent(address, { tls: await domain.tls('node', 'near') });
    expect(await new Heard(stream).closed()).to.include({ code: 'NOT_PERMITTED', message: 'spiffe://omega.test/node/near may not use omega.mesh.v1.AgentService: an agent may' });
    const workload = await refusal(await domain.tls('workload', 'near/web'));
    expect(workload).to.include({ code: 'NOT_PERMITTED', message: 'spiffe://omega.test/workload/near/web may not use omega.mesh.v1.PeerService: a node may' });
    expect(far.sessions.refusals.get('NOT_PERMITTED')).to.equal(3);
  });

  it('counts and tells of whom its owner refuses', async () => {
    const near = await domain.tls('node', 'near');
    onAccepted = (stream) => stream.close(new MeshError('WRONG_IDENTITY', 'somebody else'));
    expect((await refusal(near))?.code).to.equal('WRONG_IDENTITY');
    expect(far.alarms.map((alarm) => alarm.kind === 'refused' && alarm.fault.message)).to.deep.equal(['somebody else']);
  });

  it('lets nobody in whom the owner does not admit, at the next call already', async () => {
    await server.close(0);
    let isBanned = false;
    const admits = (): MeshError | undefined => (isBanned ? new MeshError('REFUSED', 'banned') : undefined);
    await listen(await domain.tls('node', 'far', { admits }));
    const near = await domain.tls('node', 'near');
    const client = new Client(server.address, new DialSocket(server.address, { kind: 'node', name: 'far' }, near).credentials);
    expect((await health(client)).error).to.equal(null);
    isBanned = true;
    expect(errorFromStatus((await health(client)).error!, 'far').message).to.equal('banned');
    client.close();
    expect((await refusal(near))?.message).to.equal('banned');
  });

  it('hears a caller without a certificate, one that speaks TLS 1.2 and one that speaks none, and serves none of them', async () => {
    const client = new Client(server.address, credentials.createFromSecureContext((await import('node:tls')).createSecureContext({}), { rejectUnauthorized: false }));
    const { error } = await health(client);
    client.close();
    expect(error?.code).to.equal(Status.UNAUTHENTICATED);
    expect(errorFromStatus(error!, 'far').code).to.equal('NO_IDENTITY');
    const { svid } = await domain.identity('node', 'near');
    const old = connectTls({ ...address, maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2', rejectUnauthorized: false, cert: String(svid.certificates[0]), key: svid.key.export({ type: 'pkcs8', format: 'pem' }) });
    expect((await soon(new Promise<Error & { code?: string }>((resolve) => old.once('error', resolve)), 'an alert')).code).to.include('PROTOCOL_VERSION');
    const plain = connectTcp(address.port, address.host);
    plain.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await soon(new Promise((resolve) => plain.resume().once('close', resolve)), 'the end');
    expect(far.sessions.refusals.get('MALFORMED')).to.equal(2);
    expect(far.sessions.list()).to.deep.equal([]);
  });

  it('cuts off everybody of one identity at once, on both sides', async () => {
    const near = await domain.tls('node', 'near');
    const one = await pair(near);
    const two = await pair(near);
    const other = await pair(await domain.tls('node', 'other'));
    const ends = [one.near, one.far, two.near, two.far].map((stream) => new Heard(stream));
    expect(far.sessions.sever(({ id }) => id.name === 'near')).to.equal(2);
    await Promise.all(ends.map((end) => end.closed()));
    other.near.send(ping(1));
    expect(await new Heard(other.far).count(1)).to.have.length(1);
  });

  it('shows its new certificate to everybody who comes after a rotation, and sees theirs', async () => {
    const near = await domain.tls('node', 'near');
    const first = await pair(near);
    const renewed = await domain.identity('node', 'far');
    far.identity.replace(renewed);
    near.identity.replace(await domain.identity('node', 'near'));
    const second = await pair(near);
    second.far.send(ping(1));
    await new Heard(second.near).count(1);
    expect(second.near.caller?.serial).to.equal(renewed.svid.serial);
    expect(second.far.caller?.serial).to.equal(near.identity.current().svid.serial);
    first.near.send(ping(2));
    expect(await new Heard(first.far).count(1), 'the old one goes on').to.have.length(1);
  });

  it('ends a connection when the certificate that it stands on expires', async () => {
    const streams = await pair(await domain.tls('node', 'near', { ttlMs: 1_500 }));
    const heard = new Heard(streams.far);
    expect((await heard.closed())?.code).to.equal('SESSION_CLOSED');
    await soon(until(() => far.sessions.list().length === 0), 'the end of all connections');
  });
});

function health(client: Client): Promise<{ readonly error: ServiceError | null; readonly reply: Buffer | undefined }> {
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), { deadline: Date.now() + 5_000 }, (error, reply) => resolve({ error, reply }));
  });
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
