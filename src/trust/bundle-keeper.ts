/** Whom this program believes, and how that changes while it runs. Outlives whoever brings news, and alone changes the bundle. */
import type { X509Certificate } from 'node:crypto';
import type { HeldIdentity } from './identity-source.ts';
import { bundleId, changersOf, readBundle, supersedes, type AuthorityState, type HeldBundle, type SignedBundle } from './signed-bundle.ts';
import { issuingPin } from './bundle.ts';

export interface BundleKeeperOptions {
  readonly held: HeldIdentity;
  /** What was kept, or what the authority here says; undefined where no signed one was ever seen. */
  readonly first: HeldBundle | undefined;
  /** On disk; may throw what the system does: then a restart begins with the one before. */
  readonly keep: (document: HeldBundle) => void;
  readonly notKept: (error: unknown) => void;
}

export class BundleKeeper {
  readonly #options: BundleKeeperOptions;
  readonly #listeners = new Set<(document: HeldBundle) => void>();
  #present: HeldBundle | undefined;

  constructor(options: BundleKeeperOptions) {
    this.#options = options;
    this.#present = options.first;
    if (options.first !== undefined) this.#believe(options.first);
  }

  get present(): HeldBundle | undefined {
    return this.#present;
  }

  /** Tells of every later one; the answer ends that. */
  onChange(heard: (document: HeldBundle) => void): () => void {
    this.#listeners.add(heard);
    return () => void this.#listeners.delete(heard);
  }

  /** A person has put it on disk, by joining anew: that is to be believed, whatever was before. */
  take(document: HeldBundle): void {
    if (document.id === this.#present?.id) return;
    this.#present = document;
    this.#believe(document);
    for (const heard of this.#listeners) heard(document);
  }

  /** @throws MeshError as `readBundle`: nobody believed here has signed it */
  offer(signed: SignedBundle): 'adopted' | 'older' {
    const { bundle } = this.#options.held.current();
    if (bundleId(signed) === this.#present?.id) return 'older';
    const document = readBundle(signed, bundle.trustDomain, this.#present === undefined ? bundle.authorities : changersOf(this.#present.claim));
    if (!supersedes(document, this.#present)) return 'older';
    this.#present = document;
    this.#believe(document);
    try {
      this.#options.keep(document);
    } catch (error) {
      this.#options.notKept(error);
    }
    for (const heard of this.#listeners) heard(document);
    return 'adopted';
  }

  /** Undefined for one that is not believed, and where no signed bundle was ever seen. */
  stateOf(pin: string | undefined): AuthorityState | undefined {
    return this.#present?.claim.authorities.find((authority) => authority.pin === pin)?.state;
  }

  /** How the authority stands that issued this; `gone` where it is believed no more. */
  issuerState(chain: readonly X509Certificate[]): AuthorityState | 'gone' {
    const pin = issuingPin(chain, this.#options.held.current().bundle);
    return pin === undefined ? 'gone' : (this.stateOf(pin) ?? 'active');
  }

  #believe({ bundle }: HeldBundle): void {
    const { held } = this.#options;
    held.replace({ ...held.current(), bundle });
  }
}
