/** Where a node that does not run any more has left its trail. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { absolutePath, defaultDataDir } from '../config/home-path.ts';
import { eventFileOf } from './event-file.ts';

/**
 * @param chosen the data directory that was named, in any way
 * @returns all data directories that it may be: the one that was chosen, else those under home
 */
export function pastDataDirs(chosen: string | undefined, home: string): readonly string[] {
  if (chosen !== undefined && chosen !== '') return [absolutePath(chosen, home)].filter(hasTrail);
  const nodes = dirname(defaultDataDir(home, 'any'));
  return namesIn(nodes).map((name) => join(nodes, name)).filter(hasTrail);
}

function hasTrail(dataDir: string): boolean {
  return existsSync(eventFileOf(dataDir));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
