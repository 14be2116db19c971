/**
 * One life of one actor: it takes messages in batches and gives exactly one exit signal. The only file that imports nact,
 * which turns the crank: each life is one nact actor, each nact message one turn in which up to a batch of ours is handled.
 *
 * Of nact only spawn, dispatch, stop and the decision `stop` are used. The rest does not hold: resume and reset of others,
 * escalate, query, anonymous names, the stop of children.
 */
import { dispatch, spawn, start, stop } from 'nact';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { runAs } from './attribution.ts';
import type { Culprit } from './attribution.ts';
import { IGNORE } from './behavior.ts';
import type { ActorRef, Behavior, ExitReason, Signal } from './behavior.ts';
import { messageName } from './dead-letters.ts';
import { NORMAL, toErrorInfo } from './exit-reason.ts';
import { LifeContext } from './life-context.ts';
import type { ContextHost } from './life-context.ts';
import type { Mailbox } from './mailbox.ts';
import { OwnMessage } from './own-message.ts';

/** What the runtime says to a life, ahead of what actors say. */
export type Urgent = Signal | { readonly kind: 'first'; readonly message: unknown };

// oxlint-disable-next-line typescript/no-explicit-any
export type AnyBehavior = Behavior<any, any>;

/** What becomes known of a life that is over or about to be: a handler that goes on, one that is done at last, a failure. */
export type Afterlife = 'zombie' | 'zombie-settled' | 'late-failure' | 'release-failed' | 'terminate-failed';

export interface CellHost extends Omit<ContextHost<unknown>, 'exitSoon'> {
  makeBehavior(): AnyBehavior;
  readonly mailbox: Mailbox<Urgent, unknown>;
  /** A message was handled. */
  handled(): void;
  ignored(): void;
  /** The life is over; what it still does has no effect. Called once, before `exited`. */
  ended(reason: ExitReason): void;
  /** Its nact actor has stopped: the exit signal. Called once. */
  exited(): void;
  afterlife(life: number, what: Afterlife, error?: unknown): void;
}

/** One turn handles at most this many messages … */
const BATCH_MAX = 256;
/** … and takes about this long, so that timers, sockets and other actors get their share of the loop. */
const TURN_MS = 1;
/** The clock is read once in this many messages. */
const CLOCK_EVERY = 4;

export class Cell implements Culprit, ContextHost<unknown> {
  readonly life: number;
  readonly context: LifeContext<unknown>;
  readonly startedAt: number;
  readonly #host: CellHost;
  readonly #mailbox: Mailbox<Urgent, unknown>;
  readonly #turns: NactActor;
  /** Made in the first turn, so that a failure to make it is a failed start. */
  #behavior: AnyBehavior | undefined;
  #state: unknown;
  #isInitialised = false;
  #isUp = false;
  #isTurnDue = false;
  /** nact has been given a turn that has not begun. */
  #isTurnPending = false;
  #isAwaiting = false;
  #hasExited = false;
  #exitRequest: ExitReason | undefined;
  #ending: ExitReason | undefined;
  /** Handled in this turn; over all the promises it waits for, so that a busy life yields however it handles. */
  #handled = 0;
  #turnEnds = 0;
  /** What is being done, and with what: for the crash report, which alone puts it in words. */
  #activity: 'init' | 'receive' | 'signal' | 'terminate' | 'detached work' = 'init';
  #subject: unknown;

  constructor(engine: TurnEngine, life: number, host: CellHost) {
    this.life = life;
    this.#host = host;
    this.#mailbox = host.mailbox;
    this.startedAt = host.clock.now();
    this.context = new LifeContext(life, this);
    this.#turns = engine.open({
      turn: () => runAs(this, () => this.#turn()),
      crashed: (error) => this.#crashed(error),
      stopped: () => this.#stopped(),
    });
    this.wake();
  }

  get ending(): ExitReason | undefined {
    return this.#ending;
  }

  // ContextHost

  get self(): ActorRef<unknown> {
    return this.#host.self;
  }

  get clock(): Clock {
    return this.#host.clock;
  }

  get log(): Logger {
    return this.#host.log;
  }

  deliverOwn(message: OwnMessage): void {
    this.#host.deliverOwn(message);
  }

  exitSoon(reason: ExitReason): void {
    this.#exitRequest ??= reason;
    this.wake();
  }

  started(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#host.started();
  }

  monitor(path: string): void {
    this.#host.monitor(path);
  }

  demonitor(path: string): void {
    this.#host.demonitor(path);
  }

  // Its host's side

  /** What it does or did last. */
  get during(): string {
    switch (this.#activity) {
      case 'receive':
        return `receive ${this.#describe(this.#subject)}`;
      case 'signal':
        return `signal ${(this.#subject as Signal).kind}`;
      case 'init':
      case 'terminate':
      case 'detached work':
        return this.#activity;
    }
  }

  /** What `view` shows of the state now, as JSON; undefined when there is no view. Never throws. */
  stateShown(): string | undefined {
    if (!this.#isInitialised || this.#behavior?.view === undefined) return undefined;
    try {
      return JSON.stringify(this.#behavior.view(this.#state));
    } catch (error) {
      return `its view failed: ${toErrorInfo(error).message}`;
    }
  }

  /** There is something in the mailbox. */
  wake(): void {
    if (this.#isTurnDue || this.#ending !== undefined) return;
    this.#isTurnDue = this.#isTurnPending = true;
    this.#turns.take();
  }

  /** Ends the life now; what it still does has no effect. */
  end(reason: ExitReason): void {
    if (this.#ending !== undefined) return;
    this.#markEnded(reason);
    // A pending turn stops nact's actor when it comes. Now, nact would clear that turn's immediate; and when the immediate
    // before it has just thrown, Node 20 then throws from its own loop for ever (processImmediate, _idleNext).
    if (!this.#isTurnPending) this.#turns.stop();
  }

  failDetached(error: unknown): void {
    if (this.#ending !== undefined) return this.#host.afterlife(this.life, 'late-failure', error);
    this.#activity = 'detached work';
    this.end(this.#faultOf(error));
  }

  #turn(): void | Promise<void> {
    this.#isTurnPending = false;
    if (this.#ending !== undefined) return this.#turns.stop();
    this.#handled = 0;
    this.#turnEnds = this.#host.clock.now() + TURN_MS;
    return this.#work();
  }

  #work(): void | Promise<void> {
    while (this.#ending === undefined && this.#hasWork && !this.#isTurnOver) {
      this.#handled++;
      const result = this.#next();
      if (result !== undefined) return result.then(() => this.#work());
    }
    this.#isTurnDue = false;
    this.#subject = undefined;
    if (this.#hasWork) this.wake();
  }

  get #hasWork(): boolean {
    return !this.#mailbox.isEmpty || !this.#isInitialised || this.#exitRequest !== undefined;
  }

  get #isTurnOver(): boolean {
    return this.#handled >= BATCH_MAX || (this.#handled % CLOCK_EVERY === CLOCK_EVERY - 1 && this.#host.clock.now() >= this.#turnEnds);
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
    const next: unknown = this.#behavior!.receive(this.#state, message, this.context);
    this.#host.handled();
    return this.#setState(next);
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

  /** A behavior that cannot tell its message apart must not keep its crash from being told. */
  #describe(message: unknown): string {
    try {
      return this.#behavior?.describe?.(message) ?? messageName(message);
    } catch {
      return messageName(message);
    }
  }

  #crashed(error: unknown): void {
    if (this.#ending === undefined) this.#markEnded(this.#faultOf(error));
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

  #stopped(): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    // nact stopped it and nobody asked: its own fault handling, which ours is there to prevent.
    if (this.#ending === undefined) this.#markEnded(this.#faultOf(new Error('stopped by nact')));
    this.#host.exited();
  }
}

interface NactCallbacks {
  turn(): void | Promise<void>;
  crashed(error: unknown): void;
  stopped(): void;
}

/** What we use of nact, typed as it behaves; its own declarations take any number for an actor. */
interface NactKernel {
  spawn(parent: unknown, turn: () => void | Promise<void>, name: string, properties: NactProperties): unknown;
  dispatch(actor: unknown, message: unknown, sender: unknown): void;
  stop(actor: unknown): void;
  start(options: { name: string }): unknown;
}

interface NactProperties {
  onCrash(message: unknown, error: unknown, context: { stop: symbol }): symbol;
  afterStop(): void;
}

// oxlint-disable-next-line typescript/no-explicit-any
const nact: NactKernel = { spawn: spawn as any, dispatch, stop, start: start as any };

const TURN = 'turn';
/** Shared: without a sender nact makes four objects for each message. */
const NOBODY = { type: 'nobody' };
let systems = 0;

/** One nact system. All its actors stand side by side: nact's cost per message grows with an actor's children. */
export class TurnEngine {
  // nact keeps systems by name for ever and takes a name only in this form.
  readonly #system = nact.start({ name: `omega-mesh-${++systems}` });
  #actors = 0;

  open(callbacks: NactCallbacks): NactActor {
    // A name of its own for each life: a life that hangs on to its name cannot keep the next from starting.
    const actor = nact.spawn(this.#system, callbacks.turn, `life-${++this.#actors}`, {
      onCrash: (_message, error, context) => {
        callbacks.crashed(error);
        return context.stop;
      },
      afterStop: callbacks.stopped,
    });
    return new NactActor(actor);
  }
}

class NactActor {
  readonly #actor: unknown;

  constructor(actor: unknown) {
    this.#actor = actor;
  }

  take(): void {
    nact.dispatch(this.#actor, TURN, NOBODY);
  }

  stop(): void {
    nact.stop(this.#actor);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

