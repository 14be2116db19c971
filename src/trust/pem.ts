/** Keys and certificates as text (RFC 7468). */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { MeshError } from '../errors.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

function damaged(path: string, what: string, cause?: unknown): MeshError {
  return new MeshError('TRUST_FILE_DAMAGED', `${path} holds no ${what}: it is cut off or overwritten`, {
    given: path,
    expected: `${what} as PEM, whole`,
    todo: 'Put back a copy of it, or let the identity be issued again: `mesh init` or `mesh join`.',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function formatCertificates(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

export function formatKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** One or more; @throws MeshError TRUST_FILE_DAMAGED */
export function parseCertificates(text: string, path: string): X509Certificate[] {
  const blocks = text.match(BLOCK) ?? [];
  // A block that was begun and not ended is one that got lost.
  if (blocks.length === 0 || blocks.length !== text.split('-----BEGIN').length - 1) throw damaged(path, 'certificate');
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw damaged(path, 'certificate', error);
  }
}

/** @throws MeshError TRUST_FILE_DAMAGED */
export function parseKey(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // Without its cause: errors of parsers may show what they parsed.
    throw damaged(path, 'private key');
  }
}
