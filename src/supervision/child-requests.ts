/** What may be asked of a supervisor about its children, answered by OTP's rules. Source: supervisor(3). */
import type { Reply } from './behavior.ts';
import { isActive } from './child-record.ts';
import { DEFAULTS } from './child-spec.ts';
import type { Family } from './family.ts';
import { faultLine } from './spec-fault.ts';
import type { SpecFault } from './spec-fault.ts';
import { childFaults } from './spec-faults.ts';
import type { BadSpec, ChildrenCount, SupervisorMessage } from './supervisor-messages.ts';

type Request<Kind extends SupervisorMessage['kind']> = Extract<SupervisorMessage, { kind: Kind }>;

export function startChild(family: Family, { spec, reply }: Request<'start-child'>): void {
  if (family.isLeaving) return family.answer(reply, { outcome: 'shutting_down' });
  const faults = childFaults(spec, family.spec, family.path);
  if (faults.length > 0) return family.answer(reply, badSpec(faults));
  const known = family.children.get(spec.id);
  if (known !== undefined) return family.answer(reply, { outcome: isActive(known) || family.isRestarting(known) ? 'already_started' : 'already_present' });
  if (family.children.size >= (family.spec.childrenMax ?? DEFAULTS.childrenMax)) return family.answer(reply, { outcome: 'children_max' });
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

export function restartChild(family: Family, { id, reply }: Request<'restart-child'>): void {
  const child = family.children.get(id);
  if (family.isLeaving) return family.answer(reply, { outcome: 'shutting_down' });
  if (child === undefined) return family.answer(reply, { outcome: 'not_found' });
  if (family.isRestarting(child)) return family.answer(reply, { outcome: 'restarting' });
  if (isActive(child)) return family.answer(reply, { outcome: 'running' });
  child.startReply = reply;
  family.start(child);
}

export function terminateChild(family: Family, { id, reply }: { readonly id: string; readonly reply: Reply<'ok' | 'not_found'> }): void {
  const child = family.children.get(id);
  if (child === undefined) return family.answer(reply, 'not_found');
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

export function deleteChild(family: Family, { id, reply }: Request<'delete-child'>): void {
  const child = family.children.get(id);
  if (child === undefined) return family.answer(reply, 'not_found');
  if (family.isRestarting(child)) return family.answer(reply, 'restarting');
  if (isActive(child)) return family.answer(reply, 'running');
  family.forget(id);
  return family.answer(reply, 'ok');
}

export function countChildren(family: Family): ChildrenCount {
  const children = [...family.children.values()];
  const supervisors = children.filter((child) => child.spec.type === 'supervisor').length;
  return { specs: children.length, active: children.filter(isActive).length, supervisors, workers: children.length - supervisors };
}
