/**
 * What an actor is, seen from the rooms that write them. Nothing here knows how an actor is run.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';

/** Why a life of an actor ended. Words from OTP. */
export type ExitReason =
  | { readonly kind: 'normal' }
  | { readonly kind: 'shutdown'; readonly info?: string }
  | { readonly kind: 'killed'; readonly by?: string }
  | { readonly kind: 'error'; readonly error: ErrorInfo }
  | { readonly kind: 'start_failed'; readonly error: ErrorInfo }
  | { readonly kind: 'noproc' };

/** An error as plain data: it can be logged, kept and sent. */
export interface ErrorInfo {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorInfo;
  /** Of a MeshError, what it says beside its message. */
  readonly given?: string;
  readonly expected?: string;
  readonly todo?: string;
}

/** What became of a message at the door of a mailbox; `refused` when it cannot cross to the thread of the actor. */
export type SendOutcome = 'accepted' | 'full' | 'noproc' | 'refused';

export type Reply<R> = (answer: R) => void;

declare const accepts: unique symbol;

/**
 * An address, not a life: it names a path, survives restarts, and may be held before the actor exists.
 * Contravariant: an `ActorRef<A | B>` may be used as an `ActorRef<A>`, never the other way.
 */
export interface ActorRef<in M> {
  readonly path: string;
  readonly [accepts]?: (message: M) => void;
  /** Never throws and never waits. */
  send(message: M): SendOutcome;
  /**
   * As `send`, for senders who can wait: resolves once there is room for more, at once when there is already. A mailbox
   * with `overflow: 'backpressure'` makes them wait from its high-water mark to its low one; others never do. Never rejects.
   */
  offer(message: M): Promise<SendOutcome>;
  /**
   * Sends `make(reply)` and waits for the reply.
   * @throws AskError at once when the actor is gone, its mailbox is full or its life ends; after `timeoutMs` otherwise.
   */
  ask<R>(make: (reply: Reply<R>) => M, timeoutMs: number): Promise<R>;
}

export type AskFailure = 'noproc' | 'full' | 'refused' | 'exited' | 'timeout';

export class AskError extends Error {
  override readonly name = 'AskError';
  readonly failure: AskFailure;
  readonly path: string;
  /** The failure in words. */
  readonly detail: string;

  constructor(failure: AskFailure, path: string, detail: string) {
    super(`ask to ${path} failed: ${detail}`);
    this.failure = failure;
    this.path = path;
    this.detail = detail;
  }
}

/** What an actor hears from the runtime rather than from other actors. */
export type Signal =
  /** A monitored actor's life ended. Sent once per monitor; `noproc` when there was no such actor. */
  | { readonly kind: 'down'; readonly path: string; readonly life: number; readonly reason: ExitReason }
  /** Only for behaviors with `trapsExits`: the life at the other end of a link ended; `noproc` when there was none. */
  | { readonly kind: 'exit'; readonly path: string; readonly life: number; readonly reason: ExitReason }
  /** Only for behaviors with `trapsStop`: wind up, then call `context.exit(reason)`. */
  | { readonly kind: 'stop'; readonly reason: ExitReason };

export const IGNORE: unique symbol = Symbol('ignore');
/** What `init` returns when there is nothing to run: the child is listed, but has no life. */
type Ignore = typeof IGNORE;

/**
 * The rules of one actor. `receive` and `signal` return the next state; a throw ends this life with `error`.
 * A promise is awaited before the next message is looked at.
 */
export interface Behavior<S, M> {
  init(context: ActorContext<M>): S | Ignore | Promise<S | Ignore>;
  receive(state: S, message: M, context: ActorContext<M>): S | Promise<S>;
  signal?(state: S, signal: Signal, context: ActorContext<M>): S | Promise<S>;
  /** Called once when the life ends in an orderly way; not when it is killed. */
  terminate?(state: S, reason: ExitReason, context: ActorContext<M>): void | Promise<void>;
  /** What an operator may see of the state; leave secrets out. */
  view?(state: S): unknown;
  /** One line about a message for crash reports; leave secrets out. Its constructor or `kind` is shown otherwise. */
  describe?(message: M): string;
  /** The actor is told of a stop by signal and ends itself with `exit`. */
  readonly trapsStop?: boolean;
  /** What comes over a link is heard as a signal, and does not end the actor. */
  readonly trapsExits?: boolean;
  /** The actor says itself when it has started, with `started()`. */
  readonly startsLate?: boolean;
}

/** What an actor can do. Everything it sets going dies with its life. */
export interface ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly path: string;
  /** Counts from 1; a restart makes the next one. */
  readonly life: number;
  readonly clock: Clock;
  /** Speaks with this actor's path and life. */
  readonly log: Logger;
  /** Aborted when this life ends. */
  readonly signal: AbortSignal;
  /** Sends `message` to this life after `delayMs`. A timer of the same key is replaced, also when its message waits already. */
  setTimer(key: string, delayMs: number, message: M): void;
  /** As `setTimer`, again and again; while a message of it still waits there is no second one. */
  setInterval(key: string, periodMs: number, message: M): void;
  /** After this nothing comes of the timer any more. */
  clearTimer(key: string): void;
  /** The outcome of `promise` arrives as a message, unless this life has ended by then. */
  pipe<T>(promise: Promise<T>, onValue: (value: T) => M, onError: (error: Error) => M): void;
  /** `release` runs when this life ends, however it ends; last owned, first released. */
  own(release: () => void): void;
  /** A `down` signal comes when the life now at this ref ends. */
  monitor(ref: ActorRef<never>): void;
  demonitor(ref: ActorRef<never>): void;
  /**
   * From now on this life and the one now at this ref end together: an end of either other than `normal` ends the other at
   * once, for the same reason, unless it traps exits. A link to what has no life ends this one with `noproc`.
   */
  link(ref: ActorRef<never>): void;
  /** Nothing of the other's end is heard after this. */
  unlink(ref: ActorRef<never>): void;
  /** Ends this life after the current message; `normal` when no reason is given. */
  exit(reason?: ExitReason): void;
  /** Says that a `startsLate` behavior is up. */
  started(): void;
}
