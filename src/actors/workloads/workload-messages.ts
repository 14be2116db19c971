/** What is asked of the list of workloads, and what each of them tells it. */
import type { MeshError } from '../../errors.ts';
import type { Reply } from '../../supervision/behavior.ts';
import type { WorkloadEntry } from '../../trust/workload-entry.ts';

/** How a workload is served at the moment. */
export interface WorkloadStatus {
  readonly streams: number;
  /** Of its certificate, hex; undefined while it has none. */
  readonly serial: string | undefined;
  readonly notAfterMs: number | undefined;
  /** Why it has no identity, or no newer one. */
  readonly fault: string | undefined;
}

export interface WorkloadView {
  readonly entry: WorkloadEntry;
  readonly status: WorkloadStatus;
}

export type WorkloadsRequest =
  /** `identity` as `workloadNamed` takes it; without a socket it gets one in the data directory. */
  | { readonly kind: 'add'; readonly identity: string; readonly socket: string | undefined; readonly group: string | undefined; readonly reply: Reply<WorkloadView | MeshError> }
  | { readonly kind: 'remove'; readonly identity: string; readonly reply: Reply<WorkloadView | MeshError> }
  | { readonly kind: 'list'; readonly reply: Reply<readonly WorkloadView[]> };

/** On each change, and every few seconds. */
export interface WorkloadReport {
  readonly kind: 'workload-report';
  /** SPIFFE ID. */
  readonly id: string;
  readonly status: WorkloadStatus;
}
