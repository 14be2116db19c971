/** What is wrong with a child spec, told all at once and before anything runs. Pure. */
import { backoffShortestMs } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { childPath, DEFAULTS, RESTARTS, STRATEGIES } from './child-spec.ts';
import type { ChildSpec, Shutdown, SupervisorSpec } from './child-spec.ts';
import type { Intensity } from './intensity.ts';
import { OVERFLOWS } from './mailbox.ts';
import type { MailboxSpec } from './mailbox.ts';

/** Ids become path segments that people type; 128 characters hold any name of a node or agent. */
const ID_PATTERN = /^[A-Za-z0-9._:@+-]{1,128}$/;

/** All faults of the spec that is to run at `path` and of those below it, in reading order; empty when it can be run. */
export function specFaults(spec: ChildSpec, path: string): readonly string[] {
  const own = [...commonFaults(spec), ...(spec.type === 'supervisor' ? supervisorFaults(spec) : workerFaults(spec))];
  const children = spec.type === 'supervisor' && Array.isArray(spec.children) ? spec.children : [];
  return [...own.map((fault) => `${path}: ${fault}`), ...children.flatMap((child) => childFaults(child, spec as SupervisorSpec, path))];
}

/** As `specFaults`, for a child of the supervisor at `parent`; takes also what is no spec at all. */
export function childFaults(spec: ChildSpec, supervisor: SupervisorSpec, parent: string): readonly string[] {
  if (typeof spec !== 'object' || spec === null) return [`${parent}: ${String(spec)} is not a child spec`];
  const path = childPath(parent, spec.id);
  const fault = endlessFault(spec, supervisor);
  return [...specFaults(spec, path), ...(fault === undefined ? [] : [`${path}: ${fault}`])];
}

function commonFaults({ id, type, restart, shutdown, backoff }: ChildSpec): string[] {
  const faults = new Faults();
  faults.unless(typeof id === 'string' && ID_PATTERN.test(id), 'id', id, '1 to 128 of A-Z a-z 0-9 . _ : @ + -');
  faults.unless(type === 'worker' || type === 'supervisor', 'type', type, 'worker or supervisor');
  faults.unless(restart === undefined || RESTARTS.includes(restart), 'restart', restart, oneOf(RESTARTS));
  faults.unless(isShutdown(shutdown), 'shutdown', shutdown, 'milliseconds >= 0, brutal_kill or infinity');
  if (backoff === undefined) return faults.found;
  faults.unless(isPositive(backoff.baseMs), 'backoff.baseMs', backoff.baseMs, '> 0 and finite');
  faults.unless(backoff.maxMs >= backoff.baseMs && isPositive(backoff.maxMs), 'backoff.maxMs', backoff.maxMs, '>= baseMs and finite');
  faults.unless((backoff.factor ?? 2) >= 1, 'backoff.factor', backoff.factor, '>= 1');
  faults.unless(isWithin(backoff.jitter ?? 0, 0, 1), 'backoff.jitter', backoff.jitter, 'from 0 to 1');
  faults.unless(isPositive(backoff.resetAfterMs ?? 1), 'backoff.resetAfterMs', backoff.resetAfterMs, '> 0 and finite');
  faults.unless(isCount(backoff.consecutiveMax, 0), 'backoff.consecutiveMax', backoff.consecutiveMax, 'a whole number >= 0');
  return faults.found;
}

function workerFaults({ start, startTimeoutMs, mailbox = {} }: { start?: unknown; startTimeoutMs?: number; mailbox?: MailboxSpec }): string[] {
  const faults = new Faults();
  faults.unless(typeof start === 'function', 'start', start, 'a function that makes a behavior');
  faults.unless(isPositive(startTimeoutMs ?? 1), 'startTimeoutMs', startTimeoutMs, '> 0 and finite');
  faults.unless(isCount(mailbox.max, 1), 'mailbox.max', mailbox.max, 'a whole number >= 1');
  faults.unless(OVERFLOWS.includes(mailbox.overflow ?? 'reject'), 'mailbox.overflow', mailbox.overflow, oneOf(OVERFLOWS));
  faults.unless(['drop', 'keep'].includes(mailbox.onRestart ?? 'drop'), 'mailbox.onRestart', mailbox.onRestart, 'drop or keep');
  return faults.found;
}

function supervisorFaults({ strategy, intensity, periodMs, budget, childrenMax, children = [] }: SupervisorSpec): string[] {
  const faults = new Faults();
  faults.unless(STRATEGIES.includes(strategy), 'strategy', strategy, oneOf(STRATEGIES));
  faults.unless(isCount(intensity, 0), 'intensity', intensity, 'a whole number >= 0');
  faults.unless(isPositive(periodMs ?? 1), 'periodMs', periodMs, '> 0 and finite');
  faults.unless(budget === undefined || budget === 'supervisor' || budget === 'child', 'budget', budget, 'supervisor or child');
  faults.unless(isCount(childrenMax, 1), 'childrenMax', childrenMax, 'a whole number >= 1');
  if (!Array.isArray(children)) return [...faults.found, 'children must be a list of child specs'];
  if (strategy === 'dynamic' && children.length > 0) faults.found.push('a dynamic supervisor starts without children; start them with start-child');
  const twice = new Set<string>();
  const seen = new Set<string>();
  for (const child of children) if (seen.size === seen.add(child?.id).size) twice.add(child?.id);
  if (twice.size > 0) faults.found.push(`child ids must differ: ${[...twice].join(', ')} stands twice`);
  return faults.found;
}

/** A child whose delays stretch its failures over more than the period would fail for ever and never be given up. */
function endlessFault({ backoff }: ChildSpec, { intensity, periodMs }: SupervisorSpec): string | undefined {
  const limit: Intensity = { intensity: intensity ?? DEFAULTS.intensity, periodMs: periodMs ?? DEFAULTS.periodMs };
  if (backoff === undefined || backoff.consecutiveMax !== undefined || !isCount(limit.intensity, 0)) return undefined;
  const shortestMs = shortestRunMs(backoff, limit);
  if (shortestMs < limit.periodMs) return undefined;
  return `its backoff spreads ${limit.intensity + 1} failures over ${shortestMs} ms, so ${limit.intensity} within ${limit.periodMs} ms is never exceeded; set backoff.consecutiveMax or a longer periodMs`;
}

/** The least time in which the budget can be exceeded. */
function shortestRunMs(backoff: Backoff, { intensity, periodMs }: Intensity): number {
  let sumMs = 0;
  for (let failures = 0; failures < intensity && sumMs < periodMs; failures++) sumMs += backoffShortestMs(backoff, failures);
  return sumMs;
}

class Faults {
  readonly found: string[] = [];

  unless(isFine: boolean, name: string, given: unknown, expected: string): void {
    if (!isFine) this.found.push(`${name} ${shown(given)} must be ${expected}`);
  }
}

function shown(given: unknown): string {
  return typeof given === 'string' ? JSON.stringify(given) : String(given);
}

function oneOf(words: readonly string[]): string {
  return `one of ${words.join(', ')}`;
}

function isPositive(number: number): boolean {
  return Number.isFinite(number) && number > 0;
}

function isWithin(number: number, least: number, most: number): boolean {
  return number >= least && number <= most;
}

function isCount(number: number | undefined, least: number): boolean {
  return number === undefined || (Number.isInteger(number) && number >= least);
}

function isShutdown(shutdown: Shutdown | undefined): boolean {
  if (shutdown === undefined || shutdown === 'brutal_kill' || shutdown === 'infinity') return true;
  return Number.isFinite(shutdown) && shutdown >= 0;
}
