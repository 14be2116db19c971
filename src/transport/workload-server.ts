/** The socket of one workload: who may open it, and what is served on it. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MeshError } from '../errors.ts';
import type { WorkloadEntry } from '../trust/workload-entry.ts';
import { createSocketServer } from './grpc-server.ts';
import type { MeshServer } from './grpc-server.ts';
import { socketFault } from './listen-fault.ts';
import { workloadService } from './workload-service.ts';
import type { WorkloadStream } from './workload-service.ts';

const SOCKET_USE = { name: 'the socket of a workload', todo: 'choose another --socket' } as const;

/**
 * Whoever may open it is the workload: its owner, and a group where one is named. A directory that is missing is made, for its owner
 * alone: what a group is to enter somebody has to give it.
 * @throws MeshError as `createSocketServer`; BAD_ARGUMENT for a group that is not there
 */
export async function createWorkloadServer({ socket, group }: WorkloadEntry, onStream: (stream: WorkloadStream) => void): Promise<MeshServer> {
  const services = [workloadService(onStream)];
  if (group !== undefined) return createSocketServer(socket, services, SOCKET_USE, await groupId(group));
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 }).catch((cause: Error) => {
    throw socketFault(socket, SOCKET_USE, cause);
  });
  return createSocketServer(socket, services, SOCKET_USE);
}

async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const lines = await readFile('/etc/group', 'utf8').catch(() => '');
  const found = lines.split('\n').map((line) => line.split(':')).find(([name]) => name === group)?.[2];
  if (found !== undefined && /^\d+$/.test(found)) return Number(found);
  throw new MeshError('BAD_ARGUMENT', `there is no group ${group} in /etc/group`, { given: group, expected: 'the name of a group of this machine, or its number' });
}
