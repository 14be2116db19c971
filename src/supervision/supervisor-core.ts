/**
 * A supervisor as a state machine: what happened goes in, what to do comes out. Pure; the rules are supervisor(3)'s.
 *
 * Invariants:
 * 1. A child has at most one life that is neither ended nor asked to stop. Lives are told apart by their epoch; news of
 *    an earlier epoch is ignored, so late timers and exits are harmless.
 * 2. Children start in start order and stop in reverse of it, at the first start, in a group restart and at shutdown.
 * 3. Every restart is entered in a budget before it is made; a budget exceeded ends the supervisor.
 * 4. Nothing here waits: what takes time is an effect now and an input later, so requests are answered throughout.
 */
import type { Random } from '../random.ts';
import { backoffDelayMs, isRecovered } from './backoff.ts';
import type { ActorRef, ExitReason, Reply } from './behavior.ts';
import { isActive, newChild, startFailed, startTimeout, withError } from './child-record.ts';
import type { Child } from './child-record.ts';
import { childPath, DEFAULTS } from './child-spec.ts';
import type { ChildSpec, SupervisorSpec } from './child-spec.ts';
import { INTENSITY_REACHED, isAbnormal, NORMAL, SHUTDOWN } from './exit-reason.ts';
import { addRestart, restartsInPeriod } from './intensity.ts';
import type { Intensity, RestartTimes } from './intensity.ts';
import { RestartWalk } from './restart-walk.ts';
import { isRestarted, restartGroup } from './restart.ts';
import { childFaults } from './spec-faults.ts';
import type { ChildReport, SupervisorEffect, SupervisorInput } from './supervisor-effects.ts';
import type { ChildrenCount, StartChildOutcome, SupervisorMessage } from './supervisor-messages.ts';

export class SupervisorCore {
  readonly #spec: SupervisorSpec;
  readonly #path: string;
  readonly #random: Random;
  readonly #refOf: (id: string) => ActorRef<unknown>;
  readonly #limit: Intensity;
  readonly #isBudgetShared: boolean;
  /** In start order. */
  readonly #children = new Map<string, Child>();
  #phase: 'starting' | 'running' | 'stopping' | 'over' = 'starting';
  #exitReason: ExitReason = SHUTDOWN;
  #times: RestartTimes = [];
  #walk: RestartWalk | undefined;
  #epoch = 0;
  #effects: SupervisorEffect[] = [];

  constructor(spec: SupervisorSpec, path: string, random: Random, refOf: (id: string) => ActorRef<unknown>) {
    this.#spec = spec;
    this.#path = path;
    this.#random = random;
    this.#refOf = refOf;
    this.#limit = { intensity: spec.intensity ?? DEFAULTS.intensity, periodMs: spec.periodMs ?? DEFAULTS.periodMs };
    this.#isBudgetShared = (spec.budget ?? (spec.strategy === 'dynamic' ? 'child' : 'supervisor')) === 'supervisor';
    for (const child of spec.children ?? []) this.#add(child);
  }

  /** @param now monotonic milliseconds */
  handle(input: SupervisorInput, now: number): readonly SupervisorEffect[] {
    this.#effects = [];
    this.#take(input, now);
    this.#advance();
    return this.#effects;
  }

  #take(input: SupervisorInput, now: number): void {
    switch (input.kind) {
      case 'start':
        return this.#walkUpFirst();
      case 'stop':
        return this.#shutDown(input.reason);
      case 'child-started':
      case 'child-ignored':
        return this.#childStarted(input.id, input.epoch, input.kind === 'child-started', now);
      case 'child-exited':
        return this.#childExited(input.id, input.epoch, input.reason, input.uptimeMs, now);
      case 'start-timeout':
        return this.#startTimeout(input.id, input.epoch);
      case 'stop-timeout':
        if (this.#current(input.id, input.epoch)?.status === 'stopping') {
          this.#emit({ kind: 'end', id: input.id, reason: { kind: 'killed', by: 'shutdown timeout' } });
        }
        return;
      case 'backoff-over': {
        const child = this.#current(input.id, input.epoch);
        if (child?.status === 'restarting') this.#start(child);
        return;
      }
      case 'group-backoff-over':
        if (this.#walk?.epoch === input.epoch && this.#walk.phase === 'waiting') this.#walk.phase = 'up';
        return;
      case 'start-child':
        return this.#startChild(input.spec, input.reply);
      case 'restart-child':
        return this.#restartChild(input.id, input.reply);
      case 'terminate-child':
        return this.#terminateChild(input.id, input.reply);
      case 'delete-child':
        return this.#answer(input.reply, this.#deleteChild(input.id));
      case 'count-children':
        return this.#answer(input.reply, this.#count());
    }
  }

  // What happened to a child

  #childStarted(id: string, epoch: number, isUp: boolean, now: number): void {
    const child = this.#current(id, epoch);
    if (child?.status === 'stopping') {
      if (isUp) child.isUp = true;
      else this.#wentDown(child, NORMAL, now);
      return;
    }
    if (child?.status !== 'starting') return;
    child.status = isUp ? 'running' : 'ignored';
    child.isUp = isUp;
    const outcome: StartChildOutcome = isUp ? { outcome: 'started', ref: this.#refOf(id) } : { outcome: 'ignored' };
    this.#answerStart(child, outcome);
    // An ignoring child keeps its spec, unless it can never be started again. Source: supervisor(3), "ignore".
    if (!isUp && this.#isGoneWhenDown(child)) this.#forget(id);
  }

  /** A life that does not come up cannot hear a stop either: its start's limit ends it also while it is asked to. */
  #startTimeout(id: string, epoch: number): void {
    const child = this.#current(id, epoch);
    if (child === undefined || child.isUp || !isActive(child)) return;
    this.#emit({ kind: 'end', id, reason: startTimeout(child.flags.startTimeoutMs) });
  }

  #childExited(id: string, epoch: number, reason: ExitReason, uptimeMs: number, now: number): void {
    const child = this.#current(id, epoch);
    if (child === undefined || !isActive(child)) return;
    const { status } = child;
    if (status === 'stopping' || this.#phase === 'stopping' || this.#walk?.isTakingDown(id) === true) return this.#wentDown(child, reason, now);
    child.status = 'down';
    const context = status === 'starting' ? 'start_error' : 'child_terminated';
    if (context === 'start_error' && child.startReply !== undefined) {
      this.#report(child, { context, reason, decision: 'stop', delayMs: 0 }, now);
      this.#answerStart(child, { outcome: 'start_failed', error: withError(reason) });
      if (child.isNew) this.#forget(id);
      else this.#emit({ kind: 'retire', id });
      return;
    }
    if (context === 'start_error' && this.#phase === 'starting') {
      this.#report(child, { context, reason, decision: 'escalate', delayMs: 0 }, now);
      return this.#shutDown(startFailed(childPath(this.#path, id), reason));
    }
    if (!isRestarted(child.flags.restart, reason)) {
      this.#report(child, { context, reason, decision: 'stop', delayMs: 0 }, now);
      return this.#staysDown(child);
    }
    this.#restart(child, context, reason, uptimeMs, now);
  }

  /** A child ended that was to end: asked to, or next in a walk; then it is no failure to count, as in OTP. */
  #wentDown(child: Child, reason: ExitReason, now: number): void {
    const { id } = child.spec;
    child.status = 'down';
    const isAsKilled = reason.kind === 'killed' && child.flags.shutdown === 'brutal_kill';
    if (isAbnormal(reason) && !isAsKilled) this.#report(child, { context: 'shutdown_error', reason, decision: 'stop', delayMs: 0 }, now);
    for (const reply of child.terminateReplies.splice(0)) this.#answer(reply, 'ok');
    if (this.#walk?.willStart(id) === true && !this.#isGoneWhenDown(child)) return this.#emit({ kind: 'await-restart', id });
    this.#answerStart(child, { outcome: 'shutting_down' });
    this.#staysDown(child);
  }

  #staysDown(child: Child): void {
    const { id } = child.spec;
    if (this.#isGoneWhenDown(child)) this.#forget(id);
    else this.#emit({ kind: 'retire', id });
  }

  #restart(child: Child, context: ChildReport['context'], reason: ExitReason, uptimeMs: number, now: number): void {
    const { backoff, id } = child.spec;
    const added = addRestart(this.#isBudgetShared ? this.#times : child.times, now, this.#limit);
    if (this.#isBudgetShared) this.#times = added.times;
    else child.times = added.times;
    if (backoff !== undefined && isRecovered(backoff, uptimeMs)) child.failuresInARow = 0;
    if (added.isExceeded || child.failuresInARow >= (backoff?.consecutiveMax ?? Infinity)) {
      const isLetGo = this.#spec.strategy === 'dynamic' && !this.#isBudgetShared;
      this.#report(child, { context, reason, decision: isLetGo ? 'stop' : 'escalate', delayMs: 0 }, now);
      return isLetGo ? this.#staysDown(child) : this.#shutDown({ kind: 'shutdown', info: INTENSITY_REACHED });
    }
    const delayMs = backoff === undefined ? 0 : backoffDelayMs(backoff, child.failuresInARow, this.#random);
    child.failuresInARow++;
    this.#report(child, { context, reason, decision: delayMs > 0 ? 'backoff' : 'restart', delayMs }, now);
    const group = restartGroup(this.#spec.strategy, this.#children.keys(), id);
    if (group.length > 1) return this.#walkOver(group, delayMs);
    if (delayMs === 0) return this.#start(child);
    child.status = 'restarting';
    this.#emit({ kind: 'await-restart', id });
    this.#emit({ kind: 'schedule', key: `backoff ${id}`, delayMs, input: { kind: 'backoff-over', id, epoch: child.epoch } });
  }

  // The walk

  #walkUpFirst(): void {
    const order = [...this.#children.keys()];
    this.#walk = new RestartWalk({ epoch: ++this.#epoch, order, stop: [], start: order, delayMs: 0 });
  }

  /** Takes the place of a walk that is under way: what that had left to do is part of this, its delay included. */
  #walkOver(ids: readonly string[], delayMs: number): void {
    const order = [...this.#children.keys()];
    const stillDueMs = this.#walk?.phase === 'down' ? this.#walk.delayMs : 0;
    this.#walk = new RestartWalk({ epoch: ++this.#epoch, order, stop: ids, start: ids, delayMs: Math.max(delayMs, stillDueMs) });
    for (const id of ids) {
      const child = this.#children.get(id);
      if (child === undefined || isActive(child)) continue;
      child.status = 'down';
      this.#emit({ kind: 'await-restart', id });
    }
  }

  #advance(): void {
    const walk = this.#walk;
    if (walk?.phase === 'down') this.#walkDown(walk);
    if (walk?.phase === 'up') this.#walkUp(walk);
    if (this.#phase !== 'stopping' || this.#walk !== undefined) return;
    if (this.#spec.strategy === 'dynamic' && this.#children.size > 0) return;
    this.#phase = 'over';
    this.#emit({ kind: 'exit', reason: this.#exitReason });
  }

  #walkDown(walk: RestartWalk): void {
    const next = walk.nextDown((id) => isActive(this.#children.get(id)));
    const child = next === undefined ? undefined : this.#children.get(next);
    if (child !== undefined) return this.#stop(child);
    const { delayMs, epoch } = walk;
    walk.phase = delayMs > 0 ? 'waiting' : 'up';
    if (delayMs > 0) this.#emit({ kind: 'schedule', key: 'group-backoff', delayMs, input: { kind: 'group-backoff-over', epoch } });
  }

  #walkUp(walk: RestartWalk): void {
    while (walk.starting?.status !== 'starting') {
      const id = walk.nextUp();
      if (id === undefined) return this.#walked();
      const child = this.#children.get(id);
      if (child === undefined || isActive(child)) continue;
      this.#start(child);
      walk.starting = child;
    }
  }

  #walked(): void {
    this.#walk = undefined;
    if (this.#phase !== 'starting') return;
    this.#phase = 'running';
    this.#emit({ kind: 'started' });
  }

  #shutDown(reason: ExitReason): void {
    if (this.#phase === 'stopping' || this.#phase === 'over') return;
    this.#phase = 'stopping';
    this.#exitReason = reason;
    const isDynamic = this.#spec.strategy === 'dynamic';
    const order = [...this.#children.keys()];
    this.#walk = isDynamic ? undefined : new RestartWalk({ epoch: ++this.#epoch, order, stop: order, start: [], delayMs: 0 });
    for (const child of this.#children.values()) {
      // Dynamic children do not depend on each other: all stop at once.
      if (isActive(child) && isDynamic) this.#stop(child);
      if (isActive(child) || child.status === 'ignored') continue;
      child.status = 'down';
      this.#answerStart(child, { outcome: 'shutting_down' });
      this.#staysDown(child);
    }
  }

  // Requests

  #startChild(spec: ChildSpec, reply: Reply<StartChildOutcome>): void {
    if (this.#isLeaving) return this.#answer(reply, { outcome: 'shutting_down' });
    const faults = childFaults(spec, this.#spec, this.#path);
    if (faults.length > 0) return this.#answer(reply, { outcome: 'bad_spec', error: { name: 'BadSpecError', message: faults.join('; ') } });
    const known = this.#children.get(spec.id);
    if (known !== undefined) return this.#answer(reply, { outcome: isActive(known) || this.#isRestarting(known) ? 'already_started' : 'already_present' });
    if (this.#children.size >= (this.#spec.childrenMax ?? DEFAULTS.childrenMax)) return this.#answer(reply, { outcome: 'children_max' });
    const child = this.#add(spec);
    child.startReply = reply;
    child.isNew = true;
    // Its elder siblings are about to come up: it follows them.
    if (this.#walk === undefined) this.#start(child);
    else this.#walk.append(spec.id);
  }

  #restartChild(id: string, reply: Extract<SupervisorMessage, { kind: 'restart-child' }>['reply']): void {
    const child = this.#children.get(id);
    if (this.#isLeaving) return this.#answer(reply, { outcome: 'shutting_down' });
    if (child === undefined) return this.#answer(reply, { outcome: 'not_found' });
    if (this.#isRestarting(child)) return this.#answer(reply, { outcome: 'restarting' });
    if (isActive(child)) return this.#answer(reply, { outcome: 'running' });
    child.startReply = reply;
    this.#start(child);
  }

  #terminateChild(id: string, reply: Reply<'ok' | 'not_found'>): void {
    const child = this.#children.get(id);
    if (child === undefined) return this.#answer(reply, 'not_found');
    this.#walk?.leaveDown(id);
    if (isActive(child)) {
      child.terminateReplies.push(reply);
      return this.#stop(child);
    }
    child.status = 'down';
    this.#answerStart(child, { outcome: 'shutting_down' });
    this.#staysDown(child);
    return this.#answer(reply, 'ok');
  }

  #deleteChild(id: string): 'ok' | 'running' | 'restarting' | 'not_found' {
    const child = this.#children.get(id);
    if (child === undefined) return 'not_found';
    if (this.#isRestarting(child)) return 'restarting';
    if (isActive(child)) return 'running';
    this.#forget(id);
    return 'ok';
  }

  #count(): ChildrenCount {
    const children = [...this.#children.values()];
    const supervisors = children.filter((child) => child.spec.type === 'supervisor').length;
    return { specs: children.length, active: children.filter(isActive).length, supervisors, workers: children.length - supervisors };
  }

  // Small steps

  get #isLeaving(): boolean {
    return this.#phase === 'stopping' || this.#phase === 'over';
  }

  #add(spec: ChildSpec): Child {
    const child = newChild(spec);
    this.#children.set(spec.id, child);
    return child;
  }

  #start(child: Child): void {
    const { id } = child.spec;
    child.status = 'starting';
    child.isUp = false;
    child.epoch = ++this.#epoch;
    this.#emit({ kind: 'start', id, epoch: child.epoch, spec: child.spec });
    const { startTimeoutMs } = child.flags;
    if (startTimeoutMs === Infinity) return;
    this.#emit({ kind: 'schedule', key: `start ${id}`, delayMs: startTimeoutMs, input: { kind: 'start-timeout', id, epoch: child.epoch } });
  }

  #stop(child: Child): void {
    if (child.status === 'stopping') return;
    child.status = 'stopping';
    const { shutdown } = child.flags;
    const { id } = child.spec;
    if (shutdown === 'brutal_kill') return this.#emit({ kind: 'end', id, reason: { kind: 'killed', by: 'brutal_kill' } });
    this.#emit({ kind: 'stop', id, reason: SHUTDOWN });
    if (shutdown === 'infinity') return;
    this.#emit({ kind: 'schedule', key: `stop ${id}`, delayMs: shutdown, input: { kind: 'stop-timeout', id, epoch: child.epoch } });
  }

  #forget(id: string): void {
    this.#children.delete(id);
    this.#emit({ kind: 'forget', id });
  }

  /** Whether nothing can start the child again once it is down, so that its spec goes with it. */
  #isGoneWhenDown(child: Child): boolean {
    return child.flags.restart === 'temporary' || this.#spec.strategy === 'dynamic';
  }

  #current(id: string, epoch: number): Child | undefined {
    const child = this.#children.get(id);
    return child?.epoch === epoch ? child : undefined;
  }

  #isRestarting(child: Child): boolean {
    return child.status === 'restarting' || (!isActive(child) && this.#walk?.willStart(child.spec.id) === true);
  }

  #answerStart(child: Child, outcome: StartChildOutcome): void {
    const reply = child.startReply;
    child.startReply = undefined;
    if (reply !== undefined) this.#answer(reply, outcome);
    if (outcome.outcome !== 'start_failed') child.isNew = false;
  }

  #answer<T>(reply: Reply<T>, answer: T): void {
    this.#emit({ kind: 'reply', deliver: () => reply(answer) });
  }

  #report(child: Child, report: Omit<ChildReport, 'budget'>, now: number): void {
    const times = this.#isBudgetShared ? this.#times : child.times;
    const budget = { ...this.#limit, used: restartsInPeriod(times, now, this.#limit) };
    this.#emit({ kind: 'report', id: child.spec.id, report: { ...report, budget } });
  }

  #emit(effect: SupervisorEffect): void {
    this.#effects.push(effect);
  }
}
