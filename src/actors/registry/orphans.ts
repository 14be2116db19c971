/** Changes that came before what they depend on. Bounded and ours: the engine would keep them without end and save them. */

/** Enough for the reordering between a few dozen sessions; what falls out comes again with anti-entropy. */
const ORPHANS_MAX = 1_000;
const ORPHAN_BYTES_MAX = 4 * 1024 * 1024;

export interface Orphan {
  readonly hash: string;
  readonly bytes: Uint8Array;
}

export class Orphans<T extends Orphan> {
  /** In order of arrival. */
  readonly #byHash = new Map<string, { orphan: T; waitsFor: string }>();
  readonly #waiting = new Map<string, Set<string>>();
  #bytes = 0;

  get size(): number {
    return this.#byHash.size;
  }

  /** Keeps `orphan` until `waitsFor` is known; returns how many had to go to make room. */
  add(orphan: T, waitsFor: string): number {
    if (this.#byHash.has(orphan.hash)) return 0;
    this.#byHash.set(orphan.hash, { orphan, waitsFor });
    this.#bytes += orphan.bytes.length;
    const waiting = this.#waiting.get(waitsFor) ?? new Set();
    this.#waiting.set(waitsFor, waiting.add(orphan.hash));
    let dropped = 0;
    for (const oldest of this.#byHash.keys()) {
      if (this.#byHash.size <= ORPHANS_MAX && this.#bytes <= ORPHAN_BYTES_MAX) break;
      this.#remove(oldest);
      dropped++;
    }
    return dropped;
  }

  /** In order of arrival. */
  all(): T[] {
    return [...this.#byHash.values()].map(({ orphan }) => orphan);
  }

  /** Takes out what waited for `hash`. */
  release(hash: string): T[] {
    return [...(this.#waiting.get(hash) ?? [])].map((waiting) => this.#remove(waiting));
  }

  #remove(hash: string): T {
    const { orphan, waitsFor } = this.#byHash.get(hash)!;
    this.#byHash.delete(hash);
    this.#bytes -= orphan.bytes.length;
    const waiting = this.#waiting.get(waitsFor)!;
    waiting.delete(hash);
    if (waiting.size === 0) this.#waiting.delete(waitsFor);
    return orphan;
  }
}
