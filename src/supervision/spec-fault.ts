/** One thing that is wrong with a child spec, in a form for programs and in one for people. Pure. */
import { AUTO_SHUTDOWNS, RESTARTS, STRATEGIES } from './child-spec.ts';
import { LANES, OVERFLOWS } from './mailbox.ts';
import { MEMORY_MB_MIN } from './thread/thread-spec.ts';

/** OTP's words where it has one. Source: supervisor.erl, check_childspecs and check_flags. */
export type SpecFaultCode =
  | 'invalid_child_spec'
  | 'missing_id'
  | 'invalid_id'
  | 'duplicate_child_name'
  | 'invalid_child_type'
  | 'invalid_restart_type'
  | 'invalid_shutdown'
  | 'invalid_significant'
  | 'invalid_backoff'
  | 'missing_start'
  | 'invalid_start'
  | 'invalid_start_timeout'
  | 'invalid_mailbox'
  | 'invalid_isolation'
  | 'invalid_module'
  | 'invalid_export'
  | 'invalid_argument'
  | 'invalid_hang_timeout'
  | 'invalid_memory_max'
  | 'invalid_strategy'
  | 'invalid_intensity'
  | 'invalid_period'
  | 'invalid_budget'
  | 'invalid_auto_shutdown'
  | 'invalid_children'
  | 'invalid_children_max'
  /** Each is fine by itself, but not beside the other. */
  | 'bad_combination'
  /** A child that fails for ever and is never given up. */
  | 'endless_restarts'
  /** What cannot change while the supervisor runs. */
  | 'unchangeable';

export interface SpecFault {
  readonly code: SpecFaultCode;
  /** Path of the child; of its supervisor, when the child has no id. */
  readonly at: string;
  /** Key in the spec. */
  readonly field: string;
  readonly given: string;
  /** Goes on from "must be". */
  readonly expected: string;
  /** What to write instead. */
  readonly todo: string;
}

interface Rule {
  readonly code: SpecFaultCode;
  readonly expected: string;
  readonly todo: string;
}

/** What each key may hold. */
const RULES = {
  id: { code: 'invalid_id', expected: '1 to 128 of A-Z a-z 0-9 . _ : @ + -', todo: "a name that can be one segment of a path, as in id: 'storage'" },
  type: { code: 'invalid_child_type', expected: 'worker or supervisor', todo: "type: 'worker' with a start, or type: 'supervisor' with a strategy" },
  restart: {
    code: 'invalid_restart_type',
    expected: oneOf(RESTARTS),
    todo: "restart: 'permanent' (comes back always), 'transient' (after a failure) or 'temporary' (never)",
  },
  shutdown: { code: 'invalid_shutdown', expected: 'milliseconds >= 0, brutal_kill or infinity', todo: "shutdown: 5_000, 'infinity' (waits) or 'brutal_kill' (does not ask)" },
  significant: { code: 'invalid_significant', expected: 'true or false', todo: 'significant: true, or leave it out' },
  backoff: { code: 'invalid_backoff', expected: 'an object with baseMs and maxMs', todo: 'backoff: { baseMs: 200, maxMs: 30_000 }, or leave it out' },
  'backoff.baseMs': { code: 'invalid_backoff', expected: '> 0 and finite', todo: 'baseMs: 200, the delay before the first restart' },
  'backoff.maxMs': { code: 'invalid_backoff', expected: '>= baseMs and finite', todo: 'maxMs: 30_000, the longest delay' },
  'backoff.factor': { code: 'invalid_backoff', expected: '>= 1', todo: 'factor: 2, or leave it out' },
  'backoff.jitter': { code: 'invalid_backoff', expected: 'from 0 to 1', todo: 'jitter: 0.2, or leave it out' },
  'backoff.resetAfterMs': { code: 'invalid_backoff', expected: '> 0 and finite', todo: 'resetAfterMs: 60_000, or leave it out' },
  'backoff.consecutiveMax': { code: 'invalid_backoff', expected: 'a whole number >= 0', todo: 'consecutiveMax: 10, or leave it out' },
  start: { code: 'invalid_start', expected: 'a function that makes a behavior', todo: 'start: () => someActor(options)' },
  startTimeoutMs: { code: 'invalid_start_timeout', expected: '> 0 and finite', todo: 'startTimeoutMs: 5_000, or leave it out' },
  'mailbox.max': { code: 'invalid_mailbox', expected: 'a whole number >= 1', todo: 'mailbox: { max: 10_000 }, or leave it out' },
  'mailbox.overflow': { code: 'invalid_mailbox', expected: oneOf(OVERFLOWS), todo: "overflow: 'reject', or leave it out" },
  'mailbox.lane': { code: 'invalid_mailbox', expected: oneOf(LANES), todo: "lane: 'queue', or leave it out" },
  'mailbox.coalesceKey': { code: 'invalid_mailbox', expected: 'a function with overflow coalesce, and none without', todo: 'coalesceKey: (message) => message.name' },
  'mailbox.high': { code: 'invalid_mailbox', expected: 'a whole number from 1 to mailbox.max', todo: 'leave it out' },
  'mailbox.low': { code: 'invalid_mailbox', expected: 'a whole number below mailbox.high', todo: 'leave it out' },
  'mailbox.onRestart': { code: 'invalid_mailbox', expected: 'drop or keep', todo: "onRestart: 'keep' or 'drop'" },
  isolation: { code: 'invalid_isolation', expected: 'thread, or left out', todo: "isolation: 'thread', with module and export instead of start" },
  module: { code: 'invalid_module', expected: 'a file: URL', todo: "module: new URL('./hasher.js', import.meta.url)" },
  export: { code: 'invalid_export', expected: 'the name of a function that the module exports', todo: "export: 'hasher'" },
  argument: { code: 'invalid_argument', expected: 'what can cross to a thread', todo: 'argument: { … } of data and refs; what else it needs, the module makes itself' },
  hangTimeoutMs: { code: 'invalid_hang_timeout', expected: 'from 10 to 2147483647', todo: 'hangTimeoutMs: 5_000, or leave it out' },
  memoryMbMax: { code: 'invalid_memory_max', expected: `>= ${MEMORY_MB_MIN} and finite`, todo: 'memoryMbMax: 32, or leave it out' },
  strategy: { code: 'invalid_strategy', expected: oneOf(STRATEGIES), todo: "strategy: 'one_for_one' unless children stand on each other" },
  intensity: { code: 'invalid_intensity', expected: 'a whole number >= 0', todo: 'intensity: 3, or leave it out' },
  periodMs: { code: 'invalid_period', expected: '> 0 and finite', todo: 'periodMs: 5_000, or leave it out' },
  budget: { code: 'invalid_budget', expected: 'supervisor or child', todo: "budget: 'supervisor' (one for all) or 'child' (one each)" },
  autoShutdown: {
    code: 'invalid_auto_shutdown',
    expected: oneOf(AUTO_SHUTDOWNS),
    todo: "autoShutdown: 'any_significant' or 'all_significant', or leave it out",
  },
  childrenMax: { code: 'invalid_children_max', expected: 'a whole number >= 1', todo: 'childrenMax: 1_000, or leave it out' },
  children: { code: 'invalid_children', expected: 'a list of child specs', todo: 'children: [{ type, id, start }, …] in start order' },
} as const satisfies Record<string, Rule>;

/** Collects what is wrong at one path. */
export class Faults {
  readonly found: SpecFault[] = [];
  readonly #at: string;

  constructor(at: string) {
    this.#at = at;
  }

  unless(isFine: boolean, field: keyof typeof RULES, given: unknown): void {
    if (!isFine) this.add({ ...RULES[field], code: given === undefined ? codeWhenMissing(field) : RULES[field].code, field, given: shown(given) });
  }

  add(fault: Omit<SpecFault, 'at'>): void {
    this.found.push({ ...fault, at: this.#at });
  }
}

/** `/a: shutdown -1 must be milliseconds >= 0, brutal_kill or infinity; write shutdown: 5_000, …` */
export function faultLine({ at, field, given, expected, todo }: SpecFault): string {
  return `${at}: ${field} ${given} must be ${expected}; write ${todo}`;
}

export class BadSpecError extends Error {
  override readonly name = 'BadSpecError';
  readonly faults: readonly SpecFault[];

  constructor(faults: readonly SpecFault[]) {
    super(faults.map(faultLine).join('\n'));
    this.faults = faults;
  }
}

export function shown(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given);
  return typeof given === 'function' ? 'a function' : String(given);
}

function codeWhenMissing(field: keyof typeof RULES): SpecFaultCode {
  if (field === 'id') return 'missing_id';
  return field === 'start' ? 'missing_start' : RULES[field].code;
}

function oneOf(words: readonly string[]): string {
  return `one of ${words.join(', ')}`;
}
