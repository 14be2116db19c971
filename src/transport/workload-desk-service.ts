/** Which programs beside this node get their identity from it: proto to handler and back. */
import { unary } from './admin-service.ts';
import type { Answering } from './admin-service.ts';
import type { WorkloadServiceDefinition } from './generated/omega/mesh/v1/WorkloadService.ts';
import { protos } from './proto.ts';
import type { MeshService } from './session-service.ts';

type Rpc = WorkloadServiceDefinition;

/** One function per RPC, as in AdminHandler. */
export interface WorkloadHandler {
  readonly addWorkload: Answering<Rpc['AddWorkload']>;
  readonly removeWorkload: Answering<Rpc['RemoveWorkload']>;
  readonly listWorkloads: Answering<Rpc['ListWorkloads']>;
}

/** @param onBug hears of everything thrown that is no MeshError */
export function workloadDeskService(handler: WorkloadHandler, onBug: (error: unknown) => void): MeshService {
  return {
    definition: protos.WorkloadService.service,
    implementation: { AddWorkload: unary(handler.addWorkload, onBug), RemoveWorkload: unary(handler.removeWorkload, onBug), ListWorkloads: unary(handler.listWorkloads, onBug) },
  };
}
