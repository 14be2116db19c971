/**
 * How far this node trusts its own ears (Lifeguard, section IV-A: local health multiplier; memberlist's awareness). Whoever
 * gets no answers may be the one that cannot hear. Such a node asks less often and waits longer, and so accuses less.
 */
import type { LocalHealthView, Strain } from './membership-messages.ts';

export class LocalHealth {
  readonly #max: number;
  #score = 0;
  #lastStrain: Strain | undefined;

  /** @param multiplierMax scores run from 0 to one less, as memberlist's do; 1 is a node that does not doubt itself */
  constructor(multiplierMax: number) {
    this.#max = multiplierMax - 1;
  }

  get score(): number {
    return this.#score;
  }

  get view(): LocalHealthView {
    return { score: this.#score, max: this.#max, ...(this.#score > 0 && this.#lastStrain !== undefined ? { strain: this.#lastStrain } : {}) };
  }

  /** A sign that something is wrong with this node itself. */
  strain(strain: Strain, by = 1): void {
    if (by <= 0) return;
    this.#score = Math.min(this.#max, this.#score + by);
    this.#lastStrain = strain;
  }

  /** A sign that all is well: it asked, and heard the answer in time. */
  relieve(): void {
    this.#score = Math.max(0, this.#score - 1);
  }

  /** An interval or a timeout of the probe, as long as this node needs it (Lifeguard, section IV-A). */
  scale(ms: number): number {
    return ms * (this.#score + 1);
  }
}
