/**
 * The keys of an encrypted mesh, in order: the first encrypts, all decrypt. So keys are changed while the mesh runs: a new
 * one is installed everywhere, then used everywhere, then the old one is removed everywhere.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';

/** AES-128, AES-192 and AES-256. */
const KEY_BYTES: ReadonlySet<number> = new Set([16, 24, 32]);
/** Each packet that is in none of them is tried with all; a change of keys needs two. */
export const KEYS_MAX = 16;

export type KeyChange = { readonly kind: 'install' | 'use' | 'remove'; readonly key: Uint8Array };

/** `same`: it was so already. The rest says why not. */
export type KeyOutcome = 'changed' | 'same' | 'bad-length' | 'too-many' | 'not-installed' | 'is-primary' | 'managed';

export class Keyring {
  /** As objects of the runtime, which no log or report shows the bytes of. */
  #keys: readonly KeyObject[];

  readonly isManaged: boolean;

  /**
   * @param keys at least one, the primary first; each of 16, 24 or 32 bytes
   * @param isManaged they are those of the trust domain, and changed by `replace` alone: not by whoever knows one of them
   */
  constructor(keys: readonly Uint8Array[], isManaged = false) {
    this.#keys = keys.map((key) => createSecretKey(key));
    this.isManaged = isManaged;
  }

  /** The primary first. */
  get keys(): readonly KeyObject[] {
    return this.#keys;
  }

  get primary(): KeyObject {
    return this.#keys[0]!;
  }

  /** All of them. @param keys as to the constructor */
  replace(keys: readonly Uint8Array[]): void {
    this.#keys = keys.map((key) => createSecretKey(key));
  }

  change({ kind, key }: KeyChange): KeyOutcome {
    if (this.isManaged) return 'managed';
    if (!isKey(key)) return 'bad-length';
    const given = createSecretKey(key);
    const known = this.#keys.find((each) => each.equals(given));
    const others = this.#keys.filter((each) => each !== known);
    switch (kind) {
      case 'install':
        if (known !== undefined) return 'same';
        if (this.#keys.length === KEYS_MAX) return 'too-many';
        this.#keys = [...this.#keys, given];
        return 'changed';
      case 'use':
        if (known === undefined) return 'not-installed';
        if (known === this.primary) return 'same';
        this.#keys = [known, ...others];
        return 'changed';
      case 'remove':
        if (known === undefined) return 'same';
        if (known === this.primary) return 'is-primary';
        this.#keys = others;
        return 'changed';
    }
  }
}

function isKey(key: Uint8Array): boolean {
  return KEY_BYTES.has(key.length);
}
