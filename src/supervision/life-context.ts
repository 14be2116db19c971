/** What one life of an actor set going and owns, and how all of it ends with the life. */
import type { Clock, Timer } from '../clock.ts';
import type { LogFields, LogLevel, Logger } from '../log.ts';
import type { ActorContext, ActorRef, ExitReason } from './behavior.ts';
import { NORMAL } from './exit-reason.ts';

/** The runtime's side of a context. */
export interface ContextHost<M> {
  readonly self: ActorRef<M>;
  readonly clock: Clock;
  readonly log: Logger;
  /** A message this life sends to itself: a timer, a result. */
  deliverOwn(message: M): void;
  exitSoon(reason: ExitReason): void;
  started(): void;
  monitor(path: string): void;
  demonitor(path: string): void;
}

export class LifeContext<M> implements ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly path: string;
  readonly life: number;
  readonly clock: Clock;
  readonly #host: ContextHost<M>;
  // Made when first asked for: most lives need none of them, and an AbortController alone is a tenth of a start's cost.
  #log: Logger | undefined;
  #timers: Map<string, Timer> | undefined;
  #owned: (() => void)[] | undefined;
  #abort: AbortController | undefined;
  #isReleased = false;

  constructor(life: number, host: ContextHost<M>) {
    this.self = host.self;
    this.path = host.self.path;
    this.life = life;
    this.clock = host.clock;
    this.#host = host;
  }

  get log(): Logger {
    this.#log ??= {
      log: (level: LogLevel, event: string, fields?: LogFields) => this.#host.log.log(level, event, { actor: this.path, life: this.life, ...fields }),
    };
    return this.#log;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isReleased) this.#abort.abort();
    return this.#abort.signal;
  }

  setTimer(key: string, delayMs: number, message: M): void {
    this.#arm(key, delayMs, () => {
      this.#timers?.delete(key);
      this.#host.deliverOwn(message);
    });
  }

  setInterval(key: string, periodMs: number, message: M): void {
    this.#arm(key, periodMs, () => {
      this.setInterval(key, periodMs, message);
      this.#host.deliverOwn(message);
    });
  }

  clearTimer(key: string): void {
    this.#timers?.get(key)?.cancel();
    this.#timers?.delete(key);
  }

  pipe<T>(promise: Promise<T>, onValue: (value: T) => M, onError: (error: Error) => M): void {
    promise.then(
      (value) => this.#isReleased || this.#host.deliverOwn(onValue(value)),
      (error: unknown) => this.#isReleased || this.#host.deliverOwn(onError(error instanceof Error ? error : new Error(String(error)))),
    );
  }

  own(release: () => void): void {
    if (this.#isReleased) return release();
    (this.#owned ??= []).push(release);
  }

  monitor(ref: ActorRef<never>): void {
    if (!this.#isReleased) this.#host.monitor(ref.path);
  }

  demonitor(ref: ActorRef<never>): void {
    if (!this.#isReleased) this.#host.demonitor(ref.path);
  }

  exit(reason: ExitReason = NORMAL): void {
    if (!this.#isReleased) this.#host.exitSoon(reason);
  }

  started(): void {
    if (!this.#isReleased) this.#host.started();
  }

  /** Lets go of everything, once; a release that throws does not keep the others. */
  release(onFault: (error: unknown) => void): void {
    this.#isReleased = true;
    for (const timer of this.#timers?.values() ?? []) timer.cancel();
    this.#abort?.abort();
    for (const release of (this.#owned ?? []).reverse()) {
      try {
        release();
      } catch (error) {
        onFault(error);
      }
    }
    this.#timers = this.#owned = undefined;
  }

  #arm(key: string, delayMs: number, fire: () => void): void {
    if (this.#isReleased) return;
    this.clearTimer(key);
    (this.#timers ??= new Map()).set(key, this.clock.setTimer(delayMs, fire));
  }
}
