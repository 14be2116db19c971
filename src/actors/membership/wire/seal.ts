/** AES-GCM as memberlist has it: `version | nonce | ciphertext | tag`. Pure: who seals brings the nonce. */
import { createCipheriv, createDecipheriv, type CipherGCMTypes, type KeyObject } from 'node:crypto';

export const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
/** Version, nonce and tag; version 1 adds nothing else. */
export const SEAL_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/** 0 pads the plain text to whole blocks, as senders of protocol 1 do; 1, all others, does not. */
export type SealVersion = 0 | 1;

/**
 * @param nonce 12 bytes that were never used with this key
 * @param aad what is not hidden, but must be the same at the other end
 */
export function seal(plain: Uint8Array, key: KeyObject, nonce: Uint8Array, aad: Uint8Array, version: SealVersion = 1): Uint8Array {
  const cipher = createCipheriv(algorithmOf(key), key, nonce);
  cipher.setAAD(aad);
  const text = version === 0 ? padded(plain) : plain;
  return Buffer.concat([Uint8Array.of(version), nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

/** The plain text; undefined when none of the keys opens it. */
export function unseal(sealed: Uint8Array, keys: readonly KeyObject[], aad: Uint8Array): Uint8Array | undefined {
  const version = sealed[0];
  if (version !== 0 && version !== 1) return undefined;
  if (sealed.length < SEAL_BYTES + (version === 0 ? BLOCK_BYTES : 0)) return undefined;
  for (const key of keys) {
    const plain = unsealWith(key, sealed, aad);
    if (plain !== undefined) return version === 0 ? unpadded(plain) : plain;
  }
  return undefined;
}

function unsealWith(key: KeyObject, sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined {
  const decipher = createDecipheriv(algorithmOf(key), key, sealed.subarray(1, 1 + NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plain = decipher.update(sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
    return plain;
  } catch {
    // That the tag does not fit is all that it can throw.
    return undefined;
  }
}

function algorithmOf(key: KeyObject): CipherGCMTypes {
  return `aes-${(8 * key.symmetricKeySize!) as 128 | 192 | 256}-gcm`;
}

/** PKCS #7: as many bytes as are missing, each with their number; a whole block where none is. */
function padded(plain: Uint8Array): Uint8Array {
  const missing = BLOCK_BYTES - (plain.length % BLOCK_BYTES);
  return Buffer.concat([plain, Buffer.alloc(missing, missing)]);
}

function unpadded(plain: Uint8Array): Uint8Array | undefined {
  const added = plain.at(-1) ?? 0;
  return added === 0 || added > BLOCK_BYTES || added > plain.length ? undefined : plain.subarray(0, plain.length - added);
}
