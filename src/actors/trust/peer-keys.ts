/**
 * Whose key is whose: each node shows its certificate to those with whom it has a session, when the session opens, when the
 * certificate is renewed, and when it is asked. Pure.
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
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface PeerKeysOptions {
  /** The certificate of this node as it is now: DER, leaf first. */
  readonly own: () => readonly Uint8Array[];
  /** @throws MeshError when it is not to be believed now */
  readonly read: (chain: readonly Uint8Array[]) => ReadChain;
  /** Whether the owner of a certificate that was good may speak still; cheap. */
  readonly admits: (shown: ReadChain) => boolean;
  /** Those who are believed now, the same text for the same. */
  readonly authorities: () => string;
}

export interface HeldKeys {
  readonly name: string;
  readonly isOpen: boolean;
  /** The newest last. */
  readonly keys: readonly ReadChain[];
}

export type PeerKeysInput =
  | { readonly kind: 'peer-up' | 'peer-down'; readonly node: string }
  /** `wantsOurs`: it does not know this node's. */
  | { readonly kind: 'heard'; readonly node: string; readonly chain: readonly Uint8Array[]; readonly wantsOurs: boolean }
  /** This node has another certificate, or believes others. */
  | { readonly kind: 'renewed' }
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' };

export type PeerKeysEffect =
  | { readonly kind: 'send'; readonly node: string; readonly chain: readonly Uint8Array[]; readonly wantsTheirs: boolean }
  /** What is known is another now, or is to be told again. */
  | { readonly kind: 'tell' }
  | { readonly kind: 'refused'; readonly node: string; readonly fault: MeshError };

/** As often as membership is told again. */
export const PULSE_MS = 5_000;
/** The one of before, while what it signed goes round, and one more for who renews in haste. */
const KEYS_MAX = 3;
/** Nodes whose keys are remembered while there is no session: twice as many as have one at most. */
const NODES_MAX = 2_048;

interface Held extends ReadChain {
  readonly chain: readonly Uint8Array[];
}

export class PeerKeys {
  readonly #options: PeerKeysOptions;
  readonly #open = new Set<string>();
  /** Who showed one last comes last. */
  readonly #keys = new Map<string, readonly Held[]>();
  #authorities: string;

  constructor(options: PeerKeysOptions) {
    this.#options = options;
    this.#authorities = options.authorities();
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
        return [...this.#hear(input.node, input.chain), ...(input.wantsOurs ? [this.#show(input.node, false)] : [])];
      case 'renewed':
        this.#judgeAgain();
        return [...[...this.#open].map((node) => this.#show(node)), { kind: 'tell' }];
      case 'pulse':
        this.#keep(({ notAfterMs }) => notAfterMs > wallNowMs);
        this.#keep((shown) => this.#options.admits(shown));
        return [...[...this.#open].filter((node) => !this.#keys.has(node)).map((node) => this.#show(node)), { kind: 'tell' }];
    }
  }

  #hear(node: string, chain: readonly Uint8Array[]): readonly PeerKeysEffect[] {
    const held = this.#keys.get(node) ?? [];
    const newest = held.at(-1);
    if (newest !== undefined && isSameChain(newest.chain, chain)) return [];
    let shown: Held;
    try {
      shown = { ...this.#options.read(chain), chain };
      if (!shown.isNode || shown.name !== node) throw new MeshError('WRONG_IDENTITY', `${node} shows the certificate of ${shown.name}`, { given: shown.name, expected: node });
    } catch (error) {
      const fault = findMeshError(error);
      if (fault === undefined) throw error;
      return [{ kind: 'refused', node, fault }];
    }
    const others = held.filter(({ keyId }) => keyId !== shown.keyId);
    this.#keys.delete(node);
    this.#keys.set(node, [...others, shown].slice(-KEYS_MAX));
    const [stalest] = this.#keys.keys();
    if (this.#keys.size > NODES_MAX) this.#keys.delete(stalest!);
    return [{ kind: 'tell' }];
  }

  #show(node: string, wantsTheirs = !this.#keys.has(node)): PeerKeysEffect {
    return { kind: 'send', node, chain: this.#options.own(), wantsTheirs };
  }

  /** An authority that is not believed any more takes along what it issued. */
  #judgeAgain(): void {
    const authorities = this.#options.authorities();
    if (authorities === this.#authorities) return;
    this.#authorities = authorities;
    this.#keep(({ chain }) => this.#isGood(chain));
  }

  #isGood(chain: readonly Uint8Array[]): boolean {
    try {
      this.#options.read(chain);
      return true;
    } catch (error) {
      if (findMeshError(error) === undefined) throw error;
      return false;
    }
  }

  /** What was signed with another key is not proved any more. */
  #keep(isGood: (held: Held) => boolean): void {
    for (const [node, keys] of this.#keys) {
      const good = keys.filter(isGood);
      if (good.length === 0) this.#keys.delete(node);
      else if (good.length < keys.length) this.#keys.set(node, good);
    }
  }
}

function isSameChain(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((der, at) => Buffer.compare(der, b[at]!) === 0);
}
