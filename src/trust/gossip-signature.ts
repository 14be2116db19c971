/** A node's signature under what it says of itself in gossip, with the key of its SVID. */
import { createHash, sign, verify, type KeyObject } from 'node:crypto';

const KEY_ID_BYTES = 8;
/** What is signed begins so: a signature of this key that was made for anything else is none of gossip. */
const CONTEXT = Buffer.from('omega-mesh gossip 1\0');

/** Names a public key among those of a mesh: the beginning of the SHA-256 of its SubjectPublicKeyInfo, in hex. */
export function gossipKeyId(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest().subarray(0, KEY_ID_BYTES).toString('hex');
}

/** P-256 and Ed25519 sign in 64 bytes. Others, which a SPIFFE Workload API may hand out, leave no room for tags. */
export function canSignGossip({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean {
  return type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1');
}

export function signGossip(statement: Uint8Array, key: KeyObject): Uint8Array {
  return sign(digestOf(key), Buffer.concat([CONTEXT, statement]), { key, dsaEncoding: 'ieee-p1363' });
}

export function verifiesGossip(statement: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  return verify(digestOf(key), Buffer.concat([CONTEXT, statement]), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** Ed25519 has its own digest. */
function digestOf({ asymmetricKeyType }: KeyObject): string | null {
  return asymmetricKeyType === 'ed25519' ? null : 'sha256';
}
