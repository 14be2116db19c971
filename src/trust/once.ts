/**
 * What can be done once, among all processes that hold an authority: by making a file that can be made once. For a while the same
 * key may do it again, whose answer was perhaps lost.
 */
import { writeFileSync } from 'node:fs';
import { readIfThere } from './private-files.ts';

export interface Use {
  readonly atMs: number;
  /** Names the key that is to be certified. */
  readonly key: string;
}

/** An answer that was lost is asked for again at once; later it is somebody else who asks. */
const RETRY_WINDOW_MS = 120_000;

/** Undefined where it was not done yet. */
export function useAt(path: string): Use | undefined {
  const text = readIfThere(path);
  return text === undefined || text === '' ? undefined : (JSON.parse(text) as Use);
}

/** The one who makes the file has done it; any other reads who did. */
export function useOnce(path: string, mine: Use): Use {
  try {
    writeFileSync(path, JSON.stringify(mine), { flag: 'wx', mode: 0o600 });
    return mine;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Another process may be between making it and writing it: then it is used, and by nobody that we know.
    return useAt(path) ?? { ...mine, key: '' };
  }
}

/** Whether it is the use of this key, not too long ago. */
export function isUseOf(use: Use, key: string, nowMs: number): boolean {
  return use.key === key && nowMs - use.atMs <= RETRY_WINDOW_MS;
}
