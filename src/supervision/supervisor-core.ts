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
import { backoffDelayMs } from './backoff.ts';
import type { ActorRef, ExitReason, Reply } from './behavior.ts';
import { isActive, newChild, startFailed, startTimeout, withError } from './child-record.ts';
import type { Child, ChildStatus } from './child-record.ts';
import { childPath, DEFAULTS, specFaults } from './child-spec.ts';
import type { ChildSpec, SupervisorSpec } from './child-spec.ts';
import { INTENSITY_REACHED } from './exit-reason.ts';
import { addRestart, restartsInPeriod } from './intensity.ts';
import type { Intensity, RestartTimes } from './intensity.ts';
import { isRestarted, restartGroup } from './restart.ts';
import type { Decision, SupervisorEffect, SupervisorInput } from './supervisor-effects.ts';
import type { ChildrenCount, StartChildOutcome, SupervisorMessage } from './supervisor-messages.ts';

/** A walk over several children: first down with all of `stop`, in reverse, then up with all of `start`, in order. */
interface Group {
  readonly epoch: number;
  phase: 'stopping' | 'waiting' | 'starting';
  stop: ReadonlySet<string>;
  start: readonly string[];
  delayMs: number;
}

export class SupervisorCore {
  readonly #spec: SupervisorSpec;
  readonly #path: string;
  readonly #random: Random;
  readonly #refOf: (id: string) => ActorRef<unknown>;
  readonly #limit: Intensity;
  readonly #isBudgetShared: boolean;
  /** In start order. */
  readonly #children = new Map<string, Child>();
  #phase: 'starting' | 'running' | 'stopping' = 'starting';
  #exitReason: ExitReason = { kind: 'shutdown' };
  #times: RestartTimes = [];
  #group: Group | undefined;
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
        this.#group = { epoch: ++this.#epoch, phase: 'starting', stop: new Set(), start: [...this.#children.keys()], delayMs: 0 };
        return;
      case 'stop':
        return this.#shutDown(input.reason);
      case 'child-started':
      case 'child-ignored':
        return this.#childStarted(input.id, input.epoch, input.kind === 'child-started');
      case 'child-exited':
        return this.#childExited(input.id, input.epoch, input.reason, input.uptimeMs, now);
      case 'start-timeout': {
        const child = this.#current(input.id, input.epoch);
        if (child?.status === 'starting') this.#emit({ kind: 'end', id: input.id, reason: startTimeout(child.flags.startTimeoutMs) });
        return;
      }
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
        if (this.#group?.epoch === input.epoch && this.#group.phase === 'waiting') this.#group.phase = 'starting';
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

  #childStarted(id: string, epoch: number, isUp: boolean): void {
    const child = this.#current(id, epoch);
    if (child?.status !== 'starting') return;
    child.status = isUp ? 'running' : 'ignored';
    const outcome: StartChildOutcome = isUp ? { outcome: 'started', ref: this.#refOf(id) } : { outcome: 'ignored' };
    this.#answerStart(child, outcome);
    // An ignoring child keeps its spec, unless it can never be started again. Source: supervisor(3), "ignore".
    if (!isUp && (child.flags.restart === 'temporary' || this.#spec.strategy === 'dynamic')) this.#forget(id);
  }

  #childExited(id: string, epoch: number, reason: ExitReason, uptimeMs: number, now: number): void {
    const child = this.#current(id, epoch);
    if (child === undefined) return;
    const was = child.status;
    child.status = 'down';
    if (was === 'stopping' || this.#phase === 'stopping') return this.#stoppedAsAsked(child, reason, was, now);
    if (was === 'starting' && child.startReply !== undefined) {
      this.#report(child, reason, was, 'stop', 0, now);
      this.#answerStart(child, { outcome: 'start_failed', error: withError(reason) });
      if (child.isNew) this.#forget(id);
      return;
    }
    if (was === 'starting' && this.#phase === 'starting') {
      this.#report(child, reason, was, 'escalate', 0, now);
      return this.#shutDown(startFailed(childPath(this.#path, id), reason));
    }
    if (!isRestarted(child.flags.restart, reason)) {
      this.#report(child, reason, was, 'stop', 0, now);
      if (child.flags.restart === 'temporary' || this.#spec.strategy === 'dynamic') this.#forget(id);
      return;
    }
    this.#restart(child, reason, was, uptimeMs, now);
  }

  #stoppedAsAsked(child: Child, reason: ExitReason, was: ChildStatus, now: number): void {
    const id = child.spec.id;
    if (reason.kind === 'killed' && child.flags.shutdown !== 'brutal_kill') this.#report(child, reason, was, 'stop', 0, now);
    this.#answerStart(child, { outcome: 'shutting_down' });
    const waiting = child.terminateReplies.splice(0);
    for (const reply of waiting) this.#answer(reply, 'ok');
    const isForgotten = child.flags.restart === 'temporary' || this.#spec.strategy === 'dynamic';
    if (isForgotten) this.#forget(id);
    else if (this.#group?.start.includes(id) === true) this.#emit({ kind: 'await-restart', id });
  }

  #restart(child: Child, reason: ExitReason, was: ChildStatus, uptimeMs: number, now: number): void {
    const { backoff, id } = child.spec;
    const added = addRestart(this.#isBudgetShared ? this.#times : child.times, now, this.#limit);
    if (this.#isBudgetShared) this.#times = added.times;
    else child.times = added.times;
    if (uptimeMs >= (backoff?.resetAfterMs ?? 60_000)) child.failuresInARow = 0;
    if (added.isExceeded || child.failuresInARow >= (backoff?.consecutiveMax ?? Infinity)) {
      this.#report(child, reason, was, 'escalate', 0, now);
      return this.#shutDown({ kind: 'shutdown', info: INTENSITY_REACHED });
    }
    const delayMs = backoff === undefined ? 0 : backoffDelayMs(backoff, child.failuresInARow, this.#random);
    child.failuresInARow++;
    this.#report(child, reason, was, delayMs > 0 ? 'backoff' : 'restart', delayMs, now);
    const group = restartGroup(this.#spec.strategy, this.#children.keys(), id);
    if (group.length > 1 || this.#group?.start.includes(id) === true) return this.#restartAsGroup(group, delayMs);
    if (delayMs === 0) return this.#start(child);
    child.status = 'restarting';
    this.#emit({ kind: 'await-restart', id });
    this.#emit({ kind: 'schedule', key: `backoff ${id}`, delayMs, input: { kind: 'backoff-over', id, epoch: child.epoch } });
  }

  /** Joins a walk that is under way: what it still had to do is done along with this. */
  #restartAsGroup(ids: readonly string[], delayMs: number): void {
    const before = this.#group;
    const start = new Set([...ids, ...(before?.start ?? [])]);
    this.#group = {
      epoch: ++this.#epoch,
      phase: 'stopping',
      stop: new Set([...ids, ...(before?.stop ?? [])]),
      start: [...this.#children.keys()].filter((id) => start.has(id)),
      delayMs: Math.max(delayMs, before?.delayMs ?? 0),
    };
    for (const id of ids) if (this.#children.get(id)?.status === 'down') this.#emit({ kind: 'await-restart', id });
  }

  // The walk

  #advance(): void {
    if (this.#phase === 'stopping') return this.#advanceShutdown();
    const group = this.#group;
    if (group === undefined) return;
    if (group.phase === 'stopping' && this.#stopLast(group.stop)) this.#groupIsDown(group);
    if (group.phase !== 'starting' || group !== this.#group) return;
    for (;;) {
      if ([...this.#children.values()].some((child) => child.status === 'starting' && !child.isNew)) return;
      const [next, ...rest] = group.start;
      group.start = rest;
      if (next === undefined) break;
      const child = this.#children.get(next);
      if (child !== undefined && !isActive(child)) this.#start(child);
    }
    this.#group = undefined;
    if (this.#phase === 'starting') {
      this.#phase = 'running';
      this.#emit({ kind: 'started' });
    }
  }

  #groupIsDown(group: Group): void {
    // A temporary child that went along is not revived. Source: supervisor_SUITE, temporary bystander.
    for (const id of group.stop) if (this.#children.get(id)?.flags.restart === 'temporary') this.#forget(id);
    group.start = group.start.filter((id) => this.#children.has(id));
    group.stop = new Set();
    group.phase = group.delayMs > 0 ? 'waiting' : 'starting';
    const { epoch, delayMs } = group;
    group.delayMs = 0;
    if (delayMs > 0) this.#emit({ kind: 'schedule', key: 'group-backoff', delayMs, input: { kind: 'group-backoff-over', epoch } });
  }

  #advanceShutdown(): void {
    const isDown = this.#spec.strategy === 'dynamic' ? this.#children.size === 0 : this.#stopLast(new Set(this.#children.keys()));
    if (!isDown) return;
    this.#emit({ kind: 'exit', reason: this.#exitReason });
  }

  /** Stops the last of `ids` that lives; true when none does. */
  #stopLast(ids: ReadonlySet<string>): boolean {
    const living = [...this.#children.values()].filter((child) => ids.has(child.spec.id) && isActive(child));
    const last = living.at(-1);
    if (last === undefined) return true;
    if (!living.some((child) => child.status === 'stopping')) this.#stop(last);
    return false;
  }

  #shutDown(reason: ExitReason): void {
    if (this.#phase === 'stopping') return;
    this.#phase = 'stopping';
    this.#exitReason = reason;
    this.#group = undefined;
    for (const child of this.#children.values()) {
      if (child.status === 'restarting') child.status = 'down';
      if (this.#spec.strategy !== 'dynamic') continue;
      // Dynamic children do not depend on each other: all stop at once.
      if (isActive(child)) this.#stop(child);
      else this.#forget(child.spec.id);
    }
  }

  // Requests

  #startChild(spec: ChildSpec, reply: Reply<StartChildOutcome>): void {
    if (this.#phase === 'stopping') return this.#answer(reply, { outcome: 'shutting_down' });
    const faults = specFaults(spec, childPath(this.#path, spec.id));
    if (faults.length > 0) return this.#answer(reply, { outcome: 'bad_spec', error: { name: 'BadSpecError', message: faults.join('; ') } });
    const known = this.#children.get(spec.id);
    if (known !== undefined) return this.#answer(reply, { outcome: isActive(known) || known.status === 'restarting' ? 'already_started' : 'already_present' });
    if (this.#children.size >= (this.#spec.childrenMax ?? DEFAULTS.childrenMax)) return this.#answer(reply, { outcome: 'children_max' });
    const child = this.#add(spec);
    child.startReply = reply;
    child.isNew = true;
    this.#start(child);
  }

  #restartChild(id: string, reply: Extract<SupervisorMessage, { kind: 'restart-child' }>['reply']): void {
    const child = this.#children.get(id);
    if (this.#phase === 'stopping') return this.#answer(reply, { outcome: 'shutting_down' });
    if (child === undefined) return this.#answer(reply, { outcome: 'not_found' });
    if (this.#isRestarting(child)) return this.#answer(reply, { outcome: 'restarting' });
    if (isActive(child)) return this.#answer(reply, { outcome: 'running' });
    child.startReply = reply;
    this.#start(child);
  }

  #terminateChild(id: string, reply: Reply<'ok' | 'not_found'>): void {
    const child = this.#children.get(id);
    if (child === undefined) return this.#answer(reply, 'not_found');
    if (this.#group !== undefined) this.#group.start = this.#group.start.filter((other) => other !== id);
    if (isActive(child)) {
      child.terminateReplies.push(reply);
      return this.#stop(child);
    }
    child.status = 'down';
    if (child.flags.restart === 'temporary' || this.#spec.strategy === 'dynamic') this.#forget(id);
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

  #add(spec: ChildSpec): Child {
    const child = newChild(spec);
    this.#children.set(spec.id, child);
    return child;
  }

  #start(child: Child): void {
    const { id } = child.spec;
    child.status = 'starting';
    child.epoch = ++this.#epoch;
    this.#emit({ kind: 'start', id, epoch: child.epoch, spec: child.spec });
    const { startTimeoutMs } = child.flags;
    if (startTimeoutMs === Infinity) return;
    this.#emit({ kind: 'schedule', key: `start ${id}`, delayMs: startTimeoutMs, input: { kind: 'start-timeout', id, epoch: child.epoch } });
  }

  #stop(child: Child): void {
    if (!isActive(child) || child.status === 'stopping') return;
    child.status = 'stopping';
    const { shutdown } = child.flags;
    const { id } = child.spec;
    if (shutdown === 'brutal_kill') return this.#emit({ kind: 'end', id, reason: { kind: 'killed', by: 'brutal_kill' } });
    this.#emit({ kind: 'stop', id, reason: { kind: 'shutdown' } });
    if (shutdown === 'infinity') return;
    this.#emit({ kind: 'schedule', key: `stop ${id}`, delayMs: shutdown, input: { kind: 'stop-timeout', id, epoch: child.epoch } });
  }

  #forget(id: string): void {
    this.#children.delete(id);
    this.#emit({ kind: 'forget', id });
  }

  #current(id: string, epoch: number): Child | undefined {
    const child = this.#children.get(id);
    return child?.epoch === epoch ? child : undefined;
  }

  #isRestarting(child: Child): boolean {
    return child.status === 'restarting' || (!isActive(child) && this.#group?.start.includes(child.spec.id) === true);
  }

  #answerStart(child: Child, outcome: StartChildOutcome): void {
    const reply = child.startReply;
    child.startReply = undefined;
    if (reply !== undefined) this.#answer(reply, outcome);
    if (outcome.outcome === 'started') child.isNew = false;
  }

  #answer<T>(reply: Reply<T>, answer: T): void {
    this.#emit({ kind: 'reply', deliver: () => reply(answer) });
  }

  #report(child: Child, reason: ExitReason, was: ChildStatus, decision: Decision, delayMs: number, now: number): void {
    const times = this.#isBudgetShared ? this.#times : child.times;
    const context = was === 'starting' ? 'start_error' : was === 'stopping' ? 'shutdown_error' : 'child_terminated';
    const budget = { ...this.#limit, used: restartsInPeriod(times, now, this.#limit) };
    this.#emit({ kind: 'report', id: child.spec.id, report: { context, reason, decision, delayMs, budget } });
  }

  #emit(effect: SupervisorEffect): void {
    this.#effects.push(effect);
  }
}
