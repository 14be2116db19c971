/** Tags that were changed while the node ran, kept on disk: who set one does not expect a restart to take it back. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

type Changes = Readonly<Record<string, string | null>>;

interface TagFile {
  load(): Changes;
  /** @throws when the disk does not take it */
  save(changes: Changes): void;
}

/** What cannot be read is as good as nothing. */
export function tagFile(path: string): TagFile {
  return {
    load() {
      try {
        return changesIn(JSON.parse(readFileSync(path, 'utf8')));
      } catch {
        return {};
      }
    },
    save(changes) {
      const next = `${path}.next`;
      writeFileSync(next, JSON.stringify(changes), { mode: 0o600 });
      renameSync(next, path);
    },
  };
}

/** No tag is longer than all of them together may be. */
const TEXT_CHARS_MAX = 512;

/** By hand, as in remembered-peers.ts: the thread that reads this loads no library for it. */
function changesIn(json: unknown): Changes {
  const isPlain = typeof json === 'object' && json !== null && !Array.isArray(json);
  return isPlain && Object.entries(json).every(([tag, value]) => isText(tag) && (value === null || isText(value))) ? (json as Changes) : {};
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= TEXT_CHARS_MAX;
}
