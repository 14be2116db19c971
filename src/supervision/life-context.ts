/** What one life of an actor set going and owns, and how all of it ends with the life. */
import type { Clock, Timer } from '../clock.ts';
import type { LogFields, LogLevel, Logger } from '../log.ts';
import type { ActorContext, ActorRef, ExitReason } from './behavior.ts';
import { describeThrown, NORMAL } from './exit-reason.ts';
import { OwnMessage } from './own-message.ts';

/** The runtime's side of a context. */
export interface ContextHost<M> {
  readonly self: ActorRef<M>;
  readonly clock: Clock;
  readonly log: Logger;
  deliverOwn(message: OwnMessage): void;
  monitor(path: string): void;
  demonitor(path: string): void;
  link(path: string): void;
  unlink(path: string): void;
}

/** The life itself. */
export interface LifeRunner {
  exitSoon(reason: ExitReason): void;
  started(): void;
}

interface Armed {
  timer: Timer;
  /** What it told its life last; it is not told again before that was heard. */
  told: OwnMessage | undefined;
}

export class LifeContext<M> implements ActorContext<M> {
  readonly life: number;
  readonly #host: ContextHost<M>;
  readonly #runner: LifeRunner;
  // Made when first asked for: most lives need none of them, and an AbortController alone is a tenth of a start's cost.
  #log: Logger | undefined;
  #timers: Map<string, Armed> | undefined;
  #owned: (() => void)[] | undefined;
  #abort: AbortController | undefined;
  #isReleased = false;

  constructor(life: number, host: ContextHost<M>, runner: LifeRunner) {
    this.life = life;
    this.#host = host;
    this.#runner = runner;
  }

  get self(): ActorRef<M> {
    return this.#host.self;
  }

  get path(): string {
    return this.#host.self.path;
  }

  get clock(): Clock {
    return this.#host.clock;
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
    this.#arm(key, delayMs, (armed) => {
      armed.told = new OwnMessage(this.life, message, () => this.#timers?.delete(key));
      this.#host.deliverOwn(armed.told);
    });
  }

  setInterval(key: string, periodMs: number, message: M): void {
    const tick = (armed: Armed): void => {
      armed.timer = this.clock.setTimer(periodMs, () => tick(armed));
      // An actor that is slower than its interval hears one tick, not all that it missed.
      if (armed.told?.isWaiting === true) return;
      armed.told = new OwnMessage(this.life, message);
      this.#host.deliverOwn(armed.told);
    };
    this.#arm(key, periodMs, tick);
  }

  clearTimer(key: string): void {
    const armed = this.#timers?.get(key);
    if (armed === undefined) return;
    armed.timer.cancel();
    armed.told?.withdraw();
    this.#timers?.delete(key);
  }

  pipe<T>(promise: Promise<T>, onValue: (value: T) => M, onError: (error: Error) => M): void {
    const deliver = (make: () => M): void => {
      if (!this.#isReleased) this.#host.deliverOwn(new OwnMessage(this.life, make()));
    };
    promise.then(
      (value) => deliver(() => onValue(value)),
      (error: unknown) => deliver(() => onError(error instanceof Error ? error : new Error(describeThrown(error)))),
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

  link(ref: ActorRef<never>): void {
    if (!this.#isReleased) this.#host.link(ref.path);
  }

  unlink(ref: ActorRef<never>): void {
    if (!this.#isReleased) this.#host.unlink(ref.path);
  }

  exit(reason: ExitReason = NORMAL): void {
    if (!this.#isReleased) this.#runner.exitSoon(reason);
  }

  started(): void {
    if (!this.#isReleased) this.#runner.started();
  }

  /** Lets go of everything, once; a release that throws does not keep the others. */
  release(onFault: (error: unknown) => void): void {
    this.#isReleased = true;
    for (const { timer } of this.#timers?.values() ?? []) timer.cancel();
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

  #arm(key: string, delayMs: number, fire: (armed: Armed) => void): void {
    if (this.#isReleased) return;
    this.clearTimer(key);
    const armed: Armed = { timer: this.clock.setTimer(delayMs, () => fire(armed)), told: undefined };
    (this.#timers ??= new Map()).set(key, armed);
  }
}
