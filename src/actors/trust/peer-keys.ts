/**
 * Whose key is whose: each node shows its certificate to those with whom it has a session, when the session opens, when the
 * certificate is renewed, and again once a minute. Pure.
 *
 * The session has proved who is at its other end, but with the certificate of when it was opened. That of now travels by
 * itself, and proves itself, so that members can be told by their new key at once, and before they sign with it.
 */
import { findMeshError, MeshError } from '../../errors.ts';

export interface ReadChain {
  readonly isNode: boolean;
  readonly name: string;
  /** Hex. */
  readonly keyId: string;
  /** DER. */
  readonly spki: Uint8Array;
  readonly notAfterMs: number;
}

export interface PeerKeysOptions {
  /** The certificate of this node as it is now: DER, leaf first. */
  readonly own: () => readonly Uint8Array[];
  /** @throws MeshError when it is not to be believed now */
  readonly read: (chain: readonly Uint8Array[]) => ReadChain;
}

export interface HeldKeys {
  readonly name: string;
  readonly isOpen: boolean;
  /** The newest last. */
  readonly keys: readonly ReadChain[];
}

export type PeerKeysInput =
  | { readonly kind: 'peer-up' | 'peer-down'; readonly node: string }
  | { readonly kind: 'heard'; readonly node: string; readonly chain: readonly Uint8Array[] }
  /** This node has another certificate. */
  | { readonly kind: 'renewed' }
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' };

export type PeerKeysEffect =
  | { readonly kind: 'send'; readonly node: string; readonly chain: readonly Uint8Array[] }
  /** What is known is another now, or is to be told again. */
  | { readonly kind: 'tell' }
  | { readonly kind: 'refused'; readonly node: string; readonly fault: MeshError };

/** As often as membership is told again. */
export const PULSE_MS = 5_000;
const SHOW_EVERY_PULSES = 12;
/** The one of before, while what it signed goes round, and one more for who renews in haste. */
const KEYS_MAX = 3;
/** Nodes whose keys are remembered while there is no session: twice as many as have one at most. */
const NODES_MAX = 2_048;

export class PeerKeys {
  readonly #options: PeerKeysOptions;
  readonly #open = new Set<string>();
  /** Who showed one last comes last. */
  readonly #keys = new Map<string, readonly ReadChain[]>();
  #pulses = 0;

  constructor(options: PeerKeysOptions) {
    this.#options = options;
  }

  get peers(): readonly HeldKeys[] {
    const names = new Set([...this.#keys.keys(), ...this.#open]);
    return [...names].map((name) => ({ name, isOpen: this.#open.has(name), keys: this.#keys.get(name) ?? [] }));
  }

  handle(input: PeerKeysInput, wallNowMs: number): readonly PeerKeysEffect[] {
    switch (input.kind) {
      case 'peer-up':
        this.#open.add(input.node);
        return [this.#show(input.node), { kind: 'tell' }];
      case 'peer-down':
        this.#open.delete(input.node);
        return [{ kind: 'tell' }];
      case 'heard':
        return this.#hear(input.node, input.chain);
      case 'renewed':
        return this.#showAll();
      case 'pulse':
        this.#forget(wallNowMs);
        return [...(++this.#pulses % SHOW_EVERY_PULSES === 0 ? this.#showAll() : []), { kind: 'tell' }];
    }
  }

  #hear(node: string, chain: readonly Uint8Array[]): readonly PeerKeysEffect[] {
    let shown: ReadChain;
    try {
      shown = this.#options.read(chain);
      if (!shown.isNode || shown.name !== node) throw new MeshError('WRONG_IDENTITY', `${node} shows the certificate of ${shown.name}`, { given: shown.name, expected: node });
    } catch (error) {
      const fault = findMeshError(error);
      if (fault === undefined) throw error;
      return [{ kind: 'refused', node, fault }];
    }
    const held = this.#keys.get(node) ?? [];
    const isKnown = held.at(-1)?.keyId === shown.keyId;
    const others = held.filter(({ keyId }) => keyId !== shown.keyId);
    this.#keys.delete(node);
    this.#keys.set(node, [...others, shown].slice(-KEYS_MAX));
    const [stalest] = this.#keys.keys();
    if (this.#keys.size > NODES_MAX) this.#keys.delete(stalest!);
    return isKnown ? [] : [{ kind: 'tell' }];
  }

  #showAll(): readonly PeerKeysEffect[] {
    return [...this.#open].map((node) => this.#show(node));
  }

  #show(node: string): PeerKeysEffect {
    return { kind: 'send', node, chain: this.#options.own() };
  }

  /** What was signed with the key of a certificate that has expired is not proved any more. */
  #forget(wallNowMs: number): void {
    for (const [node, keys] of this.#keys) {
      const valid = keys.filter(({ notAfterMs }) => notAfterMs > wallNowMs);
      if (valid.length === 0) this.#keys.delete(node);
      else if (valid.length < keys.length) this.#keys.set(node, valid);
    }
  }
}
