/** When the stream over which an identity is pushed is opened again. Pure. */
import type { MeshError } from '../errors.ts';
import type { LogFields, LogLevel } from '../log.ts';
import type { Random } from '../random.ts';
import type { Identity } from './identity-source.ts';

export type SvidWatchInput =
  | { readonly kind: 'tick' }
  | { readonly kind: 'told'; readonly identity: Identity }
  | { readonly kind: 'ended'; readonly fault: MeshError };

export type SvidWatchEffect =
  /** What comes of it must come back as `told` and, once, as `ended`. */
  | { readonly kind: 'open' }
  | { readonly kind: 'set-timer'; readonly delayMs: number }
  | { readonly kind: 'tell'; readonly identity: Identity }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

/** The identity holds meanwhile; a restart of SPIRE's agent takes some seconds. */
const RETRY = { baseMs: 1_000, maxMs: 30_000, jitter: 0.3 } as const;
/** 2 ** 5 s are more than the most. */
const DOUBLINGS_MAX = 5;

export class SvidWatch {
  readonly #random: Random;
  #isOpen = false;
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get state(): { readonly isOpen: boolean; readonly failures: number } {
    return { isOpen: this.#isOpen, failures: this.#failures };
  }

  handle(input: SvidWatchInput): readonly SvidWatchEffect[] {
    switch (input.kind) {
      case 'tick':
        if (this.#isOpen) return [];
        this.#isOpen = true;
        return [{ kind: 'open' }];
      case 'told': {
        const wasAway = this.#failures > 0;
        this.#failures = 0;
        const back: SvidWatchEffect = { kind: 'log', level: 'warn', event: 'workload-api-back', fields: {} };
        return [{ kind: 'tell', identity: input.identity }, ...(wasAway ? [back] : [])];
      }
      case 'ended': {
        this.#isOpen = false;
        const plainMs = Math.min(RETRY.maxMs, RETRY.baseMs * 2 ** Math.min(this.#failures++, DOUBLINGS_MAX));
        const delayMs = plainMs * (1 + RETRY.jitter * (2 * this.#random.next() - 1));
        const { message: reason, todo } = input.fault;
        const fields = { reason, ...(todo === undefined ? {} : { todo }), retryMs: Math.round(delayMs) };
        return [{ kind: 'log', level: 'warn', event: 'workload-api-away', fields }, { kind: 'set-timer', delayMs }];
      }
    }
  }
}
