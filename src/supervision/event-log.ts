/** The trail: what supervision saw and did, newest last, bounded, numbered. */
import type { ErrorInfo } from './behavior.ts';
import type { Decision } from './supervisor-effects.ts';

export type EventType =
  /** A life is up; the first of its path. */
  | 'start'
  /** A life is up that replaces an earlier one. */
  | 'restart'
  /** A life ended that was not asked to: with an error, killed, or in its start. */
  | 'crash'
  /** A life ended by itself in good order. */
  | 'exit'
  /** A life did not stop in order: it failed on the way down, or was ended because its time was over. */
  | 'shutdown_error'
  /** A supervisor gave up. */
  | 'escalate'
  /** An operator intervened. */
  | 'admin';

export interface SupervisionEvent {
  /** Counts from 1, without gaps, for the life of the process. */
  readonly sequence: number;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  readonly type: EventType;
  readonly path: string;
  readonly life: number;
  /** One line. */
  readonly reason: string;
  readonly error?: ErrorInfo;
  /** What was being handled when it crashed: `receive put`, `init`, `timer` … */
  readonly during?: string;
  /** What its `view` showed then, as JSON, clipped. */
  readonly state?: string;
  readonly supervisor?: string;
  readonly decision?: Decision;
  readonly delayMs?: number;
  readonly budget?: { readonly used: number; readonly intensity: number; readonly periodMs: number };
}

/** Hours of a troubled node, days of a quiet one; about 5 MiB at its worst. */
export const EVENTS_MAX = 10_000;

export class EventLog {
  readonly #events: SupervisionEvent[] = [];
  readonly #listener: (event: SupervisionEvent) => void;
  #sequence = 0;
  #crashes = 0;
  /** Index of the oldest event once the ring is full. */
  #oldest = 0;

  constructor(listener: (event: SupervisionEvent) => void) {
    this.#listener = listener;
  }

  /** How many crashes there were, also those that the ring has forgotten. */
  get crashes(): number {
    return this.#crashes;
  }

  record(parts: Omit<SupervisionEvent, 'sequence'>): void {
    const event = { ...parts, sequence: ++this.#sequence };
    if (event.type === 'crash') this.#crashes++;
    if (this.#events.length < EVENTS_MAX) {
      this.#events.push(event);
    } else {
      this.#events[this.#oldest] = event;
      this.#oldest = (this.#oldest + 1) % EVENTS_MAX;
    }
    this.#listener(event);
  }

  /** The newest `limit` events of the actor at `path` and those below it, oldest first. */
  latest(path: string, limit: number): readonly SupervisionEvent[] {
    const below = path.endsWith('/') ? path : `${path}/`;
    const found: SupervisionEvent[] = [];
    for (let back = 1; back <= this.#events.length && found.length < limit; back++) {
      const event = this.#events[(this.#oldest + this.#events.length - back) % this.#events.length]!;
      if (event.path === path || event.path.startsWith(below)) found.push(event);
    }
    return found.reverse();
  }
}
