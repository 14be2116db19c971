/** A supervisor's children and what it knows of them, with the small steps that all it does is made of. */
import type { Random } from '../../random.ts';
import type { ActorRef, ExitReason, Reply } from '../behavior.ts';
import { isActive, newChild } from './child-record.ts';
import type { Child } from './child-record.ts';
import { DEFAULTS } from '../child-spec.ts';
import type { ChildSpec, SupervisorRules } from '../child-spec.ts';
import { SHUTDOWN } from '../exit-reason.ts';
import { RestartTimes } from '../intensity.ts';
import type { Intensity } from '../intensity.ts';
import type { RestartWalk } from './restart-walk.ts';
import type { ChildReport, SupervisorEffect } from './supervisor-effects.ts';
import type { RestartOneOutcome, StartChildOutcome } from '../supervisor-messages.ts';

type ReportParts = Omit<ChildReport, 'budget' | 'takenAlong'> & Partial<Pick<ChildReport, 'takenAlong'>> & { readonly usedBefore?: number };

export interface BudgetView extends Intensity {
  /** Restarts that count now. */
  readonly used: number;
  /** Whether siblings draw on it too. */
  readonly isShared: boolean;
}

export class Family {
  rules: SupervisorRules;
  readonly path: string;
  readonly random: Random;
  readonly refOf: (id: string) => ActorRef<unknown>;
  /** In start order. */
  children = new Map<string, Child>();
  phase: 'starting' | 'running' | 'stopping' | 'over' = 'starting';
  /** What the supervisor exits with once it has no children. */
  exitReason: ExitReason = SHUTDOWN;
  /** A significant child ended for good while the supervisor was starting. */
  hasLostSignificant = false;
  walk: RestartWalk | undefined;
  #times = new RestartTimes();
  #epoch = 0;
  #effects: SupervisorEffect[] = [];

  constructor(rules: SupervisorRules, path: string, random: Random, refOf: (id: string) => ActorRef<unknown>) {
    this.rules = rules;
    this.path = path;
    this.random = random;
    this.refOf = refOf;
    for (const child of rules.children ?? []) this.add(child);
  }

  /** A copy that goes its own way from here, with chances of its own. */
  fork(random: Random): Family {
    const copy = new Family({ ...this.rules, children: [] }, this.path, random, this.refOf);
    copy.rules = this.rules;
    copy.children = new Map([...this.children].map(([id, child]) => [id, { ...child, times: child.times?.fork(), terminateReplies: [...child.terminateReplies], restartReplies: [...child.restartReplies] }]));
    copy.phase = this.phase;
    copy.exitReason = this.exitReason;
    copy.hasLostSignificant = this.hasLostSignificant;
    copy.walk = this.walk?.fork();
    copy.#times = this.#times.fork();
    copy.#epoch = this.#epoch;
    return copy;
  }

  get isDynamic(): boolean {
    return this.rules.strategy === 'dynamic';
  }

  get isLeaving(): boolean {
    return this.phase === 'stopping' || this.phase === 'over';
  }

  get order(): readonly string[] {
    return [...this.children.keys()];
  }

  /** Whether children share one budget. */
  get isBudgetShared(): boolean {
    return (this.rules.budget ?? (this.isDynamic ? 'child' : 'supervisor')) === 'supervisor';
  }

  nextEpoch(): number {
    return ++this.#epoch;
  }

  /** The child, if `epoch` is that of its present life. */
  current(id: string, epoch: number): Child | undefined {
    const child = this.children.get(id);
    return child?.epoch === epoch ? child : undefined;
  }

  /** Whether the child has no life but will get one without being asked for it. */
  isRestarting(child: Child): boolean {
    return child.status === 'restarting' || (!isActive(child) && this.walk?.willStart(child.spec.id) === true);
  }

  /** Whether nothing can start the child again once it is down, so that its spec goes with it. */
  isGoneWhenDown(child: Child): boolean {
    return child.restartReplies.length === 0 && (child.flags.restart === 'temporary' || this.isDynamic);
  }

  add(spec: ChildSpec): Child {
    const child = newChild(spec);
    this.children.set(spec.id, child);
    return child;
  }

  start(child: Child): void {
    const { id } = child.spec;
    child.status = 'starting';
    child.isUp = false;
    child.epoch = this.nextEpoch();
    this.emit({ kind: 'start', id, epoch: child.epoch, spec: child.spec });
    const { startTimeoutMs } = child.flags;
    if (startTimeoutMs === Infinity) return;
    this.emit({ kind: 'schedule', key: `start ${id}`, delayMs: startTimeoutMs, input: { kind: 'start-timeout', id, epoch: child.epoch } });
  }

  stop(child: Child): void {
    if (child.status === 'stopping') return;
    child.status = 'stopping';
    const { shutdown } = child.flags;
    const { id } = child.spec;
    if (shutdown === 'brutal_kill') return this.emit({ kind: 'end', id, reason: { kind: 'killed', by: 'brutal_kill' } });
    this.emit({ kind: 'stop', id, reason: SHUTDOWN });
    if (shutdown === 'infinity') return;
    this.emit({ kind: 'schedule', key: `stop ${id}`, delayMs: shutdown, input: { kind: 'stop-timeout', id, epoch: child.epoch } });
  }

  /** The child is down and no life is to come by itself. */
  staysDown(child: Child): void {
    const { id } = child.spec;
    if (this.isGoneWhenDown(child)) this.forget(id);
    else this.emit({ kind: 'retire', id });
  }

  forget(id: string): void {
    this.children.delete(id);
    this.emit({ kind: 'forget', id });
  }

  answer<T>(reply: Reply<T>, answer: T): void {
    this.emit({ kind: 'reply', deliver: () => reply(answer) });
  }

  answerStart(child: Child, outcome: StartChildOutcome): void {
    const reply = child.startReply;
    child.startReply = undefined;
    if (reply !== undefined) this.answer(reply, outcome);
    if (outcome.outcome !== 'start_failed') child.isNew = false;
  }

  answerRestart(child: Child, outcome: RestartOneOutcome): void {
    for (const reply of child.restartReplies.splice(0)) this.answer(reply, outcome);
  }

  /** Leaves a trace of what a person asked for; programs do not say who they are. */
  noteAdmin(verb: string, by: string | undefined, id?: string): void {
    if (by !== undefined) this.emit({ kind: 'admin', ...(id === undefined ? {} : { id }), verb, by });
  }

  /** Enters a restart in the budget; `isExceeded` when that is one too many. */
  spendRestart(child: Child, now: number): { readonly isExceeded: boolean; readonly usedBefore: number } {
    const usedBefore = this.#used(child, now);
    const times = this.isBudgetShared ? this.#times : (child.times ??= new RestartTimes());
    const isExceeded = times.add(now, this.#limit);
    return { isExceeded, usedBefore };
  }

  /** Without `usedBefore` no restart was entered for this end, without `takenAlong` nobody goes with it. */
  report(child: Child, { usedBefore, takenAlong = [], ...report }: ReportParts, now: number): void {
    const used = this.#used(child, now);
    const budget = { ...this.#limit, usedBefore: usedBefore ?? used, used };
    this.emit({ kind: 'report', id: child.spec.id, report: { ...report, budget, takenAlong } });
  }

  /** The budget that restarts of the child draw on; without one, what all draw on that share one. */
  budgetOf(child: Child | undefined, now: number): BudgetView {
    return { ...this.#limit, used: child === undefined ? this.#times.used(now, this.#limit) : this.#used(child, now), isShared: this.isBudgetShared };
  }

  emit(effect: SupervisorEffect): void {
    this.#effects.push(effect);
  }

  /** What was emitted since it was last asked. */
  takeEffects(): readonly SupervisorEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  get #limit(): Intensity {
    return { intensity: this.rules.intensity ?? DEFAULTS.intensity, periodMs: this.rules.periodMs ?? DEFAULTS.periodMs };
  }

  #used(child: Child, now: number): number {
    const times = this.isBudgetShared ? this.#times : child.times;
    return times?.used(now, this.#limit) ?? 0;
  }
}
