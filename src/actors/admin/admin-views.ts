/** What the rooms know, in the shapes an operator is shown. Pure: inside may change while scripts keep working. */
import type { ErrorInfo } from '../../supervision/behavior.ts';
import type { SupervisionEvent } from '../../supervision/trail/event-log.ts';
import { errorLine } from '../../supervision/exit-reason.ts';
import type { ActorView } from '../../supervision/actor-view.ts';
import type { Agent } from '../../transport/generated/omega/mesh/v1/Agent.ts';
import type { ErrorDetail } from '../../transport/generated/omega/mesh/v1/ErrorDetail.ts';
import type { HistoryEvent } from '../../transport/generated/omega/mesh/v1/HistoryEvent.ts';
import type { LastMoments } from '../../transport/generated/omega/mesh/v1/LastMoments.ts';
import type { RegistryEntry } from '../../transport/generated/omega/mesh/v1/RegistryEntry.ts';
import type { RegistryEvent } from '../../transport/generated/omega/mesh/v1/RegistryEvent.ts';
import type { TelemetryBatch__Output } from '../../transport/generated/omega/mesh/v1/TelemetryBatch.ts';
import type { TelemetryEvent } from '../../transport/generated/omega/mesh/v1/TelemetryEvent.ts';
import type { TelemetryRecord__Output } from '../../transport/generated/omega/mesh/v1/TelemetryRecord.ts';
import type { TreeNode } from '../../transport/generated/omega/mesh/v1/TreeNode.ts';
import type { OpenSession as OpenSessionMessage } from '../../transport/generated/omega/mesh/v1/OpenSession.ts';
import type { OpenSession } from '../../transport/open-sessions.ts';
import { formatSpiffeId } from '../../trust/spiffe-id.ts';
import type { AgentView } from '../agents/agent-messages.ts';
import type { RegistryChange, RegistryEntryView } from '../registry/registry-messages.ts';

export function treeNode(view: ActorView): TreeNode {
  return {
    path: view.path,
    type: view.type,
    status: view.status,
    strategy: view.strategy ?? '',
    restart: view.restart,
    life: view.life,
    restarts: view.restarts,
    mailbox: view.mailbox,
    mailboxMax: view.mailboxMax,
    processed: view.processed,
    uptimeMs: view.uptimeMs,
    lastError: lineOf(view.lastError),
    ratePerS: view.ratePerS,
    busyMs: view.busyMs,
    children: view.children.map(treeNode),
  };
}

export function openSession({ caller, isDialled, remote, ageMs, bytesIn, bytesOut }: OpenSession): OpenSessionMessage {
  const { id, serial, notAfterMs, tlsGroup } = caller;
  return { peer: formatSpiffeId(id), isDialled, remote, serial, expiresAtMs: notAfterMs, tlsGroup: tlsGroup ?? '', ageMs, bytesIn, bytesOut };
}

/** The actor itself and all below it. */
export function actorCount(view: ActorView): number {
  return view.children.reduce((sum, child) => sum + actorCount(child), 1);
}

export function historyEvent(event: SupervisionEvent): HistoryEvent {
  const { budget, takenAlong } = event;
  return {
    sequence: event.sequence,
    atMs: event.atMs,
    type: event.type,
    path: event.path,
    life: event.life,
    reason: event.reason,
    decision: event.decision ?? '',
    delayMs: event.delayMs ?? 0,
    error: lineOf(event.error),
    errorDetail: errorDetail(event.error),
    lastMoments: lastMoments(event),
    supervisor: event.supervisor ?? '',
    strategy: event.strategy ?? '',
    restart: event.restart ?? '',
    context: event.context ?? '',
    budget: budget === undefined ? null : { ...budget },
    takenAlong: takenAlong?.count ?? 0,
    takenAlongFirst: [...(takenAlong?.first ?? [])],
  };
}

export function errorDetail(error: ErrorInfo | undefined): ErrorDetail | null {
  if (error === undefined) return null;
  const { name, message, code = '', stack = '', cause } = error;
  return { name, message, code, stack, cause: errorDetail(cause) };
}

function lastMoments({ during, state, mailbox, processed, uptimeMs }: SupervisionEvent): LastMoments | null {
  if (during === undefined || mailbox === undefined || processed === undefined || uptimeMs === undefined) return null;
  return { during, state: state ?? '', mailbox, processed, uptimeMs };
}

export function agent(view: AgentView): Agent {
  return {
    id: view.id,
    node: view.node,
    connected: view.isConnected,
    ratePerS: view.ratePerS,
    lastSeenMs: view.lastSeenMs,
    records: view.records,
    program: view.program,
  };
}

export function registryEntry(view: RegistryEntryView): RegistryEntry {
  return { key: view.key, value: view.value, writer: view.writer, writtenAtMs: view.writtenAtMs, conflict: view.conflict };
}

export function registryEvent(change: RegistryChange): RegistryEvent {
  switch (change.type) {
    case 'put':
      return { type: 'put', entry: registryEntry(change.entry) };
    case 'delete':
      return { type: 'delete', entry: { key: change.key } };
    case 'synced':
      return { type: 'synced' };
  }
}

/** One event per record of the batch. Records that cannot be decoded are left out: they are the agent's fault. */
export function telemetryEvents(
  id: string,
  node: string,
  batch: TelemetryBatch__Output,
  decodeRecord: (bytes: Uint8Array) => TelemetryRecord__Output | undefined,
): readonly TelemetryEvent[] {
  return batch.records.flatMap((bytes, index) => {
    const record = decodeRecord(bytes);
    if (record === undefined) return [];
    const samples = record.samples.map(({ name, value }) => ({ name, value }));
    return [{ id, node, sequence: batch.firstSequence + index, atMs: record.atMs, samples }];
  });
}

function lineOf(error: ErrorInfo | undefined): string {
  return error === undefined ? '' : errorLine(error);
}
