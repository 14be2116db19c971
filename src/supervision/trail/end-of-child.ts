/** The end of a life as it stands in the trail: what its supervisor reports of it, and what it was at. */
import type { Actor } from '../actor.ts';
import { childPath, DEFAULTS } from '../child-spec.ts';
import type { ChildSpec, Strategy } from '../child-spec.ts';
import { isAbnormal, reasonError, reasonLine } from '../exit-reason.ts';
import type { ChildReport } from '../supervisor/supervisor-effects.ts';
import type { SupervisionEvent } from './event-log.ts';

/** Of siblings that go along by the thousand the first are named. */
const TAKEN_ALONG_SHOWN = 10;

interface Supervisor {
  readonly path: string;
  readonly strategy: Strategy | undefined;
}

export function endOfChild(actor: Actor, spec: ChildSpec, supervisor: Supervisor, report: ChildReport): Omit<SupervisionEvent, 'sequence' | 'atMs'> {
  const { reason, context, decision, delayMs, budget, takenAlong } = report;
  const error = reasonError(reason);
  const { path, strategy } = supervisor;
  return {
    type: context === 'shutdown_error' ? 'shutdown_error' : isAbnormal(reason) ? 'crash' : 'exit',
    path: actor.path,
    life: actor.life,
    reason: reasonLine(reason),
    ...(error === undefined ? {} : { error }),
    ...momentsShown(actor),
    supervisor: path,
    ...(strategy === undefined ? {} : { strategy }),
    restart: spec.restart ?? DEFAULTS.restart,
    context,
    decision,
    delayMs,
    budget,
    ...(takenAlong.length === 0 ? {} : { takenAlong: { count: takenAlong.length, first: takenAlong.slice(0, TAKEN_ALONG_SHOWN).map((id) => childPath(path, id)) } }),
  };
}

/** What is known of how its last life ended; nothing of one that ended in order. */
function momentsShown({ lastMoments, life: present }: Actor): Pick<SupervisionEvent, 'during' | 'state' | 'mailbox' | 'processed' | 'uptimeMs'> {
  if (lastMoments?.life !== present) return {};
  const { during, state, mailbox, processed, uptimeMs } = lastMoments;
  return { during, ...(state === undefined ? {} : { state }), mailbox, processed, uptimeMs };
}
