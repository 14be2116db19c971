/** What the commands of chaos print with --json; spans are whole milliseconds, those of recoveries to three places. */
import type { FaultItem__Output } from '../transport/generated/omega/mesh/v1/FaultItem.ts';
import type { ForeseeReply__Output } from '../transport/generated/omega/mesh/v1/ForeseeReply.ts';
import type { StormVerdict__Output } from '../transport/generated/omega/mesh/v1/StormVerdict.ts';

export interface ForesightLine {
  readonly path: string;
  /** As they would happen. */
  readonly steps: readonly { readonly kind: string; readonly path: string; readonly afterMs: number }[];
  readonly decisions: readonly {
    readonly supervisor: string;
    readonly child: string;
    readonly decision: string;
    readonly delayMs: number;
    readonly budget: { readonly used: number; readonly intensity: number; readonly periodMs: number; readonly isExceeded: boolean };
  }[];
  /** Why the node would end; null when it goes on. */
  readonly nodeEnds: string | null;
}

export function foresightLine({ path, steps, decisions, nodeEnds }: ForeseeReply__Output): ForesightLine {
  return {
    path,
    steps: steps.map((step) => ({ kind: step.kind, path: step.path, afterMs: Math.round(step.afterMs) })),
    decisions: decisions.map(({ supervisor, child, decision, delayMs, used, intensity, periodMs }) => ({
      supervisor,
      child,
      decision,
      delayMs: Math.round(delayMs),
      budget: { used, intensity, periodMs, isExceeded: used > intensity },
    })),
    nodeEnds: nodeEnds === '' ? null : nodeEnds,
  };
}

export type FaultLine =
  | { readonly type: 'begun'; readonly path: string; readonly life: number; readonly what: string; readonly messages: number }
  | { readonly type: 'over'; readonly path: string; readonly life: number; readonly why: string }
  | { readonly type: 'spared'; readonly path: string; readonly why: string };

/** Undefined for what a later release says. */
export function faultLine({ begun, over, spared }: FaultItem__Output): FaultLine | undefined {
  if (begun) return { type: 'begun', path: begun.path, life: begun.life, what: begun.what, messages: begun.messages };
  if (over) return { type: 'over', path: over.path, life: over.life, why: over.why };
  if (spared) return { type: 'spared', path: spared.path, why: spared.why };
  return undefined;
}

export interface VerdictLine {
  readonly held: boolean;
  readonly seed: number;
  readonly elapsedMs: number;
  readonly checks: readonly { readonly promise: string; readonly held: boolean; readonly detail: string }[];
  readonly recovery: { readonly count: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
  readonly restarts: number;
  readonly crashes: number;
  readonly escalations: number;
  readonly deadLetters: number;
  readonly messagesLost: number;
  /** By fault, and by why a choice was not carried out. */
  readonly injected: Readonly<Record<string, number>>;
  readonly spared: Readonly<Record<string, number>>;
}

export function verdictLine(verdict: StormVerdict__Output): VerdictLine {
  const { held, seed, checks, restarts, crashes, escalations, deadLetters, messagesLost, injected, spared } = verdict;
  return {
    held,
    seed,
    elapsedMs: Math.round(verdict.elapsedMs),
    checks: checks.map((check) => ({ promise: check.promise, held: check.held, detail: check.detail })),
    recovery: { count: verdict.recoveries, p50Ms: fine(verdict.recoveryP50Ms), p99Ms: fine(verdict.recoveryP99Ms), maxMs: fine(verdict.recoveryMaxMs) },
    restarts,
    crashes,
    escalations,
    deadLetters,
    messagesLost,
    injected: { ...injected },
    spared: { ...spared },
  };
}

function fine(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
