/** The trail of a node's supervision: what the node that runs says, and what it and earlier runs of it have left on disk. */
import { EVENT_BYTES_MAX, eventFileOf } from '../data-dir/event-file.ts';
import { linesBackwards } from '../line-file.ts';
import { pastDataDirs } from '../data-dir/past-node.ts';
import { findMeshError, MeshError } from '../errors.ts';
import type { Call } from './command.ts';
import { counted } from './counted.ts';
import { recordOfLine, recordOfWire } from './event-record.ts';
import type { EventRecord } from './event-record.ts';

export interface Trail {
  /** Undefined of a node elsewhere. */
  readonly dataDir: string | undefined;
  /** Oldest first, runs after each other. */
  readonly records: readonly EventRecord[];
  /** The run that goes on; undefined when the node does not run. */
  readonly boot: string | undefined;
  /** What it says of paths that it does not know; undefined when it knows them, or does not run. */
  readonly unknown: MeshError | undefined;
}

/** What is wanted: the newest `limit` of `path` and below. */
export interface Wanted {
  readonly path: string;
  readonly limit: number;
}

export async function readTrail(call: Call, wanted: readonly Wanted[]): Promise<Trail> {
  if (call.remote !== undefined) {
    call.remark('what earlier runs of a node have left is told on its own machine only');
    return { dataDir: undefined, ...(await askNode(call, wanted)) };
  }
  const { dataDir, isRunning } = placeOf(call);
  const now = isRunning ? await askNode(call, wanted).catch(unlessUnreachable) : undefined;
  if (now === undefined) call.remark(`no node ${isRunning ? 'answers' : 'is running'} in ${dataDir}: this is from the events it left there`);
  const { records, damaged } = readFile(eventFileOf(dataDir), wanted);
  if (damaged > 0) call.remark(`${counted(damaged, 'damaged line')} of ${eventFileOf(dataDir)} skipped`);
  return { dataDir, records: newest(merged(records, now?.records ?? []), wanted), boot: now?.boot, unknown: now?.unknown };
}

/** @throws MeshError NODE_UNREACHABLE, NODE_AMBIGUOUS when there is neither a node nor what one has left */
export function placeOf(call: Call): { dataDir: string; isRunning: boolean } {
  try {
    return { dataDir: call.findNode().dataDir, isRunning: true };
  } catch (error) {
    if (findMeshError(error)?.code !== 'NODE_UNREACHABLE') throw error;
    const { dataDir } = call.options;
    const [only, ...others] = pastDataDirs(typeof dataDir === 'string' ? dataDir : call.io.env['MESH_DATA_DIR'], call.io.home);
    if (only === undefined) throw error;
    if (others.length === 0) return { dataDir: only, isRunning: false };
    throw new MeshError('NODE_AMBIGUOUS', ['no node is running, and several have left their events:', ...[only, ...others].map((dir) => `  --data-dir ${dir}`)].join('\n'), {
      todo: 'choose one with --data-dir or MESH_DATA_DIR',
    });
  }
}

function unlessUnreachable(error: unknown): undefined {
  if (findMeshError(error)?.code !== 'NODE_UNREACHABLE') throw error;
}

/** Over one connection. */
function askNode(call: Call, wanted: readonly Wanted[]): Promise<Omit<Trail, 'dataDir'>> {
  return call.ask(async (admin) => {
    const records: EventRecord[] = [];
    let boot: string | undefined;
    let unknown: MeshError | undefined;
    for (const { path, limit } of wanted) {
      const reply = await admin.listHistory({ path: path === '/' ? '' : path, limit }).catch((error: unknown) => {
        unknown = findMeshError(error);
        if (unknown?.code === 'UNKNOWN_PATH') return undefined;
        throw error;
      });
      boot = reply?.boot ?? boot;
      records.push(...(reply?.events ?? []).map((event) => recordOfWire(event, reply!.boot)));
    }
    boot ??= (await admin.listHistory({ path: '', limit: 1 })).boot;
    return { records, boot, unknown };
  });
}

function readFile(file: string, wanted: readonly Wanted[]): { records: EventRecord[]; damaged: number } {
  const records: EventRecord[] = [];
  let damaged = 0;
  const left = wanted.map(({ limit }) => limit);
  for (const line of linesBackwards(file, EVENT_BYTES_MAX)) {
    // To read a line takes far longer than to see that it is of another actor.
    if (!wanted.some(({ path }, at) => left[at]! > 0 && mayBeBelow(line, path))) continue;
    const record = recordOfLine(line);
    if (record === undefined) {
      damaged++;
      continue;
    }
    const hits = wanted.map((each, at) => left[at]! > 0 && isAtOrBelow(record.path, each.path));
    if (hits.includes(true)) records.push(record);
    hits.forEach((isHit, at) => isHit && left[at]!--);
    if (left.every((rest) => rest === 0)) break;
  }
  return { records: records.reverse(), damaged };
}

/** Whether the line, if it is whole, may be of an actor at or below `path`. */
function mayBeBelow(line: string, path: string): boolean {
  return path === '/' || line.includes(`"path":${JSON.stringify(path).slice(0, -1)}`);
}

/** By run, in the order in which the file names them; of what stands in both, one. */
function merged(past: readonly EventRecord[], now: readonly EventRecord[]): EventRecord[] {
  const runs = new Map<string, Map<number, EventRecord>>();
  for (const record of [...past, ...now]) {
    const run = runs.get(record.boot) ?? new Map<number, EventRecord>();
    runs.set(record.boot, run.set(record.sequence, record));
  }
  return [...runs.values()].flatMap((run) => [...run.values()].sort((a, b) => a.sequence - b.sequence));
}

function newest(records: readonly EventRecord[], wanted: readonly Wanted[]): readonly EventRecord[] {
  const kept = new Set(wanted.flatMap(({ path, limit }) => records.filter((record) => isAtOrBelow(record.path, path)).slice(-limit)));
  return records.filter((record) => kept.has(record));
}

function isAtOrBelow(path: string, at: string): boolean {
  return path === at || path.startsWith(at.endsWith('/') ? at : `${at}/`);
}
