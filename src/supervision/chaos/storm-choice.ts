/** What a storm does next. Same seed and same tree, same choices. Pure. */
import { randomInt, seededRandom } from '../../random.ts';
import type { Random } from '../../random.ts';

/** An actor, as far as the choice depends on it. */
export interface Target {
  readonly path: string;
  readonly type: 'supervisor' | 'worker';
}

export interface Choice<F extends string> {
  readonly fault: F;
  readonly path: string;
  /** How hard, in [0, 1). */
  readonly force: number;
}

export class StormChoice<F extends string> {
  readonly #random: Random;
  readonly #faults: readonly F[];

  constructor(seed: number, faults: readonly F[]) {
    this.#random = seededRandom(seed);
    this.#faults = faults;
  }

  /** @returns undefined where the fault whose turn it is suits nobody. Draws as often, whatever comes of it. */
  next(targets: readonly Target[], suits: (fault: F, target: Target) => boolean): Choice<F> | undefined {
    const fault = this.#faults[randomInt(this.#random, this.#faults.length)];
    const [where, force] = [this.#random.next(), this.#random.next()];
    if (fault === undefined) return undefined;
    const fit = targets.filter((target) => suits(fault, target));
    const target = fit[Math.floor(where * fit.length)];
    return target && { fault, path: target.path, force };
  }
}
