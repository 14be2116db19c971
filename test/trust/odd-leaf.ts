/** Certificates that no authority of ours would issue, made for real. */
import 'reflect-metadata';
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Authority } from '../../src/trust/authority.ts';
import type { Bundle } from '../../src/trust/bundle.ts';
import type { Identity } from '../../src/trust/identity-source.ts';
import { pairSvid } from '../../src/trust/svid.ts';

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

export interface OddLeaf {
  readonly uris?: readonly string[];
  readonly isAuthority?: boolean;
  readonly usage?: x509.KeyUsageFlags;
  readonly extendedUsage?: readonly string[];
  readonly beginsAtMs?: number;
  readonly endsAtMs?: number;
  readonly criticalExtension?: string;
  readonly subject?: string;
}

export const USAGE = x509.KeyUsageFlags;
export const { clientAuth: CLIENT_AUTH } = x509.ExtendedKeyUsage;

/** One that is as it should be but for what is said; signed by itself without an authority. */
export async function oddLeaf(authority: Pick<Authority, 'certificate' | 'key'> | undefined, nowMs: number, odd: OddLeaf = {}): Promise<X509Certificate> {
  return (await oddPair(authority, nowMs, odd)).certificate;
}

/** The same with its key, to sign others. */
export async function oddPair(authority: Pick<Authority, 'certificate' | 'key'> | undefined, nowMs: number, odd: OddLeaf = {}): Promise<Pick<Authority, 'certificate' | 'key'>> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const signingKey =
    authority === undefined ? keys.privateKey : await webcrypto.subtle.importKey('pkcs8', authority.key.export({ type: 'pkcs8', format: 'der' }), P256, false, ['sign']);
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: '51',
    subject: odd.subject ?? 'CN=odd',
    issuer: authority === undefined ? (odd.subject ?? 'CN=odd') : new x509.X509Certificate(Uint8Array.from(authority.certificate.raw)).subjectName,
    notBefore: new Date(odd.beginsAtMs ?? nowMs - 60_000),
    notAfter: new Date(odd.endsAtMs ?? nowMs + 3_600_000),
    signingKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(odd.isAuthority === true, undefined, true),
      new x509.KeyUsagesExtension(odd.usage ?? USAGE.digitalSignature, true),
      ...(odd.extendedUsage?.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...(odd.extendedUsage ?? [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth])])]),
      ...(odd.uris?.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension((odd.uris ?? ['spiffe://omega.test/node/n1']).map((value) => ({ type: 'url', value })))]),
      ...(odd.criticalExtension === undefined ? [] : [new x509.Extension(odd.criticalExtension, true, Uint8Array.of(5, 0))]),
    ],
  });
  const key = createPrivateKey({ key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)), format: 'der', type: 'pkcs8' });
  return { certificate: new X509Certificate(Buffer.from(made.rawData)), key };
}

/** As SPIRE issues them below an authority that is not its own: through an intermediate, and with a usage that says more than ours. */
export class SpireLike {
  readonly bundle: Bundle;
  readonly #intermediate: Pick<Authority, 'certificate' | 'key'>;

  private constructor(root: X509Certificate, intermediate: Pick<Authority, 'certificate' | 'key'>) {
    this.bundle = { trustDomain: 'omega.test', authorities: [root] };
    this.#intermediate = intermediate;
  }

  static async make(): Promise<SpireLike> {
    const authority = { uris: ['spiffe://omega.test'], isAuthority: true, usage: USAGE.keyCertSign | USAGE.cRLSign, extendedUsage: [] };
    const root = await oddPair(undefined, Date.now(), { ...authority, subject: 'O=upstream' });
    return new SpireLike(root.certificate, await oddPair(root, Date.now(), { ...authority, subject: 'C=US, O=SPIFFE' }));
  }

  async node(name: string): Promise<Identity> {
    const leaf = { subject: 'C=US, O=SPIRE', uris: [`spiffe://omega.test/node/${name}`] };
    const { certificate, key } = await oddPair(this.#intermediate, Date.now(), { ...leaf, usage: USAGE.digitalSignature | USAGE.keyEncipherment | USAGE.keyAgreement });
    return { svid: pairSvid([certificate, this.#intermediate.certificate], key), bundle: this.bundle };
  }
}
