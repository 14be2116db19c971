/** What a supervisor does when it hears of a child: that it is up, that it has ended, that its time is over. */
import { backoffDelayMs, isRecovered } from '../backoff.ts';
import type { ExitReason } from '../behavior.ts';
import { isActive, startFailed, startTimeout, withError } from './child-record.ts';
import type { Child } from './child-record.ts';
import { childPath } from '../child-spec.ts';
import { INTENSITY_REACHED, isAbnormal, NORMAL } from '../exit-reason.ts';
import type { Family } from './family.ts';
import { followSignificant, shutDown, walkOver } from './family-walks.ts';
import { isRestarted, restartGroup } from '../restart.ts';
import type { ChildReport, SupervisorInput } from './supervisor-effects.ts';
import type { StartChildOutcome } from '../supervisor-messages.ts';

export function childStarted(family: Family, child: Child, isUp: boolean, now: number): void {
  const { id } = child.spec;
  if (child.status === 'stopping') {
    if (isUp) child.isUp = true;
    else wentDown(family, child, NORMAL, now);
    return;
  }
  if (child.status !== 'starting') return;
  child.status = isUp ? 'running' : 'ignored';
  child.isUp = isUp;
  const outcome: StartChildOutcome = isUp ? { outcome: 'started', ref: family.refOf(id) } : { outcome: 'ignored' };
  family.answerStart(child, outcome);
  family.answerRestart(child, isUp ? { outcome: 'restarted', ref: family.refOf(id) } : { outcome: 'ignored' });
  // An ignoring child keeps its spec, unless it can never be started again. Source: supervisor(3), "ignore".
  if (!isUp && family.isGoneWhenDown(child)) family.forget(id);
}

/** A life that does not come up cannot hear a stop either: its start's limit ends it also while it is asked to. */
export function childStartTimeout(family: Family, child: Child): void {
  if (child.isUp || !isActive(child)) return;
  family.emit({ kind: 'end', id: child.spec.id, reason: startTimeout(child.flags.startTimeoutMs) });
}

export function childStopTimeout(family: Family, child: Child): void {
  if (child.status === 'stopping') family.emit({ kind: 'end', id: child.spec.id, reason: { kind: 'killed', by: 'shutdown timeout' } });
}

export function childExited(family: Family, child: Child, { reason, uptimeMs }: Extract<SupervisorInput, { kind: 'child-exited' }>, now: number): void {
  if (!isActive(child)) return;
  const { status, spec } = child;
  if (status === 'stopping' || family.phase === 'stopping' || family.walk?.isTakingDown(spec.id) === true) return wentDown(family, child, reason, now);
  child.status = 'down';
  const context = status === 'starting' ? 'start_error' : 'child_terminated';
  family.answerRestart(child, { outcome: 'start_failed', error: withError(reason) });
  if (context === 'start_error' && child.startReply !== undefined) {
    family.report(child, { context, reason, decision: 'stop', delayMs: 0 }, now);
    family.answerStart(child, { outcome: 'start_failed', error: withError(reason) });
    if (child.isNew) family.forget(spec.id);
    else family.emit({ kind: 'retire', id: spec.id });
    return;
  }
  if (context === 'start_error' && family.phase === 'starting') {
    family.report(child, { context, reason, decision: 'escalate', delayMs: 0 }, now);
    return shutDown(family, startFailed(childPath(family.path, spec.id), reason));
  }
  if (!isRestarted(child.flags.restart, reason)) {
    family.report(child, { context, reason, decision: 'stop', delayMs: 0 }, now);
    return endedForGood(family, child);
  }
  restart(family, child, { context, reason, uptimeMs }, now);
}

function endedForGood(family: Family, child: Child): void {
  family.staysDown(child);
  if (child.flags.significant) followSignificant(family);
}

/** A child ended that was to end: asked to, or next in a walk; then it is no failure to count, as in OTP. */
function wentDown(family: Family, child: Child, reason: ExitReason, now: number): void {
  const { id } = child.spec;
  child.status = 'down';
  const isAsKilled = reason.kind === 'killed' && child.flags.shutdown === 'brutal_kill';
  if (isAbnormal(reason) && !isAsKilled) family.report(child, { context: 'shutdown_error', reason, decision: 'stop', delayMs: 0 }, now);
  for (const reply of child.terminateReplies.splice(0)) family.answer(reply, 'ok');
  if (family.walk?.willStart(id) === true && !family.isGoneWhenDown(child)) return family.emit({ kind: 'await-restart', id });
  if (child.restartReplies.length > 0) return family.start(child);
  family.answerStart(child, { outcome: 'shutting_down' });
  family.staysDown(child);
}

interface End {
  readonly context: ChildReport['context'];
  readonly reason: ExitReason;
  readonly uptimeMs: number;
}

function restart(family: Family, child: Child, { context, reason, uptimeMs }: End, now: number): void {
  const { backoff, id } = child.spec;
  const { isExceeded, usedBefore } = family.spendRestart(child, now);
  if (backoff !== undefined && isRecovered(backoff, uptimeMs)) child.failuresInARow = 0;
  if (isExceeded || child.failuresInARow >= (backoff?.consecutiveMax ?? Infinity)) {
    const isLetGo = family.isDynamic && !family.isBudgetShared;
    family.report(child, { context, reason, decision: isLetGo ? 'stop' : 'escalate', delayMs: 0, usedBefore }, now);
    return isLetGo ? endedForGood(family, child) : shutDown(family, { kind: 'shutdown', info: INTENSITY_REACHED });
  }
  const delayMs = backoff === undefined ? 0 : backoffDelayMs(backoff, child.failuresInARow, family.random);
  child.failuresInARow++;
  const group = restartGroup(family.rules.strategy, family.children.keys(), id);
  const takenAlong = group.filter((other) => other !== id);
  family.report(child, { context, reason, decision: delayMs > 0 ? 'backoff' : 'restart', delayMs, usedBefore, takenAlong }, now);
  if (group.length > 1) return walkOver(family, group, delayMs);
  if (delayMs === 0) return family.start(child);
  child.status = 'restarting';
  family.emit({ kind: 'await-restart', id });
  family.emit({ kind: 'schedule', key: `backoff ${id}`, delayMs, input: { kind: 'backoff-over', id, epoch: child.epoch } });
}
