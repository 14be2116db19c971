/** What one life needs of whoever stands around it: an actor here, the thread's own end of one there. */
import type { Behavior, ExitReason, Signal } from './behavior.ts';
import type { ContextHost } from './life-context.ts';
import type { Lane, Mailbox } from './mailbox.ts';
import type { Trace } from './trace.ts';

/** What the runtime says to a life, ahead of what actors say. */
export type Urgent = Signal | { readonly kind: 'first'; readonly message: unknown };

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyBehavior = Behavior<any, any>;

/** What becomes known of a life that is over or about to be: a handler that goes on, one that is done at last, a failure. */
export type Afterlife = 'zombie' | 'zombie-settled' | 'late-failure' | 'release-failed' | 'terminate-failed';

export interface CellHost extends ContextHost<unknown> {
  makeBehavior(): AnyBehavior;
  readonly lane: Lane;
  readonly mailbox: Mailbox<Urgent, unknown>;
  /** Who watches its messages; undefined when nobody does. */
  readonly traces: readonly Trace[] | undefined;
  started(): void;
  /** A message was handled. */
  handled(): void;
  /** It had the loop for a while. Times are the clock's. */
  turned(messages: number, from: number, until: number): void;
  ignored(): void;
  /** The life is over; what it still does has no effect. Called once, before `exited`. */
  ended(reason: ExitReason): void;
  /** The exit signal. Called once, and not from within a handler. */
  exited(): void;
  afterlife(life: number, what: Afterlife, error?: unknown): void;
}
