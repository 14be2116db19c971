/** What a storm does not do, so that there is a node left to judge. Pure. */
import type { Foresight } from '../supervisor/what-if.ts';
import type { Survey } from './survey.ts';

/** Never below this many permanent children that run: a number, or a share of those that ran when the storm began. */
export type MinRunning = { readonly children: number } | { readonly percent: number };

/**
 * Why a choice was not carried out. node: the node would end. door: the operator's connection, which carries the storm, would
 * go along. budget: a supervisor would give up, or have no restart left for what else may fail. min-running: too few would
 * run. occupied, no-life: nothing to break there. no-target: the fault suits nobody.
 */
export type Spared = 'node' | 'door' | 'budget' | 'min-running' | 'occupied' | 'no-life' | 'no-target';

export function minRunningOf(rule: MinRunning, ranAtFirst: number): number {
  return 'children' in rule ? rule.children : Math.ceil((ranAtFirst * rule.percent) / 100);
}

/** @param isForced all but too few running is allowed */
export function sparedFrom(foresight: Foresight, survey: Survey, min: number, doors: readonly string[], isForced: boolean): Spared | undefined {
  if (!isForced) {
    if (foresight.exit !== undefined) return 'node';
    if (foresight.stops.some((path) => doors.includes(path))) return 'door';
    if (foresight.decisions.some(({ decision, budget }) => decision === 'escalate' || budget.used >= budget.intensity)) return 'budget';
  }
  return leavesTooFew(foresight.stops, survey, min) ? 'min-running' : undefined;
}

/** Whether too few would run if these did not. */
export function leavesTooFew(stops: readonly string[], { running }: Survey, min: number): boolean {
  const lost = stops.filter((path) => running.has(path)).length;
  return lost > 0 && running.size - lost < min;
}
