/** The highest incarnation that this node may have announced, kept on disk, so that its next life begins above it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface IncarnationFile {
  /** 0 when none is known. */
  load(): number;
  save(incarnation: number): void;
}

/** No node gets there by refuting; what is above was written by nobody in his senses, and would leave no room to refute in. */
const PLAUSIBLE_MAX = 2 ** 31;

/** What cannot be read is as good as nothing: then others say what they hold, and the node goes above that. */
export function incarnationFile(path: string): IncarnationFile {
  return {
    load() {
      try {
        const text = readFileSync(path, 'utf8').trim();
        const incarnation = Number(text);
        return /^\d{1,10}$/.test(text) && incarnation <= PLAUSIBLE_MAX ? incarnation : 0;
      } catch {
        return 0;
      }
    },
    save(incarnation) {
      const next = `${path}.next`;
      writeFileSync(next, `${incarnation}\n`, { mode: 0o600 });
      renameSync(next, path);
    },
  };
}
