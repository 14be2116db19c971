/** Addresses of members, kept on disk, so that a node that restarts finds its mesh again without being told. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

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

/** What cannot be read is as good as nothing: then the seeds must do. */
export function rememberedPeers(path: string): RememberedPeers {
  return {
    load() {
      try {
        return addressesIn(JSON.parse(readFileSync(path, 'utf8')));
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

/** Checked by hand: the thread that reads this would load a library for nothing else, at a third of its own start. */
function addressesIn(json: unknown): readonly PeerAddress[] {
  return Array.isArray(json) && json.length <= KEPT_MAX && json.every(isAddress) ? json.map(({ host, port }) => ({ host, port })) : [];
}

function isAddress(item: Partial<PeerAddress> | null): item is PeerAddress {
  const { host, port } = item ?? {};
  return typeof host === 'string' && host.length > 0 && host.length <= 255 && Number.isInteger(port) && port! > 0 && port! <= 65_535;
}
