/** One event of supervision, be it from a node that runs or from the file of one that does not. Absent is `null`. */
import { z } from 'zod';
import type { ErrorDetail__Output } from '../transport/generated/omega/mesh/v1/ErrorDetail.ts';
import type { HistoryEvent__Output } from '../transport/generated/omega/mesh/v1/HistoryEvent.ts';

export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly code: string | null;
  readonly stack: string | null;
  readonly cause: ErrorRecord | null;
}

export interface EventRecord {
  /** The run of the node; sequences count from 1 in each. */
  readonly boot: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly type: string;
  readonly path: string;
  readonly life: number;
  readonly reason: string;
  readonly error: ErrorRecord | null;
  readonly during: string | null;
  readonly state: string | null;
  readonly mailbox: number | null;
  readonly processed: number | null;
  readonly uptimeMs: number | null;
  readonly supervisor: string | null;
  readonly strategy: string | null;
  readonly restart: string | null;
  readonly context: string | null;
  readonly decision: string | null;
  readonly delayMs: number;
  readonly budget: { readonly usedBefore: number; readonly used: number; readonly intensity: number; readonly periodMs: number } | null;
  readonly takenAlong: { readonly count: number; readonly first: readonly string[] } | null;
}

export function recordOfWire(event: HistoryEvent__Output, boot: string): EventRecord {
  const { lastMoments: moments, budget } = event;
  return {
    boot,
    sequence: event.sequence,
    atMs: event.atMs,
    type: event.type,
    path: event.path,
    life: event.life,
    reason: event.reason,
    error: errorOfWire(event.errorDetail),
    during: moments?.during ?? null,
    state: orNull(moments?.state),
    mailbox: moments?.mailbox ?? null,
    processed: moments?.processed ?? null,
    uptimeMs: wholeMs(moments?.uptimeMs),
    supervisor: orNull(event.supervisor),
    strategy: orNull(event.strategy),
    restart: orNull(event.restart),
    context: orNull(event.context),
    decision: orNull(event.decision),
    delayMs: wholeMs(event.delayMs) ?? 0,
    budget: budget && { usedBefore: budget.usedBefore, used: budget.used, intensity: budget.intensity, periodMs: budget.periodMs },
    takenAlong: event.takenAlong === 0 ? null : { count: event.takenAlong, first: event.takenAlongFirst },
  };
}

function errorOfWire(error: ErrorDetail__Output | null): ErrorRecord | null {
  if (error === null) return null;
  const { name, message, code, stack, cause } = error;
  return { name, message, code: orNull(code), stack: orNull(stack), cause: errorOfWire(cause) };
}

/** Durations are whole milliseconds for scripts, wherever they were measured. */
function wholeMs(given: number | null | undefined): number | null {
  return given === undefined || given === null ? null : Math.round(given);
}

const text = z.string().nullish().transform((given) => given ?? null);
const count = z.number().nullish().transform((given) => given ?? null);
const ERROR: z.ZodType<ErrorRecord> = z.object({
  name: z.string(),
  message: z.string(),
  code: text,
  stack: text,
  cause: z.lazy(() => ERROR).nullish().transform((given) => given ?? null),
});
const LINE: z.ZodType<EventRecord> = z.object({
  boot: z.string(),
  sequence: z.number(),
  atMs: z.number(),
  type: z.string(),
  path: z.string(),
  life: z.number(),
  reason: z.string(),
  error: ERROR.nullish().transform((given) => given ?? null),
  during: text,
  state: text,
  mailbox: count,
  processed: count,
  uptimeMs: z.number().nullish().transform(wholeMs),
  supervisor: text,
  strategy: text,
  restart: text,
  context: text,
  decision: text,
  delayMs: z.number().default(0).transform(Math.round),
  budget: z
    .object({ usedBefore: z.number(), used: z.number(), intensity: z.number(), periodMs: z.number().nullable().transform((given) => given ?? Infinity) })
    .nullish()
    .transform((given) => given ?? null),
  takenAlong: z
    .object({ count: z.number(), first: z.array(z.string()) })
    .nullish()
    .transform((given) => given ?? null),
});

/** @returns undefined for a line that is damaged */
export function recordOfLine(line: string): EventRecord | undefined {
  try {
    return LINE.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function orNull(given: string | undefined): string | null {
  return given === undefined || given === '' ? null : given;
}
