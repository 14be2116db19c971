/** How a family starts, restarts in groups and stops: one child after the other, a step whenever something has happened. */
import { isActive } from './child-record.ts';
import type { ExitReason } from '../behavior.ts';
import type { Family } from './family.ts';
import { RestartWalk } from './restart-walk.ts';

/** What a supervisor exits with whose significant children have ended. */
const AUTO_SHUTDOWN = 'auto_shutdown';

export function walkUpFirst(family: Family): void {
  const { order } = family;
  family.walk = new RestartWalk({ epoch: family.nextEpoch(), order, stop: [], start: order, delayMs: 0 });
}

/** Takes the place of a walk that is under way: what that had left to do is part of this, its delay included. */
export function walkOver(family: Family, ids: readonly string[], delayMs: number): void {
  const left = family.walk?.left() ?? { stop: [], start: [], delayMs: 0 };
  // After a change of spec the group need not hold all that was left.
  const start = new Set([...ids, ...left.start]);
  const stop = new Set([...ids, ...left.stop]);
  family.walk = new RestartWalk({ epoch: family.nextEpoch(), order: family.order, stop, start, delayMs: Math.max(delayMs, left.delayMs) });
  for (const id of start) {
    const child = family.children.get(id);
    if (child === undefined || isActive(child)) continue;
    child.status = 'down';
    family.emit({ kind: 'await-restart', id });
  }
}

/** All children stop, and then the supervisor exits with `reason`. */
export function shutDown(family: Family, reason: ExitReason): void {
  if (family.isLeaving) return;
  family.phase = 'stopping';
  family.exitReason = reason;
  const { order, isDynamic } = family;
  family.walk = isDynamic ? undefined : new RestartWalk({ epoch: family.nextEpoch(), order, stop: order, start: [], delayMs: 0 });
  for (const child of family.children.values()) {
    family.answerRestart(child, { outcome: 'shutting_down' });
    // Dynamic children do not depend on each other: all stop at once.
    if (isActive(child) && isDynamic) family.stop(child);
    if (isActive(child) || child.status === 'ignored') continue;
    child.status = 'down';
    family.answerStart(child, { outcome: 'shutting_down' });
    family.staysDown(child);
  }
}

/**
 * A significant child has ended for good: the supervisor follows, if it is to. One that is starting comes up first, as in
 * OTP, where nothing is heard before that. Source: supervisor(3), "Automatic Shutdown".
 */
export function followSignificant(family: Family): void {
  family.hasLostSignificant = true;
  const { autoShutdown = 'never' } = family.rules;
  if (autoShutdown === 'never' || family.phase !== 'running') return;
  const isOneLeft = [...family.children.values()].some((child) => child.flags.significant && (isActive(child) || family.isRestarting(child)));
  if (autoShutdown === 'any_significant' || !isOneLeft) shutDown(family, { kind: 'shutdown', info: AUTO_SHUTDOWN });
}

/** Takes the steps that can be taken now. */
export function advance(family: Family): void {
  const { walk } = family;
  if (walk?.phase === 'down') walkDown(family, walk);
  if (walk?.phase === 'up') walkUp(family, walk);
  // The end of the first walk up may be the beginning of the last one down.
  if (family.walk !== walk && family.walk !== undefined) return advance(family);
  if (family.phase !== 'stopping' || family.walk !== undefined) return;
  if (family.isDynamic && family.children.size > 0) return;
  family.phase = 'over';
  family.emit({ kind: 'exit', reason: family.exitReason });
}

function walkDown(family: Family, walk: RestartWalk): void {
  const next = walk.nextDown((id) => isActive(family.children.get(id)));
  const child = next === undefined ? undefined : family.children.get(next);
  if (child !== undefined) return family.stop(child);
  const { delayMs, epoch } = walk;
  walk.phase = delayMs > 0 ? 'waiting' : 'up';
  if (delayMs > 0) family.emit({ kind: 'schedule', key: 'group-backoff', delayMs, input: { kind: 'group-backoff-over', epoch } });
}

function walkUp(family: Family, walk: RestartWalk): void {
  while (walk.starting === undefined || family.children.get(walk.starting)?.status !== 'starting') {
    const id = walk.nextUp();
    if (id === undefined) return walked(family);
    const child = family.children.get(id);
    if (child === undefined || isActive(child)) continue;
    family.start(child);
    walk.starting = id;
  }
}

function walked(family: Family): void {
  family.walk = undefined;
  if (family.phase !== 'starting') return;
  family.phase = 'running';
  family.emit({ kind: 'started' });
  if (family.hasLostSignificant) followSignificant(family);
}
