/** A file with an address a line, read again when it changes. */
import { readFile, stat } from 'node:fs/promises';
import { parseAddress } from '../../address.ts';
import type { SpecOf } from '../../config/discover-spec.ts';
import { absolutePath } from '../../config/home-path.ts';
import { systemErrorMeaning } from '../../system-error.ts';
import type { Candidate, Discover, DiscoveryWorld } from './discovery.ts';
import { isName, resolveNames, type Named } from './host-names.ts';
import { pause } from './pause.ts';

/** Looked at rather than watched: inotify is silent on network disks, and on the links by which Kubernetes swaps a ConfigMap. */
const LOOK_MS = 1_000;
/** While it stays the same its names may lead elsewhere. */
const RESOLVE_MS = 30_000;
/** Some 2,000 lines with comments. */
const FILE_BYTES_MAX = 256 * 1024;

export function watchedFile({ path, port }: SpecOf<'file'>, world: DiscoveryWorld): Discover {
  const file = absolutePath(path, world.home);
  return async function* (signal) {
    let text: string | undefined;
    let candidates: readonly Candidate[] = [];
    let hasNames = false;
    let resolvedAtMs = 0;
    let trouble: string | undefined;
    while (!signal.aborted) {
      const read = await readList(file);
      // A file that is gone may be about to be replaced: what it said stays.
      if ('trouble' in read) {
        if (read.trouble !== trouble) yield { candidates, trouble: read.trouble };
        trouble = read.trouble;
      } else if (read.text !== text || trouble !== undefined || (hasNames && world.clock.now() - resolvedAtMs >= RESOLVE_MS)) {
        const lines = linesOf(read.text, port);
        hasNames = lines.some((line) => 'named' in line && isName(line.named));
        candidates = await resolveNames(lines, world.lookup);
        resolvedAtMs = world.clock.now();
        text = read.text;
        trouble = undefined;
        yield { candidates };
      }
      await pause(LOOK_MS, world, signal);
    }
  };
}

async function readList(file: string): Promise<{ readonly text: string } | { readonly trouble: string }> {
  try {
    const { size } = await stat(file);
    if (size > FILE_BYTES_MAX) return { trouble: `${file} has ${size} bytes, and is read up to ${FILE_BYTES_MAX}` };
    return { text: await readFile(file, 'utf8') };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return { trouble: isMissing ? `${file} does not exist yet` : `cannot read ${file}: ${systemErrorMeaning(error) ?? String(error)}` };
  }
}

/** One address a line; `#` begins a comment. */
function linesOf(text: string, defaultPort: number): Named[] {
  return text.split(/\r?\n/).flatMap((line, at): Named[] => {
    const given = line.replace(/#.*/, '').trim();
    if (given === '') return [];
    try {
      const named = parseAddress(given, defaultPort);
      if (named.port !== 0) return [{ given, named }];
    } catch {
      // Told below, with its line.
    }
    return [{ given, refusal: 'bad-address', why: `line ${at + 1} is not host or host:port` }];
  });
}
