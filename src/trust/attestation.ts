/**
 * The words of an attestation, which both ends must put together alike. Who joins names a method and a key; the authority proves
 * itself first, by its own key, for this connection; then comes what is secret, signed for by the key that it is about.
 */
import { createHash, createPublicKey, sign, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { MeshError } from '../errors.ts';

/** `workload`: a node, for a program beside it. */
export type AttestMethod = 'join_token' | 'x509pop' | 'workload';

export interface Begin {
  readonly method: AttestMethod;
  /** PKCS #10, DER. */
  readonly request: Uint8Array;
  readonly nonce: Uint8Array;
}

export const NONCE_BYTES = 32;

function transcript(who: string, { method, request, nonce }: Begin, challenge: Uint8Array, serverLeaf: Uint8Array): Buffer {
  const hash = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
  return Buffer.concat([Buffer.from(`omega-mesh attestation v1 ${who} ${method}\0`), nonce, challenge, hash(request), hash(serverLeaf)]);
}

/** Ed25519 hashes by itself. */
function digestFor(key: KeyObject): string | null {
  return key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

/** What the authority signs: whoever relays this has another certificate on his connection. */
export function signChallenge(authorityKey: KeyObject, begin: Begin, challenge: Uint8Array, serverLeaf: Uint8Array): Buffer {
  return sign(digestFor(authorityKey), transcript('authority', begin, challenge, serverLeaf), authorityKey);
}

/** @throws MeshError FOREIGN_AUTHORITY */
export function checkChallenge(authorities: readonly X509Certificate[], begin: Begin, challenge: Uint8Array, serverLeaf: Uint8Array, signature: Uint8Array): void {
  const text = transcript('authority', begin, challenge, serverLeaf);
  if (challenge.length === NONCE_BYTES && authorities.some(({ publicKey }) => verify(digestFor(publicKey), text, publicKey, signature))) return;
  throw new MeshError('FOREIGN_AUTHORITY', 'who answers does not hold the key of the authority', {
    expected: 'a node of the machine where the authority is kept',
    todo: 'name the address of that node; `mesh trust show` there says that the authority is here',
  });
}

export function signProof(key: KeyObject, begin: Begin, challenge: Uint8Array, serverLeaf: Uint8Array): Buffer {
  return sign(digestFor(key), transcript('member', begin, challenge, serverLeaf), key);
}

/** @throws MeshError BAD_SIGNATURE */
export function checkProof(key: KeyObject, begin: Begin, challenge: Uint8Array, serverLeaf: Uint8Array, signature: Uint8Array): void {
  if (verify(digestFor(key), transcript('member', begin, challenge, serverLeaf), key, signature)) return;
  throw new MeshError('BAD_SIGNATURE', 'the challenge was not signed by the key that is to be attested', { expected: 'a signature over the challenge of this exchange' });
}

/** @throws MeshError MALFORMED */
export function certificatesIn(ders: readonly Uint8Array[]): X509Certificate[] {
  try {
    return ders.map((der) => new X509Certificate(der));
  } catch {
    throw new MeshError('MALFORMED', 'what should be certificates are none', { expected: 'DER' });
  }
}

/** @param spki DER */
export function publicKeyIn(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}
