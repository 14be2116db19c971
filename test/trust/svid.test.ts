import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import type { ErrorCode } from '../../src/errors.ts';
import { MeshError } from '../../src/errors.ts';
import { ADMIN_ROLES, BACKDATE_MS, bundleOf, issueSvid, makeAuthority, makeRequest, SVID_TTL_MS, type AdminRole, type Authority } from '../../src/trust/authority.ts';
import type { Bundle } from '../../src/trust/bundle.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { formatSpiffeId } from '../../src/trust/spiffe-id.ts';
import { CHAIN_LENGTH_MAX, claimedId, pairSvid, verifyChain } from '../../src/trust/svid.ts';
import { CLIENT_AUTH, oddLeaf, oddPair, USAGE, type OddLeaf } from './odd-leaf.ts';

const NOW = Date.UTC(2026, 10, 23, 1);
const MINUTE = 60_000;

function faultOf(act: () => unknown): MeshError {
  try {
    act();
  } catch (error) {
    if (error instanceof MeshError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

/** The same certificate with one name for another of the same length in its bytes. */
function rewritten(certificate: X509Certificate, from: string, to: string): X509Certificate {
  const bytes = Buffer.from(certificate.raw);
  bytes.write(to, bytes.indexOf(from), 'latin1');
  return new X509Certificate(bytes);
}

describe('an X.509-SVID', () => {
  let authority: Authority;
  let bundle: Bundle;
  before(async () => {
    authority = await makeAuthority('omega.test', NOW);
    bundle = bundleOf(authority);
  });

  it('proves who its holder is, to whoever knows the authority', async () => {
    const { svid } = await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: NOW });
    expect(formatSpiffeId(verifyChain(svid.certificates, bundle, NOW))).to.equal('spiffe://omega.test/node/n1');
    expect([svid.notBeforeMs, svid.notAfterMs]).to.deep.equal([NOW - BACKDATE_MS, NOW + SVID_TTL_MS]);
    expect(svid.serial).to.match(/^[0-9A-F]{32}$/);
  });

  it('may have a key of either kind', async () => {
    for (const kind of ['p256', 'ed25519'] as const) {
      const { key, request } = await makeRequest(kind);
      const certificate = await issueSvid(authority, request, { id: { trustDomain: 'omega.test', kind: 'agent', name: 'a1' } }, NOW);
      expect(pairSvid([certificate], key).key.asymmetricKeyType).to.equal(kind === 'p256' ? 'ec' : 'ed25519');
      expect(verifyChain([certificate], bundle, NOW).kind).to.equal('agent');
    }
  });

  it('of an admin says what it may do', async () => {
    const subjectOf = async (role: AdminRole): Promise<string> => {
      const { request } = await makeRequest();
      return (await issueSvid(authority, request, { id: { trustDomain: 'omega.test', kind: 'admin', name: 'kim' }, role }, NOW)).subject;
    };
    expect(await Promise.all(ADMIN_ROLES.map(subjectOf))).to.deep.equal(['OU=viewer\nCN=kim', 'OU=operator\nCN=kim', 'OU=admin\nCN=kim']);
  });

  it('ends with its authority at the latest', async () => {
    const { svid } = await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: NOW, ttlMs: 400 * 24 * 60 * MINUTE });
    expect(svid.notAfterMs).to.equal(Date.parse(authority.certificate.validTo));
  });

  it('is taken through an intermediate that is sent along, and not through one that is not of the authority', async () => {
    const asAuthority = { isAuthority: true, usage: USAGE.keyCertSign, uris: ['spiffe://omega.test'] };
    const root = await oddPair(undefined, NOW, { ...asAuthority, subject: 'CN=root' });
    const middle = await oddPair(root, NOW, { ...asAuthority, subject: 'CN=middle' });
    const leaf = await oddLeaf(middle, NOW, { subject: 'CN=leaf' });
    const ofRoot = { trustDomain: 'omega.test', authorities: [root.certificate] };
    expect(verifyChain([leaf, middle.certificate], ofRoot, NOW).name).to.equal('n1');
    expect(faultOf(() => verifyChain([leaf], ofRoot, NOW)).code).to.equal('UNKNOWN_AUTHORITY');
    expect(faultOf(() => verifyChain([leaf, middle.certificate], bundle, NOW)).code).to.equal('UNKNOWN_AUTHORITY');
    // What a member has issued with its own key is nobody's.
    const member = await oddPair(root, NOW, { subject: 'CN=member' });
    const forged = await oddLeaf(member, NOW, { subject: 'CN=forged', uris: ['spiffe://omega.test/admin/kim'] });
    expect(faultOf(() => verifyChain([forged, member.certificate], ofRoot, NOW)).code).to.equal('UNKNOWN_AUTHORITY');
  });

  const own = (odd: OddLeaf): (() => Promise<X509Certificate>) => () => oddLeaf(authority, NOW, odd);
  const FAULTS: readonly [title: string, code: ErrorCode, says: RegExp, make: () => Promise<X509Certificate>][] = [
    ['that expired', 'SVID_EXPIRED', /expired 3 h ago/, own({ beginsAtMs: NOW - 240 * MINUTE, endsAtMs: NOW - 180 * MINUTE })],
    ['that is not yet valid', 'SVID_NOT_YET_VALID', /valid only in 2 h/, own({ beginsAtMs: NOW + 120 * MINUTE })],
    ['that begins ten minutes from now', 'CLOCK_SKEW', /clock skew: .* begins only in 10 min, so this clock is behind/, own({ beginsAtMs: NOW + 10 * MINUTE })],
    ['that ended ten minutes ago', 'CLOCK_SKEW', /clock skew: .* ended 10 min ago, so this clock is ahead/, own({ endsAtMs: NOW - 10 * MINUTE })],
    ['of another trust domain', 'WRONG_TRUST_DOMAIN', /is not of the trust domain omega\.test/, own({ uris: ['spiffe://omega.evil/node/n1'] })],
    ['that is an authority', 'SVID_WRONG_USAGE', /is an authority's/, own({ isAuthority: true, usage: USAGE.keyCertSign })],
    ['that may sign certificates', 'SVID_WRONG_USAGE', /is an authority's/, own({ usage: USAGE.digitalSignature | USAGE.keyCertSign })],
    ['that may not sign', 'SVID_WRONG_USAGE', /not for signatures/, own({ usage: USAGE.keyEncipherment })],
    ['for clients only', 'SVID_WRONG_USAGE', /not for both ends/, own({ extendedUsage: [CLIENT_AUTH] })],
    ['with a critical extension that nobody knows', 'SVID_WRONG_USAGE', /critical extension/, own({ criticalExtension: '1.3.6.1.4.1.99999.1' })],
    ['with two URIs', 'SVID_NOT_ONE_ID', /exactly one SPIFFE ID, and this one carries 2/, own({ uris: ['spiffe://omega.test/node/n1', 'spiffe://omega.test/node/n2'] })],
    ['with no URI', 'SVID_NOT_ONE_ID', /carries none/, own({ uris: [] })],
    ['with two URIs in one', 'BAD_IDENTITY', /is not an identity/, own({ uris: ['spiffe://omega.test/node/n1, URI:spiffe://omega.test/node/n2'] })],
    ['whose URI is no ID', 'BAD_IDENTITY', /is not an identity/, own({ uris: ['https://omega.test/node/n1'] })],
    ['signed by itself', 'SVID_SELF_SIGNED', /signed by itself/, () => oddLeaf(undefined, NOW)],
    ['of an authority of the same name', 'UNKNOWN_AUTHORITY', /not known here/, async () => (await issueOwn(await makeAuthority('omega.test', NOW), { kind: 'node', name: 'n1', nowMs: NOW })).svid.certificates[0]!],
    ['that names our authority and is signed by another key', 'SVID_TAMPERED', /not what its authority signed/, async () => oddLeaf({ ...(await makeAuthority('omega.test', NOW)), certificate: authority.certificate }, NOW)],
    [
      'whose name was changed',
      'SVID_TAMPERED',
      /not what its authority signed/,
      async () => rewritten((await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: NOW })).svid.certificates[0]!, 'omega.test/node/n1', 'omega.test/node/n2'),
    ],
  ];
  for (const [title, code, says, make] of FAULTS) {
    it(`${title} is refused: ${code}`, async () => {
      const leaf = await make();
      const fault = faultOf(() => verifyChain([leaf], bundle, NOW));
      expect(fault.code).to.equal(code);
      expect(fault.message).to.match(says);
    });
  }

  it('of somebody else still says whose it would be', async () => {
    expect(claimedId(await oddLeaf(undefined, NOW, { uris: ['spiffe://omega.evil/agent/a1'] }))).to.deep.equal({ trustDomain: 'omega.evil', kind: 'agent', name: 'a1' });
  });

  it('of an authority that has expired is refused', async () => {
    const { svid } = await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: NOW });
    expect(faultOf(() => verifyChain(svid.certificates, bundle, NOW + 366 * 24 * 60 * MINUTE)).message).to.match(/authority of omega\.test expired/);
  });

  it('of no certificate, and of more than anybody needs, is refused', () => {
    expect(faultOf(() => verifyChain([], bundle, NOW)).code).to.equal('MALFORMED');
    expect(faultOf(() => verifyChain(Array.from({ length: CHAIN_LENGTH_MAX + 1 }, () => authority.certificate), bundle, NOW)).code).to.equal('MALFORMED');
  });

  it('does not come from a request that its own key did not sign', async () => {
    const { request } = await makeRequest();
    const changed = Buffer.from(request);
    changed[changed.length - 1]! ^= 1;
    for (const bytes of [changed, Buffer.from('not a request'), Buffer.alloc(0)]) {
      const fault = await issueSvid(authority, bytes, { id: { trustDomain: 'omega.test', kind: 'node', name: 'n1' } }, NOW).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(fault).to.be.instanceOf(MeshError).with.property('code', 'MALFORMED');
    }
  });
});
