import { expect } from 'chai';
import * as fc from 'fast-check';
import { MeshError } from '../../src/errors.ts';
import { bundleOf, issueSvid, makeAuthority, makeRequest, SVID_TTL_MS, type Authority } from '../../src/trust/authority.ts';
import { banId, issuedAtMs, readBan, REASON_CHARS_MAX, signBan, type BanClaim, type BanEntry } from '../../src/trust/ban-entry.ts';
import type { Bundle } from '../../src/trust/bundle.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { pairSvid, type Svid } from '../../src/trust/svid.ts';

const NOW = Date.UTC(2026, 10, 23, 1);
const MINUTE = 60_000;

describe('an entry of the ban list', () => {
  let authority: Authority;
  let bundle: Bundle;
  let svid: Svid;
  before(async () => {
    authority = await makeAuthority('omega.test', NOW - MINUTE);
    bundle = bundleOf(authority);
    svid = await svidOf('node', 'n1');
  });

  const svidOf = async (kind: 'node' | 'agent' | 'admin', name: string, by: Authority = authority): Promise<Svid> => (await issueOwn(by, { kind, name, nowMs: NOW })).svid;
  const claim = (more: Partial<BanClaim> = {}): BanClaim => ({ epochMs: NOW, subject: 'spiffe://omega.test/node/n4', kind: 'ban', reason: 'its disk was stolen', by: 'ada (pid 7)', ...more });
  const codeOf = (entry: BanEntry): string => {
    try {
      readBan(entry, bundle);
      return 'taken';
    } catch (error) {
      return error instanceof MeshError ? error.code : String(error);
    }
  };
  const signed = (more: Partial<BanClaim> = {}, by: Svid = svid): BanEntry => signBan(claim(more), by).entry;

  it('is read as it was signed, with keys of either kind', async () => {
    const { key, request } = await makeRequest('ed25519');
    const other = pairSvid([await issueSvid(authority, request, { id: { trustDomain: 'omega.test', kind: 'node', name: 'n2' } }, NOW)], key);
    for (const by of [svid, other]) {
      const ban = signBan(claim(), by);
      expect(readBan(ban.entry, bundle)).to.deep.equal(ban);
      expect(ban.claim).to.deep.equal(claim());
    }
    expect(signBan(claim(), svid).issuerSinceMs).to.equal(issuedAtMs(svid.notBeforeMs)).and.to.equal(NOW);
  });

  it('is known by what it says and who says it, whatever its signature', () => {
    const [one, again] = [signed(), signed()];
    // Two signatures of ECDSA over the same differ.
    expect(Buffer.from(one.signature).equals(again.signature)).to.equal(false);
    expect(banId(one)).to.equal(banId(again)).and.not.to.equal(banId(signed({ reason: 'another' })));
  });

  it('is refused when a byte of what it says, or of its signature, is another', () => {
    const entry = signed();
    fc.assert(
      fc.property(fc.constantFrom('body', 'signature'), fc.nat(), fc.integer({ min: 1, max: 255 }), (part, at, change) => {
        const bytes = Buffer.from(entry[part]);
        bytes[at % bytes.length]! ^= change;
        expect(codeOf({ ...entry, [part]: bytes })).to.not.equal('taken');
      }),
    );
    expect(codeOf({ ...entry, body: Buffer.from(Buffer.from(entry.body).toString().replace('n4', 'n3')) })).to.equal('BAD_SIGNATURE');
  });

  it('is refused with the chain of another node', async () => {
    const other = await svidOf('node', 'n2');
    expect(codeOf({ ...signed(), chain: other.certificates.map(({ raw }) => raw) })).to.equal('BAD_SIGNATURE');
  });

  it('is refused of an authority that is not believed, and about another trust domain', async () => {
    const strange = await makeAuthority('omega.test', NOW - MINUTE);
    expect(codeOf(signed({}, await svidOf('node', 'n1', strange)))).to.be.oneOf(['UNKNOWN_AUTHORITY', 'SVID_TAMPERED']);
    expect(codeOf(signed({ subject: 'spiffe://other.test/node/n4' }))).to.equal('WRONG_TRUST_DOMAIN');
    const other = await makeAuthority('other.test', NOW - MINUTE);
    expect(codeOf(signed({}, await svidOf('node', 'n1', other)))).to.equal('WRONG_TRUST_DOMAIN');
  });

  it('is refused when its certificate was not valid at the time that it says', () => {
    expect(codeOf(signed({ epochMs: NOW + SVID_TTL_MS + MINUTE }))).to.equal('CLOCK_SKEW');
    expect(codeOf(signed({ epochMs: NOW + SVID_TTL_MS + 60 * MINUTE }))).to.equal('SVID_EXPIRED');
    expect(codeOf(signed({ epochMs: NOW - 60 * MINUTE }))).to.be.oneOf(['SVID_NOT_YET_VALID', 'CLOCK_SKEW']);
    // Who was away for days believes it all the same.
    expect(codeOf(signed({ epochMs: NOW + SVID_TTL_MS }))).to.equal('taken');
  });

  it('is refused of who is no node', async () => {
    for (const kind of ['agent', 'admin'] as const) expect(codeOf(signed({}, await svidOf(kind, 'x1')))).to.equal('REFUSED');
  });

  it('is refused when it is not what nodes write', () => {
    const body = (more: object): BanEntry => ({ ...signed(), body: Buffer.from(JSON.stringify({ ...claim(), ...more })) });
    for (const more of [{ epochMs: 1.5 }, { epochMs: -1 }, { epochMs: '1' }, { kind: 'forgive' }, { reason: 'x'.repeat(REASON_CHARS_MAX + 1) }, { by: 7 }, { subject: 7 }]) {
      expect(codeOf(body(more)), JSON.stringify(more)).to.equal('MALFORMED');
    }
    expect(codeOf(body({ subject: 'n4' }))).to.equal('BAD_IDENTITY');
    for (const text of ['', 'null', '[]', '{', 'x'.repeat(5_000)]) expect(codeOf({ ...signed(), body: Buffer.from(text) }), text.slice(0, 9)).to.equal('MALFORMED');
    expect(codeOf({ ...signed(), chain: [] })).to.equal('MALFORMED');
    expect(codeOf({ ...signed(), chain: [Buffer.from('no certificate')] })).to.equal('MALFORMED');
    expect(codeOf({ ...signed(), chain: Array.from({ length: 9 }, () => svid.certificates[0]!.raw) })).to.equal('MALFORMED');
  });
});
