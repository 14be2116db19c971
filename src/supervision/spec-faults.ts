/** What is wrong with a child spec, told all at once and before anything runs. Pure. */
import { backoffShortestMs } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { AUTO_SHUTDOWNS, childPath, DEFAULTS, RESTARTS, STRATEGIES } from './child-spec.ts';
import type { ChildSpec, Shutdown, SupervisorRules } from './child-spec.ts';
import type { Intensity } from './intensity.ts';
import { LANES, MAILBOX_MAX, OVERFLOWS } from './mailbox.ts';
import { Faults, shown } from './spec-fault.ts';
import type { SpecFault } from './spec-fault.ts';
import { survey } from './thread/crossing.ts';
import { MEMORY_MB_MIN } from './thread/thread-spec.ts';
import type { ThreadSpec } from './thread/thread-spec.ts';

/** Ids become path segments that people type; 128 characters hold any name of a node or agent. */
const ID_PATTERN = /^[A-Za-z0-9._:@+-]{1,128}$/;

/** All faults of the spec that is to run at `path` and of those below it, in reading order; empty when it can be run. */
export function specFaults(spec: ChildSpec, path: string): readonly SpecFault[] {
  const faults = new Faults(path);
  findCommonFaults(faults, spec);
  if (spec.type === 'supervisor') return [...faults.found, ...rulesFaults(spec, path)];
  findWorkerFaults(faults, spec);
  return faults.found;
}

/** As `specFaults`, for what a supervisor at `path` does with its children. */
function rulesFaults(rules: SupervisorRules, path: string): readonly SpecFault[] {
  const faults = new Faults(path);
  findRulesFaults(faults, rules);
  const children = Array.isArray(rules.children) ? (rules.children as readonly ChildSpec[]) : [];
  return [...faults.found, ...children.flatMap((child) => childFaults(child, rules, path))];
}

/** As `rulesFaults`, for rules that are to take the place of `present` where the children `known` stand already. */
export function changeFaults(rules: SupervisorRules, present: SupervisorRules, known: readonly ChildSpec[], path: string): readonly SpecFault[] {
  if (typeof rules !== 'object' || rules === null) {
    return [{ code: 'invalid_child_spec', at: path, field: 'rules', given: shown(rules), expected: 'rules of a supervisor', todo: '{ strategy, children }' }];
  }
  const faults = rulesFaults(rules, path);
  if (faults.length > 0) return faults;
  const isDynamic = present.strategy === 'dynamic';
  const changes = new Faults(path);
  if ((rules.strategy === 'dynamic') !== isDynamic) {
    const expected = isDynamic ? 'dynamic, as it is' : 'other than dynamic, as it is';
    changes.add({ code: 'unchangeable', field: 'strategy', given: shown(rules.strategy), expected, todo: 'another child of another id' });
  }
  const byId = new Map(known.map((spec) => [spec.id, spec]));
  return [...changes.found, ...(rules.children ?? []).flatMap((spec) => childChangeFaults(spec, byId.get(spec.id), childPath(path, spec.id)))];
}

/**
 * The mailbox stands where the child stands and outlives its lives, as does what kind of child it is. Its coalesceKey is the
 * one exception: it stays as it was, for whether two functions do the same cannot be told.
 */
function childChangeFaults(spec: ChildSpec, known: ChildSpec | undefined, path: string): readonly SpecFault[] {
  const faults = new Faults(path);
  const todo = 'the change after the child is terminated and deleted, or another id';
  if (known === undefined) return faults.found;
  if (kindLine(spec) !== kindLine(known)) faults.add({ code: 'unchangeable', field: 'type', given: kindLine(spec), expected: `${kindLine(known)}, as it is`, todo });
  else if (mailboxLine(spec) !== mailboxLine(known)) {
    faults.add({ code: 'unchangeable', field: 'mailbox', given: mailboxLine(spec), expected: `${mailboxLine(known)}, as it is`, todo });
  }
  return faults.found;
}

function kindLine(spec: ChildSpec): string {
  return spec.type === 'worker' && spec.isolation === 'thread' ? 'worker in a thread' : spec.type;
}

function mailboxLine(spec: ChildSpec): string {
  const { max = DEFAULTS.mailboxMax, overflow = 'reject', onRestart = 'drop', lane = 'turn', high, low } = (spec.type === 'worker' ? spec.mailbox : undefined) ?? {};
  const marks = high === undefined && low === undefined ? '' : ` ${high} ${low}`;
  return `${max} ${overflow} ${onRestart} ${lane}${marks}`;
}

/** As `specFaults`, for a child of the supervisor at `parent`; takes also what is no spec at all. */
export function childFaults(spec: ChildSpec, rules: SupervisorRules, parent: string): readonly SpecFault[] {
  if (typeof spec !== 'object' || spec === null) {
    return [{ code: 'invalid_child_spec', at: parent, field: 'child', given: shown(spec), expected: 'a child spec', todo: "{ type: 'worker', id, start }" }];
  }
  const path = typeof spec.id === 'string' ? childPath(parent, spec.id) : parent;
  const faults = new Faults(path);
  findEndlessFault(faults, spec, rules);
  if (spec.significant === true && (rules.autoShutdown ?? 'never') === 'never') {
    faults.add({
      code: 'bad_combination',
      field: 'significant',
      given: 'true under autoShutdown never',
      expected: 'false, for nothing comes of it',
      todo: `autoShutdown: 'any_significant' or 'all_significant' at ${parent}, or leave significant out`,
    });
  }
  return [...specFaults(spec, path), ...faults.found];
}

/** What can be run, but does not what most would expect of it. */
export function specWarning(spec: ChildSpec): string | undefined {
  // Where it is significant, its end is what its supervisor waits for.
  if (spec.type !== 'supervisor' || spec.restart !== 'transient' || spec.significant === true) return undefined;
  return 'a transient supervisor that gives up exits with shutdown, which is no failure: it stays down (erlang/otp#1233)';
}

function findCommonFaults(faults: Faults, { id, type, restart, shutdown, significant, backoff }: ChildSpec): void {
  faults.unless(typeof id === 'string' && ID_PATTERN.test(id), 'id', id);
  faults.unless(type === 'worker' || type === 'supervisor', 'type', type);
  faults.unless(restart === undefined || RESTARTS.includes(restart), 'restart', restart);
  faults.unless(isShutdown(shutdown), 'shutdown', shutdown);
  faults.unless(significant === undefined || typeof significant === 'boolean', 'significant', significant);
  if (significant === true && (restart ?? DEFAULTS.restart) === 'permanent') {
    faults.add({
      code: 'bad_combination',
      field: 'significant',
      given: 'true of a permanent child',
      expected: 'false, for a permanent child never ends for good',
      todo: "restart: 'transient' or 'temporary', or leave significant out",
    });
  }
  if (backoff !== undefined) findBackoffFaults(faults, backoff);
}

function findBackoffFaults(faults: Faults, backoff: Backoff): void {
  if (typeof backoff !== 'object' || backoff === null) return faults.unless(false, 'backoff', backoff);
  faults.unless(isPositive(backoff.baseMs), 'backoff.baseMs', backoff.baseMs);
  faults.unless(backoff.maxMs >= backoff.baseMs && isPositive(backoff.maxMs), 'backoff.maxMs', backoff.maxMs);
  faults.unless((backoff.factor ?? 1) >= 1, 'backoff.factor', backoff.factor);
  faults.unless(isWithin(backoff.jitter ?? 0, 0, 1), 'backoff.jitter', backoff.jitter);
  faults.unless(isPositive(backoff.resetAfterMs ?? 1), 'backoff.resetAfterMs', backoff.resetAfterMs);
  faults.unless(isCount(backoff.consecutiveMax, 0), 'backoff.consecutiveMax', backoff.consecutiveMax);
}

type AnyWorkerSpec = Extract<ChildSpec, { type: 'worker' }>;

/** Where the behavior comes from: made here by `start`, or in a thread from a `module`. */
function findSourceFaults(faults: Faults, spec: AnyWorkerSpec): void {
  const { start, module, isolation } = spec as Partial<Record<'start' | 'module' | 'isolation', unknown>>;
  faults.unless(isolation === undefined || isolation === 'thread', 'isolation', isolation);
  if (spec.isolation === 'thread') findThreadFaults(faults, spec);
  else if (module === undefined || start !== undefined) faults.unless(typeof start === 'function', 'start', start);
  if (spec.isolation !== 'thread' && module !== undefined) {
    faults.add({ code: 'bad_combination', field: 'module', given: 'without isolation', expected: 'in a thread', todo: "isolation: 'thread' beside it, or start instead" });
  }
  if (spec.isolation === 'thread' && start !== undefined) {
    const given = "beside isolation: 'thread'";
    faults.add({ code: 'bad_combination', field: 'start', given, expected: 'left out, for a function cannot cross to a thread', todo: 'module and export, which are loaded there' });
  }
}

function findThreadFaults(faults: Faults, { module, export: name, argument, hangTimeoutMs = 10, memoryMbMax = MEMORY_MB_MIN }: ThreadSpec): void {
  faults.unless(isFileUrl(module), 'module', module);
  faults.unless(typeof name === 'string' && name !== '', 'export', name);
  const { fault } = survey(argument, 'argument');
  faults.unless(fault === undefined, 'argument', `of which ${fault}`);
  faults.unless(isWithin(hangTimeoutMs, 10, 2 ** 31 - 1), 'hangTimeoutMs', hangTimeoutMs);
  faults.unless(memoryMbMax >= MEMORY_MB_MIN && Number.isFinite(memoryMbMax), 'memoryMbMax', memoryMbMax);
}

function isFileUrl(module: unknown): boolean {
  return (typeof module === 'string' || module instanceof URL) && URL.canParse(String(module)) && new URL(module).protocol === 'file:';
}

function findWorkerFaults(faults: Faults, spec: AnyWorkerSpec): void {
  const { startTimeoutMs, mailbox = {} } = spec;
  findSourceFaults(faults, spec);
  faults.unless(isPositive(startTimeoutMs ?? 1), 'startTimeoutMs', startTimeoutMs);
  faults.unless(isCount(mailbox.max, 1), 'mailbox.max', mailbox.max);
  faults.unless(OVERFLOWS.includes(mailbox.overflow ?? 'reject'), 'mailbox.overflow', mailbox.overflow);
  faults.unless(['drop', 'keep'].includes(mailbox.onRestart ?? 'drop'), 'mailbox.onRestart', mailbox.onRestart);
  faults.unless(LANES.includes(mailbox.lane ?? 'turn'), 'mailbox.lane', mailbox.lane);
  const isCoalescing = mailbox.overflow === 'coalesce';
  faults.unless(isCoalescing === (typeof mailbox.coalesceKey === 'function'), 'mailbox.coalesceKey', mailbox.coalesceKey);
  const { max = MAILBOX_MAX, high = max, low = 0 } = mailbox;
  faults.unless(mailbox.high === undefined || (isCount(high, 1) && high <= max), 'mailbox.high', mailbox.high);
  faults.unless(mailbox.low === undefined || (isCount(low, 0) && low < high), 'mailbox.low', mailbox.low);
}

function findRulesFaults(faults: Faults, { strategy, intensity, periodMs, budget, autoShutdown, childrenMax, children = [] }: SupervisorRules): void {
  faults.unless(STRATEGIES.includes(strategy), 'strategy', strategy);
  faults.unless(isCount(intensity, 0), 'intensity', intensity);
  faults.unless(isPositive(periodMs ?? 1), 'periodMs', periodMs);
  faults.unless(budget === undefined || budget === 'supervisor' || budget === 'child', 'budget', budget);
  faults.unless(autoShutdown === undefined || AUTO_SHUTDOWNS.includes(autoShutdown), 'autoShutdown', autoShutdown);
  faults.unless(isCount(childrenMax, 1), 'childrenMax', childrenMax);
  if (!Array.isArray(children)) return faults.unless(false, 'children', children);
  if (strategy === 'dynamic' && children.length > 0) {
    const given = `${children.length} of a dynamic supervisor`;
    faults.add({ code: 'bad_combination', field: 'children', given, expected: 'none: it starts without children', todo: 'no children here; start them with start-child' });
  }
  const ids = (children as readonly ChildSpec[]).map((child) => child?.id);
  for (const id of twice(ids)) {
    faults.add({ code: 'duplicate_child_name', field: 'children', given: `two of id ${shown(id)}`, expected: 'of different ids', todo: 'another id for one of them' });
  }
}

/** A child whose delays stretch its failures over more than the period would fail for ever and never be given up. */
function findEndlessFault(faults: Faults, { backoff }: ChildSpec, { intensity, periodMs }: SupervisorRules): void {
  const limit: Intensity = { intensity: intensity ?? DEFAULTS.intensity, periodMs: periodMs ?? DEFAULTS.periodMs };
  if (typeof backoff !== 'object' || backoff === null || backoff.consecutiveMax !== undefined || !isCount(limit.intensity, 0)) return;
  const shortestMs = shortestRunMs(backoff, limit);
  if (!(shortestMs >= limit.periodMs)) return;
  faults.add({
    code: 'endless_restarts',
    field: 'backoff',
    given: `that spreads ${limit.intensity + 1} failures over ${shortestMs} ms`,
    expected: `short enough that more than ${limit.intensity} within ${limit.periodMs} ms can happen`,
    todo: 'backoff.consecutiveMax: 10, or a longer periodMs',
  });
}

/** The least time in which the budget can be exceeded. */
function shortestRunMs(backoff: Backoff, { intensity, periodMs }: Intensity): number {
  let sumMs = 0;
  for (let failures = 0; failures < intensity && sumMs < periodMs; failures++) sumMs += backoffShortestMs(backoff, failures);
  return sumMs;
}

/** Those that stand more than once, once each. */
function twice(ids: readonly (string | undefined)[]): ReadonlySet<string | undefined> {
  const seen = new Set<string | undefined>();
  const found = new Set<string | undefined>();
  for (const id of ids) if (seen.size === seen.add(id).size && id !== undefined) found.add(id);
  return found;
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
