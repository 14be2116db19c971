/** Questions that wait for their answer. One table and one sweep for all, so that an ask costs no timer. */
import type { Clock } from '../clock.ts';
import { AskError } from './behavior.ts';
import type { AskFailure, Reply, SendOutcome } from './behavior.ts';

/** Asks time out up to this much late; their deadlines are for people and peers, not for pacing. */
const SWEEP_MS = 50;

const refuse: unique symbol = Symbol('refuse');

/** A reply that an ask made: its asker can also be told that no answer will come, and why. */
export interface AskReply<R> extends Reply<R> {
  readonly [refuse]: (why: string) => void;
}

/** @param tell ends the ask with `refused` */
export function askReply<R>(answer: Reply<R>, tell: (why: string) => void): AskReply<R> {
  // Assigned, for Object.assign takes ten times as long, and every ask pays.
  const reply = answer as Reply<R> & { [refuse]: (why: string) => void };
  reply[refuse] = tell;
  return reply;
}

export function isAskReply(value: object): value is AskReply<unknown> {
  return typeof value === 'function' && refuse in value;
}

/** What was asked, or its answer, cannot be had where it was to go. */
export function refuseAsk(reply: AskReply<unknown>, why: string): void {
  reply[refuse](why);
}

const NOT_ACCEPTED = {
  full: 'its mailbox is full',
  noproc: 'there is no such actor',
  refused: 'the message cannot cross to its thread',
} as const satisfies Record<Exclude<SendOutcome, 'accepted'>, string>;

interface Ask {
  readonly path: string;
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: AskError) => void;
}

export class AskTable {
  readonly #clock: Clock;
  readonly #onLateReply: (path: string) => void;
  /** By number; a number is never used twice in the life of a process. */
  readonly #asks = new Map<number, Ask>();
  readonly #byPath = new Map<string, Set<number>>();
  #next = 1;
  #isSweepDue = false;

  constructor(clock: Clock, onLateReply: (path: string) => void) {
    this.#clock = clock;
    this.#onLateReply = onLateReply;
  }

  /** @throws AskError (rejects), see ActorRef.ask */
  ask<M, R>(path: string, make: (reply: Reply<R>) => M, timeoutMs: number, send: (message: M) => SendOutcome): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const number = this.#next++;
      const reply = askReply<R>((answer) => this.#settle(number, path, answer), (why) => this.#fail(number, 'refused', why));
      const message = make(reply);
      this.#asks.set(number, { path, deadline: this.#clock.now() + timeoutMs, timeoutMs, resolve: resolve as (answer: unknown) => void, reject });
      this.#ofPath(path).add(number);
      const outcome = send(message);
      if (outcome !== 'accepted') this.#fail(number, outcome, NOT_ACCEPTED[outcome]);
      this.#sweepLater();
    });
  }

  /** The life that was asked has ended: nobody will answer. */
  failAll(path: string, why: string): void {
    for (const number of this.#byPath.get(path) ?? []) this.#fail(number, 'exited', why);
  }

  #settle(number: number, path: string, answer: unknown): void {
    const ask = this.#take(number);
    if (ask === undefined) this.#onLateReply(path);
    else ask.resolve(answer);
  }

  #fail(number: number, failure: AskFailure, detail: string): void {
    const ask = this.#take(number);
    ask?.reject(new AskError(failure, ask.path, detail));
  }

  #sweepLater(): void {
    if (this.#isSweepDue || this.#asks.size === 0) return;
    this.#isSweepDue = true;
    this.#clock.setTimer(SWEEP_MS, () => this.#timeOut());
  }

  #timeOut(): void {
    this.#isSweepDue = false;
    const now = this.#clock.now();
    for (const [number, ask] of this.#asks) {
      if (ask.deadline <= now) this.#fail(number, 'timeout', `no answer within ${ask.timeoutMs} ms`);
    }
    this.#sweepLater();
  }

  #take(number: number): Ask | undefined {
    const ask = this.#asks.get(number);
    if (ask === undefined) return undefined;
    this.#asks.delete(number);
    const others = this.#byPath.get(ask.path);
    others?.delete(number);
    if (others?.size === 0) this.#byPath.delete(ask.path);
    return ask;
  }

  #ofPath(path: string): Set<number> {
    let numbers = this.#byPath.get(path);
    if (numbers === undefined) this.#byPath.set(path, (numbers = new Set()));
    return numbers;
  }
}
