/** Tags that were changed while the node ran, kept on disk: who set one does not expect a restart to take it back. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

type Changes = Readonly<Record<string, string | null>>;

interface TagFile {
  load(): Changes;
  /** @throws when the disk does not take it */
  save(changes: Changes): void;
}

const file = z.record(z.string().max(512), z.string().max(512).nullable());

/** What cannot be read is as good as nothing. */
export function tagFile(path: string): TagFile {
  return {
    load() {
      try {
        return file.parse(JSON.parse(readFileSync(path, 'utf8')));
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
