/**
 * A bundle that proves itself, whoever brings it: signed by authorities, numbered, with the state of each.
 *
 * 1. It is believed when an authority signed it that the receiver holds `active` or `prepared`; who has never seen a signed one
 *    takes all that it believes for active. So whoever was away while the authority was changed goes on as long as it shares one.
 * 2. The greater sequence wins, of equal ones the greater id, and nobody goes back. It is signed with every key that is at hand,
 *    the outgoing ones too: for those who know no other yet.
 * 3. A `tainted` authority is believed about identities until it is revoked, for its certificates are being replaced; about bundles
 *    it is not, nor is an `old` one.
 */
import { createHash, sign, verify, X509Certificate } from 'node:crypto';
import { MeshError } from '../errors.ts';
import type { Authority } from './authority.ts';
import { keyPin, type Bundle } from './bundle.ts';
import { certificateFields } from './certificate-fields.ts';

/** `prepared`: believed, issues nothing yet. `active`: issues. `old`: issued before. `tainted`: what it issued is to be replaced. */
export const AUTHORITY_STATES = ['prepared', 'active', 'old', 'tainted'] as const;
export type AuthorityState = (typeof AUTHORITY_STATES)[number];

export interface StatedAuthority {
  readonly certificate: X509Certificate;
  readonly pin: string;
  readonly state: AuthorityState;
}

export interface BundleClaim {
  readonly trustDomain: string;
  /** From 1. */
  readonly sequence: number;
  /** One of them is active. */
  readonly authorities: readonly StatedAuthority[];
  /** Ids, hex, of entries of the ban list that were found good under an authority which has left. */
  readonly endorsed: readonly string[];
}

/** As it travels and is kept. */
export interface SignedBundle {
  readonly body: Uint8Array;
  readonly signatures: readonly { readonly pin: string; readonly signature: Uint8Array }[];
}

/** One that was found good. */
export interface HeldBundle {
  /** SHA-256 of the body, hex: whoever signed it besides, it is the same. */
  readonly id: string;
  readonly claim: BundleClaim;
  readonly bundle: Bundle;
  readonly signed: SignedBundle;
}

/** One that comes, one that issues, one that goes. */
const AUTHORITIES_MAX = 3;
const SIGNATURES_MAX = 4;
/** As many entries as a ban list can have subjects. */
export const ENDORSED_MAX = 8_192;
/** That many of 67 characters, and the certificates. */
const BODY_BYTES_MAX = 640 * 1024;
const CONTEXT = Buffer.from('omega-mesh trust bundle 1\0');

export function bundleId({ body }: Pick<SignedBundle, 'body'>): string {
  return createHash('sha256').update(body).digest('hex');
}

/** @param authorities those whose keys are at hand */
export function signBundle({ trustDomain, sequence, authorities, endorsed }: BundleClaim, keys: readonly Authority[]): HeldBundle {
  const body = Buffer.from(
    JSON.stringify({ trustDomain, sequence, authorities: authorities.map(({ certificate, state }) => ({ certificate: certificate.raw.toString('base64'), state })), endorsed }),
  );
  const signatures = keys.map(({ certificate, key }) => ({ pin: keyPin(certificate), signature: sign('sha256', Buffer.concat([CONTEXT, body]), key) }));
  return held({ trustDomain, sequence, authorities, endorsed }, { body, signatures });
}

/**
 * @param mayChange authorities whose word is taken
 * @throws MeshError MALFORMED, WRONG_TRUST_DOMAIN, UNKNOWN_AUTHORITY, BAD_SIGNATURE
 */
export function readBundle(signed: SignedBundle, trustDomain: string, mayChange: readonly X509Certificate[]): HeldBundle {
  const document = parseBundle(signed);
  if (document.claim.trustDomain !== trustDomain) {
    throw new MeshError('WRONG_TRUST_DOMAIN', `a bundle of the trust domain ${document.claim.trustDomain}`, { given: document.claim.trustDomain, expected: trustDomain });
  }
  const believed = new Map(mayChange.map((certificate) => [keyPin(certificate), certificate]));
  const known = signed.signatures.filter(({ pin }) => believed.has(pin));
  if (known.length === 0) {
    throw new MeshError('UNKNOWN_AUTHORITY', `bundle ${document.claim.sequence} of ${trustDomain} is signed by no authority that is believed here`, {
      given: signed.signatures.map(({ pin }) => pin.slice(0, 43)).join(', '),
      expected: [...believed.keys()].join(' or '),
      todo: 'Who was away while the authority was changed joins again: `mesh token create` at the authority, `mesh join` here.',
    });
  }
  const text = Buffer.concat([CONTEXT, signed.body]);
  if (known.some(({ pin, signature }) => verify('sha256', text, believed.get(pin)!.publicKey, signature))) return document;
  throw new MeshError('BAD_SIGNATURE', `bundle ${document.claim.sequence} of ${trustDomain} is not what its authority signed`, { todo: 'Somebody or something changed it on its way.' });
}

/** What it says, of which nothing is proved: for what this node itself has kept. @throws MeshError MALFORMED */
export function parseBundle(signed: SignedBundle): HeldBundle {
  if (signed.signatures.length > SIGNATURES_MAX) throw malformed();
  return held(claimIn(signed.body), signed);
}

export function supersedes(next: Pick<HeldBundle, 'id' | 'claim'>, present: Pick<HeldBundle, 'id' | 'claim'> | undefined): boolean {
  if (present === undefined) return true;
  const ahead = next.claim.sequence - present.claim.sequence;
  return ahead > 0 || (ahead === 0 && next.id > present.id);
}

/** Those whose word about the next one is taken. */
export function changersOf({ authorities }: BundleClaim): readonly X509Certificate[] {
  return authorities.filter(({ state }) => state === 'active' || state === 'prepared').map(({ certificate }) => certificate);
}

function held(claim: BundleClaim, signed: SignedBundle): HeldBundle {
  const { trustDomain, authorities, endorsed } = claim;
  return { id: bundleId(signed), claim, bundle: { trustDomain, authorities: authorities.map(({ certificate }) => certificate), endorsed: new Set(endorsed) }, signed };
}

function claimIn(body: Uint8Array): BundleClaim {
  const json = jsonIn(body);
  if (typeof json !== 'object' || json === null) throw malformed();
  const { trustDomain, sequence, authorities: given, endorsed } = json as Record<string, unknown>;
  if (typeof trustDomain !== 'string' || !Number.isSafeInteger(sequence) || (sequence as number) < 1 || !Array.isArray(given) || given.length > AUTHORITIES_MAX || !isIds(endorsed)) throw malformed();
  const authorities = given.map((each) => authorityIn(each, trustDomain));
  if (authorities.filter(({ state }) => state === 'active').length !== 1) throw malformed();
  return { trustDomain, sequence: sequence as number, authorities, endorsed };
}

function authorityIn(given: unknown, trustDomain: string): StatedAuthority {
  const { certificate: text, state: word } = (given ?? {}) as Record<string, unknown>;
  const state = AUTHORITY_STATES.find((known) => known === word);
  if (state === undefined || typeof text !== 'string') throw malformed();
  const certificate = certificateIn(text);
  const { uris } = certificateFields(certificate);
  if (!certificate.ca || uris.length !== 1 || uris[0] !== `spiffe://${trustDomain}`) throw malformed();
  return { certificate, pin: keyPin(certificate), state };
}

function certificateIn(text: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(text, 'base64'));
  } catch {
    throw malformed();
  }
}

function jsonIn(body: Uint8Array): unknown {
  if (body.length > BODY_BYTES_MAX) throw malformed();
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw malformed();
  }
}

function isIds(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= ENDORSED_MAX && value.every((id) => typeof id === 'string' && /^[0-9a-f]{64}$/.test(id));
}

function malformed(): MeshError {
  return new MeshError('MALFORMED', 'what should be the bundle of a trust domain is none', { expected: 'a signed bundle as nodes of this release write it' });
}
