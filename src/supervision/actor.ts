/** What stands at a path and outlives its lives: the mailbox, the counters, who watches. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { ActorRef, Behavior, ErrorInfo, ExitReason, SendOutcome } from './behavior.ts';
import { Cell, OwnMessage } from './cell.ts';
import type { CellHost, TurnEngine, Urgent } from './cell.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import { reasonError } from './exit-reason.ts';
import { Mailbox } from './mailbox.ts';
import type { MailboxSpec } from './mailbox.ts';

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

// oxlint-disable-next-line typescript/no-explicit-any
type MakeBehavior = () => Behavior<any, any>;

export class Actor implements CellHost {
  readonly self: ActorRef<unknown>;
  readonly mailbox: Mailbox<Urgent, unknown>;
  readonly #host: ActorHost;
  readonly #makeBehavior: MakeBehavior;
  readonly #keepsMail: boolean;
  readonly #monitors = new Map<Cell, Actor>();
  #status: ActorStatus = 'stopped';
  #cell: Cell | undefined;
  #lives = 0;
  #watcher: LifeWatcher | undefined;
  #processed = 0;
  #zombies = 0;
  #lastError: ErrorInfo | undefined;
  #lastDuring: string | undefined;

  constructor(self: ActorRef<unknown>, makeBehavior: MakeBehavior, mailbox: MailboxSpec | undefined, host: ActorHost) {
    this.self = self;
    this.#makeBehavior = makeBehavior;
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

  get lastError(): ErrorInfo | undefined {
    return this.#lastError;
  }

  /** What the last life that failed was handling. */
  get lastDuring(): string | undefined {
    return this.#lastDuring;
  }

  view(): unknown {
    return this.#cell?.view();
  }

  // What its supervisor does with it

  start(watcher: LifeWatcher): void {
    if (this.#cell !== undefined) throw new Error(`${this.path} has a life already`);
    this.#status = 'starting';
    this.#watcher = watcher;
    this.mailbox.clearUrgent();
    this.#cell = new Cell(this.#host.engine, ++this.#lives, this.#makeBehavior(), this);
  }

  /** Asks the present life to end. */
  requestStop(reason: ExitReason): void {
    if (this.#cell === undefined) return;
    this.#status = 'stopping';
    this.#post({ kind: 'stop', reason });
  }

  /** Ends the present life without asking; false when there is none. */
  end(reason: ExitReason): boolean {
    if (this.#cell === undefined || this.#cell.ending !== undefined) return false;
    this.#cell.end(reason);
    return true;
  }

  /** There is no life, but one is to come: messages wait for it. */
  awaitRestart(): void {
    if (this.#cell === undefined) this.#status = 'restarting';
  }

  /** No life is to come. */
  retire(): void {
    this.end({ kind: 'killed', by: 'removal' });
    if (this.#cell === undefined) this.#status = 'stopped';
    this.#dropMail();
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

  /** Ahead of what actors sent; for the runtime's own news. */
  sendFirst(message: unknown): void {
    this.#post({ kind: 'first', message });
  }

  /** `watcher` hears of the end of the present life; false when there is none. */
  addMonitor(watching: Cell, watcher: Actor): boolean {
    if (this.#cell === undefined || this.#cell.ending !== undefined) return false;
    this.#monitors.set(watching, watcher);
    return true;
  }

  removeMonitor(watching: Cell): void {
    this.#monitors.delete(watching);
  }

  // CellHost

  deliverOwn(message: unknown): void {
    this.mailbox.offerOwn(message);
    this.#cell?.wake();
  }

  started(): void {
    if (this.#status === 'starting') this.#status = 'running';
    this.#watcher?.started();
  }

  ignored(): void {
    this.#status = 'ignored';
  }

  handled(): void {
    this.#processed++;
  }

  monitor(path: string): void {
    const target = this.#host.find(path);
    if (this.#cell !== undefined && target?.addMonitor(this.#cell, this) === true) return;
    this.#post({ kind: 'down', path, life: target?.life ?? 0, reason: { kind: 'noproc' } });
  }

  demonitor(path: string): void {
    if (this.#cell !== undefined) this.#host.find(path)?.removeMonitor(this.#cell);
    this.mailbox.removeUrgent((urgent) => urgent.kind === 'down' && urgent.path === path);
  }

  ended(reason: ExitReason): void {
    const error = reasonError(reason);
    if (error !== undefined) {
      this.#lastError = error;
      this.#lastDuring = this.#cell?.during;
    }
    if (this.#status !== 'ignored') this.#status = 'stopping';
    this.#host.failAsks(this.path, `its life ended: ${reason.kind}`);
    for (const [cell, watcher] of this.#monitors) {
      if (cell.ending === undefined) watcher.#post({ kind: 'down', path: this.path, life: this.#lives, reason });
    }
    this.#monitors.clear();
    if (!this.#keepsMail) this.#dropMail();
  }

  exited(): void {
    const cell = this.#cell;
    const watcher = this.#watcher;
    this.#cell = this.#watcher = undefined;
    if (this.#status === 'ignored') return watcher?.ignored();
    this.#status = 'stopped';
    if (cell?.ending !== undefined) watcher?.exited(cell.ending, this.clock.now() - cell.startedAt);
  }

  afterlife(what: 'late-failure' | 'zombie' | 'zombie-settled' | 'release-failed' | 'terminate-failed', error?: unknown): void {
    if (what === 'zombie') this.#zombies++;
    if (what === 'zombie-settled') this.#zombies = Math.max(0, this.#zombies - 1);
    const message = error instanceof Error ? error.message : undefined;
    this.log.log(error === undefined ? 'debug' : 'warn', what, { actor: this.path, life: this.#lives, error: message });
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
