/** Inside a thread: the cell that runs the behavior there, by the same rules as on the main thread, and what it stands on. */
import { systemClock } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import { IGNORE } from '../behavior.ts';
import type { ActorContext, ActorRef, ExitReason, SendOutcome, Signal } from '../behavior.ts';
import { Cell } from '../cell.ts';
import type { Afterlife, AnyBehavior, CellHost, Urgent } from '../cell-host.ts';
import { messageName } from '../trail/dead-letters.ts';
import { toErrorInfo } from '../exit-reason.ts';
import { Mailbox, MAILBOX_MAX } from '../mailbox.ts';
import type { OwnMessage } from '../own-message.ts';
import { Trace, TRACE_LIMITS } from '../trace.ts';
import { TurnEngine } from '../turn-engine.ts';
import type { ThreadGauge } from './thread-gauge.ts';
import type { ThreadOutbox } from './thread-outbox.ts';

/** A state is looked at by people: once a second is often enough … */
const VIEW_EVERY_MS = 1_000;
/** … and less often when it takes more than a hundredth of the thread's time to show. */
const VIEW_COST_MULT = 100;
const VIEW_CHARS_MAX = 65_536;

/** A message from the mailbox on the main thread; what else the behavior hears, it said to itself. */
class Delivered {
  readonly message: unknown;

  constructor(message: unknown) {
    this.message = message;
  }
}

/** A life that is told to end handles nothing more: the main thread keeps what comes after. */
class ThreadCell extends Cell {
  isLeaving = false;

  override exitSoon(reason: ExitReason): void {
    this.isLeaving = true;
    super.exitSoon(reason);
  }
}

export class ThreadLife implements CellHost {
  readonly clock = systemClock;
  readonly lane = 'queue';
  // One message of the main thread at a time; the rest is the behavior's own, and bounded by it.
  readonly mailbox = new Mailbox<Urgent, unknown>({ max: Infinity });
  readonly self: ActorRef<unknown>;
  readonly makeBehavior: () => AnyBehavior;
  readonly #outbox: ThreadOutbox;
  readonly #gauge: ThreadGauge;
  readonly #cell: ThreadCell;
  #heard = 0;
  #traces: readonly Trace[] = [];
  #tracedAs = 0;
  #viewAgainAt = -Infinity;
  #isViewDue = false;
  /** The last view, by its number among what was posted: the next one waits until the main thread has taken it. */
  #viewPosted = 0;
  #viewShown: string | undefined;

  constructor(path: string, life: number, makeBehavior: () => AnyBehavior, outbox: ThreadOutbox, gauge: ThreadGauge) {
    this.self = {
      ...(outbox.ref(path) as ActorRef<unknown>),
      send: (message) => this.#sendSelf(message),
      offer: (message) => Promise.resolve(this.#sendSelf(message)),
    };
    this.makeBehavior = () => this.#reporting(makeBehavior());
    this.#outbox = outbox;
    this.#gauge = gauge;
    this.#cell = new ThreadCell(new TurnEngine(this.clock), life, this);
  }

  get log(): Logger {
    return this.#outbox;
  }

  deliver(message: unknown): void {
    this.mailbox.offer(new Delivered(message));
    this.#cell.wake();
  }

  hear(signal: Signal): void {
    this.mailbox.pushUrgent(signal);
    this.#cell.wake();
  }

  /** What no code of the behavior set going has failed. */
  fail(error: unknown): void {
    this.#cell.failDetached(error);
  }

  // CellHost

  /** One for all on the main thread, which have limits of their own; a new one with each of them, so that it ends before none. */
  get traces(): readonly Trace[] | undefined {
    const { traced } = this.#gauge;
    if (traced === 0) return undefined;
    if (traced !== this.#tracedAs) this.#traces = [new Trace({ ...TRACE_LIMITS, onEntry: (entry) => this.#outbox.traced(entry) }, this.clock)];
    this.#tracedAs = traced;
    return this.#traces;
  }

  deliverOwn(message: OwnMessage): void {
    this.mailbox.offerOwn(message);
    this.#cell.wake();
  }

  monitor(path: string): void {
    this.#outbox.post({ kind: 'bond', act: 'monitor', path });
  }

  demonitor(path: string): void {
    this.#outbox.post({ kind: 'bond', act: 'demonitor', path });
    this.mailbox.removeUrgent((urgent) => urgent.kind === 'down' && urgent.path === path);
  }

  link(path: string): void {
    this.#outbox.post({ kind: 'bond', act: 'link', path });
  }

  unlink(path: string): void {
    this.#outbox.post({ kind: 'bond', act: 'unlink', path });
    this.mailbox.removeUrgent((urgent) => urgent.kind === 'exit' && urgent.path === path);
  }

  started(): void {
    this.#outbox.post({ kind: 'started' });
  }

  ignored(): void {
    this.#outbox.post({ kind: 'ignored' });
  }

  handled(): void {
    this.#gauge.pulse();
  }

  turned(_messages: number, from: number, until: number): void {
    this.#gauge.spend(until - from);
  }

  ended(reason: ExitReason): void {
    this.#showState();
    this.#outbox.post({ kind: 'ended', reason, during: this.#cell.during, heard: this.#heard });
  }

  exited(): void {
    // The main side ends the thread.
  }

  afterlife(life: number, what: Afterlife, error?: unknown): void {
    const fields = error === undefined ? {} : { error: toErrorInfo(error).message };
    this.log.log(error === undefined ? 'debug' : 'warn', what, { actor: this.self.path, life, ...fields });
  }

  /** The behavior, which says also when it is initialised and when it has handled what was delivered. */
  #reporting(behavior: AnyBehavior): AnyBehavior {
    const { trapsStop = false, trapsExits = false, startsLate = false } = behavior;
    return {
      trapsStop,
      trapsExits,
      startsLate,
      describe: (message: unknown) => {
        const heard: unknown = message instanceof Delivered ? message.message : message;
        return behavior.describe?.(heard) ?? messageName(heard);
      },
      ...(behavior.signal && { signal: behavior.signal.bind(behavior) }),
      ...(behavior.terminate && { terminate: behavior.terminate.bind(behavior) }),
      ...(behavior.view && { view: behavior.view.bind(behavior) }),
      init: (context: ActorContext<unknown>) =>
        after(behavior.init(context), (state: unknown) => {
          if (state !== IGNORE) this.#outbox.post({ kind: 'initialised', trapsStop, trapsExits });
          this.#viewSoon();
        }),
      receive: (state: unknown, message: unknown, context: ActorContext<unknown>) => {
        if (!(message instanceof Delivered)) {
          this.#gauge.handleOwn();
          return after(behavior.receive(state, message, context), () => this.#viewSoon());
        }
        this.#heard++;
        return after(behavior.receive(state, message.message, context), () => {
          if (!this.#cell.isLeaving) this.#outbox.post({ kind: 'handled' });
          this.#viewSoon();
        });
      },
    };
  }

  /** It does not take the way over the main thread, so it need not be able to cross, and a main thread that is busy is not waited for. */
  #sendSelf(message: unknown): SendOutcome {
    if (this.mailbox.depth >= MAILBOX_MAX) return 'full';
    this.mailbox.offer(message);
    this.#cell.wake();
    return 'accepted';
  }

  /** At once when nothing was shown for a while, so that also what hangs next has left its state behind. */
  #viewSoon(): void {
    if (this.#isViewDue) return;
    this.#isViewDue = true;
    // In the next tick the cell has taken the new state over.
    if (this.#mayShow) process.nextTick(() => this.#showState());
    else this.#viewLater();
  }

  #viewLater(): void {
    setTimeout(() => (this.#mayShow ? this.#showState() : this.#viewLater()), Math.max(VIEW_EVERY_MS / 2, this.#viewAgainAt - this.clock.now())).unref();
  }

  /** What a main thread that stands still does not take must not pile up. */
  get #mayShow(): boolean {
    return this.clock.now() >= this.#viewAgainAt && this.#gauge.taken >= this.#viewPosted;
  }

  #showState(): void {
    this.#isViewDue = false;
    const from = this.clock.now();
    const json = this.#cell.stateShown(VIEW_CHARS_MAX);
    // The main thread is not woken to be told what it knows.
    if (json !== this.#viewShown) this.#viewPosted = this.#outbox.post({ kind: 'view', json });
    this.#viewShown = json;
    const now = this.clock.now();
    this.#viewAgainAt = now + Math.max(VIEW_EVERY_MS, VIEW_COST_MULT * (now - from));
  }
}

/** Runs `then` when the result is there, at once if it is already; the result stays what it was. */
function after<T>(result: T, then: (value: Awaited<T>) => void): T {
  if (typeof result === 'object' && result !== null && 'then' in result) {
    return Promise.resolve(result).then((value) => {
      then(value);
      return value;
    }) as T;
  }
  then(result as Awaited<T>);
  return result;
}
