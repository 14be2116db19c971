/** Actors, their traces and dead letters as --json prints them. The rules are those of views.ts. */
import type { ActorInfo__Output } from '../transport/generated/omega/mesh/v1/ActorInfo.ts';
import type { DeadLetter__Output } from '../transport/generated/omega/mesh/v1/DeadLetter.ts';
import type { ErrorDetail__Output } from '../transport/generated/omega/mesh/v1/ErrorDetail.ts';
import type { RestartBudget__Output } from '../transport/generated/omega/mesh/v1/RestartBudget.ts';
import type { StateReply__Output } from '../transport/generated/omega/mesh/v1/StateReply.ts';
import type { TraceEntry__Output } from '../transport/generated/omega/mesh/v1/TraceEntry.ts';
import { moment } from './views.ts';

interface BudgetLine {
  readonly used: number;
  readonly intensity: number;
  readonly periodMs: number | null;
  readonly isShared: boolean;
}

export interface ActorLine {
  readonly path: string;
  readonly type: string;
  readonly status: string;
  readonly life: number;
  readonly uptimeMs: number;
  readonly restarts: number;
  readonly crashes: number;
  readonly restart: string;
  /** Milliseconds; or brutal_kill or infinity. */
  readonly shutdown: number | string;
  /** Null where there is no limit. */
  readonly startTimeoutMs: number | null;
  readonly significant: boolean;
  readonly isolation: string;
  readonly lane: string;
  readonly budget: BudgetLine | null;
  /** Of supervisors; null for workers, as the next three. */
  readonly strategy: string | null;
  readonly autoShutdown: string | null;
  readonly children: number | null;
  readonly childrenBudget: BudgetLine | null;
  readonly mailbox: number;
  readonly mailboxMax: number;
  readonly mailboxPeak: number;
  readonly overflow: string;
  readonly overflowed: number;
  readonly processed: number;
  readonly ratePerS: number;
  readonly busyMs: number;
  readonly lastTurnMs: number;
  readonly zombies: number;
  readonly watchers: number;
  readonly watched: number;
  readonly links: number;
  readonly lastEnd: string | null;
  readonly lastError: ErrorLine | null;
}

export interface ErrorLine {
  readonly name: string;
  readonly message: string;
  readonly code: string | null;
  readonly cause: ErrorLine | null;
}

export function actorLine(info: ActorInfo__Output): ActorLine {
  const isSupervisor = info.type === 'supervisor';
  return {
    path: info.path,
    type: info.type,
    status: info.status,
    life: info.life,
    uptimeMs: Math.round(info.uptimeMs),
    restarts: info.restarts,
    crashes: info.crashes,
    restart: info.restart,
    shutdown: /^\d+$/.test(info.shutdown) ? Number(info.shutdown) : info.shutdown.toLowerCase(),
    startTimeoutMs: finite(info.startTimeoutMs),
    significant: info.significant,
    isolation: info.isolation,
    lane: info.lane,
    budget: budgetLine(info.budget),
    strategy: info.strategy === '' ? null : info.strategy,
    autoShutdown: info.autoShutdown === '' ? null : info.autoShutdown,
    children: isSupervisor ? info.children : null,
    childrenBudget: budgetLine(info.childrenBudget),
    mailbox: info.mailbox,
    mailboxMax: info.mailboxMax,
    mailboxPeak: info.mailboxPeak,
    overflow: info.overflow,
    overflowed: info.overflowed,
    processed: info.processed,
    ratePerS: places(info.ratePerS, 1),
    busyMs: places(info.busyMs, 3),
    lastTurnMs: places(info.lastTurnMs, 3),
    zombies: info.zombies,
    watchers: info.watchers,
    watched: info.watched,
    links: info.links,
    lastEnd: info.lastEnd === '' ? null : info.lastEnd,
    lastError: errorLine(info.lastError),
  };
}

export interface StateLine {
  readonly path: string;
  readonly life: number;
  /** Whether the actor shows anything of its state. */
  readonly isShown: boolean;
  /** Whether `state` is text that was cut off, for it was too long to be sent whole. */
  readonly isCut: boolean;
  readonly state: unknown;
}

export function stateLine({ path, life, isShown, state }: StateReply__Output): StateLine {
  if (!isShown) return { path, life, isShown, isCut: false, state: null };
  try {
    return { path, life, isShown, isCut: false, state: JSON.parse(state) as unknown };
  } catch {
    return { path, life, isShown, isCut: true, state };
  }
}

export interface TraceLine {
  readonly at: string;
  readonly path: string;
  readonly life: number;
  readonly message: string;
  readonly outcome: string;
  readonly tookUs: number;
  /** Messages before this one that came too fast to be shown. */
  readonly skipped: number;
}

export function traceLine(path: string, { atMs, life, message, outcome, tookMs, skipped }: TraceEntry__Output): TraceLine {
  return { at: moment(atMs), path, life, message, outcome, tookUs: Math.round(tookMs * 1_000), skipped };
}

export interface LetterLine {
  readonly sequence: number;
  readonly at: string;
  readonly path: string;
  readonly reason: string;
  readonly message: string;
  /** Why it cannot be sent again; null when it can. */
  readonly withheld: string | null;
}

export function letterLine({ sequence, atMs, path, reason, message, withheld }: DeadLetter__Output): LetterLine {
  return { sequence, at: moment(atMs), path, reason, message, withheld: withheld === '' ? null : withheld };
}

function budgetLine(budget: RestartBudget__Output | null): BudgetLine | null {
  return budget && { used: budget.used, intensity: budget.intensity, periodMs: finite(budget.periodMs), isShared: budget.isShared };
}

function errorLine(error: ErrorDetail__Output | null): ErrorLine | null {
  return error && { name: error.name, message: error.message, code: error.code === '' ? null : error.code, cause: errorLine(error.cause) };
}

function finite(number: number): number | null {
  return Number.isFinite(number) ? number : null;
}

function places(number: number, digits: number): number {
  return Number(number.toFixed(digits));
}
