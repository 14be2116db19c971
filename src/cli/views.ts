/**
 * What commands print with --json: shapes that scripts rely on, kept apart from the wire's so that either may change.
 * Absent is `null`; moments are ISO 8601; spans are whole milliseconds, round trips to three places.
 */
import type { Agent__Output } from '../transport/generated/omega/mesh/v1/Agent.ts';
import type { LocalHealth__Output } from '../transport/generated/omega/mesh/v1/LocalHealth.ts';
import type { Member__Output } from '../transport/generated/omega/mesh/v1/Member.ts';
import type { RegistryEntry__Output } from '../transport/generated/omega/mesh/v1/RegistryEntry.ts';
import type { RegistryEvent__Output } from '../transport/generated/omega/mesh/v1/RegistryEvent.ts';
import type { StatusReply__Output } from '../transport/generated/omega/mesh/v1/StatusReply.ts';
import type { TelemetryEvent__Output } from '../transport/generated/omega/mesh/v1/TelemetryEvent.ts';
import type { TreeNode__Output } from '../transport/generated/omega/mesh/v1/TreeNode.ts';
import type { ErrorRecord, EventRecord } from './event-record.ts';
import type { WhyFacts } from './why.ts';

/** Who and where first, then figures, trouble last. */
export function statusView(status: StatusReply__Output): object {
  const { node: name, gossipAddress, grpcAddress, adminSocket, dataDir, unreachedSeeds, packetsDropped, refusedCalls, deadLetters, registryNotSaved: unsaved, localHealth, ...figures } = status;
  return {
    name,
    gossipAddress,
    grpcAddress,
    adminSocket,
    dataDir,
    ...figures,
    uptimeMs: Math.round(status.uptimeMs),
    deadLetters,
    unreachedSeeds,
    packetsDropped,
    refusedCalls,
    localHealth: localHealth && { ...localHealth, strain: localHealth.strain || null, summary: localHealthSummary(localHealth) },
    registryNotSaved: unsaved && { since: moment(unsaved.atMs), reason: unsaved.reason },
  };
}

/** By what `strain` says. */
const STRAINS: Readonly<Record<string, string>> = {
  'late-loop': 'its own loop is late',
  accused: 'others suspected it, and it had to refute',
  'missed-nacks': 'members that it asked to ping for it kept silent',
  'missed-acks': 'members that it pinged kept silent',
};

/** How far a node trusts its own ears, for people: "healthy", "degraded (3 of 7): its own loop is late". */
export function localHealthSummary({ score, max, strain }: LocalHealth__Output): string {
  return score === 0 ? 'healthy' : `degraded (${score} of ${max}): ${STRAINS[strain] ?? strain}`;
}

export interface MemberLine {
  readonly name: string;
  readonly address: string;
  readonly status: string;
  /** Its main loop stands still, it says. */
  readonly isDegraded: boolean;
  readonly incarnation: number;
  readonly isSelf: boolean;
  readonly grpcAddress: string | null;
  readonly session: string;
  /** Null while it has not been measured. */
  readonly rttMs: number | null;
  readonly sinceMs: number;
  /** Datagrams to it get lost, and it is reached over TCP. */
  readonly udpLost: boolean;
  /** yes, pending, no or false; null where the node has no identity. */
  readonly verified: string | null;
  /** Why it is no peer; null for the others. */
  readonly quarantine: string | null;
  readonly tags: Readonly<Record<string, string>>;
}

export function memberLine(member: Member__Output): MemberLine {
  return {
    name: member.name,
    address: member.address,
    status: member.status,
    isDegraded: member.isDegraded,
    incarnation: member.incarnation,
    isSelf: member.isSelf,
    grpcAddress: orNull(member.grpcAddress),
    session: member.session,
    rttMs: member.rttMs < 0 ? null : Math.round(member.rttMs * 1_000) / 1_000,
    sinceMs: Math.round(member.sinceMs),
    udpLost: member.udpLost,
    verified: orNull(member.verified),
    quarantine: orNull(member.quarantine),
    tags: member.tags,
  };
}

export interface TreeLine {
  readonly path: string;
  readonly type: string;
  readonly status: string;
  /** Of supervisors. */
  readonly strategy?: string;
  readonly restart: string;
  readonly life: number;
  readonly restarts: number;
  readonly mailbox: number;
  readonly mailboxMax: number;
  readonly processed: number;
  readonly uptimeMs: number;
  readonly lastError: string | null;
  readonly children: readonly TreeLine[];
}

/** @param depth how many levels of children to show */
export function treeLine(node: TreeNode__Output, depth: number): TreeLine {
  return {
    path: node.path,
    type: node.type,
    status: node.status,
    ...(node.strategy === '' ? {} : { strategy: node.strategy }),
    restart: node.restart,
    life: node.life,
    restarts: node.restarts,
    mailbox: node.mailbox,
    mailboxMax: node.mailboxMax,
    processed: node.processed,
    uptimeMs: Math.round(node.uptimeMs),
    lastError: orNull(node.lastError),
    children: depth === 0 ? [] : node.children.map((child) => treeLine(child, depth - 1)),
  };
}

export interface HistoryLine {
  readonly sequence: number;
  readonly at: string;
  readonly type: string;
  readonly path: string;
  readonly life: number;
  readonly reason: string;
  readonly decision: string | null;
  readonly delayMs: number;
  readonly error: string | null;
  /** Which run of the node; sequences count from 1 in each. */
  readonly boot: string;
  readonly isEarlierRun: boolean;
}

/** @param boot the run that goes on */
export function historyLine(record: EventRecord, boot: string | undefined): HistoryLine {
  return {
    sequence: record.sequence,
    at: moment(record.atMs),
    type: record.type,
    path: record.path,
    life: record.life,
    reason: record.during === null || record.during === 'idle' ? record.reason : `${record.reason} (in ${record.during})`,
    decision: record.decision,
    delayMs: record.delayMs,
    error: record.error === null ? null : errorWords(record.error),
    boot: record.boot,
    isEarlierRun: record.boot !== boot,
  };
}

/** One line: `TypeError: x is not a function ← caused by …`. */
function errorWords({ name, message, cause }: ErrorRecord): string {
  const own = `${name === 'MeshError' || name === 'Error' ? '' : `${name}: `}${message}`;
  return cause === null ? own : `${own} ← ${errorWords(cause)}`;
}

/** The facts as they are, but for the moments in them. */
export function whyView({ event, cause, crash, ...facts }: WhyFacts): object {
  return { ...facts, event: event && timed(event), cause: cause && timed(cause), crash: crash && timed(crash) };
}

function timed({ atMs, ...rest }: { readonly atMs: number }): object {
  return { at: moment(atMs), ...rest };
}

export interface AgentLine {
  readonly id: string;
  readonly node: string;
  readonly connected: boolean;
  readonly ratePerS: number;
  readonly lastSeenMs: number;
  readonly records: number;
  readonly program: string | null;
}

export function agentLine(agent: Agent__Output): AgentLine {
  return {
    id: agent.id,
    node: agent.node,
    connected: agent.connected,
    ratePerS: Math.round(agent.ratePerS * 10) / 10,
    lastSeenMs: Math.round(agent.lastSeenMs),
    records: agent.records,
    program: orNull(agent.program),
  };
}

export interface TelemetryLine {
  readonly id: string;
  readonly node: string;
  readonly sequence: number;
  readonly at: string;
  readonly samples: Readonly<Record<string, number>>;
}

export function telemetryLine(event: TelemetryEvent__Output): TelemetryLine {
  return {
    id: event.id,
    node: event.node,
    sequence: event.sequence,
    at: moment(event.atMs),
    samples: Object.fromEntries(event.samples.map(({ name, value }) => [name, value])),
  };
}

export interface EntryLine {
  readonly key: string;
  readonly value: string;
  readonly writer: string;
  readonly writtenAt: string;
  readonly conflict: boolean;
}

export function entryLine(entry: RegistryEntry__Output): EntryLine {
  return { key: entry.key, value: entry.value, writer: entry.writer, writtenAt: moment(entry.writtenAtMs), conflict: entry.conflict };
}

export interface ChangeLine {
  readonly type: string;
  /** Null for `synced`, which is about no entry. */
  readonly key: string | null;
  /** Null for `synced` and `delete`, after which there is none. */
  readonly entry: EntryLine | null;
}

export function changeLine({ type, entry }: RegistryEvent__Output): ChangeLine {
  return { type, key: type === 'synced' ? null : (entry?.key ?? null), entry: type === 'put' && entry !== null ? entryLine(entry) : null };
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}

/** Another node's clock may say anything; what is no moment is the start of time, not a crash. */
export function moment(atMs: number): string {
  const date = new Date(atMs);
  return (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
}
