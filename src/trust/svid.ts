/**
 * An X.509-SVID (SPIFFE X509-SVID standard): a certificate whose one URI name is a SPIFFE ID, with its key. Each fault has its
 * own code, because each is mended by somebody else.
 */
import { X509Certificate, type KeyObject } from 'node:crypto';
import { MeshError } from '../errors.ts';
import type { Bundle } from './bundle.ts';
import { certificateFields } from './certificate-fields.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts';

export interface Svid {
  readonly id: SpiffeId;
  /** Leaf first; then those that lead to an authority, which does not belong to it. */
  readonly certificates: readonly X509Certificate[];
  readonly key: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Hex. */
  readonly serial: string;
}

/** A leaf, and intermediates of an authority kept elsewhere: nobody needs more. */
export const CHAIN_LENGTH_MAX = 4;
const CERTIFICATE_BYTES_MAX = 8_192;
/** A clock that nobody sets drifts by minutes; one that is off by more is not merely wrong. */
const CLOCK_SKEW_MAX_MS = 15 * 60_000;
/** extKeyUsage OIDs; node:crypto shows them as `keyUsage`. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

export function validity(certificate: X509Certificate): { readonly notBeforeMs: number; readonly notAfterMs: number } {
  return { notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: Date.parse(certificate.validTo) };
}

/** A chain as it travels beside a connection: DER, leaf first. @throws MeshError MALFORMED */
export function readCertificates(chain: readonly Uint8Array[]): readonly X509Certificate[] {
  const fault = (part: string): MeshError => new MeshError('MALFORMED', `${part} is not what it should be`, { expected: `1 to ${CHAIN_LENGTH_MAX} certificates in DER, leaf first` });
  if (chain.length === 0 || chain.length > CHAIN_LENGTH_MAX || chain.some(({ length }) => length > CERTIFICATE_BYTES_MAX)) throw fault('a chain of certificates');
  try {
    return chain.map((der) => new X509Certificate(der));
  } catch {
    throw fault('a certificate');
  }
}

/** The ID in a certificate, of which nothing is proved yet; throws SVID_NOT_ONE_ID, BAD_IDENTITY or MALFORMED. */
export function claimedId(leaf: X509Certificate): SpiffeId {
  const { uris } = certificateFields(leaf);
  if (uris.length !== 1) {
    throw new MeshError('SVID_NOT_ONE_ID', `a certificate must carry exactly one SPIFFE ID, and this one carries ${uris.length === 0 ? 'none' : uris.length}`, {
      given: uris.join(', ').slice(0, 300),
      expected: 'exactly one URI among the subject alternative names',
      todo: 'Ask the authority for another one: `mesh token create`, then `mesh join`.',
    });
  }
  return parseSpiffeId(uris[0]!);
}

/** Pairs certificates with the key; throws KEY_MISMATCH where it is another's. */
export function pairSvid(certificates: readonly X509Certificate[], key: KeyObject): Svid {
  const [leaf] = certificates;
  if (leaf === undefined) throw new TypeError('an SVID has at least one certificate');
  const id = claimedId(leaf);
  if (!leaf.checkPrivateKey(key)) {
    throw new MeshError('KEY_MISMATCH', `the key is not that of the certificate of ${formatSpiffeId(id)}`, {
      expected: 'the key and the certificate that were written together',
      todo: 'Put the right file back, or let the identity be issued again: `mesh init` or `mesh join`.',
    });
  }
  return { id, certificates, key, ...validity(leaf), serial: leaf.serialNumber };
}

/** For people. */
export function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s` : ms < 2 * 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

/**
 * Whether its time has come and not passed. Holders renew at half-life, and authorities date back by a minute: a few minutes
 * beside the window say more about a clock than about the certificate.
 */
function checkTime(certificate: X509Certificate, who: string, nowMs: number): void {
  const { notBeforeMs, notAfterMs } = validity(certificate);
  const earlyMs = notBeforeMs - nowMs;
  const lateMs = nowMs - notAfterMs;
  if (earlyMs <= 0 && lateMs <= 0) return;
  const now = new Date(nowMs).toISOString();
  const given = `${new Date(notBeforeMs).toISOString()} to ${new Date(notAfterMs).toISOString()}`;
  const expected = `a time that holds ${now}, the time here`;
  if (earlyMs > CLOCK_SKEW_MAX_MS) {
    throw new MeshError('SVID_NOT_YET_VALID', `the certificate of ${who} is valid only in ${minutes(earlyMs)}`, { given, expected, todo: 'Set the clocks, here and where it was issued.' });
  }
  if (lateMs > CLOCK_SKEW_MAX_MS) {
    throw new MeshError('SVID_EXPIRED', `the certificate of ${who} expired ${minutes(lateMs)} ago`, { given, expected, todo: 'It must attest again: `mesh token create` at the authority, then `mesh join` with the token.' });
  }
  const message =
    earlyMs > 0
      ? `clock skew: by the clock here the certificate of ${who} begins only in ${minutes(earlyMs)}, so this clock is behind the authority's by that or more`
      : `clock skew: by the clock here the certificate of ${who} ended ${minutes(lateMs)} ago, so this clock is ahead, or its holder could not renew it`;
  throw new MeshError('CLOCK_SKEW', message, { given, expected, todo: `Compare the clocks; here it is ${now}.` });
}

function usageFault(leaf: X509Certificate): string | undefined {
  const fields = certificateFields(leaf);
  const extended = leaf.keyUsage as readonly string[] | undefined;
  if (leaf.ca || fields.maySignCertificates) return "is an authority's, not a member's";
  if (!fields.mayDigitalSign) return 'is not for signatures';
  if (extended !== undefined && !(extended.includes(SERVER_AUTH) && extended.includes(CLIENT_AUTH))) return 'is not for both ends of a connection';
  if (fields.unknownCritical.length > 0) return 'is bound to a critical extension that is unknown here';
  return undefined;
}

function checkUsage(leaf: X509Certificate, who: string): void {
  const fault = usageFault(leaf);
  if (fault === undefined) return;
  throw new MeshError('SVID_WRONG_USAGE', `the certificate of ${who} ${fault}`, {
    expected: 'CA:FALSE, keyUsage digitalSignature, extendedKeyUsage serverAuth and clientAuth',
  });
}

/** Whether `issuer` signed it; throws SVID_TAMPERED where the names say so and the signature does not. */
function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate, who: string): boolean {
  if (!certificate.checkIssued(issuer)) return false;
  if (certificate.verify(issuer.publicKey)) return true;
  throw new MeshError('SVID_TAMPERED', `the certificate of ${who} is not what its authority signed`, {
    todo: 'Somebody or something changed it: look at where it came from before you trust that again.',
  });
}

function checkIssuer(chain: readonly X509Certificate[], bundle: Bundle, who: string, nowMs: number): void {
  for (const [index, certificate] of chain.entries()) {
    const authority = bundle.authorities.find((candidate) => isIssuedBy(certificate, candidate, who));
    if (authority !== undefined) return checkTime(authority, `the authority of ${bundle.trustDomain}`, nowMs);
    const next = chain[index + 1];
    if (next === undefined || !next.ca || !certificateFields(next).maySignCertificates || !isIssuedBy(certificate, next, who)) break;
    checkTime(next, `an intermediate of ${who}`, nowMs);
  }
  const [leaf] = chain as readonly [X509Certificate];
  if (leaf.verify(leaf.publicKey)) {
    throw new MeshError('SVID_SELF_SIGNED', `the certificate of ${who} is signed by itself`, {
      expected: `one issued by an authority of ${bundle.trustDomain}`,
      todo: 'Let it attest: `mesh token create` at the authority, then `mesh join` with the token.',
    });
  }
  throw new MeshError('UNKNOWN_AUTHORITY', `the certificate of ${who} was issued by an authority that is not known here`, {
    given: leaf.issuer.replaceAll('\n', ', ').slice(0, 300),
    expected: `an authority of ${bundle.trustDomain}; \`mesh trust show\` lists them`,
    todo: 'Nodes that start alone on two machines make two authorities: join one to the other with `mesh join`. Who was away while the authority was changed joins again.',
  });
}

/**
 * Who proves to be there with this chain, leaf first. Throws one of MALFORMED, SVID_NOT_ONE_ID, BAD_IDENTITY,
 * WRONG_TRUST_DOMAIN, SVID_SELF_SIGNED, UNKNOWN_AUTHORITY, SVID_TAMPERED, SVID_WRONG_USAGE, SVID_EXPIRED, SVID_NOT_YET_VALID and
 * CLOCK_SKEW.
 */
export function verifyChain(chain: readonly X509Certificate[], bundle: Bundle, nowMs: number): SpiffeId {
  const [leaf] = chain;
  if (leaf === undefined || chain.length > CHAIN_LENGTH_MAX) {
    throw new MeshError('MALFORMED', `a chain of ${chain.length} certificates`, { expected: `1 to ${CHAIN_LENGTH_MAX}, leaf first` });
  }
  const id = claimedId(leaf);
  const who = formatSpiffeId(id);
  if (id.trustDomain !== bundle.trustDomain) {
    throw new MeshError('WRONG_TRUST_DOMAIN', `${who} is not of the trust domain ${bundle.trustDomain}`, { given: id.trustDomain, expected: bundle.trustDomain });
  }
  checkIssuer(chain, bundle, who, nowMs);
  checkUsage(leaf, who);
  checkTime(leaf, who, nowMs);
  return id;
}
