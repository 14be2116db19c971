/**
 * One life of one actor: it takes messages in batches and gives exactly one exit signal. The only file that imports nact,
 * which turns the crank: each life is one nact actor, each nact message one turn in which up to a batch of ours is handled.
 *
 * Of nact only spawn, dispatch, stop and the decision `stop` are used. The rest does not hold: resume and reset of others,
 * escalate, query, anonymous names, the stop of children.
 */
import { dispatch, spawn, start, stop } from 'nact';
import { runAs } from './attribution.ts';
import type { Culprit } from './attribution.ts';
import { IGNORE } from './behavior.ts';
import type { Behavior, ExitReason, Ignore, Signal } from './behavior.ts';
import { messageName } from './dead-letters.ts';
import { NORMAL, toErrorInfo } from './exit-reason.ts';
import { LifeContext } from './life-context.ts';
import type { ContextHost } from './life-context.ts';
import type { Mailbox } from './mailbox.ts';

/** What the runtime says to a life, ahead of what actors say. */
export type Urgent = Signal | { readonly kind: 'first'; readonly message: unknown };

/** A message of a life to itself; the next life does not get it. */
export class OwnMessage {
  readonly life: number;
  readonly message: unknown;

  constructor(life: number, message: unknown) {
    this.life = life;
    this.message = message;
  }
}

export interface CellHost extends Omit<ContextHost<unknown>, 'exitSoon'> {
  readonly mailbox: Mailbox<Urgent, unknown>;
  /** A message was handled. */
  handled(): void;
  ignored(): void;
  /** The life is over; what it still does has no effect. Called once, before `exited`. */
  ended(reason: ExitReason): void;
  /** Its nact actor has stopped: the exit signal. Called once. */
  exited(): void;
  /** Something of an ended life failed or settled late. */
  afterlife(what: 'late-failure' | 'zombie' | 'zombie-settled' | 'release-failed' | 'terminate-failed', error?: unknown): void;
}

/** One turn handles at most this many messages … */
const BATCH_MAX = 256;
/** … and takes about this long, so that timers, sockets and other actors get their share of the loop. */
const TURN_MS = 1;
/** The clock is read once in this many messages. */
const CLOCK_EVERY = 16;

// oxlint-disable-next-line typescript/no-explicit-any
type AnyBehavior = Behavior<any, any>;

export class Cell implements Culprit {
  readonly life: number;
  readonly context: LifeContext<unknown>;
  readonly startedAt: number;
  readonly #behavior: AnyBehavior;
  readonly #host: CellHost;
  readonly #mailbox: Mailbox<Urgent, unknown>;
  readonly #turns: NactActor;
  #state: unknown;
  #isInitialised = false;
  #isUp = false;
  #isTurnDue = false;
  #isAwaiting = false;
  #hasExited = false;
  #exitRequest: ExitReason | undefined;
  #ending: ExitReason | undefined;
  /** What is being handled, for the crash report. */
  #during: () => string = () => 'init';

  constructor(engine: TurnEngine, life: number, behavior: AnyBehavior, host: CellHost) {
    this.life = life;
    this.#behavior = behavior;
    this.#host = host;
    this.#mailbox = host.mailbox;
    this.startedAt = host.clock.now();
    this.context = new LifeContext(life, {
      self: host.self,
      clock: host.clock,
      log: host.log,
      deliverOwn: (message) => host.deliverOwn(new OwnMessage(life, message)),
      exitSoon: (reason) => this.#exitSoon(reason),
      started: () => this.#started(),
      monitor: (path) => host.monitor(path),
      demonitor: (path) => host.demonitor(path),
    });
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

  get during(): string {
    return this.#during();
  }

  /** What `view` shows of the state now. A view that throws is the actor's fault, not the reader's. */
  view(): unknown {
    return this.#isInitialised ? this.#behavior.view?.(this.#state) : undefined;
  }

  /** There is something in the mailbox. */
  wake(): void {
    if (this.#isTurnDue || this.#ending !== undefined) return;
    this.#isTurnDue = true;
    this.#turns.take();
  }

  /** Ends the life now; what it still does has no effect. */
  end(reason: ExitReason): void {
    if (this.#ending !== undefined) return;
    this.#markEnded(reason);
    this.#turns.stop();
  }

  failDetached(error: unknown): void {
    if (this.#ending !== undefined) return this.#host.afterlife('late-failure', error);
    this.#during = () => 'detached work';
    this.end(this.#faultOf(error));
  }

  #turn(): void | Promise<void> {
    const until = this.#host.clock.now() + TURN_MS;
    for (let handled = 0; this.#ending === undefined; ) {
      let result: void | Promise<void>;
      const urgent = this.#isInitialised ? this.#mailbox.shiftUrgent() : undefined;
      if (!this.#isInitialised) {
        result = this.#init();
      } else if (this.#exitRequest !== undefined) {
        result = this.#endInOrder(this.#exitRequest);
      } else if (urgent !== undefined) {
        result = this.#hear(urgent);
      } else {
        if (handled >= BATCH_MAX || (handled % CLOCK_EVERY === CLOCK_EVERY - 1 && this.#host.clock.now() >= until)) break;
        const message = this.#mailbox.shift();
        if (message === undefined) break;
        handled++;
        result = this.#receive(message);
      }
      if (result !== undefined) return result.then(() => this.#turn());
    }
    this.#isTurnDue = false;
    if (!this.#mailbox.isEmpty) this.wake();
  }

  #init(): void | Promise<void> {
    const made: unknown = this.#behavior.init(this.context);
    return this.#then(made, (state) => {
      this.#isInitialised = true;
      if (state === (IGNORE as Ignore)) {
        this.#host.ignored();
        return this.end(NORMAL);
      }
      this.#state = state;
      if (this.#behavior.startsLate !== true) this.#started();
    });
  }

  #receive(message: unknown): void | Promise<void> {
    let said = message;
    if (message instanceof OwnMessage) {
      if (message.life !== this.life) return;
      said = message.message;
    }
    this.#during = () => `receive ${this.#behavior.describe?.(said) ?? messageName(said)}`;
    const next: unknown = this.#behavior.receive(this.#state, said, this.context);
    this.#host.handled();
    return this.#then(next, (state) => void (this.#state = state));
  }

  #hear(urgent: Urgent): void | Promise<void> {
    if (urgent.kind === 'first') return this.#receive(urgent.message);
    if (urgent.kind === 'stop' && this.#behavior.trapsStop !== true) return this.#endInOrder(urgent.reason);
    this.#during = () => `signal ${urgent.kind}`;
    if (this.#behavior.signal === undefined) return;
    const next: unknown = this.#behavior.signal(this.#state, urgent, this.context);
    return this.#then(next, (state) => void (this.#state = state));
  }

  #endInOrder(reason: ExitReason): void | Promise<void> {
    this.#during = () => 'terminate';
    // A failing terminate does not change why the life ends; it is told and left behind.
    const failed = (error: unknown): void => this.#host.afterlife('terminate-failed', error);
    try {
      const done: unknown = this.#behavior.terminate?.(this.#state, reason, this.context);
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
    const settled = (): boolean => {
      this.#isAwaiting = false;
      if (this.#ending !== undefined) this.#host.afterlife('zombie-settled');
      return this.#ending === undefined;
    };
    return Promise.resolve(result).then(
      (value) => void (settled() && goOn(value)),
      (error: unknown) => {
        if (settled()) throw error;
      },
    );
  }

  #started(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#host.started();
  }

  #exitSoon(reason: ExitReason): void {
    this.#exitRequest ??= reason;
    this.wake();
  }

  #crashed(error: unknown): void {
    if (this.#ending === undefined) this.#markEnded(this.#faultOf(error));
  }

  #faultOf(error: unknown): ExitReason {
    return { kind: this.#isUp ? 'error' : 'start_failed', error: toErrorInfo(error) };
  }

  #markEnded(reason: ExitReason): void {
    this.#ending = reason;
    this.context.release((error) => this.#host.afterlife('release-failed', error));
    if (this.#isAwaiting && reason.kind !== 'error') this.#host.afterlife('zombie');
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

interface NactActor {
  take(): void;
  stop(): void;
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
const nact: NactKernel = { spawn: spawn as any, dispatch: dispatch as any, stop: stop as any, start: start as any };

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
    return { take: () => nact.dispatch(actor, TURN, NOBODY), stop: () => nact.stop(actor) };
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

