import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAddress, type Address } from '../../src/address.ts';
import { MeshError, type ErrorCode } from '../../src/errors.ts';
import { attest, fetchPinnedBundle, type Evidence } from '../../src/transport/attest-client.ts';
import { renewJoined } from '../../src/transport/renew.ts';
import { createFabricServer } from '../../src/transport/fabric-server.ts';
import type { MeshServer } from '../../src/transport/grpc-server.ts';
import { OpenSessions } from '../../src/transport/open-sessions.ts';
import { bundleOf, makeAuthority, makeRequest, type Authority, type IdentityRequest } from '../../src/trust/authority.ts';
import { AuthorityStore, keepAuthority } from '../../src/trust/authority-files.ts';
import { soleAuthority } from '../../src/trust/authority-set.ts';
import { BundleKeeper } from '../../src/trust/bundle-keeper.ts';
import { signBan, type HeldBan } from '../../src/trust/ban-entry.ts';
import { banGate } from '../../src/trust/ban-gate.ts';
import { keyPin } from '../../src/trust/bundle.ts';
import { writeFabricAddresses } from '../../src/trust/fabric-file.ts';
import { writeIdentity } from '../../src/trust/identity-files.ts';
import { TrustFabric, type AttestOutcome, type FabricOptions } from '../../src/trust/fabric.ts';
import { holdIdentity } from '../../src/trust/identity-source.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { formatSpiffeId, type SpiffeId } from '../../src/trust/spiffe-id.ts';
import { validity, verifyChain } from '../../src/trust/svid.ts';
import { keepToken, revokeToken } from '../../src/trust/token-files.ts';
import { formatToken, makeToken, parseToken, tokenName, type Token } from '../../src/trust/token.ts';
import type { TestTls } from '../support/trust-domain.ts';

const MINUTE = 60_000;
const RING_KEY = { key: Buffer.alloc(32, 9).toString('base64'), epochMs: 1_700_000_000_000, isUsed: true, oldKeptMs: 3_600_000 };
const N2: SpiffeId = { trustDomain: 'omega.test', kind: 'node', name: 'n2' };

async function evictionOf(authority: Authority, epochMs: number): Promise<HeldBan> {
  const { svid } = await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: Date.now() });
  return signBan({ epochMs, subject: formatSpiffeId(N2), kind: 'evict', reason: 'its key was in a backup', by: 'ada' }, svid);
}

describe('attestation over a real connection', () => {
  let dir: string;
  let authority: Authority;
  let store: AuthorityStore;
  let own: TestTls;
  let server: MeshServer;
  let address: Address;
  let outcomes: AttestOutcome[];
  let skewMs: number;
  let refusal: MeshError | undefined;
  let bugs: unknown[];

  async function serve(changes: Partial<FabricOptions> = {}): Promise<MeshServer> {
    const fabric = new TrustFabric({
      authorities: store,
      bundle: () => store.document(),
      bans: () => Promise.resolve([]),
      ttlMs: 60 * MINUTE,
      welcome: () => ({ gossipKeys: [Buffer.alloc(32, 7)], gossipRing: [RING_KEY], gossipSeeds: ['127.0.65.1:7946'] }),
      gate: { fault: () => refusal, evictedAtMs: () => undefined },
      note: (outcome) => void outcomes.push(outcome),
      wallNow: () => Date.now() + skewMs,
      ...changes,
    });
    return createFabricServer({ host: '127.0.65.1', port: 0 }, fabric, own, (bug) => void bugs.push(bug));
  }

  before(async () => {
    dir = join(mkdtempSync(join(tmpdir(), 'attest-')), '.authority');
    authority = keepAuthority(dir, await makeAuthority('omega.test', Date.now()));
    store = new AuthorityStore(dir);
    own = { identity: holdIdentity(await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: Date.now() })), pq: 'prefer', sessions: new OpenSessions(), alarms: [] };
  });
  after(() => rmSync(join(dir, '..'), { recursive: true }));
  beforeEach(async () => {
    outcomes = [];
    bugs = [];
    skewMs = 0;
    refusal = undefined;
    server = await serve();
    address = parseAddress(server.address, 0);
  });
  afterEach(async () => {
    await server.close(0);
    expect(bugs).to.deep.equal([]);
  });

  function token(changes: Partial<Token> = {}): Token {
    const made = makeToken({ id: N2, role: undefined, pin: keyPin(authority.certificate), expiresAtMs: Date.now() + 10 * MINUTE, ...changes });
    keepToken(dir, made, Date.now());
    return made;
  }
  const byToken = ({ secret }: Token): Evidence => ({ kind: 'join_token', secret });

  async function faultOf(act: Promise<unknown>): Promise<MeshError> {
    try {
      await act;
    } catch (error) {
      if (error instanceof MeshError) return error;
      throw error;
    }
    throw new Error('it was taken');
  }

  it('gives who has a token its identity, the gossip keys and where to join, knowing the authority by its pin alone', async () => {
    const { id, pin, secret } = parseToken(formatToken(token()));
    const { bundle } = await fetchPinnedBundle(address, pin, id.trustDomain);
    const request = await makeRequest();
    const { identity, gossipKeys, gossipRing, gossipSeeds } = await attest({ address, bundle, request, evidence: { kind: 'join_token', secret } });
    expect(verifyChain(identity.svid.certificates, bundleOf(authority), Date.now())).to.deep.equal(N2);
    expect(identity.svid.key).to.equal(request.key);
    expect(gossipKeys.map((key) => Buffer.from(key).toString('hex'))).to.deep.equal(['07'.repeat(32)]);
    expect(gossipRing).to.deep.equal([RING_KEY]);
    expect(gossipSeeds).to.deep.equal(['127.0.65.1:7946']);
    expect(outcomes).to.have.length(1);
    expect(outcomes[0]).to.include({ method: 'join_token', serial: identity.svid.serial, fault: undefined });
    expect(formatSpiffeId(outcomes[0]!.id!)).to.equal('spiffe://omega.test/node/n2');
  });

  it('answers the same key once more, for the answer may have been lost, and no other key', async () => {
    const evidence = byToken(token());
    const bundle = bundleOf(authority);
    const request = await makeRequest();
    await attest({ address, bundle, request, evidence });
    expect((await attest({ address, bundle, request, evidence })).identity.svid.id).to.deep.equal(N2);
    expect((await faultOf(attest({ address, bundle, request: await makeRequest(), evidence }))).code).to.equal('TOKEN_USED');
    skewMs = 3 * MINUTE;
    await server.close(0);
    // Its clock went on by three minutes; the member's, which is not looked at here, too.
    server = await serve({ wallNow: ((calls) => () => Date.now() + (calls++ === 0 ? 0 : 3 * MINUTE))(0) });
    address = parseAddress(server.address, 0);
    expect((await faultOf(attest({ address, bundle, request, evidence }))).code).to.equal('TOKEN_USED');
  });

  const REFUSALS: readonly [title: string, code: ErrorCode, says: RegExp, evidence: () => Evidence][] = [
    ['a token that has expired', 'TOKEN_EXPIRED', /expired at/, () => byToken(token({ expiresAtMs: Date.now() - 1 }))],
    ['a token that nobody made', 'TOKEN_UNKNOWN', /did not make the token/, () => ({ kind: 'join_token', secret: Buffer.alloc(16, 1) })],
    [
      'a token that was taken back',
      'TOKEN_UNKNOWN',
      /took it back/,
      () => {
        const made = token();
        revokeToken(dir, tokenName(made.secret).slice(0, 10));
        return byToken(made);
      },
    ],
  ];
  for (const [title, code, says, evidence] of REFUSALS) {
    it(`gives nothing for ${title}, and notes that: ${code}`, async () => {
      const fault = await faultOf(attest({ address, bundle: bundleOf(authority), request: await makeRequest(), evidence: evidence() }));
      expect(fault.code).to.equal(code);
      expect(fault.message).to.match(says);
      expect(outcomes.map((outcome) => [outcome.method, outcome.fault?.code, outcome.serial])).to.deep.equal([['join_token', code, undefined]]);
    });
  }

  it('renews who still has a certificate, and nobody whose certificate is over or of another authority', async () => {
    const bundle = bundleOf(authority);
    const member = await issueOwn(authority, { kind: 'agent', name: 'a1', nowMs: Date.now() });
    const renewed = await attest({ address, bundle, request: await makeRequest(), evidence: { kind: 'x509pop', svid: member.svid } });
    expect(renewed.identity.svid.id).to.deep.equal(member.svid.id);
    expect(renewed.identity.svid.serial).not.to.equal(member.svid.serial);
    expect(renewed.gossipKeys).to.deep.equal([]);
    const old = await issueOwn(authority, { kind: 'agent', name: 'a1', nowMs: Date.now() - 300 * MINUTE });
    expect((await faultOf(attest({ address, bundle, request: await makeRequest(), evidence: { kind: 'x509pop', svid: old.svid } }))).code).to.equal('SVID_EXPIRED');
    const foreign = await issueOwn(await makeAuthority('omega.test', Date.now()), { kind: 'agent', name: 'a1', nowMs: Date.now() });
    expect((await faultOf(attest({ address, bundle, request: await makeRequest(), evidence: { kind: 'x509pop', svid: foreign.svid } }))).code).to.equal('UNKNOWN_AUTHORITY');
    const stolen = { ...member.svid, key: foreign.svid.key };
    expect((await faultOf(attest({ address, bundle, request: await makeRequest(), evidence: { kind: 'x509pop', svid: stolen } }))).code).to.equal('BAD_SIGNATURE');
  });

  it('gives a node identities for programs beside it, each below its own name, and nobody else', async () => {
    const bundle = bundleOf(authority);
    const { svid } = await issueOwn(authority, { kind: 'node', name: 'n2', nowMs: Date.now() });
    const ask = async (evidence: Evidence): Promise<string> => formatSpiffeId((await attest({ address, bundle, request: await makeRequest(), evidence })).identity.svid.id);
    expect(await ask({ kind: 'workload', svid, workload: 'web' })).to.equal('spiffe://omega.test/workload/n2/web');
    expect(outcomes.map(({ method, id }) => [method, id?.kind])).to.deep.equal([['workload', 'workload']]);
    for (const workload of ['', '../n3/web', 'web/x', 'n3/web']) expect((await faultOf(ask({ kind: 'workload', svid, workload }))).code).to.equal('BAD_IDENTITY');
    const agent = await issueOwn(authority, { kind: 'agent', name: 'a1', nowMs: Date.now() });
    expect((await faultOf(ask({ kind: 'workload', svid: agent.svid, workload: 'web' }))).code).to.equal('NOT_PERMITTED');
    const web = await issueOwn(authority, { kind: 'workload', name: 'n2/web', nowMs: Date.now() });
    expect((await faultOf(ask({ kind: 'x509pop', svid: web.svid }))).message).to.contain('comes from its node');
  });

  it('gives no workload an identity that is banned, nor one whose node is', async () => {
    const { svid } = await issueOwn(authority, { kind: 'node', name: 'n2', nowMs: Date.now() });
    const refused: SpiffeId[] = [];
    await server.close(0);
    const fault = (id: SpiffeId): MeshError | undefined => (refused.some((each) => formatSpiffeId(each) === formatSpiffeId(id)) ? new MeshError('BANNED', 'banned') : undefined);
    server = await serve({ gate: { fault, evictedAtMs: () => undefined } });
    address = parseAddress(server.address, 0);
    const ask = async (workload: string): Promise<unknown> => attest({ address, bundle: bundleOf(authority), request: await makeRequest(), evidence: { kind: 'workload', svid, workload } });
    refused.push({ ...N2, kind: 'workload', name: 'n2/web' });
    expect((await faultOf(ask('web'))).code).to.equal('BANNED');
    await ask('mail');
    refused.push(N2);
    expect((await faultOf(ask('mail'))).code).to.equal('BANNED');
  });

  it('is asked by who joined there, unless somebody has joined once more meanwhile', async () => {
    const kept = join(dir, '..', 'n2');
    const member = await issueOwn(authority, { kind: 'node', name: 'n2', nowMs: Date.now() - MINUTE });
    writeIdentity(kept, member);
    const held = holdIdentity(member);
    const bundles = new BundleKeeper({ held, first: undefined, keep: () => undefined, notKept: () => undefined });
    const nobody = await faultOf(renewJoined(kept, held, bundles));
    expect([nobody.code, nobody.todo]).to.deep.equal(['NO_IDENTITY', 'join again: `mesh join`']);
    writeFabricAddresses(kept, [{ host: '127.0.65.1', port: 1 }, address]);
    const rings: unknown[] = [];
    const renewed = await renewJoined(kept, held, bundles, (ring) => rings.push(ring));
    expect(outcomes.map(({ method }) => method)).to.deep.equal(['x509pop']);
    expect(rings).to.deep.equal([[RING_KEY]]);
    writeIdentity(kept, renewed);
    expect((await renewJoined(kept, held, bundles)).svid.serial).to.equal(renewed.svid.serial);
    expect(outcomes).to.have.length(1);
  });

  it('lets who was evicted attest again with the certificate of before, once: whoever comes second with that is refused', async () => {
    const bundle = bundleOf(authority);
    const member = await issueOwn(authority, { kind: 'node', name: 'n2', nowMs: Date.now() - 5 * MINUTE });
    const gate = banGate();
    const evicted = async (atMs: number): Promise<void> => gate.replace(new Map([[formatSpiffeId(N2), await evictionOf(authority, atMs)]]));
    await server.close(0);
    server = await serve({ gate });
    address = parseAddress(server.address, 0);
    const attested = (request: IdentityRequest): ReturnType<typeof attest> => attest({ address, bundle, request, evidence: { kind: 'x509pop', svid: member.svid } });

    await evicted(Date.now() - MINUTE);
    const request = await makeRequest();
    const { svid } = (await attested(request)).identity;
    expect(gate.fault(N2, svid.notBeforeMs)).to.equal(undefined);
    // Its answer may have been lost.
    await attested(request);
    const second = await faultOf(attested(await makeRequest()));
    expect([second.code, second.message]).to.satisfy(([code, message]: string[]) => code === 'EVICTED' && /was evicted at .*, and has attested again at /.test(message!));
    expect(outcomes.at(-1)).to.deep.include({ method: 'x509pop', serial: undefined }).and.to.have.nested.property('fault.code', 'EVICTED');
    expect((await attest({ address, bundle, request: await makeRequest(), evidence: { kind: 'x509pop', svid } })).identity.svid.id).to.deep.equal(N2);
    expect((await attest({ address, bundle, request: await makeRequest(), evidence: byToken(token()) })).identity.svid.id).to.deep.equal(N2);

    // The next eviction is another matter. While it is to come by the clock here, no certificate would hold.
    await evicted(Date.now() + 30_000);
    expect((await faultOf(attested(await makeRequest()))).code).to.equal('EVICTED');
    await evicted(Date.now() - 2_000);
    await attested(await makeRequest());
  });

  it('diagnoses a clock that is ten minutes off, in either direction', async () => {
    for (const [ms, says] of [[10 * MINUTE, /your clock is 10 min behind/], [-10 * MINUTE, /your clock is 10 min ahead/]] as const) {
      skewMs = ms;
      const fault = await faultOf(attest({ address, bundle: bundleOf(authority), request: await makeRequest(), evidence: byToken(token()) }));
      expect(fault.code).to.equal('CLOCK_SKEW');
      expect(fault.message).to.match(says);
    }
  });

  it('sends no secret to a Fabric of another authority, nor to a node of ours that does not hold the authority', async () => {
    const pin = keyPin((await makeAuthority('omega.test', Date.now())).certificate);
    expect((await faultOf(fetchPinnedBundle(address, pin, 'omega.test'))).code).to.equal('FOREIGN_AUTHORITY');
    const foreign = await makeAuthority('omega.test', Date.now());
    expect((await faultOf(attest({ address, bundle: bundleOf(foreign), request: await makeRequest(), evidence: byToken(token()) }))).code).to.equal('UNKNOWN_AUTHORITY');
    await server.close(0);
    // Its certificate is good, and the key that it signs the challenge with is not the authority's.
    server = await serve({ authorities: { dir, current: () => soleAuthority({ ...authority, key: foreign.key }) } });
    address = parseAddress(server.address, 0);
    outcomes.length = 0;
    expect((await faultOf(attest({ address, bundle: bundleOf(authority), request: await makeRequest(), evidence: byToken(token()) }))).code).to.equal('FOREIGN_AUTHORITY');
    expect(outcomes).to.deep.equal([]);
  });

  it('refuses whom it is told to refuse, whatever that proves', async () => {
    refusal = new MeshError('REFUSED', 'spiffe://omega.test/node/n2 is banned');
    const fault = await faultOf(attest({ address, bundle: bundleOf(authority), request: await makeRequest(), evidence: byToken(token()) }));
    expect([fault.code, fault.message]).to.deep.equal(['REFUSED', 'spiffe://omega.test/node/n2 is banned']);
    expect(outcomes[0]).to.include({ fault: refusal });
  });

  it('shows its renewed certificate to who comes later', async () => {
    own.identity.replace(await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: Date.now() }));
    const { identity } = await attest({ address, bundle: bundleOf(authority), request: await makeRequest('ed25519'), evidence: byToken(token()) });
    expect(identity.svid.key.asymmetricKeyType).to.equal('ed25519');
    expect(validity(identity.svid.certificates[0]!).notAfterMs).to.be.greaterThan(Date.now());
  });

  it('says that nobody is there', async () => {
    await server.close(0);
    expect((await faultOf(fetchPinnedBundle(address, 'x', 'omega.test'))).code).to.equal('NODE_UNREACHABLE');
    expect((await faultOf(attest({ address, bundle: bundleOf(authority), request: await makeRequest(), evidence: byToken(token()) }))).code).to.equal('NODE_UNREACHABLE');
  });
});
