/** What was measured, as a table for people, with what was wished for. */
import { availableParallelism } from 'node:os';
import { quantile, median } from '../rounds.ts';
import type { FalseAlarms } from './judge.ts';
import type { Programs } from './programs.ts';
import type { Figures, Measured, Plan } from './rounds.ts';

/** A goodbye takes a fraction of a second, a death some; a join that gossip missed waits for push/pull. */
const JOIN_TAIL_MS = 3_000;
/** Times what they take. */
const CPU_RATIO = 3;

interface Row {
  readonly what: string;
  /** Median and worst of theirs, then of ours. */
  readonly cells: readonly string[];
  /** Undefined where nothing was wished for. */
  readonly isMet: boolean | undefined;
}

/** How it was measured. */
interface Circumstances extends Programs, Pick<Plan, 'profile' | 'seconds'> {
  readonly minutes: number;
  readonly isIsolated: boolean;
}

/** Markdown. */
export function report(measured: ReadonlyMap<number, Measured>, { theirs, ours, profile, seconds: watched, minutes, isIsolated }: Circumstances): string[] {
  const rows = [...measured].flatMap(([nodes, sides]) => rowsOf(sides).map((row) => ({ nodes, row })));
  return [
    `All nodes of a side in one process, profile ${profile}, in turn or at once; ${availableParallelism()} cores, Node.js ${process.version}; ${minutes.toFixed(0)} minutes.`,
    `Loss and busy cores: ${watched} s each. Goals: no median slower, no join over ${JOIN_TAIL_MS / 1_000} s, no false death, at most ${CPU_RATIO} × the CPU.`,
    ...(isIsolated ? [] : ['Without root there are no networks of their own: packets were neither lost nor counted.']),
    '',
    `| | nodes | ${theirs.name}: median | worst | ${ours.name}: median | worst | goal |`,
    '|---|--:|--:|--:|--:|--:|---|',
    ...rows.map(({ nodes, row: { what, cells, isMet } }) => `| ${[what, nodes, ...cells, isMet === undefined ? '' : isMet ? 'met' : '**missed**'].join(' | ')} |`),
  ];
}

function rowsOf(sides: Measured): Row[] {
  const rows = [
    timeRow('all know all after joining one seed', sides, ({ joinMs }) => joinMs, JOIN_TAIL_MS),
    timeRow('a goodbye known everywhere', sides, ({ leaveMs }) => leaveMs),
    timeRow('a killed node: first suspicion', sides, ({ kills }) => kills.map(({ suspectedMs }) => suspectedMs)),
    timeRow('a killed node: first dead', sides, ({ kills }) => kills.map(({ deadMs }) => deadMs)),
    timeRow('a killed node: all know', sides, ({ kills }) => kills.map(({ allKnowMs }) => allKnowMs)),
    idleRow('idle: UDP bytes/s per node', sides, ({ udpBytes }) => (Number.isNaN(udpBytes) ? '' : udpBytes.toFixed(0))),
    { ...idleRow('idle: CPU, % of a core per node', sides, ({ cpuPercent }) => cpuPercent.toFixed(3)), isMet: isFrugal(sides) },
    ...alarmRows('20 % of UDP and TCP lost', sides, ({ lossy }) => lossy),
    ...alarmRows('all cores busy', sides, ({ busy }) => busy),
  ];
  return rows.filter((row) => row !== undefined);
}

function timeRow(what: string, { theirs, ours }: Measured, msOf: (figures: Figures) => readonly number[], tailMs = Infinity): Row | undefined {
  const [them, us] = [msOf(theirs), msOf(ours)];
  if (us.length === 0) return undefined;
  const cells = [them, us].flatMap((times) => [seconds(median(times)), seconds(quantile(times, 1))]);
  return { what: `${what} (${us.length})`, cells, isMet: median(us) <= median(them) && quantile(us, 1) <= tailMs };
}

function idleRow(what: string, { theirs, ours }: Measured, show: (idle: NonNullable<Figures['idle']>) => string): Row {
  return { what, cells: [theirs, ours].flatMap(({ idle }) => [idle === undefined ? '' : show(idle), '']), isMet: undefined };
}

function isFrugal({ theirs, ours }: Measured): boolean {
  return (ours.idle?.cpuPercent ?? Infinity) <= CPU_RATIO * (theirs.idle?.cpuPercent ?? 0);
}

function alarmRows(when: string, { theirs, ours }: Measured, alarmsOf: (figures: Figures) => FalseAlarms | undefined): Row[] {
  const [them, us] = [alarmsOf(theirs), alarmsOf(ours)];
  if (them === undefined || us === undefined) return [];
  const cells = (show: (alarms: FalseAlarms) => string | number): string[] => [String(show(them)), '', String(show(us)), ''];
  return [
    { what: `${when}: suspicions of the living`, cells: cells(({ suspicions }) => suspicions), isMet: undefined },
    { what: `${when}: false deaths (believed by)`, cells: cells(({ deaths, burials }) => (deaths === 0 ? '0' : `${deaths} (${burials})`)), isMet: us.deaths === 0 },
  ];
}

function seconds(ms: number): string {
  if (ms < 100) return `${ms.toFixed(0)} ms`;
  return Number.isFinite(ms) ? `${(ms / 1_000).toFixed(2)} s` : 'never';
}
