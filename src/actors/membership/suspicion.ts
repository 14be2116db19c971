/**
 * How long a suspected member has to refute (Lifeguard, section IV-B): long when one node alone suspects it, for that
 * node may itself be the slow one; short once others confirm. Ours beyond the paper: time in which this node stood still
 * does not count, for it could not hear a refutation.
 */
import type { Profile } from './profile.ts';

/** @param n members known, the dead and left among them, this node too */
export function suspicionMinMs(profile: Profile, n: number): number {
  const scale = Math.max(1, Math.log10(Math.max(1, n)));
  // Cut to three decimals, as peers do: all should wait alike.
  return (profile.suspicionMult * Math.floor(scale * 1_000) * profile.probeIntervalMs) / 1_000;
}

/**
 * @param confirmations different members that suspect it too, after the first
 * @param k confirmations that shorten the wait to its minimum
 */
export function suspicionTimeoutMs(minMs: number, maxMs: number, confirmations: number, k: number): number {
  if (k < 1) return minMs;
  const share = Math.min(1, Math.log(confirmations + 1) / Math.log(k + 1));
  return Math.max(minMs, Math.floor(maxMs - (maxMs - minMs) * share));
}

/** Confirmations that a suspicion waits for where enough members are left to give them. */
export function confirmationsMax(profile: Profile): number {
  return profile.suspicionMult - 2;
}

/** Confirmations that a suspicion waits for, of members that can still give one. */
export function confirmationsWanted(profile: Profile, confirmers: number): number {
  // Peers count whom they know, the dead and left too; then the last two of three wait in vain and to the maximum.
  return Math.max(0, Math.min(confirmationsMax(profile), confirmers));
}

export class Suspicion {
  /** Tells this suspicion's timers from those of an earlier one of the same member. */
  readonly number: number;
  readonly #startedAt: number;
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #accusers: Set<string>;
  #k: number;
  #heldUpMs = 0;
  #hadGrace = false;

  constructor(parts: { number: number; now: number; accuser: string; minMs: number; maxMs: number; k: number }) {
    this.number = parts.number;
    this.#startedAt = parts.now;
    this.#minMs = parts.minMs;
    this.#maxMs = parts.maxMs;
    this.#accusers = new Set([parts.accuser]);
    this.#k = parts.k;
  }

  /** When the member is dead unless it refutes. Moves closer, except for what holds it up. */
  get deadline(): number {
    return this.#startedAt + suspicionTimeoutMs(this.#minMs, this.#maxMs, this.#accusers.size - 1, this.#k) + this.#heldUpMs;
  }

  /** Who suspected it first. */
  get accuser(): string {
    return [...this.#accusers][0]!;
  }

  /** How many others suspect it too, of how many that are wanted. */
  get confirmations(): { readonly confirmations: number; readonly wanted: number } {
    return { confirmations: this.#accusers.size - 1, wanted: this.#k };
  }

  /** Whether this is news: a member that had not accused, and one more is wanted. */
  confirm(accuser: string): boolean {
    if (this.#accusers.size > this.#k || this.#accusers.has(accuser)) return false;
    this.#accusers.add(accuser);
    return true;
  }

  /**
   * For so long nothing was heard. What came meanwhile is read before `graceUntil`; that is waited for once only, so that a
   * node that is always late comes to its conclusions late, but does come to them.
   */
  holdUp(byMs: number, graceUntil: number): void {
    this.#heldUpMs += byMs;
    if (this.#hadGrace || this.deadline >= graceUntil) return;
    this.#hadGrace = true;
    this.#heldUpMs += graceUntil - this.deadline;
  }

  /** Members that could have confirmed are gone. */
  expectAtMost(k: number): void {
    this.#k = Math.min(this.#k, k);
  }
}
