/** What stands at a path and outlives its lives: the mailbox, the counters, who watches. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { ActorRef, ExitReason, SendOutcome } from './behavior.ts';
import type { ActorHost, ActorStatus, LifeWatcher } from './actor-host.ts';
import { Bonds } from './bonds.ts';
import type { Bonded } from './bonds.ts';
import { Cell } from './cell.ts';
import type { Activity } from './cell.ts';
import type { Afterlife, AnyBehavior, CellHost, Urgent } from './cell-host.ts';
import { reasonError, reasonLine, toErrorInfo } from './exit-reason.ts';
import { isReported } from './trail/last-moments.ts';
import type { LastMoments } from './trail/last-moments.ts';
import { Mailbox, MailboxOverflow } from './mailbox.ts';
import type { Lane, MailboxSpec, Offered } from './mailbox.ts';
import { OwnMessage } from './own-message.ts';
import { Trace } from './trace.ts';
import type { TraceEntry, TraceOptions } from './trace.ts';
import { TurnMeter } from './turn-meter.ts';

/** A state is shown for a person to read; what does not fit a screen is not read. */
const STATE_CHARS_MAX = 2_000;

const NOPROC: ExitReason = { kind: 'noproc' };

export class Actor implements CellHost, Bonded {
  readonly self: ActorRef<unknown>;
  readonly mailbox: Mailbox<Urgent, unknown>;
  readonly lane: Lane;
  #traces: readonly Trace[] | undefined;
  readonly #host: ActorHost;
  readonly makeBehavior: () => AnyBehavior;
  readonly #keepsMail: boolean;
  /** Of the present life. */
  #bonds: Bonds | undefined;
  #status: ActorStatus = 'stopped';
  #cell: Cell | undefined;
  #lives = 0;
  #watcher: LifeWatcher | undefined;
  #processed = 0;
  /** By earlier lives. */
  #processedBefore = 0;
  #crashes = 0;
  #zombies = 0;
  #meter: TurnMeter | undefined;
  #lastMoments: LastMoments | undefined;
  #lastFailure: LastMoments | undefined;
  /** Senders who wait for room. */
  #waiting: (() => void)[] | undefined;

  constructor(self: ActorRef<unknown>, makeBehavior: () => AnyBehavior, mailbox: MailboxSpec<unknown> | undefined, host: ActorHost) {
    this.self = self;
    this.makeBehavior = makeBehavior;
    this.mailbox = new Mailbox(mailbox);
    this.lane = mailbox?.lane ?? 'turn';
    this.#keepsMail = mailbox?.onRestart === 'keep';
    this.#host = host;
  }

  get path(): string {
    return this.self.path;
  }

  get clock(): Clock {
    return this.#host.clock;
  }

  get log(): Logger {
    return this.#host.log;
  }

  get status(): ActorStatus {
    return this.#status === 'running' && this.mailbox.isHeld ? 'suspended' : this.#status;
  }

  /** The life that goes on; undefined while there is none. */
  get present(): Cell | undefined {
    return this.#cell?.ending === undefined ? this.#cell : undefined;
  }

  get isAlive(): boolean {
    return this.present !== undefined;
  }

  /** Number of the present life, or of the last. */
  get life(): number {
    return this.#lives;
  }

  get processed(): number {
    return this.#processed;
  }

  /** Lives that ended with an error. */
  get crashes(): number {
    return this.#crashes;
  }

  /** Undefined before its first message. */
  get meter(): TurnMeter | undefined {
    return this.#meter;
  }

  /** Handlers of ended lives that have not settled yet. */
  get zombies(): number {
    return this.#zombies;
  }

  get uptimeMs(): number {
    return this.#cell === undefined ? 0 : this.clock.now() - this.#cell.startedAt;
  }

  /** Of the life that was last to end otherwise than it should. */
  get lastMoments(): LastMoments | undefined {
    return this.#lastMoments;
  }

  /** Of the life that was last to end with an error. */
  get lastFailure(): LastMoments | undefined {
    return this.#lastFailure;
  }

  get bonds(): Bonds {
    return (this.#bonds ??= new Bonds());
  }

  // What its supervisor does with it

  start(watcher: LifeWatcher): void {
    if (this.isAlive) throw new Error(`${this.path} has a life already`);
    // Ended by the end of its supervisor, whose next life is quicker than the news of it.
    this.#cell?.stopped();
    this.#status = 'starting';
    this.#watcher = watcher;
    this.mailbox.clearUrgent();
    this.#processedBefore = this.#processed;
    this.#cell = new Cell(this.#host.engine, ++this.#lives, this);
  }

  /** Asks the present life to end. */
  requestStop(reason: ExitReason): void {
    if (this.#cell === undefined) return;
    this.#status = 'stopping';
    this.#post({ kind: 'stop', reason });
  }

  /** Ends the present life without asking; false when there is none. */
  end(reason: ExitReason): boolean {
    if (!this.isAlive) return false;
    this.#cell?.end(reason);
    return true;
  }

  /** There is no life, but one is to come: messages wait for it. */
  awaitRestart(): void {
    if (this.#cell === undefined) this.#status = 'restarting';
  }

  /** No life is to come: what waits for one waits in vain. */
  retire(): void {
    this.end({ kind: 'killed', by: 'removal' });
    this.#status = 'stopped';
    this.#dropMail();
    this.#host.failAsks(this.path, 'it has stopped');
  }

  // What others do with it

  send(message: unknown): SendOutcome {
    if (this.#status === 'stopped' || this.#status === 'ignored') {
      this.#host.deadLetter(this.path, 'noproc', message);
      return 'noproc';
    }
    const { outcome, lost } = this.#offer(message);
    if (lost !== undefined) this.#host.deadLetter(this.path, outcome === 'full' ? 'full' : 'dropped', lost);
    this.#cell?.wake();
    return outcome;
  }

  offer(message: unknown): Promise<SendOutcome> {
    const outcome = this.send(message);
    if (outcome !== 'accepted' || !this.mailbox.isPressed) return Promise.resolve(outcome);
    return new Promise((resolve) => (this.#waiting ??= []).push(() => resolve(outcome)));
  }

  /** Ahead of what actors sent, to this life only; for the runtime's own news. */
  sendFirst(life: number, message: unknown): void {
    if (life === this.#lives) this.#post({ kind: 'first', message });
  }

  // What an operator does with it; false and undefined when it has no life

  /** It hears no mail until it is resumed or its life ends. */
  suspend(): boolean {
    if (this.isAlive) this.mailbox.isHeld = true;
    return this.isAlive;
  }

  resume(): boolean {
    this.mailbox.isHeld = false;
    this.#cell?.wake();
    return this.isAlive;
  }

  /** Its life ends as if it had thrown `error`. */
  inject(error: unknown, activity: Activity = 'an injected error'): boolean {
    if (!this.isAlive) return false;
    this.#cell?.fail(error, activity);
    return true;
  }

  stateShown(charsMax: number): string | undefined {
    return this.#cell?.stateShown(charsMax);
  }

  /** @returns what ends the trace; it outlives restarts */
  trace(options: TraceOptions): () => void {
    const trace = new Trace(options, this.clock);
    this.#traces = [...(this.#traces ?? []), trace];
    return () => trace.stop();
  }

  /** A message that was handled where its cell does not see it. */
  tracedBeside(entry: TraceEntry): void {
    for (const trace of this.#traces ?? []) trace.relay(entry);
  }

  // CellHost

  get traces(): readonly Trace[] | undefined {
    return this.#traces;
  }

  deliverOwn(message: OwnMessage): void {
    this.mailbox.offerOwn(message);
    this.#cell?.wake();
  }

  started(): void {
    if (this.#status === 'starting') this.#status = 'running';
    this.#watcher?.started();
  }

  ignored(): void {
    this.#status = 'ignored';
    this.#dropMail();
  }

  /** It was at work where its cell does not see it, until now. */
  workedBeside(messages: number, busyMs: number, now = this.clock.now()): void {
    this.#processed += messages;
    this.turned(messages, now - busyMs, now);
  }

  handled(): void {
    this.#processed++;
    if (this.#waiting !== undefined) this.#letSend();
  }

  turned(messages: number, from: number, until: number): void {
    // Most children of many have started, and never heard anything.
    if (this.#processed === 0) return;
    (this.#meter ??= new TurnMeter(from)).turned(messages, from, until);
    if (this.#traces?.some(({ isOver }) => isOver) === true) {
      const going = this.#traces.filter(({ isOver }) => !isOver);
      this.#traces = going.length === 0 ? undefined : going;
    }
  }

  monitor(path: string): void {
    const target = this.#host.find(path);
    if (target?.isAlive === true) Bonds.monitor(this, target);
    else this.#post({ kind: 'down', path, life: target?.life ?? 0, reason: NOPROC });
  }

  demonitor(path: string): void {
    const target = this.#host.find(path);
    if (target !== undefined) Bonds.demonitor(this, target);
    this.mailbox.removeUrgent((urgent) => urgent.kind === 'down' && urgent.path === path);
  }

  link(path: string): void {
    const target = this.#host.find(path);
    if (target === this) return;
    if (target?.isAlive === true) Bonds.link(this, target);
    else this.#hearEnd(path, target?.life ?? 0, NOPROC);
  }

  unlink(path: string): void {
    const target = this.#host.find(path);
    if (target !== undefined) Bonds.unlink(this, target);
    this.mailbox.removeUrgent((urgent) => urgent.kind === 'exit' && urgent.path === path);
  }

  ended(reason: ExitReason): void {
    const cell = this.#cell;
    if (cell !== undefined && isReported(reason)) this.#lastMoments = this.#momentsOf(cell, reason);
    if (reasonError(reason) !== undefined) {
      this.#crashes++;
      this.#lastFailure = this.#lastMoments;
    }
    if (this.#status !== 'ignored') this.#status = 'stopping';
    this.mailbox.isHeld = false;
    this.#host.failAsks(this.path, `its life ended: ${reason.kind}`);
    if (!this.#keepsMail) this.#dropMail();
    const bonds = this.#bonds;
    this.#bonds = undefined;
    bonds?.tell(this, reason);
  }

  exited(): void {
    const cell = this.#cell;
    const watcher = this.#watcher;
    this.#cell = this.#watcher = undefined;
    // Until its supervisor has decided what comes next, mail waits.
    if (this.#status === 'ignored') watcher?.ignored();
    else if (cell?.ending !== undefined) watcher?.exited(cell.ending, this.clock.now() - cell.startedAt);
  }

  afterlife(life: number, what: Afterlife, error?: unknown): void {
    if (what === 'zombie') this.#zombies++;
    if (what === 'zombie-settled') this.#zombies--;
    const fields = error === undefined ? {} : { error: toErrorInfo(error).message };
    this.log.log(error === undefined ? 'debug' : 'warn', what, { actor: this.path, life, ...fields });
  }

  // Bonded

  hearDown(target: Actor, reason: ExitReason): void {
    this.#post({ kind: 'down', path: target.path, life: target.life, reason });
  }

  hearExit(target: Actor, reason: ExitReason): void {
    this.#hearEnd(target.path, target.life, reason);
  }

  #hearEnd(path: string, life: number, reason: ExitReason): void {
    if (this.#cell?.trapsExits === true) this.#post({ kind: 'exit', path, life, reason });
    else if (reason.kind !== 'normal') this.#cell?.end(reason, 'a link');
  }

  #momentsOf(cell: Cell, reason: ExitReason): LastMoments {
    return {
      life: cell.life,
      reason: reasonLine(reason),
      error: reasonError(reason),
      during: cell.during,
      state: cell.stateShown(STATE_CHARS_MAX),
      mailbox: this.mailbox.depth,
      processed: this.#processed - this.#processedBefore,
      uptimeMs: this.clock.now() - cell.startedAt,
    };
  }

  #offer(message: unknown): Offered<unknown> {
    let offered: Offered<unknown>;
    try {
      offered = this.mailbox.offer(message);
    } catch (error) {
      // Its own coalesceKey failed: the fault of who receives, not of who sends.
      this.#cell?.fail(error, 'coalesceKey');
      return { outcome: 'full', lost: message };
    }
    if (offered.outcome === 'full' && this.mailbox.overflow === 'crash') {
      this.#cell?.fail(new MailboxOverflow(this.mailbox.max), 'overflow');
    }
    return offered;
  }

  /** Whoever waits for room may go on, once there is. */
  #letSend(): void {
    if (this.mailbox.isPressed) return;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const resolve of waiting) resolve();
  }

  #post(urgent: Urgent): void {
    if (this.#cell === undefined) return;
    this.mailbox.pushUrgent(urgent);
    this.#cell.wake();
  }

  #dropMail(): void {
    for (const message of this.mailbox.drain()) {
      if (!(message instanceof OwnMessage)) this.#host.deadLetter(this.path, 'ended', message);
    }
    this.#letSend();
  }
}
