/**
 * One life of one actor: it takes messages in batches and gives exactly one exit signal.
 *
 * In the lane `turn` nact turns the crank: the life is a nact actor, and each nact message is one turn in which up to a
 * batch of ours is handled. In the lane `queue` the life gets its slices from a line that all such lives share, and nact is
 * its fault door: what a handler throws is thrown again in a nact actor, made then. In both, nact's `onCrash` alone ends a
 * life that failed.
 */
import { runAs } from './attribution.ts';
import type { Culprit } from './attribution.ts';
import { IGNORE } from './behavior.ts';
import type { ExitReason, Signal } from './behavior.ts';
import type { AnyBehavior, CellHost, Urgent } from './cell-host.ts';
import { NORMAL, toErrorInfo } from './exit-reason.ts';
import { shownMessage, shownState } from './trail/exposure.ts';
import { LifeContext } from './life-context.ts';
import type { LifeRunner } from './life-context.ts';
import type { Lane, Mailbox } from './mailbox.ts';
import { OwnMessage } from './own-message.ts';
import type { Runnable } from './run-queue.ts';
import type { Crank, TurnEngine } from './turn-engine.ts';
import { turnMark } from './watchdog/turn-mark.ts';

/** One turn handles at most this many messages, one slice in the line this many … */
const BATCH_MAX = 256;
const SLICE_MAX = 64;
/** … and takes about this long, so that timers, sockets and other actors get their share of the loop. */
const TURN_MS = 1;
/** The clock is read once in this many messages. */
const CLOCK_EVERY = 4;

export type Activity = 'idle' | 'init' | 'receive' | 'signal' | 'terminate' | 'detached work' | 'a link' | 'an injected error' | 'overflow' | 'coalesceKey' | 'its thread';

export class Cell implements Culprit, Crank, LifeRunner, Runnable {
  readonly life: number;
  readonly context: LifeContext<unknown>;
  readonly startedAt: number;
  readonly #host: CellHost;
  readonly #engine: TurnEngine;
  readonly #mailbox: Mailbox<Urgent, unknown>;
  readonly #lane: Lane;
  /** Its nact actor; in the lane `queue` there is none before there is a fault. */
  #nactor: unknown;
  /** Made in the first turn, so that a failure to make it is a failed start. */
  #behavior: AnyBehavior | undefined;
  #state: unknown;
  #isInitialised = false;
  #isUp = false;
  /** It has a turn to come, or is in one. */
  #isTurnDue = false;
  /** nact has been given a message that it has not taken yet. */
  #isNactDue = false;
  #isAwaiting = false;
  #hasExited = false;
  /** What was thrown in a slice, on its way to nact. */
  #fault: { readonly error: unknown } | undefined;
  #exitRequest: ExitReason | undefined;
  #ending: ExitReason | undefined;
  /** Handled in this turn; over all the promises it waits for, so that a busy life yields however it handles. */
  #handled = 0;
  #turnEnds = 0;
  /** What is being done, and with what: for the crash report, which alone puts it in words. */
  #activity: Activity = 'init';
  #subject: unknown;

  constructor(engine: TurnEngine, life: number, host: CellHost) {
    this.life = life;
    this.#host = host;
    this.#engine = engine;
    this.#mailbox = host.mailbox;
    this.#lane = host.lane;
    this.startedAt = host.clock.now();
    this.context = new LifeContext(life, host, this);
    if (this.#lane === 'turn') this.#nactor = engine.spawn(this);
    this.wake();
  }

  get ending(): ExitReason | undefined {
    return this.#ending;
  }

  get trapsExits(): boolean {
    return this.#behavior?.trapsExits === true;
  }

  /** What it goes by; undefined while it starts. Chaos puts another in its place for a while. */
  get behavior(): AnyBehavior | undefined {
    return this.#isUp ? this.#behavior : undefined;
  }

  set behavior(behavior: AnyBehavior) {
    this.#behavior = behavior;
  }

  // Culprit

  get path(): string {
    return this.context.path;
  }

  // LifeRunner

  exitSoon(reason: ExitReason): void {
    this.#exitRequest ??= reason;
    this.wake();
  }

  started(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#host.started();
  }

  // Its host's side

  /** What it does or did last. */
  get during(): string {
    switch (this.#activity) {
      case 'receive':
        return `receive ${shownMessage(this.#behavior, this.#subject)}`;
      case 'signal':
        return `signal ${(this.#subject as Signal).kind}`;
      case 'idle':
      case 'init':
      case 'terminate':
      case 'detached work':
      case 'a link':
      case 'an injected error':
      case 'overflow':
      case 'coalesceKey':
      case 'its thread':
        return this.#activity;
    }
  }

  /** What `view` shows of the state now, as JSON of limited length; undefined when there is no view. Never throws. */
  stateShown(charsMax: number): string | undefined {
    return this.#isInitialised ? shownState(this.#behavior, this.#state, charsMax) : undefined;
  }

  /** There is something in the mailbox. */
  wake(): void {
    if (this.#isTurnDue || this.#ending !== undefined) return;
    this.#isTurnDue = true;
    if (this.#lane === 'queue') this.#engine.queue.add(this);
    else this.#toNact();
  }

  /** Ends the life now; what it still does has no effect. @param activity what it ends in, when that is not what it does */
  end(reason: ExitReason, activity?: Activity): void {
    if (this.#ending !== undefined) return;
    if (activity !== undefined) this.#activity = activity;
    this.#markEnded(reason);
    // A message that waits in nact stops nact's actor when it comes. Now, nact would clear that message's immediate; and when
    // the immediate before it has just thrown, Node 20 then throws from its own loop for ever (processImmediate, _idleNext).
    if (this.#isNactDue) return;
    if (this.#nactor === undefined) this.#engine.queue.add(this);
    else this.#engine.stop(this.#nactor);
  }

  /** Ends the life as if its own code had thrown `error`. */
  fail(error: unknown, activity: Activity): void {
    this.end(this.#faultOf(error), activity);
  }

  failDetached(error: unknown): void {
    if (this.#ending !== undefined) return this.#host.afterlife(this.life, 'late-failure', error);
    this.fail(error, 'detached work');
  }

  // The lanes

  nactTurn(): void | Promise<void> {
    this.#isNactDue = false;
    if (this.#ending !== undefined) return this.#engine.stop(this.#nactor);
    if (this.#fault !== undefined) throw this.#fault.error;
    return runAs(this, () => this.#turn());
  }

  crashed(error: unknown): void {
    if (this.#ending === undefined) this.#markEnded(this.#faultOf(error));
  }

  stopped(): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    // nact stopped it and nobody asked: its own fault handling, which ours is there to prevent.
    if (this.#ending === undefined) this.#markEnded(this.#faultOf(new Error('stopped by nact')));
    this.#host.exited();
  }

  runSlice(): number {
    if (this.#ending !== undefined) {
      // A failed life stands in nact's hands.
      if (this.#nactor === undefined) this.stopped();
      return 0;
    }
    try {
      const rest = runAs(this, () => this.#turn());
      if (rest !== undefined) rest.catch((error: unknown) => this.#raise(error));
    } catch (error) {
      this.#raise(error);
    }
    return this.#handled;
  }

  /** Throws `error` where nact hears it. */
  #raise(error: unknown): void {
    if (this.#ending !== undefined) return;
    this.#fault = { error };
    this.#nactor = this.#engine.spawn(this);
    this.#toNact();
  }

  #toNact(): void {
    this.#isNactDue = true;
    this.#engine.dispatch(this.#nactor, this);
  }

  #turn(): void | Promise<void> {
    this.#handled = 0;
    const now = this.#host.clock.now();
    this.#turnEnds = now + TURN_MS;
    return this.#work(now);
  }

  #work(from: number): void | Promise<void> {
    const before = this.#handled;
    let rest: Promise<void> | void = undefined;
    turnMark.enter(this.context.path, this.life);
    try {
      while (rest === undefined && this.#ending === undefined && this.#hasWork && !this.#isTurnOver) {
        this.#handled++;
        rest = this.#next();
      }
    } finally {
      turnMark.leave();
    }
    this.#host.turned(this.#handled - before, from, this.#host.clock.now());
    if (rest !== undefined) return rest.then(() => this.#work(this.#host.clock.now()));
    this.#isTurnDue = false;
    this.#subject = undefined;
    if (this.#isUp) this.#activity = 'idle';
    if (this.#hasWork) this.wake();
  }

  get #hasWork(): boolean {
    return !this.#mailbox.isEmpty || !this.#isInitialised || this.#exitRequest !== undefined;
  }

  get #isTurnOver(): boolean {
    return this.#handled >= (this.#lane === 'queue' ? SLICE_MAX : BATCH_MAX) || (this.#handled % CLOCK_EVERY === CLOCK_EVERY - 1 && this.#host.clock.now() >= this.#turnEnds);
  }

  #next(): void | Promise<void> {
    if (!this.#isInitialised) return this.#init();
    if (this.#exitRequest !== undefined) return this.#endInOrder(this.#exitRequest);
    const urgent = this.#mailbox.shiftUrgent();
    if (urgent !== undefined) return this.#hear(urgent);
    const message = this.#mailbox.shift();
    if (!(message instanceof OwnMessage)) return this.#receive(message);
    if (message.life === this.life && message.take()) return this.#receive(message.message);
  }

  #init(): void | Promise<void> {
    const behavior = this.#host.makeBehavior();
    this.#behavior = behavior;
    const made: unknown = behavior.init(this.context);
    return this.#then(made, (state) => {
      this.#isInitialised = true;
      if (state === IGNORE) {
        this.#host.ignored();
        return this.end(NORMAL);
      }
      this.#state = state;
      if (behavior.startsLate !== true) this.started();
    });
  }

  #receive(message: unknown): void | Promise<void> {
    this.#activity = 'receive';
    this.#subject = message;
    const next: unknown = this.#host.traces === undefined ? this.#behavior!.receive(this.#state, message, this.context) : this.#receiveTraced(message);
    this.#host.handled();
    return this.#setState(next);
  }

  #receiveTraced(message: unknown): unknown {
    const from = this.#host.clock.now();
    let outcome: 'done' | 'awaits' | 'threw' = 'threw';
    try {
      const next: unknown = this.#behavior!.receive(this.#state, message, this.context);
      outcome = isThenable(next) ? 'awaits' : 'done';
      return next;
    } finally {
      const tookMs = this.#host.clock.now() - from;
      for (const trace of this.#host.traces ?? []) trace.note(this.life, tookMs, outcome, () => shownMessage(this.#behavior, message));
    }
  }

  #hear(urgent: Urgent): void | Promise<void> {
    if (urgent.kind === 'first') return this.#receive(urgent.message);
    const behavior = this.#behavior!;
    if (urgent.kind === 'stop' && behavior.trapsStop !== true) return this.#endInOrder(urgent.reason);
    if (behavior.signal === undefined) return;
    this.#activity = 'signal';
    this.#subject = urgent;
    return this.#setState(behavior.signal(this.#state, urgent, this.context));
  }

  #setState(next: unknown): void | Promise<void> {
    if (isThenable(next)) return this.#then(next, (state) => void (this.#state = state));
    this.#state = next;
  }

  #endInOrder(reason: ExitReason): void | Promise<void> {
    this.#activity = 'terminate';
    // A failing terminate does not change why the life ends; it is told and left behind.
    const failed = (error: unknown): void => this.#host.afterlife(this.life, 'terminate-failed', error);
    try {
      const done: unknown = this.#behavior!.terminate?.(this.#state, reason, this.context);
      if (!isThenable(done)) return this.end(reason);
      const settled = Promise.resolve(done).catch(failed);
      return this.#then(settled, () => this.end(reason));
    } catch (error) {
      failed(error);
      return this.end(reason);
    }
  }

  /** Goes on with the result at once when it is there, later when it is promised, never when the life has ended meanwhile. */
  #then(result: unknown, goOn: (value: unknown) => void): void | Promise<void> {
    if (!isThenable(result)) return goOn(result);
    this.#isAwaiting = true;
    return Promise.resolve(result).then(
      (value) => void (this.#isStillWanted() && goOn(value)),
      (error: unknown) => {
        if (this.#isStillWanted(error)) throw error;
      },
    );
  }

  /** What was awaited has settled: does it matter still? */
  #isStillWanted(error?: unknown): boolean {
    this.#isAwaiting = false;
    if (this.#ending !== undefined) this.#host.afterlife(this.life, 'zombie-settled', error);
    return this.#ending === undefined;
  }

  #faultOf(error: unknown): ExitReason {
    return { kind: this.#isUp ? 'error' : 'start_failed', error: toErrorInfo(error) };
  }

  #markEnded(reason: ExitReason): void {
    this.#ending = reason;
    // Whoever ends this life, what its releases leave behind is its own.
    runAs(this, () => this.context.release((error) => this.#host.afterlife(this.life, 'release-failed', error)));
    if (this.#isAwaiting) this.#host.afterlife(this.life, 'zombie');
    this.#host.ended(reason);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

