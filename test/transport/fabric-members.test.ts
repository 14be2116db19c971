import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { createFabricServer } from '../../src/transport/fabric-server.ts';
import type { BanEntries__Output } from '../../src/transport/generated/omega/mesh/v1/BanEntries.ts';
import type { SignedBundle__Output } from '../../src/transport/generated/omega/mesh/v1/SignedBundle.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { errorFromStatus } from '../../src/transport/grpc-status.ts';
import { OpenSessions } from '../../src/transport/open-sessions.ts';
import { protos } from '../../src/transport/proto.ts';
import type { MeshTls } from '../../src/transport/tls.ts';
import { makeAuthority } from '../../src/trust/authority.ts';
import { AuthorityStore, keepAuthority } from '../../src/trust/authority-files.ts';
import { bundleOfSet, withPrepared } from '../../src/trust/authority-set.ts';
import { readBan, signBan } from '../../src/trust/ban-entry.ts';
import { TrustFabric } from '../../src/trust/fabric.ts';
import { holdIdentity, type HeldIdentity, type Identity } from '../../src/trust/identity-source.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { readBundle } from '../../src/trust/signed-bundle.ts';

const { GetBundle, WatchBundle, ListBans } = protos.TrustService.service;

/** With a client of gRPC that knows nothing of us but the certificate of the authority. */
describe('what a Trust Fabric shows, beside giving out identities', () => {
  let home: string;
  let store: AuthorityStore;
  let held: HeldIdentity;
  let member: Identity;
  let server: MeshServer;
  let refusal: MeshError | undefined;
  let bugs: unknown[];
  const clients: Client[] = [];

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'fabric-'));
    const authority = keepAuthority(join(home, '.authority'), await makeAuthority('omega.test', Date.now()));
    store = new AuthorityStore(join(home, '.authority'));
    held = holdIdentity(await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: Date.now() }));
    member = await issueOwn(authority, { kind: 'agent', name: 'a1', nowMs: Date.now() });
    [refusal, bugs] = [undefined, []];
    // More than fits one message.
    const entries = Array.from({ length: 65 }, (_, i) => signBan({ epochMs: Date.now(), subject: `spiffe://omega.test/node/x${i}`, kind: 'ban', reason: 'a test', by: 'kim' }, held.current().svid).entry);
    const fabric = new TrustFabric({
      authorities: store,
      bundle: () => store.document(),
      bans: () => Promise.resolve(entries),
      ttlMs: 3_600_000,
      welcome: () => ({ gossipKeys: [], gossipSeeds: [], gossipRing: [] }),
      gate: { fault: () => undefined, evictedAtMs: () => undefined },
      note: () => undefined,
      wallNow: () => Date.now(),
    });
    const tls: MeshTls = { identity: held, pq: 'prefer', sessions: new OpenSessions(), admits: () => refusal };
    server = await createFabricServer({ host: '127.0.0.1', port: 0 }, fabric, tls, (bug) => void bugs.push(bug));
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.close(0);
    rmSync(home, { recursive: true });
    expect(bugs).to.deep.equal([]);
  });

  function clientOf(identity: Identity | undefined): Client {
    const ca = Buffer.from(store.current().authorities[0]!.certificate.toString());
    const pair = identity === undefined ? [] : ([Buffer.from(identity.svid.key.export({ type: 'pkcs8', format: 'pem' }).toString()), Buffer.from(identity.svid.certificates.map(String).join(''))] as const);
    const client = new Client(server.address, credentials.createSsl(ca, ...pair), { 'grpc.ssl_target_name_override': 'n1' });
    clients.push(client);
    return client;
  }
  const watching = (client: Client): ClientReadableStream<SignedBundle__Output> => client.makeServerStreamRequest(WatchBundle.path, WatchBundle.requestSerialize, WatchBundle.responseDeserialize, {});
  const listing = (client: Client): ClientReadableStream<BanEntries__Output> => client.makeServerStreamRequest(ListBans.path, ListBans.requestSerialize, ListBans.responseDeserialize, {});
  const refusalOf = (call: ClientReadableStream<unknown>): Promise<string> => new Promise((resolve) => call.on('error', (error: ServiceError) => resolve(errorFromStatus(error, 'it').code)));
  const next = <T>(call: ClientReadableStream<T>): Promise<T> => new Promise((resolve) => call.once('data', resolve));

  it('is the bundle, to anybody', async () => {
    const signed = await new Promise<SignedBundle__Output>((resolve, reject) => {
      clientOf(undefined).makeUnaryRequest(GetBundle.path, GetBundle.requestSerialize, GetBundle.responseDeserialize, {}, (error, reply) => (reply === undefined ? reject(error ?? new Error('nothing')) : resolve(reply)));
    });
    expect(readBundle(signed, 'omega.test', [store.current().authorities[0]!.certificate]).claim.sequence).to.equal(1);
  });

  it('is each bundle that takes its place, and the ban list, to members', async () => {
    const call = watching(clientOf(member));
    call.on('error', () => undefined);
    const sequenceOf = ({ body }: SignedBundle__Output): number => (JSON.parse(body.toString()) as { sequence: number }).sequence;
    expect(sequenceOf(await next(call))).to.equal(1);
    const second = next(call);
    store.keep(withPrepared(store.current(), await makeAuthority('omega.test', Date.now())));
    held.replace({ ...held.current(), bundle: bundleOfSet(store.current()) });
    expect(sequenceOf(await second)).to.equal(2);
    call.cancel();
    const entries: BanEntries__Output['entries'] = [];
    for await (const message of listing(clientOf(member))) entries.push(...(message as BanEntries__Output).entries);
    expect(entries.map((entry) => readBan(entry, held.current().bundle).claim.subject)).to.deep.equal(Array.from({ length: 65 }, (_, i) => `spiffe://omega.test/node/x${i}`));
  });

  it('is nothing to who shows no certificate, or one of another authority, or is kept out', async () => {
    const stranger = await issueOwn(await makeAuthority('omega.test', Date.now()), { kind: 'agent', name: 'a1', nowMs: Date.now() });
    for (const [who, code] of [[undefined, 'NO_IDENTITY'], [stranger, 'UNKNOWN_AUTHORITY']] as const) {
      expect(await refusalOf(watching(clientOf(who)))).to.equal(code);
      expect(await refusalOf(listing(clientOf(who)))).to.equal(code);
    }
    refusal = new MeshError('BANNED', 'a1 was banned');
    expect(await refusalOf(listing(clientOf(member)))).to.equal('BANNED');
  });
});
