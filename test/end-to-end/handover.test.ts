/** Sessions that outlive the certificates they began with: certificates of seconds, on real sockets. */
import { Client, Metadata } from '@grpc/grpc-js';
import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import type { Address } from '../../src/address.ts';
import { DialSocket } from '../../src/transport/dial-socket.ts';
import { CHANNEL_OPTIONS } from '../../src/transport/grpc-options.ts';
import { dialPeer } from '../../src/transport/grpc-client.ts';
import { createMeshServer } from '../../src/transport/grpc-server.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { PEER_SESSION, peerService } from '../../src/transport/peer-service.ts';
import { makeAuthority } from '../../src/trust/authority.ts';
import { keyPin } from '../../src/trust/bundle.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { trustDomain } from '../support/trust-domain.ts';
import type { TestTls, TrustDomain } from '../support/trust-domain.ts';
import { Heard, ping, soon } from '../transport/session-ends.ts';
import type { PeerStream } from '../transport/session-ends.ts';

/** Certificates count in seconds: the last one of these may be missing. */
const TTL_MS = 8_000;
const ROTATIONS = 10;
const ROTATE_EVERY_MS = 1_500;

describe('a session that outlives its certificates', function () {
  this.timeout(120_000);
  let domain: TrustDomain;
  let near: TestTls;
  let far: TestTls;
  let server: MeshServer;
  let address: Address;
  let rotated: number;
  const accepted: PeerStream[] = [];
  const dialled: PeerStream[] = [];

  beforeEach(async () => {
    domain = await trustDomain();
    near = await domain.tls('node', 'near', { ttlMs: TTL_MS });
    far = await domain.tls('node', 'far', { ttlMs: TTL_MS });
    server = await createMeshServer({ host: '127.0.0.1', port: 0 }, [peerService((stream) => void accepted.push(stream))], far);
    address = parseAddress(server.address, 0);
    rotated = 0;
  });

  const rotate = async (): Promise<void> => {
    near.identity.replace(await domain.identity('node', 'near', { ttlMs: TTL_MS }));
    far.identity.replace(await domain.identity('node', 'far', { ttlMs: TTL_MS }));
    rotated++;
  };
  afterEach(async () => {
    for (const stream of dialled.splice(0)) stream.close();
    accepted.length = 0;
    await server.close(0);
  });

  const dial = (): PeerStream => {
    const stream = dialPeer(address, 'far', { tls: near });
    dialled.push(stream);
    return stream;
  };
  it('loses no frame in either direction, keeps their order, and no call beside it fails, through ten rotations of both certificates', async () => {
    const streams = Array.from({ length: 4 }, dial);
    streams.forEach((stream) => stream.send(ping(0)));
    await soon(until(() => accepted.length === streams.length), 'the sessions');
    const atNear = streams.map((stream) => new Heard(stream));
    const atFar = accepted.map((stream) => new Heard(stream));
    const calls = new Calls(server.address, near);
    const serials = new Set<string>();
    const outcomes = new Set<string>();
    let sent = 0;
    for (const startedAt = performance.now(); performance.now() - startedAt < ROTATIONS * ROTATE_EVERY_MS; ) {
      if (performance.now() - startedAt > rotated * ROTATE_EVERY_MS) await rotate();
      sent++;
      for (const stream of streams) outcomes.add(stream.send(ping(sent)));
      for (const stream of accepted) outcomes.add(stream.send({ pong: { sequence: sent } }));
      await calls.make(10);
      for (const { caller } of near.sessions.list()) serials.add(caller.serial);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    calls.close();
    expect([...outcomes]).to.deep.equal(['accepted']);
    const numbers = Array.from({ length: sent }, (_, i) => i + 1);
    for (const heard of atFar) expect((await heard.count(sent + 1)).map((frame) => frame.ping?.sequence)).to.deep.equal([0, ...numbers]);
    for (const heard of atNear) expect((await heard.count(sent)).map((frame) => frame.pong?.sequence)).to.deep.equal(numbers);
    expect([...atNear, ...atFar].flatMap(({ closings }) => closings)).to.deep.equal([]);
    expect(calls.faults).to.deep.equal([]);
    expect(calls.count).to.be.above(500);
    expect(rotated).to.equal(ROTATIONS);
    expect(serials.size, 'certificates of the node that were seen').to.be.at.least(4);
    expect(Math.max(...near.sessions.list().map(({ ageMs }) => ageMs)), 'no connection outlives its certificate').to.be.below(TTL_MS);
    expect([...far.sessions.refusals, ...near.sessions.refusals]).to.deep.equal([]);
  });

  it('moves within seconds when the authority of a certificate is on its way out, and loses nothing', async () => {
    const old = keyPin(domain.authority.certificate);
    const other = await makeAuthority('omega.test', Date.now());
    const bundle = { trustDomain: 'omega.test', authorities: [domain.authority.certificate, other.certificate] };
    const tainted = new Set<string>();
    // Long enough that nothing moves for another reason.
    for (const tls of [near, far]) Object.assign(tls, { isTainted: (pin: string) => tainted.has(pin) });
    for (const [tls, name] of [[near, 'near'], [far, 'far']] as const) tls.identity.replace({ ...(await domain.identity('node', name)), bundle });
    const stream = dial();
    stream.send(ping(0));
    await soon(until(() => accepted.length === 1), 'the session');
    const atFar = new Heard(accepted[0]!);
    let sent = 0;
    const send = setInterval(() => stream.send(ping(++sent)), 5);
    tainted.add(old);
    for (const [tls, name] of [[near, 'near'], [far, 'far']] as const) {
      tls.identity.replace(await issueOwn(other, { kind: 'node', name, nowMs: Date.now() }, bundle));
    }
    const outgoing = (): number => [...near.sessions.list(), ...far.sessions.list()].filter(({ caller }) => caller.authority === old).length;
    await until(() => near.sessions.list().length > 0 && outgoing() === 0);
    clearInterval(send);
    expect((await atFar.count(sent + 1)).map((frame) => frame.ping?.sequence)).to.deep.equal(Array.from({ length: sent + 1 }, (_, i) => i));
    expect(atFar.closings).to.deep.equal([]);
  });

  it('is nobody else’s to take over: who knows its name but is another, and who names one that is not here, is refused', async () => {
    const stream = dial();
    stream.send(ping(1));
    await soon(until(() => accepted.length === 1), 'the session');
    const heard = new Heard(accepted[0]!);
    const other = await domain.tls('node', 'other');
    const client = new Client(server.address, new DialSocket(server.address, { kind: 'node', name: 'far' }, other).credentials);
    const headers = new Metadata();
    headers.set('mesh-session', '0'.repeat(32));
    headers.set('mesh-part', '2');
    const call = client.makeBidiStreamRequest(PEER_SESSION.path, PEER_SESSION.requestSerialize, PEER_SESSION.responseDeserialize, headers);
    call.on('data', () => undefined);
    const error = await soon(new Promise<Error>((resolve) => call.once('error', resolve)), 'a refusal');
    client.close();
    expect(error.message).to.include('this peer session is not here');
    expect(accepted).to.have.length(1);
    stream.send(ping(2));
    expect(await heard.count(2)).to.have.length(2);
  });

  it('ends as any other when its owner says so, also while it moves', async () => {
    const stream = dial();
    stream.send(ping(0));
    await soon(until(() => accepted.length === 1), 'the session');
    const atFar = new Heard(accepted[0]!);
    const atNear = new Heard(stream);
    await until(() => near.sessions.list().length === 2);
    for (let i = 1; i <= 100; i++) stream.send(ping(i));
    stream.close();
    expect(await atFar.closed()).to.equal(undefined);
    expect(await atNear.closed()).to.equal(undefined);
    expect(atFar.frames).to.have.length(101);
    await soon(until(() => near.sessions.list().length + far.sessions.list().length === 0), 'the end of all connections');
  });
});

/** Of a program that asks now and then. */
class Calls {
  readonly #client: Client;
  readonly faults: string[] = [];
  count = 0;

  constructor(address: string, tls: TestTls) {
    this.#client = new Client(address, new DialSocket(address, { kind: 'node', name: 'far' }, tls).credentials, { ...CHANNEL_OPTIONS, 'grpc.enable_retries': 1 });
  }

  async make(number: number): Promise<void> {
    await Promise.all(Array.from({ length: number }, () => this.#make()));
  }

  close(): void {
    this.#client.close();
  }

  #make(): Promise<void> {
    const same = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, Buffer.alloc(0), { deadline: Date.now() + 10_000 }, (error) => {
        this.count++;
        if (error !== null) this.faults.push(error.message);
        resolve();
      });
    });
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}
