/** Whom we believe: the certificates of the authorities of one trust domain. */
import { createHash, type X509Certificate } from 'node:crypto';

export interface Bundle {
  readonly trustDomain: string;
  /** One, or two while the authority is being changed. */
  readonly authorities: readonly X509Certificate[];
}

/** SHA-256 of the public key (SubjectPublicKeyInfo), base64url: an authority's name that outlives a renewed certificate. */
export function keyPin(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.publicKey.export({ type: 'spki', format: 'der' })).digest('base64url');
}

export function isSameBundle(a: Bundle, b: Bundle): boolean {
  const names = ({ authorities }: Bundle): string => authorities.map(({ fingerprint256 }) => fingerprint256).join();
  return names(a) === names(b);
}
