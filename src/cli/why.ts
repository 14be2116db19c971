/** Why an actor ended: the facts, from the trail and the tree. Pure. */
import type { ErrorRecord, EventRecord } from './event-record.ts';
import type { NodeCrash } from './node-crash.ts';

type WhyKind =
  /** Nothing ever happened to it. */
  | 'never'
  /** It threw. */
  | 'crash'
  /** It could not start. */
  | 'start_failure'
  | 'killed'
  /** It did not end in its time, and was ended. */
  | 'hung'
  /** It failed while it was to stop. */
  | 'failed_stopping'
  /** A supervisor that gave up over a child. */
  | 'gave_up'
  /** It ended by itself, in good order. */
  | 'exit'
  /** It is well itself: another's end took it along. */
  | 'taken_along'
  /** An operator had it started anew. */
  | 'restarted'
  /** The process of the node ended, and nothing in it could say why. */
  | 'process_end'
  /** It does not run, or does not hear, because an operator wants it so. */
  | 'stopped'
  | 'suspended';

/** How it is now. */
export interface NowFacts {
  readonly status: string;
  readonly life: number;
  readonly restarts: number;
  readonly uptimeMs: number;
  readonly mailbox: number;
  readonly processed: number;
}

export interface WhyFacts {
  readonly path: string;
  readonly kind: WhyKind;
  /** Null when nothing stands at the path now, or the node does not run. */
  readonly now: NowFacts | null;
  readonly isNodeUp: boolean;
  /** Of its last end, or of the start that followed when it was taken along; null when there is none. */
  readonly event: EventRecord | null;
  /** Of the root, what its keeper knows of the end of its process where the trail knows nothing; else null. */
  readonly crash: NodeCrash | null;
  /** Whether that was in an earlier run of the node. */
  readonly isEarlierRun: boolean;
  readonly agoMs: number | null;
  /** The error and its causes, the outermost first. */
  readonly errors: readonly Omit<ErrorRecord, 'cause'>[];
  /** Who asked for it. */
  readonly askedBy: string | null;
  /** The event that caused it: of the child that a supervisor gave up over, or of who took it along. */
  readonly cause: EventRecord | null;
  /** Its own ends that are known, by reason, the most frequent first. */
  readonly ends: { readonly count: number; readonly sinceMs: number | null; readonly reasons: readonly { readonly reason: string; readonly count: number }[] };
  /** How long after its end it was up again; null when it was not. */
  readonly upAgainAfterMs: number | null;
}

export interface WhyQuestion {
  readonly path: string;
  /** Of the actor and of those around it, oldest first. */
  readonly records: readonly EventRecord[];
  readonly now: NowFacts | null;
  /** The run that goes on; undefined when the node does not run. */
  readonly boot: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** Of the process of the node, when its root is asked about. */
  readonly crash?: NodeCrash | undefined;
}

const ENDS = new Set(['crash', 'exit', 'shutdown_error']);
const REASONS_SHOWN = 3;

/** @returns undefined when neither the trail nor the tree knows the path */
export function whyFacts({ path, records, now, boot, atMs, crash }: WhyQuestion): WhyFacts | undefined {
  const own = records.filter((record) => record.path === path);
  if (own.length === 0 && now === null && crash === undefined) return undefined;
  const ends = own.filter(({ type }) => ENDS.has(type));
  const found = heldDown(path, records, now, boot) ?? lastOf(path, own, records);
  if (crash !== undefined && !isToldBy(found?.event, crash)) return processEnd(crash, { path, records, now, boot, atMs });
  const event = found?.event ?? null;
  const after = event === null ? undefined : own.slice(own.indexOf(event) + 1).find(({ type, boot: run }) => type === 'restart' && run === event.boot);
  return {
    path,
    kind: found?.kind ?? 'never',
    now,
    isNodeUp: boot !== undefined,
    event,
    crash: null,
    isEarlierRun: event !== null && boot !== undefined && event.boot !== boot,
    agoMs: event === null ? null : Math.max(0, atMs - event.atMs),
    errors: [...chainOf(event?.error ?? null)],
    askedBy: askedBy(event),
    cause: found?.cause ?? null,
    ends: { count: ends.length, sinceMs: ends[0] === undefined ? null : Math.max(0, atMs - ends[0].atMs), reasons: byReason(ends) },
    upAgainAfterMs: event === null || after === undefined ? null : Math.max(0, after.atMs - event.atMs),
  };
}

/** What happened to the root in the same run, or after it, says more than how the process ended. */
function isToldBy(event: EventRecord | undefined, { atMs, uptimeMs }: NodeCrash): boolean {
  return event !== undefined && ENDS.has(event.type) && event.atMs >= atMs - uptimeMs;
}

function processEnd(crash: NodeCrash, { path, now, boot, atMs }: WhyQuestion): WhyFacts {
  const ends = { count: 1, sinceMs: null, reasons: [] };
  const isNodeUp = boot !== undefined;
  const agoMs = Math.max(0, atMs - crash.atMs);
  return { path, kind: 'process_end', now, isNodeUp, event: null, crash, isEarlierRun: isNodeUp, agoMs, errors: [], askedBy: null, cause: null, ends, upAgainAfterMs: null };
}

interface Found {
  readonly kind: WhyKind;
  readonly event: EventRecord;
  readonly cause?: EventRecord | undefined;
}

/** What an operator wanted last, of it or of what it stands below, when it has done nothing of its own since. */
function heldDown(path: string, records: readonly EventRecord[], now: NowFacts | null, boot: string | undefined): Found | undefined {
  const kind = now?.status === 'stopped' || now?.status === 'suspended' ? now.status : undefined;
  if (kind === undefined) return undefined;
  const asked = kind === 'stopped' ? 'stop asked by ' : 'suspend asked by ';
  const isAsked = ({ type, path: other, reason }: EventRecord): boolean =>
    type === 'admin' && reason.startsWith(asked) && (other === path || (kind === 'stopped' && isBelow(path, other)));
  const event = records.findLast((record) => record.boot === boot && (isAsked(record) || (record.path === path && ENDS.has(record.type))));
  return event !== undefined && isAsked(event) ? { kind, event } : undefined;
}

/** What happened to it last: its own end, or a start that followed none. */
function lastOf(path: string, own: readonly EventRecord[], records: readonly EventRecord[]): Found | undefined {
  for (let at = own.length - 1; at >= 0; at--) {
    const event = own[at]!;
    if (ENDS.has(event.type)) return ended(event, records);
    if (event.type === 'escalate') return { kind: 'gave_up', event, cause: lastStraw(event, records) };
    const before = own[at - 1];
    const isAnswered = before !== undefined && before.boot === event.boot && (ENDS.has(before.type) || before.type === 'escalate');
    if (event.type !== 'restart' || isAnswered) continue;
    if (before !== undefined && before.boot === event.boot && asksForStart(before)) return { kind: 'restarted', event: before };
    return { kind: 'taken_along', event, cause: whoTook(path, event, records) };
  }
  return undefined;
}

function ended(event: EventRecord, records: readonly EventRecord[]): Found {
  if (event.type === 'exit') {
    const straw = event.reason.includes('reached_max_restart_intensity') ? lastStraw(event, records) : undefined;
    return straw === undefined ? { kind: 'exit', event } : { kind: 'gave_up', event, cause: straw };
  }
  if (event.type === 'shutdown_error') return { kind: event.reason === 'killed by shutdown timeout' ? 'hung' : 'failed_stopping', event };
  if (event.reason.startsWith('killed')) return { kind: 'killed', event };
  return { kind: event.context === 'start_error' || event.reason.startsWith('start failed') ? 'start_failure' : 'crash', event };
}

/** The end of a child that was one too many for the supervisor. */
function lastStraw(event: EventRecord, records: readonly EventRecord[]): EventRecord | undefined {
  return earlier(event, records).findLast(({ supervisor, decision }) => supervisor === event.path && decision === 'escalate');
}

/** The last before it that ends what it stands below, or that takes siblings of those along. */
function whoTook(path: string, event: EventRecord, records: readonly EventRecord[]): EventRecord | undefined {
  return earlier(event, records).findLast((record) => {
    const { path: other, type, takenAlong, supervisor } = record;
    if (!ENDS.has(type) && !asksForStart(record)) return false;
    return isBelow(path, other) || (takenAlong !== null && supervisor !== null && isBelow(path, supervisor));
  });
}

/** Of all that an operator asks for: what else is asked ends a life, which is an event of its own, or ends none. */
function asksForStart({ type, reason }: EventRecord): boolean {
  return type === 'admin' && /^(re)?start asked by /.test(reason);
}

function earlier(event: EventRecord, records: readonly EventRecord[]): readonly EventRecord[] {
  return records.filter(({ boot, sequence }) => boot === event.boot && sequence < event.sequence);
}

function isBelow(path: string, above: string): boolean {
  return path !== above && path.startsWith(above.endsWith('/') ? above : `${above}/`);
}

function askedBy(event: EventRecord | null): string | null {
  return event === null ? null : (/(?:^killed by|asked by) (.+)$/.exec(event.reason)?.[1] ?? null);
}

function* chainOf(error: ErrorRecord | null): Generator<Omit<ErrorRecord, 'cause'>> {
  for (let current = error; current !== null; current = current.cause) {
    const { name, message, code, stack } = current;
    yield { name, message, code, stack };
  }
}

function byReason(ends: readonly EventRecord[]): { reason: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { reason } of ends) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count).slice(0, REASONS_SHOWN);
}
