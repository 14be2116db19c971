/** What admins want of the list of workloads: asked of the actor that has it, and shaped for showing. */
import type { MeshError } from '../../errors.ts';
import type { ActorRef, Reply } from '../../supervision/behavior.ts';
import type { WorkloadHandler } from '../../transport/workload-desk-service.ts';
import type { WorkloadLine } from '../../transport/generated/omega/mesh/v1/WorkloadLine.ts';
import { formatSpiffeId } from '../../trust/spiffe-id.ts';
import type { WorkloadsRequest, WorkloadView } from '../workloads/workload-messages.ts';
import { answered, ROOM_TIMEOUT_MS } from './room-answer.ts';

/** A socket is opened or closed meanwhile, with a grace for the streams over it. */
const CHANGE_TIMEOUT_MS = 8_000;

export function workloadRequests(workloads: ActorRef<WorkloadsRequest>): WorkloadHandler {
  const change = async (make: (reply: Reply<WorkloadView | MeshError>) => WorkloadsRequest): Promise<WorkloadLine> => asLine(await answered(workloads.ask(make, CHANGE_TIMEOUT_MS)));
  return {
    addWorkload: ({ identity, socket, group }) => change((reply) => ({ kind: 'add', identity, socket: socket === '' ? undefined : socket, group: group === '' ? undefined : group, reply })),
    removeWorkload: ({ identity }) => change((reply) => ({ kind: 'remove', identity, reply })),
    async listWorkloads() {
      const views = await answered(workloads.ask<readonly WorkloadView[]>((reply) => ({ kind: 'list', reply }), ROOM_TIMEOUT_MS));
      return { workloads: views.map(asLine) };
    },
  };
}

function asLine({ entry: { id, socket, group = '' }, status: { streams, serial = '', notAfterMs = 0, fault = '' } }: WorkloadView): WorkloadLine {
  return { id: formatSpiffeId(id), socket, group, streams, serial, notAfterMs, fault };
}
