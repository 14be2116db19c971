/**
 * An authority of a trust domain: makes itself, and makes SVIDs from requests (PKCS #10). The only file with @peculiar/x509, which
 * takes a sixth of a second to load: not before something is made.
 */
import { createPrivateKey, randomBytes, webcrypto, X509Certificate, type KeyObject } from 'node:crypto';
import type * as Peculiar from '@peculiar/x509';
import { MeshError } from '../errors.ts';
import type { Bundle } from './bundle.ts';
import { formatSpiffeId, isTrustDomain, type SpiffeId } from './spiffe-id.ts';
import { validity } from './svid.ts';

export interface Authority {
  readonly trustDomain: string;
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** What an admin may ask of a node: each may also what those before it may. */
export const ADMIN_ROLES = ['viewer', 'operator', 'admin'] as const;
export type AdminRole = (typeof ADMIN_ROLES)[number];

/** A key that never leaves, and the request (DER) for its certificate. */
export interface IdentityRequest {
  readonly key: KeyObject;
  readonly request: Buffer;
}

export interface Issue {
  readonly id: SpiffeId;
  /** Of an admin; stands in the certificate as the subject's OU. */
  readonly role?: AdminRole;
  readonly ttlMs?: number;
}

export type KeyKind = 'p256' | 'ed25519';

/** Short enough that a stolen one is soon worth nothing, long enough that an authority may be away for half of it. */
export const SVID_TTL_MS = 3_600_000;
/** Everyone of the trust domain must be told of the next one before that. */
const AUTHORITY_TTL_MS = 365 * 86_400_000;
/** Clocks of machines that are kept in time differ by less. */
export const BACKDATE_MS = 60_000;
/** X.520: commonName has at most 64 characters. */
const COMMON_NAME_MAX = 64;

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

let loaded: typeof Peculiar | undefined;

async function peculiar(): Promise<typeof Peculiar> {
  if (loaded === undefined) {
    // What @peculiar/x509 is made with needs it, and does not bring it.
    await import('reflect-metadata');
    loaded = await import('@peculiar/x509');
  }
  return loaded;
}

/** RFC 5280, section 4.1.2.2: positive, at most 20 bytes, never twice. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function exported(key: webcrypto.CryptoKey): Promise<KeyObject> {
  return createPrivateKey({ key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)), format: 'der', type: 'pkcs8' });
}

/** @throws MeshError BAD_ARGUMENT where the text cannot be a trust domain */
export async function makeAuthority(trustDomain: string, nowMs: number): Promise<Authority> {
  if (!isTrustDomain(trustDomain)) {
    throw new MeshError('BAD_ARGUMENT', `"${trustDomain}" cannot be a trust domain`, {
      given: trustDomain,
      expected: '1 to 255 small letters, digits, ".", "-" or "_", such as omega.test',
    });
  }
  const x509 = await peculiar();
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `O=omega-mesh, CN=${trustDomain.slice(0, COMMON_NAME_MAX)}`,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + AUTHORITY_TTL_MS),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { trustDomain, certificate: new X509Certificate(Buffer.from(made.rawData)), key: await exported(keys.privateKey) };
}

export async function makeRequest(kind: KeyKind = 'p256'): Promise<IdentityRequest> {
  const x509 = await peculiar();
  const keys =
    kind === 'p256'
      ? await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])
      : ((await webcrypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair);
  // Who asks does not say who it is: the authority knows from how it attests.
  const made = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: kind === 'p256' ? SIGNATURE : { name: 'Ed25519' } });
  return { key: await exported(keys.privateKey), request: Buffer.from(made.rawData) };
}

async function readRequest(x509: typeof Peculiar, der: Uint8Array): Promise<Peculiar.Pkcs10CertificateRequest> {
  try {
    const request = new x509.Pkcs10CertificateRequest(Uint8Array.from(der));
    const { name, namedCurve } = request.publicKey.algorithm as { readonly name: string; readonly namedCurve?: string };
    if ((name === 'Ed25519' || (name === 'ECDSA' && namedCurve === 'P-256')) && (await request.verify())) return request;
  } catch {
    // Told below: whoever sent this knows best what it is.
  }
  throw new MeshError('MALFORMED', 'the request for a certificate is not one', { expected: 'PKCS #10 (DER) of a P-256 or Ed25519 key, signed by that key' });
}

/** DER (SubjectPublicKeyInfo) of the key that is to be certified. @throws MeshError MALFORMED */
export async function requestedKey(request: Uint8Array): Promise<Buffer> {
  return Buffer.from((await readRequest(await peculiar(), request)).publicKey.rawData);
}

/** @throws MeshError MALFORMED where the request is none, or was not signed by the key in it */
export async function issueSvid(authority: Authority, request: Uint8Array, { id, role, ttlMs = SVID_TTL_MS }: Issue, nowMs: number): Promise<X509Certificate> {
  const x509 = await peculiar();
  const { publicKey } = await readRequest(x509, request);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', authority.key.export({ type: 'pkcs8', format: 'der' }), P256, false, ['sign']);
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `${role === undefined ? '' : `OU=${role}, `}CN=${id.name.slice(0, COMMON_NAME_MAX)}`,
    issuer: new x509.X509Certificate(Uint8Array.from(authority.certificate.raw)).subjectName,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(Math.min(nowMs + ttlMs, validity(authority.certificate).notAfterMs)),
    signingKey,
    signingAlgorithm: SIGNATURE,
    publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      // The name of a node is a host name too: clients of other libraries can be told to expect one, and no SPIFFE ID.
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: formatSpiffeId({ ...id, trustDomain: authority.trustDomain }) },
        ...(id.kind === 'node' ? [{ type: 'dns' as const, value: id.name }] : []),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(new x509.X509Certificate(Uint8Array.from(authority.certificate.raw))),
    ],
  });
  return new X509Certificate(Buffer.from(made.rawData));
}

export function bundleOf({ trustDomain, certificate }: Authority): Bundle {
  return { trustDomain, authorities: [certificate] };
}
