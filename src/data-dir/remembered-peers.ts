/** Addresses of members, kept on disk, so that a node that restarts finds its mesh again without being told. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

export interface RememberedPeers {
  load(): readonly PeerAddress[];
  save(addresses: readonly PeerAddress[]): void;
}

/** Any one that answers is enough; a file of this many is 8 KiB. */
const KEPT_MAX = 128;

const file = z.array(z.object({ host: z.string().min(1).max(255), port: z.int().min(1).max(65_535) })).max(KEPT_MAX);

/** What cannot be read is as good as nothing: then the seeds must do. */
export function rememberedPeers(path: string): RememberedPeers {
  return {
    load() {
      try {
        return file.parse(JSON.parse(readFileSync(path, 'utf8')));
      } catch {
        return [];
      }
    },
    save(addresses) {
      const next = `${path}.next`;
      writeFileSync(next, JSON.stringify(addresses.slice(0, KEPT_MAX)), { mode: 0o600 });
      renameSync(next, path);
    },
  };
}
