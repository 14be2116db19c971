/** Watching the messages of one actor, for a while and at a rate that harms nobody. */
import type { Clock } from '../clock.ts';
import { MeshError } from '../errors.ts';

export interface TraceEntry {
  readonly atMs: number;
  readonly life: number;
  /** As the behavior describes it. */
  readonly message: string;
  /** How long the handler ran; without what it awaits. */
  readonly tookMs: number;
  readonly outcome: 'done' | 'awaits' | 'threw';
  /** Messages since the entry before that came too fast to be shown. */
  readonly skipped: number;
}

export interface TraceOptions {
  /** The trace ends by itself after so many entries. */
  readonly messagesMax: number;
  /** What comes faster is skipped, and counted. */
  readonly perS: number;
  readonly onEntry: (entry: TraceEntry) => void;
}

export const TRACE_LIMITS = {
  /** More than this nobody reads; a file of them is 1 MiB. */
  messagesMax: 10_000,
  /** Each entry costs its actor some microseconds. */
  perS: 1_000,
} as const;

export class Trace {
  readonly #options: TraceOptions;
  readonly #clock: Clock;
  #left: number;
  #secondFrom = -Infinity;
  #inSecond = 0;
  #skipped = 0;

  /** @throws MeshError BAD_ARGUMENT when it would not be bounded */
  constructor(options: TraceOptions, clock: Clock) {
    mustBeWithin('messagesMax', options.messagesMax, TRACE_LIMITS.messagesMax);
    mustBeWithin('perS', options.perS, TRACE_LIMITS.perS);
    this.#options = options;
    this.#clock = clock;
    this.#left = options.messagesMax;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  stop(): void {
    this.#left = 0;
  }

  /** @param describe only called when the entry is shown */
  note(life: number, tookMs: number, outcome: TraceEntry['outcome'], describe: () => string): void {
    this.#show(() => ({ atMs: this.#clock.wallNow(), life, message: describe(), tookMs, outcome, skipped: 0 }));
  }

  /** What another trace has seen. */
  relay(entry: TraceEntry): void {
    this.#skipped += entry.skipped;
    this.#show(() => entry);
  }

  #show(entry: () => TraceEntry): void {
    if (this.isOver) return;
    const now = this.#clock.now();
    if (now - this.#secondFrom >= 1_000) {
      this.#secondFrom = now;
      this.#inSecond = 0;
    }
    if (this.#inSecond >= this.#options.perS) return void this.#skipped++;
    this.#inSecond++;
    this.#left--;
    const skipped = this.#skipped;
    this.#skipped = 0;
    try {
      this.#options.onEntry({ ...entry(), skipped });
    } catch {
      // Whoever watches is not part of the actor: it must not end it. It sees no more.
      this.stop();
    }
  }
}

function mustBeWithin(name: string, given: number, limit: number): void {
  if (Number.isInteger(given) && given >= 1 && given <= limit) return;
  throw new MeshError('BAD_ARGUMENT', `a trace must be bounded: ${name} ${given} is not within 1 to ${limit}`, {
    given: String(given),
    expected: `a whole number from 1 to ${limit}`,
    todo: `give ${name}`,
  });
}
