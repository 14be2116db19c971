/** What may be asked of a supervisor about its children, answered by OTP's rules. Source: supervisor(3). */
import { isActive, newChild } from './child-record.ts';
import type { Child } from './child-record.ts';
import { childFlags, DEFAULTS } from '../child-spec.ts';
import type { ChildSpec } from '../child-spec.ts';
import type { Family } from './family.ts';
import { walkOver } from './family-walks.ts';
import { restartGroup } from '../restart.ts';
import { faultLine } from '../spec-fault.ts';
import type { SpecFault } from '../spec-fault.ts';
import { changeFaults, childFaults } from '../spec-faults.ts';
import type { BadSpec, ChildrenCount, SupervisorMessage } from '../supervisor-messages.ts';

type Request<Kind extends SupervisorMessage['kind']> = Extract<SupervisorMessage, { kind: Kind }>;

export function startChild(family: Family, { spec, reply }: Request<'start-child'>): void {
  if (family.isLeaving) return family.answer(reply, { outcome: 'shutting_down' });
  const faults = childFaults(spec, family.rules, family.path);
  if (faults.length > 0) return family.answer(reply, badSpec(faults));
  const known = family.children.get(spec.id);
  if (known !== undefined) return family.answer(reply, { outcome: isActive(known) || family.isRestarting(known) ? 'already_started' : 'already_present' });
  if (family.children.size >= (family.rules.childrenMax ?? DEFAULTS.childrenMax)) return family.answer(reply, { outcome: 'children_max' });
  const child = family.add(spec);
  child.startReply = reply;
  child.isNew = true;
  // Its elder siblings are about to come up: it follows them.
  if (family.walk === undefined) family.start(child);
  else family.walk.append(spec.id);
}

function badSpec(faults: readonly SpecFault[]): BadSpec {
  return { outcome: 'bad_spec', error: { name: 'BadSpecError', message: faults.map(faultLine).join('; ') }, faults };
}

export function restartChild(family: Family, { id, by, reply }: Request<'restart-child'>): void {
  const child = family.children.get(id);
  if (family.isLeaving) return family.answer(reply, { outcome: 'shutting_down' });
  if (child === undefined) return family.answer(reply, { outcome: 'not_found' });
  if (family.isRestarting(child)) return family.answer(reply, { outcome: 'restarting' });
  if (isActive(child)) return family.answer(reply, { outcome: 'running' });
  family.noteAdmin('start', by, id);
  child.startReply = reply;
  startInPlace(family, child);
}

/** A walk that is taking its group down would take a life along that began now: the child begins it with its group. */
function startInPlace(family: Family, child: Child): void {
  const { id } = child.spec;
  if (family.walk?.isTakingDown(id) === true) family.walk.rejoin(id);
  else family.start(child);
}

/** The child ends in order and starts again, with the group that its strategy takes along; no failure, so no budget is spent. */
export function restartOne(family: Family, { id, by, reply }: Request<'restart-one'>): void {
  const child = family.children.get(id);
  if (family.isLeaving) return family.answer(reply, { outcome: 'shutting_down' });
  if (child === undefined) return family.answer(reply, { outcome: 'not_found' });
  family.noteAdmin('restart', by, id);
  child.restartReplies.push(reply);
  const { walk } = family;
  if (walk?.willStart(id) === true) {
    // It is about to get a life anyway; who asks for one now does not want to wait for a delay.
    if (walk.phase === 'waiting') walk.phase = 'up';
    return;
  }
  if (walk?.isTakingDown(id) === true) return walk.rejoin(id);
  if (child.status === 'starting') return;
  const group = restartGroup(family.rules.strategy, family.children.keys(), id);
  if (group.length > 1) return walkOver(family, group, 0);
  if (isActive(child)) return family.stop(child);
  family.start(child);
}

export function terminateChild(family: Family, { id, by, reply }: Request<'terminate-child'>): void {
  const child = family.children.get(id);
  if (child === undefined) return family.answer(reply, 'not_found');
  family.noteAdmin('stop', by, id);
  family.answerRestart(child, { outcome: 'terminated' });
  family.walk?.leaveDown(id);
  if (isActive(child)) {
    child.terminateReplies.push(reply);
    return family.stop(child);
  }
  child.status = 'down';
  family.answerStart(child, { outcome: 'shutting_down' });
  family.staysDown(child);
  return family.answer(reply, 'ok');
}

export function deleteChild(family: Family, { id, by, reply }: Request<'delete-child'>): void {
  const child = family.children.get(id);
  if (child === undefined) return family.answer(reply, 'not_found');
  if (family.isRestarting(child)) return family.answer(reply, 'restarting');
  if (isActive(child)) return family.answer(reply, 'running');
  family.noteAdmin('delete', by, id);
  family.forget(id);
  return family.answer(reply, 'ok');
}

/**
 * Other rules from now on, as a change of code brings them in OTP: flags are replaced, children that are new are listed
 * and not started, children that are named no more are kept, first in the order, until they are deleted.
 * Source: supervisor.erl, code_change and update_childspec.
 */
export function changeSpec(family: Family, { rules, by, reply }: Request<'change-spec'>): void {
  if (family.isLeaving) return family.answer(reply, { outcome: 'shutting_down' });
  const known = family.children;
  const faults = changeFaults(rules, family.rules, [...known.values()].map(({ spec }) => spec), family.path);
  if (faults.length > 0) return family.answer(reply, badSpec(faults));
  family.noteAdmin('change', by);
  const named = (rules.children ?? []).map((spec): [string, Child] => [spec.id, changedChild(known.get(spec.id), spec)]);
  const ids = new Set(named.map(([id]) => id));
  family.rules = rules;
  family.children = new Map([...[...known].filter(([id]) => !ids.has(id)), ...named]);
  family.emit({ kind: 'change', rules, children: [...family.children.values()].map(({ spec }) => spec) });
  return family.answer(reply, { outcome: 'changed' });
}

/** A child that is known goes on as it is; its next life is by the new spec. */
function changedChild(known: Child | undefined, spec: ChildSpec): Child {
  if (known === undefined) return newChild(spec);
  known.spec = spec;
  known.flags = childFlags(spec);
  return known;
}

export function countChildren(family: Family): ChildrenCount {
  const children = [...family.children.values()];
  const supervisors = children.filter((child) => child.spec.type === 'supervisor').length;
  return { specs: children.length, active: children.filter(isActive).length, supervisors, workers: children.length - supervisors };
}
