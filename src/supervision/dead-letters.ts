/** Messages that reached nobody: counted for ever, kept for a while, spoken of sparingly. */

export type DeadLetterReason = 'noproc' | 'full' | 'dropped' | 'ended' | 'late_reply' | 'refused';

export interface DeadLetter {
  readonly atMs: number;
  readonly path: string;
  readonly reason: DeadLetterReason;
  /** The message's `kind`, or its type. */
  readonly message: string;
}

/** Enough to see a pattern; each is four short fields. */
const KEPT_MAX = 1_000;
/** A path and reason is spoken of at most once in this time; the count says how often it happened. */
const QUIET_MS = 10_000;
/** Paths come from peers' and agents' names: the tables forget the oldest beyond this. */
const COUNTED_MAX = 10_000;

interface Count {
  spokenAt: number;
  sinceSpoken: number;
}

export class DeadLetters {
  readonly #kept: DeadLetter[] = [];
  readonly #counts = new Map<string, Count>();
  readonly #speak: (letter: DeadLetter, count: number) => void;
  #total = 0;

  /** @param speak called for the first of a path and reason, then at most every 10 s with the number since. */
  constructor(speak: (letter: DeadLetter, count: number) => void) {
    this.#speak = speak;
  }

  get total(): number {
    return this.#total;
  }

  latest(): readonly DeadLetter[] {
    return this.#kept;
  }

  add(letter: DeadLetter): void {
    this.#total++;
    this.#kept.push(letter);
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    const count = this.#count(`${letter.reason} ${letter.path}`);
    count.sinceSpoken++;
    if (letter.atMs - count.spokenAt < QUIET_MS) return;
    this.#speak(letter, count.sinceSpoken);
    count.spokenAt = letter.atMs;
    count.sinceSpoken = 0;
  }

  #count(key: string): Count {
    let count = this.#counts.get(key);
    if (count !== undefined) return count;
    const oldest = this.#counts.size >= COUNTED_MAX ? this.#counts.keys().next().value : undefined;
    if (oldest !== undefined) this.#counts.delete(oldest);
    count = { spokenAt: -Infinity, sinceSpoken: 0 };
    this.#counts.set(key, count);
    return count;
  }
}

/** What a message is called without showing what it holds. */
export function messageName(message: unknown): string {
  if (typeof message !== 'object' || message === null) return typeof message;
  if ('kind' in message && typeof message.kind === 'string') return message.kind;
  return message.constructor?.name ?? 'object';
}
