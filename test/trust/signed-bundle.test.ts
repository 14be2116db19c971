import { expect } from 'chai';
import type { ErrorCode } from '../../src/errors.ts';
import { MeshError } from '../../src/errors.ts';
import { makeAuthority, type Authority } from '../../src/trust/authority.ts';
import { soleAuthority, statesOf, stepFrom, withActivated, withPrepared, withRevoked, withTainted, type AuthoritySet } from '../../src/trust/authority-set.ts';
import { keyPin } from '../../src/trust/bundle.ts';
import { BundleKeeper } from '../../src/trust/bundle-keeper.ts';
import { holdIdentity, type HeldIdentity } from '../../src/trust/identity-source.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { readBundle, signBundle, supersedes, type HeldBundle, type SignedBundle } from '../../src/trust/signed-bundle.ts';

const NOW = Date.UTC(2026, 10, 23, 1);

/** The bundle of a set, signed with all that is in it. */
function documentOf(set: AuthoritySet): HeldBundle {
  return signBundle({ ...set, authorities: statesOf(set) }, set.authorities);
}

function codeOf(act: () => unknown): ErrorCode | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof MeshError) return error.code;
    throw error;
  }
}

describe('a bundle that proves itself', () => {
  let first: Authority;
  let second: Authority;
  let stranger: Authority;
  /** By sequence, from 1: as the authority is changed. */
  let steps: AuthoritySet[];
  let documents: HeldBundle[];
  let kept: HeldBundle[];
  let held: HeldIdentity;

  before(async () => {
    [first, second, stranger] = (await Promise.all(['omega.test', 'omega.test', 'omega.test'].map((domain) => makeAuthority(domain, NOW)))) as [Authority, Authority, Authority];
    const sole = soleAuthority(first);
    const prepared = withPrepared(sole, second);
    const activated = withActivated(prepared);
    const tainted = withTainted(activated);
    steps = [sole, prepared, activated, tainted, withRevoked(tainted, [])];
    documents = steps.map(documentOf);
  });
  beforeEach(async () => {
    kept = [];
    held = holdIdentity(await issueOwn(first, { kind: 'node', name: 'n1', nowMs: NOW }));
  });

  const keeper = (at: HeldBundle | undefined): BundleKeeper => new BundleKeeper({ held, first: at, keep: (document) => void kept.push(document), notKept: () => undefined });
  const pins = (): string[] => held.current().bundle.authorities.map(keyPin);

  it('says of each authority how it stands, step by step, and nothing is both believed and gone', () => {
    const shown = documents.map(({ claim }) => claim.authorities.map(({ pin, state }) => `${pin === keyPin(first.certificate) ? 'first' : 'second'} ${state}`));
    expect(shown).to.deep.equal([['first active'], ['first active', 'second prepared'], ['first old', 'second active'], ['first tainted', 'second active'], ['second active']]);
    expect(documents.map(({ claim }) => claim.sequence)).to.deep.equal([1, 2, 3, 4, 5]);
    expect(steps[4]!.past).to.deep.equal([keyPin(first.certificate)]);
  });

  it('may be changed in one order only, and each step be asked for twice', () => {
    const table = steps.map((set) => (['prepare', 'activate', 'taint', 'revoke'] as const).map((verb) => codeOf(() => stepFrom(set, verb)) ?? stepFrom(set, verb)));
    expect(table).to.deep.equal([
      ['due', 'REFUSED', 'REFUSED', 'done'],
      ['done', 'due', 'REFUSED', 'done'],
      ['REFUSED', 'done', 'due', 'REFUSED'],
      ['REFUSED', 'done', 'done', 'due'],
      ['due', 'REFUSED', 'REFUSED', 'done'],
    ]);
  });

  it('is taken from anybody, in any order, by whoever shares an authority with it, and never back', () => {
    for (const [from, document] of documents.entries()) {
      for (const [to, other] of documents.entries()) {
        const bundles = keeper(document);
        const outcome = codeOf(() => bundles.offer(other.signed)) ?? bundles.present!.claim.sequence;
        // Who has never heard of the second is left behind when the first has gone; of the first alone nobody hears who knows it has.
        const shares = !(from === 0 && to === 4) && !(from >= 2 && to === 0) && !(from === 4 && to === 0);
        expect([from + 1, to + 1, outcome]).to.deep.equal([from + 1, to + 1, shares ? Math.max(from, to) + 1 : 'UNKNOWN_AUTHORITY']);
      }
    }
    const asleep = keeper(documents[0]);
    expect(codeOf(() => asleep.offer(documents[4]!.signed))).to.equal('UNKNOWN_AUTHORITY');
    expect(asleep.offer(documents[3]!.signed)).to.equal('adopted');
    expect(asleep.offer(documents[4]!.signed)).to.equal('adopted');
    expect(asleep.offer(documents[2]!.signed)).to.equal('older');
    expect(pins()).to.deep.equal([keyPin(second.certificate)]);
  });

  it('changes whom the program believes at once, and is kept', () => {
    const bundles = keeper(undefined);
    const heard: number[] = [];
    bundles.onChange(({ claim }) => void heard.push(claim.sequence));
    expect(bundles.offer(documents[1]!.signed)).to.equal('adopted');
    expect(bundles.offer(documents[1]!.signed)).to.equal('older');
    expect(pins()).to.deep.equal([keyPin(first.certificate), keyPin(second.certificate)]);
    expect([heard, kept.map(({ claim }) => claim.sequence)]).to.deep.equal([[2], [2]]);
    expect([bundles.issuerState(held.current().svid.certificates), bundles.stateOf(keyPin(second.certificate)), bundles.stateOf('x')]).to.deep.equal(['active', 'prepared', undefined]);
  });

  it('is not taken on the word of a tainted authority, nor of one that only issued before', () => {
    for (const step of [2, 3]) {
      const forged = signBundle({ ...steps[step]!, sequence: 99, authorities: [{ certificate: stranger.certificate, pin: keyPin(stranger.certificate), state: 'active' }] }, [first, stranger]);
      expect(codeOf(() => keeper(documents[step]).offer(forged.signed))).to.equal('UNKNOWN_AUTHORITY');
    }
  });

  it('of two of one number the same wins everywhere', () => {
    const other = documentOf(withPrepared(steps[0]!, stranger));
    const [less, more] = [documents[1]!, other].sort((a, b) => (a.id < b.id ? -1 : 1)) as [HeldBundle, HeldBundle];
    expect([supersedes(more, less), supersedes(less, more), supersedes(less, less)]).to.deep.equal([true, false, false]);
  });

  const spoilt: readonly [title: string, code: ErrorCode, spoil: (signed: SignedBundle) => SignedBundle][] = [
    ['whose text was changed', 'BAD_SIGNATURE', ({ body, signatures }) => ({ body: Buffer.from(Buffer.from(body).toString().replace('"sequence":2', '"sequence":3')), signatures })],
    ['that nobody signed', 'UNKNOWN_AUTHORITY', ({ body }) => ({ body, signatures: [] })],
    ['signed in the name of another', 'BAD_SIGNATURE', ({ body, signatures }) => ({ body, signatures: signatures.slice(1).map(({ signature }) => ({ pin: signatures[0]!.pin, signature })) })],
    ['that is no text', 'MALFORMED', ({ signatures }) => ({ body: Buffer.from([1, 2, 3]), signatures })],
    ['that is too long', 'MALFORMED', ({ signatures }) => ({ body: Buffer.alloc(641 * 1024, 0x20), signatures })],
    ['with too many signatures', 'MALFORMED', ({ body, signatures }) => ({ body, signatures: Array.from({ length: 5 }, () => signatures[0]!) })],
    ['with two that issue', 'MALFORMED', ({ body, signatures }) => ({ body: Buffer.from(Buffer.from(body).toString().replace('prepared', 'active')), signatures })],
    ['with an endorsement that is none', 'MALFORMED', ({ body, signatures }) => ({ body: Buffer.from(Buffer.from(body).toString().replace('"endorsed":[]', '"endorsed":["x"]')), signatures })],
  ];
  for (const [title, code, spoil] of spoilt) {
    it(`${title} is refused: ${code}`, () => {
      expect(codeOf(() => keeper(documents[0]).offer(spoil(documents[1]!.signed)))).to.equal(code);
      expect(kept).to.deep.equal([]);
    });
  }

  it('of another trust domain, or with an authority of another, is refused', async () => {
    const foreign = await makeAuthority('other.test', NOW);
    expect(codeOf(() => readBundle(documentOf(soleAuthority(foreign)).signed, 'omega.test', [foreign.certificate]))).to.equal('WRONG_TRUST_DOMAIN');
    const mixed = signBundle({ ...steps[0]!, sequence: 2, authorities: [...statesOf(steps[0]!), { certificate: foreign.certificate, pin: keyPin(foreign.certificate), state: 'prepared' }] }, [first]);
    expect(codeOf(() => keeper(documents[0]).offer(mixed.signed))).to.equal('MALFORMED');
  });
});
