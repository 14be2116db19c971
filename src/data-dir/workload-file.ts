/** The workloads of a node on disk, `workloads.json` in its data directory: who they are and where their sockets are. */
import { join } from 'node:path';
import { MeshError } from '../errors.ts';
import { makePrivateDir, onDisk, readIfThere, writePrivate } from '../trust/private-files.ts';
import { formatSpiffeId, parseSpiffeId } from '../trust/spiffe-id.ts';
import { WORKLOADS_MAX, type WorkloadEntry } from '../trust/workload-entry.ts';

export interface WorkloadFile {
  /** @throws MeshError TRUST_FILE_DAMAGED, DATA_DIR_UNUSABLE */
  load(): readonly WorkloadEntry[];
  /** @throws MeshError DATA_DIR_UNUSABLE */
  save(entries: readonly WorkloadEntry[]): void;
}

export function workloadFile(dataDir: string): WorkloadFile {
  const path = join(dataDir, 'workloads.json');
  return {
    load: () => onDisk(dataDir, () => entriesIn(readIfThere(path), path)),
    save: (entries) =>
      onDisk(dataDir, () => {
        makePrivateDir(dataDir);
        writePrivate(path, `${JSON.stringify(entries.map(({ id, socket, group }) => ({ id: formatSpiffeId(id), socket, group })), undefined, 1)}\n`);
      }),
  };
}

function entriesIn(text: string | undefined, path: string): readonly WorkloadEntry[] {
  if (text === undefined) return [];
  try {
    const stored = JSON.parse(text) as readonly { readonly id: string; readonly socket: unknown; readonly group?: unknown }[];
    return stored.slice(0, WORKLOADS_MAX).map(({ id, socket, group }) => {
      if (typeof socket !== 'string' || (group !== undefined && typeof group !== 'string')) throw new TypeError('not a path');
      return { id: parseSpiffeId(id), socket, group };
    });
  } catch (cause) {
    throw new MeshError('TRUST_FILE_DAMAGED', `${path} is no list of workloads`, { given: path, expected: '[{"id":"spiffe://…","socket":"/…"}]', todo: 'mend it, or remove it and add them again: `mesh workload add`', cause });
  }
}
