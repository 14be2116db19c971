/** The trail: what supervision saw and did, newest last, bounded, numbered. */
import type { ErrorInfo } from '../behavior.ts';
import type { Restart, Strategy } from '../child-spec.ts';
import { EventRing } from './event-ring.ts';
import type { ChildReport, Decision } from '../supervisor/supervisor-effects.ts';

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

/**
 * Hours of a troubled node, days of a quiet one; about 5 MiB at its worst. Half is for what went wrong and half for lives
 * that came and went in order: thousands of agents that reconnect must not push the one crash out that explains it.
 */
export const EVENTS_MAX = 10_000;
const IN_ORDER: ReadonlySet<EventType> = new Set<EventType>(['start', 'restart', 'exit']);

export class EventLog {
  readonly #inOrder = new EventRing<SupervisionEvent>(EVENTS_MAX / 2);
  readonly #troubles = new EventRing<SupervisionEvent>(EVENTS_MAX / 2);
  readonly #listeners = new Set<EventListener>();
  #sequence = 0;
  #crashes = 0;
  #restarts = 0;

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

  /** How many lives came after another of their path, likewise. */
  get restarts(): number {
    return this.#restarts;
  }

  record(parts: Omit<SupervisionEvent, 'sequence'>): void {
    const event = { ...parts, sequence: ++this.#sequence };
    if (event.type === 'crash') this.#crashes++;
    if (event.type === 'restart') this.#restarts++;
    (IN_ORDER.has(event.type) ? this.#inOrder : this.#troubles).push(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** The newest `limit` events of the actor at `path` and those below it, oldest first. */
  latest(path: string, limit: number): readonly SupervisionEvent[] {
    const below = path.endsWith('/') ? path : `${path}/`;
    const found: SupervisionEvent[] = [];
    let [order, trouble] = [this.#inOrder.length - 1, this.#troubles.length - 1];
    while (found.length < limit) {
      const [a, b] = [this.#inOrder.at(order), this.#troubles.at(trouble)];
      const event = a === undefined || (b !== undefined && b.sequence > a.sequence) ? b : a;
      if (event === undefined) break;
      if (event === a) order--;
      else trouble--;
      if (event.path === path || event.path.startsWith(below)) found.push(event);
    }
    return found.reverse();
  }

  /** Up to `limit` of the events that came after the one of that number and are kept still, oldest first. */
  after(sequence: number, limit: number): readonly SupervisionEvent[] {
    const found: SupervisionEvent[] = [];
    let [order, trouble] = [this.#inOrder.indexAfter(sequence), this.#troubles.indexAfter(sequence)];
    while (found.length < limit) {
      const [a, b] = [this.#inOrder.at(order), this.#troubles.at(trouble)];
      const event = a === undefined || (b !== undefined && b.sequence < a.sequence) ? b : a;
      if (event === undefined) break;
      if (event === a) order++;
      else trouble++;
      found.push(event);
    }
    return found;
  }
}
