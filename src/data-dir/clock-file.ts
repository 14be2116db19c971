/**
 * The Lamport clocks of a node, kept on disk as in the snapshots of Serf's agents: a node that restarts goes on where it was,
 * and what it heard before is not told to it again.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

interface ClockTimes {
  readonly member: number;
  readonly event: number;
  readonly query: number;
}

interface ClockFile {
  /** Undefined when none are known. */
  load(): ClockTimes | undefined;
  /** @throws when the disk does not take it */
  save(times: ClockTimes): void;
}

/** Of a million things a second for twelve days; others would not believe more. */
const PLAUSIBLE_MAX = 2 ** 40;

/** What cannot be read is as good as nothing: then others say how late it is, and what they tell first is history. */
export function clockFile(path: string): ClockFile {
  return {
    load() {
      try {
        return timesIn(JSON.parse(readFileSync(path, 'utf8')));
      } catch {
        return undefined;
      }
    },
    save(times) {
      const next = `${path}.next`;
      writeFileSync(next, `${JSON.stringify(times)}\n`, { mode: 0o600 });
      renameSync(next, path);
    },
  };
}

/** By hand, as in remembered-peers.ts: the thread that reads this loads no library for it. */
function timesIn(json: unknown): ClockTimes | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { member, event, query } = json as Partial<Record<keyof ClockTimes, unknown>>;
  return isTime(member) && isTime(event) && isTime(query) ? { member, event, query } : undefined;
}

function isTime(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= PLAUSIBLE_MAX;
}
