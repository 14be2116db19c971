/** The trail: what supervision saw and did, newest last, bounded, numbered. */
import type { ErrorInfo } from './behavior.ts';
import type { Restart, Strategy } from './child-spec.ts';
import type { ChildReport, Decision } from './supervisor-effects.ts';

export const EVENT_TYPES = [
  /** A life is up; the first of its path. */
  'start',
  /** A life is up that replaces an earlier one. */
  'restart',
  /** A life ended that was not asked to: with an error, killed, or in its start. */
  'crash',
  /** A life ended by itself in good order. */
  'exit',
  /** A life did not stop in order: it failed on the way down, or was ended because its time was over. */
  'shutdown_error',
  /** A supervisor gave up. */
  'escalate',
  /** An operator intervened. */
  'admin',
  /** The loop stood still, and turns again. */
  'loop_lag',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

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
  /** What it did last, with the message that it did it with: `receive put`, `init`, `detached work` … */
  readonly during?: string;
  /** What its `view` showed then, as JSON, clipped. */
  readonly state?: string;
  /** Messages that waited then. */
  readonly mailbox?: number;
  /** Messages that this life had handled, and how long it had lived. */
  readonly processed?: number;
  readonly uptimeMs?: number;
  readonly supervisor?: string;
  readonly strategy?: Strategy;
  /** Of the child that ended. */
  readonly restart?: Restart;
  readonly context?: ChildReport['context'];
  readonly decision?: Decision;
  readonly delayMs?: number;
  readonly budget?: ChildReport['budget'];
  /** Siblings that its supervisor restarts with it: how many, and the first of them by path. */
  readonly takenAlong?: { readonly count: number; readonly first: readonly string[] };
}

export type EventListener = (event: SupervisionEvent) => void;

/** Hours of a troubled node, days of a quiet one; about 5 MiB at its worst. */
export const EVENTS_MAX = 10_000;

export class EventLog {
  readonly #events: SupervisionEvent[] = [];
  readonly #listeners = new Set<EventListener>();
  #sequence = 0;
  #crashes = 0;
  /** Index of the oldest event once the ring is full. */
  #oldest = 0;

  constructor(listener: EventListener) {
    this.#listeners.add(listener);
  }

  /** Number of the newest; 0 when there is none. */
  get lastSequence(): number {
    return this.#sequence;
  }

  /** `listener` hears of every event from now on, and must be quick. @returns what ends that */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
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
    for (const listener of this.#listeners) listener(event);
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

  /** Up to `limit` of the events that came after the one of that number and are kept still, oldest first. */
  after(sequence: number, limit: number): readonly SupervisionEvent[] {
    const oldest = this.#sequence - this.#events.length + 1;
    const from = Math.max(sequence + 1, oldest);
    const length = Math.max(0, Math.min(limit, this.#sequence - from + 1));
    return Array.from({ length }, (_, at) => this.#events[(this.#oldest + from - oldest + at) % this.#events.length]!);
  }
}
