/**
 * A file that at most one living process holds. Node has no flock, so it is made of `link` (which never replaces) and
 * `rename` (which always does), both atomic; a holder that died without a word is told by its process id and start time.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** One process for ever: ids come round again, ids with their start time do not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start; null where the system does not tell. */
  readonly startedAt: string | null;
}

export type Held = ProcessIdentity & Readonly<Record<string, unknown>>;

/** Each turn means that another process let go or took over in between; more than a few is a bug, not bad luck. */
const TURNS_MAX = 100;

export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, startedAt: readProcessStat(process.pid)?.startedAt ?? null };
}

export function isRunning({ pid, startedAt }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive too.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const stat = readProcessStat(pid);
  if (stat === undefined) return true;
  return !stat.isZombie && (startedAt === null || startedAt === stat.startedAt);
}

/**
 * Takes the lock at `path` and writes `content` into it, or returns who holds it.
 * @throws the system's error when files cannot be made there.
 */
export function takeLock(path: string, content: Held): Held | undefined {
  const draft = writeDraft(path, content);
  try {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      if (tryLink(draft, path)) return undefined;
      const seen = readText(path);
      if (seen === undefined) continue;
      const holder = parseHeld(seen);
      if (holder !== undefined && isRunning(holder)) return holder;

      // The holder is dead. Two may find that out at once, and the slower must not throw out the faster: whoever
      // replaces the file holds a second lock meanwhile, and looks again whether the file is still the dead one's.
      const takeover = `${path}.takeover`;
      const rival = takeLock(takeover, content);
      if (rival !== undefined) return rival;
      try {
        if (readText(path) === seen) {
          renameSync(draft, path);
          return undefined;
        }
      } finally {
        rmSync(takeover, { force: true });
      }
    }
    throw new Error(`${path} changed hands ${TURNS_MAX} times while it was being taken`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Replaces what a lock of this process, or a file of its own, says: a reader sees the old text or the new one. */
export function writeHeld(path: string, content: Held): void {
  renameSync(writeDraft(path, content), path);
}

/** Lets go, unless another process holds it by now (someone may have removed the file by hand). */
export function releaseLock(path: string, { pid, startedAt }: ProcessIdentity): void {
  const holder = readHeld(path);
  if (holder?.pid === pid && holder.startedAt === startedAt) rmSync(path, { force: true });
}

/** What the file says; nothing when there is none or it is not ours to read as one. */
export function readHeld(path: string): Held | undefined {
  const text = readText(path);
  return text === undefined ? undefined : parseHeld(text);
}

function writeDraft(path: string, content: Held): string {
  const draft = `${path}.${process.pid}.draft`;
  try {
    writeFileSync(draft, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
    return draft;
  } catch (error) {
    // A full disk takes the name and not the text.
    rmSync(draft, { force: true });
    throw error;
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A file torn by a power cut is nobody's. */
function parseHeld(text: string): Held | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startedAt' in value)) return undefined;
    return Number.isSafeInteger(value.pid) && (value.pid as number) > 0 ? (value as Held) : undefined;
  } catch {
    return undefined;
  }
}

/** Fields 3 and 22 of proc(5)'s `stat`, counted from behind the command name, which may hold spaces and brackets. */
function readProcessStat(pid: number): { readonly startedAt: string; readonly isZombie: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { startedAt: fields[19]!, isZombie: fields[0] === 'Z' };
  } catch {
    return undefined;
  }
}
