/** Messages that reached nobody: counted for ever, kept for a while, spoken of sparingly. */
import { isAskReply } from '../asks.ts';

export type DeadLetterReason = 'noproc' | 'full' | 'dropped' | 'ended' | 'late_reply' | 'refused';

export interface DeadLetter {
  /** Counts from 1, without gaps. */
  readonly sequence: number;
  readonly atMs: number;
  readonly path: string;
  readonly reason: DeadLetterReason;
  /** The message's `kind`, or its type. */
  readonly message: string;
}

/**
 * Why the message of a letter cannot be sent again: it was the answer to a question or a question (who asked has been told
 * that it failed), is too large to be kept, cannot be looked into, was sent again already, or other letters came after it.
 */
export type Withheld = 'answer' | 'question' | 'large' | 'unreadable' | 'replayed' | 'old';

/** Enough to see a pattern; each is five short fields. */
const KEPT_MAX = 1_000;
/** Of the newest letters the messages are kept too, 1.6 MiB at the most. */
const CONTENTS_MAX = 100;
const CONTENT_BYTES_MAX = 16 * 1_024;
/** Roughly what a value takes that is no text and no bytes. */
const VALUE_BYTES = 8;
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
  /** By sequence, oldest first. */
  readonly #contents = new Map<number, unknown>();
  readonly #withheld = new Map<number, Withheld>();
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

  /** The letter of this number, with its message or why there is none; undefined when it is forgotten or never was. */
  find(sequence: number): { readonly letter: DeadLetter; readonly content: unknown; readonly withheld: Withheld | undefined } | undefined {
    const letter = this.#kept[sequence - this.#total + this.#kept.length - 1];
    if (letter === undefined) return undefined;
    const withheld = this.#withheld.get(sequence) ?? (this.#contents.has(sequence) ? undefined : 'old');
    return { letter, content: this.#contents.get(sequence), withheld };
  }

  /** Its message has found somebody: it is not sent twice. */
  replayed(sequence: number): void {
    if (this.#contents.delete(sequence)) this.#withheld.set(sequence, 'replayed');
  }

  add(parts: Omit<DeadLetter, 'sequence'>, content: unknown): void {
    const letter = { sequence: ++this.#total, ...parts };
    this.#kept.push(letter);
    if (this.#kept.length > KEPT_MAX) this.#withheld.delete(this.#kept.shift()!.sequence);
    this.#keep(letter, content);
    const count = this.#count(`${letter.reason} ${letter.path}`);
    count.sinceSpoken++;
    if (letter.atMs - count.spokenAt < QUIET_MS) return;
    this.#speak(letter, count.sinceSpoken);
    count.spokenAt = letter.atMs;
    count.sinceSpoken = 0;
  }

  #keep({ sequence, reason }: DeadLetter, content: unknown): void {
    const withheld = reason === 'late_reply' ? 'answer' : whyWithheld(content);
    if (withheld !== undefined) return void this.#withheld.set(sequence, withheld);
    this.#contents.set(sequence, content);
    if (this.#contents.size > CONTENTS_MAX) this.#contents.delete(this.#contents.keys().next().value!);
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

function whyWithheld(content: unknown): 'question' | 'large' | 'unreadable' | undefined {
  let left = CONTENT_BYTES_MAX;
  let isQuestion = false;
  const weigh = (value: unknown): void => {
    left -= typeof value === 'string' ? value.length * 2 : ArrayBuffer.isView(value) ? value.byteLength : VALUE_BYTES;
    if (typeof value === 'function') isQuestion ||= isAskReply(value);
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
    const parts: Iterable<unknown> = value instanceof Map || value instanceof Set ? value : Object.values(value);
    for (const part of parts) {
      if (left < 0) return;
      weigh(part);
    }
  };
  try {
    weigh(content);
  } catch {
    return 'unreadable';
  }
  if (isQuestion) return 'question';
  return left < 0 ? 'large' : undefined;
}

/** What a message is called without showing what it holds. */
export function messageName(message: unknown): string {
  if (typeof message !== 'object' || message === null) return typeof message;
  if ('kind' in message && typeof message.kind === 'string') return message.kind;
  return message.constructor?.name ?? 'object';
}
