/** Whom we believe: the certificates of the authorities of one trust domain. */
import { createHash, type X509Certificate } from 'node:crypto';

export interface Bundle {
  readonly trustDomain: string;
  /** One, or two while the authority is being changed. */
  readonly authorities: readonly X509Certificate[];
  /** Ids of entries of the ban list whose signers had certificates of an authority that has left: they were good while it was believed. */
  readonly endorsed?: ReadonlySet<string>;
}

/** SHA-256 of the public key (SubjectPublicKeyInfo), base64url: an authority's name that outlives a renewed certificate. */
export function keyPin(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.publicKey.export({ type: 'spki', format: 'der' })).digest('base64url');
}

export function isSameBundle(a: Bundle, b: Bundle): boolean {
  const names = ({ authorities }: Bundle): string => authorities.map(({ fingerprint256 }) => fingerprint256).join();
  return names(a) === names(b);
}

/** Which of them issued what this chain begins with, by its names; undefined when none did. Nothing is proved by that. */
export function issuingPin(chain: readonly X509Certificate[], { authorities }: Bundle): string | undefined {
  for (const certificate of chain) {
    const found = authorities.find((authority) => certificate.checkIssued(authority));
    if (found !== undefined) return keyPin(found);
  }
  return undefined;
}
