/**
 * One line of the ban list: what a node of the mesh says about an identity, signed with its SVID. It proves itself, whoever
 * brings it: the certificate travels with it, and had to be good when it was signed.
 */
import { createHash, sign, verify, type X509Certificate } from 'node:crypto';
import { MeshError } from '../errors.ts';
import { BACKDATE_MS } from './authority.ts';
import type { Bundle } from './bundle.ts';
import { formatSpiffeId, parseSpiffeId } from './spiffe-id.ts';
import { claimedId, readCertificates, validity, verifyChain, type Svid } from './svid.ts';

/** `ban`: for good. `evict`: until it attests again. `unban`: takes both back. */
export const BAN_KINDS = ['ban', 'evict', 'unban'] as const;
export type BanKind = (typeof BAN_KINDS)[number];

export interface BanClaim {
  /**
   * When it was said, by the clock of the node that signed it, or one more than what that node had seen about this subject: what
   * comes later has more, whatever clocks say. The signer's certificate must be valid then, which bounds it on both sides.
   */
  readonly epochMs: number;
  /** SPIFFE ID. */
  readonly subject: string;
  readonly kind: BanKind;
  readonly reason: string;
  /** The admin who asked for it, as the node that signed it knows them. */
  readonly by: string;
}

/** As it travels and is kept: the bytes that were signed, the signer's chain in DER, leaf first, and the signature. */
export interface BanEntry {
  readonly body: Uint8Array;
  readonly chain: readonly Uint8Array[];
  readonly signature: Uint8Array;
}

/** An entry that was found good. */
export interface HeldBan {
  /** Hex; of what is said and by whom, so that another signature under the same is the same. */
  readonly id: string;
  readonly claim: BanClaim;
  /** SPIFFE ID of the node that signed it, and when its certificate was issued. */
  readonly issuer: string;
  readonly issuerSinceMs: number;
  readonly entry: BanEntry;
}

export const REASON_CHARS_MAX = 256;
const BY_CHARS_MAX = 256;
/** An ID of 400 characters, a reason and a name, each character escaped, and numbers. */
const BODY_BYTES_MAX = 4_096;
/** What is signed begins so: a signature of this key that was made for anything else is none of an entry. */
const CONTEXT = Buffer.from('omega-mesh ban list entry 1\0');

/** When the authority issued a certificate, which it dates back. */
export function issuedAtMs(notBeforeMs: number): number {
  return notBeforeMs + BACKDATE_MS;
}

export function signBan(claim: BanClaim, svid: Svid): HeldBan {
  const { epochMs, subject, kind, reason, by } = claim;
  const body = Buffer.from(JSON.stringify({ epochMs, subject, kind, reason, by }));
  const chain = svid.certificates.map(({ raw }) => raw);
  const signature = sign(digestOf(svid.key.asymmetricKeyType), Buffer.concat([CONTEXT, body]), svid.key);
  return { id: banId({ body, chain }), claim, issuer: formatSpiffeId(svid.id), issuerSinceMs: issuedAtMs(svid.notBeforeMs), entry: { body, chain, signature } };
}

/** Cheap: whoever holds an entry of this id need not look into another one. */
export function banId({ body, chain }: Pick<BanEntry, 'body' | 'chain'>): string {
  return createHash('sha256').update(createHash('sha256').update(body).digest()).update(chain[0] ?? '').digest('hex');
}

/** @throws MeshError MALFORMED, BAD_SIGNATURE, REFUSED for what no node may say, and what `verifyChain` throws for the time of the entry */
export function readBan(entry: BanEntry, bundle: Bundle): HeldBan {
  const claim = claimIn(entry.body);
  const chain = readCertificates(entry.chain);
  const id = banId(entry);
  const issuer = bundle.endorsed?.has(id) === true ? claimedId(chain[0]!) : verifyChain(chain, bundle, claim.epochMs);
  const who = formatSpiffeId(issuer);
  if (issuer.kind !== 'node') throw new MeshError('REFUSED', `${who} may not ban anybody: nodes may`, { given: who });
  if (parseSpiffeId(claim.subject).trustDomain !== bundle.trustDomain) throw new MeshError('WRONG_TRUST_DOMAIN', `${claim.subject} is not of the trust domain ${bundle.trustDomain}`, { given: claim.subject });
  const [leaf] = chain as readonly [X509Certificate];
  if (!verify(digestOf(leaf.publicKey.asymmetricKeyType), Buffer.concat([CONTEXT, entry.body]), leaf.publicKey, entry.signature)) {
    throw new MeshError('BAD_SIGNATURE', `the entry about ${claim.subject} was not signed by ${who}`, { given: who, todo: 'Somebody or something changed it on its way.' });
  }
  return { id, claim, issuer: who, issuerSinceMs: issuedAtMs(validity(leaf).notBeforeMs), entry };
}

/** Ed25519 has its own digest. */
function digestOf(key: string | undefined): string | null {
  return key === 'ed25519' ? null : 'sha256';
}

function claimIn(body: Uint8Array): BanClaim {
  if (body.length > BODY_BYTES_MAX) throw malformed('what it says');
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw malformed('what it says');
  }
  if (typeof json !== 'object' || json === null) throw malformed('what it says');
  const { epochMs, subject, kind: given, reason, by } = json as Record<string, unknown>;
  const kind = BAN_KINDS.find((known) => known === given);
  if (kind === undefined || !isTime(epochMs) || !isText(reason, REASON_CHARS_MAX) || !isText(by, BY_CHARS_MAX) || typeof subject !== 'string') throw malformed('what it says');
  return { epochMs, subject: formatSpiffeId(parseSpiffeId(subject)), kind, reason, by };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === 'string' && value.length <= charsMax;
}

function malformed(part: string): MeshError {
  return new MeshError('MALFORMED', `${part} of an entry of the ban list is not what it should be`, { expected: 'an entry as nodes of this release write it' });
}
