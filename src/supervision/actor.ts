/** What stands at a path and outlives its lives: the mailbox, the counters, who watches. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { ActorRef, ErrorInfo, ExitReason, SendOutcome } from './behavior.ts';
import { Cell } from './cell.ts';
import type { Afterlife, AnyBehavior, CellHost, TurnEngine, Urgent } from './cell.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import { clip, reasonError, toErrorInfo } from './exit-reason.ts';
import { Mailbox } from './mailbox.ts';
import type { MailboxSpec } from './mailbox.ts';
import { OwnMessage } from './own-message.ts';

export type ActorStatus = 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped' | 'ignored';

/** What whoever started a life hears of it: one of the first two at most once, then `exited` once. */
export interface LifeWatcher {
  started(): void;
  ignored(): void;
  exited(reason: ExitReason, uptimeMs: number): void;
}

export interface ActorHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly engine: TurnEngine;
  find(path: string): Actor | undefined;
  deadLetter(path: string, reason: DeadLetterReason, message: unknown): void;
  failAsks(path: string, why: string): void;
}

/** What the life that failed last was doing, for the report of it. */
export interface LastFailure {
  readonly error: ErrorInfo;
  readonly during: string;
  /** What its `view` showed, as JSON. */
  readonly state: string | undefined;
}

/** A state is shown for a person to read; what does not fit a screen is not read. */
const STATE_CHARS_MAX = 2_000;

export class Actor implements CellHost {
  readonly self: ActorRef<unknown>;
  readonly mailbox: Mailbox<Urgent, unknown>;
  readonly #host: ActorHost;
  readonly makeBehavior: () => AnyBehavior;
  readonly #keepsMail: boolean;
  /** Who hears of the end of the present life. */
  #monitors: Set<Actor> | undefined;
  /** Whose end the present life is to hear of. */
  #monitored: Set<Actor> | undefined;
  #status: ActorStatus = 'stopped';
  #cell: Cell | undefined;
  #lives = 0;
  #watcher: LifeWatcher | undefined;
  #processed = 0;
  #zombies = 0;
  #lastFailure: LastFailure | undefined;

  constructor(self: ActorRef<unknown>, makeBehavior: () => AnyBehavior, mailbox: MailboxSpec | undefined, host: ActorHost) {
    this.self = self;
    this.makeBehavior = makeBehavior;
    this.mailbox = new Mailbox(mailbox);
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
    return this.#status;
  }

  get isAlive(): boolean {
    return this.#cell !== undefined && this.#cell.ending === undefined;
  }

  /** Number of the present life, or of the last. */
  get life(): number {
    return this.#lives;
  }

  get processed(): number {
    return this.#processed;
  }

  /** Handlers of ended lives that have not settled yet. */
  get zombies(): number {
    return this.#zombies;
  }

  get uptimeMs(): number {
    return this.#cell === undefined ? 0 : this.clock.now() - this.#cell.startedAt;
  }

  get lastFailure(): LastFailure | undefined {
    return this.#lastFailure;
  }

  // What its supervisor does with it

  start(watcher: LifeWatcher): void {
    if (this.#cell !== undefined) throw new Error(`${this.path} has a life already`);
    this.#status = 'starting';
    this.#watcher = watcher;
    this.mailbox.clearUrgent();
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
    const offered = this.mailbox.offer(message);
    if (offered.lost !== undefined) this.#host.deadLetter(this.path, offered.outcome === 'full' ? 'full' : 'dropped', offered.lost);
    this.#cell?.wake();
    return offered.outcome;
  }

  /** Ahead of what actors sent, to this life only; for the runtime's own news. */
  sendFirst(life: number, message: unknown): void {
    if (life === this.#lives) this.#post({ kind: 'first', message });
  }

  /** `watcher` hears of the end of the present life; false when there is none. */
  addMonitor(watcher: Actor): boolean {
    if (!this.isAlive) return false;
    (this.#monitors ??= new Set()).add(watcher);
    return true;
  }

  removeMonitor(watcher: Actor): void {
    this.#monitors?.delete(watcher);
  }

  // CellHost

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

  handled(): void {
    this.#processed++;
  }

  monitor(path: string): void {
    const target = this.#host.find(path);
    if (target?.addMonitor(this) === true) return void (this.#monitored ??= new Set()).add(target);
    this.#post({ kind: 'down', path, life: target?.life ?? 0, reason: { kind: 'noproc' } });
  }

  demonitor(path: string): void {
    const target = this.#host.find(path);
    if (target !== undefined && this.#monitored?.delete(target) === true) target.removeMonitor(this);
    this.mailbox.removeUrgent((urgent) => urgent.kind === 'down' && urgent.path === path);
  }

  ended(reason: ExitReason): void {
    const cell = this.#cell;
    const error = reasonError(reason);
    if (error !== undefined && cell !== undefined) {
      this.#lastFailure = { error, during: cell.during, state: clip(cell.stateShown(), STATE_CHARS_MAX) };
    }
    if (this.#status !== 'ignored') this.#status = 'stopping';
    this.#host.failAsks(this.path, `its life ended: ${reason.kind}`);
    for (const watcher of this.#monitors ?? []) watcher.#hearDown(this, reason);
    for (const target of this.#monitored ?? []) target.removeMonitor(this);
    this.#monitors = this.#monitored = undefined;
    if (!this.#keepsMail) this.#dropMail();
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

  #hearDown(target: Actor, reason: ExitReason): void {
    this.#monitored?.delete(target);
    this.#post({ kind: 'down', path: target.path, life: target.life, reason });
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
  }
}
