/** Which calls of operators change something, and so are written down with who asked and what became of it. */
import { createHash } from 'node:crypto';
import type { handleServerStreamingCall, handleUnaryCall, Metadata, ServiceError } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import type { AuditEvent } from '../data-dir/audit-chain.ts';
import { adminShown, callerBy } from './caller.ts';
import type { AdminServiceDefinition } from './generated/omega/mesh/v1/AdminService.ts';
import type { AuthorityServiceDefinition } from './generated/omega/mesh/v1/AuthorityService.ts';
import type { BanServiceDefinition } from './generated/omega/mesh/v1/BanService.ts';
import type { ChaosServiceDefinition } from './generated/omega/mesh/v1/ChaosService.ts';
import type { SerfServiceDefinition } from './generated/omega/mesh/v1/SerfService.ts';
import type { WorkloadServiceDefinition } from './generated/omega/mesh/v1/WorkloadService.ts';
import type { MeshService } from './session-service.ts';

type Rpc = AdminServiceDefinition & ChaosServiceDefinition & SerfServiceDefinition & BanServiceDefinition & AuthorityServiceDefinition & WorkloadServiceDefinition;
type Act = Pick<AuditEvent, 'what' | 'subject' | 'detail'>;
type ActOf<M> = M extends MethodDefinition<infer _, infer __, infer Request, infer ___> ? (request: Request) => Act | undefined : never;

/** Reads; a query asks, and changes nothing by itself. */
const READ = (): undefined => undefined;

/** Each call is either written down or said to be a read: a new one is a choice. Values, arguments and keys are not shown. */
const ACTS: { readonly [M in keyof Rpc as string extends M ? never : M]: ActOf<Rpc[M]> } = {
  GetStatus: READ,
  ListMembers: READ,
  WatchMembers: READ,
  GetMemberRecord: READ,
  GetTree: READ,
  ListHistory: READ,
  ListEvents: READ,
  GetActor: READ,
  GetState: READ,
  ListDeadLetters: READ,
  TraceActor: ({ path }) => ({ what: 'trace', subject: path }),
  KillActor: ({ path }) => ({ what: 'kill', subject: path }),
  ControlActor: ({ path, verb }) => ({ what: verb === '' ? 'control' : verb, subject: path }),
  ReplayDeadLetter: ({ sequence, to }) => ({ what: 'replay-dead-letter', subject: String(sequence), ...(to !== '' && { detail: `to ${to}` }) }),
  ListSessions: READ,
  ListAgents: READ,
  TailAgent: READ,
  SendCommand: ({ agent, name, arguments: given }) => ({ what: 'send-command', subject: agent, detail: `${name}, ${given.length} arguments` }),
  RegistryPut: ({ key }) => ({ what: 'registry-put', subject: key }),
  RegistryGet: READ,
  RegistryDelete: ({ key }) => ({ what: 'registry-delete', subject: key }),
  RegistryList: READ,
  RegistryWatch: READ,
  IssueBan: ({ kind, subject, reason, force }) => ({ what: kind === '' ? 'ban' : kind, subject, detail: force ? `forced: ${reason}` : reason }),
  ListBans: READ,
  AddWorkload: ({ identity, socket, group }) => ({ what: 'add-workload', subject: identity, detail: [socket === '' ? 'a socket in the data directory' : socket, ...(group === '' ? [] : [`for the group ${group}`])].join(', ') }),
  RemoveWorkload: ({ identity }) => ({ what: 'remove-workload', subject: identity }),
  ListWorkloads: READ,
  ShowAuthority: READ,
  ChangeAuthority: ({ verb, force }) => ({ what: `${verb === '' ? 'change' : verb}-authority`, ...(force && { detail: 'forced' }) }),
  Foresee: READ,
  Inflict: ({ fault, path }) => ({ what: 'chaos', subject: path, detail: fault }),
  RunStorm: ({ seed, only, forMs, ratePerS }) => ({ what: 'chaos-storm', subject: only === '' ? '/' : only, detail: `seed ${seed}, ${forMs} ms, ${ratePerS} a second` }),
  SendUserEvent: ({ name }) => ({ what: 'send-event', subject: name }),
  FollowUserEvents: READ,
  RunQuery: READ,
  AnswerQuery: READ,
  GetRtt: READ,
  ChangeTags: ({ set, remove }) => changedTags([...Object.keys(set), ...remove]),
  ForceLeave: ({ name, prune }) => ({ what: 'force-leave', subject: name, ...(prune && { detail: 'prune' }) }),
  ManageKeys: ({ action, key }) => (action === 'list' ? undefined : { what: 'change-gossip-keys', subject: fingerprint(key), detail: action }),
  RotateKey: () => ({ what: 'rotate-gossip-key' }),
};

/** Who asks over the socket, as the command says it: it opens to the node's owner and root alone. Over TLS it is proved. */
export const ASKER_KEY = 'mesh-asker-bin';
const ASKER_CHARS_MAX = 128;

/** @param record is called once a call: for one that is answered, before its answer goes out; for a stream, as it begins */
export function auditedService({ definition, implementation }: MeshService, record: (event: AuditEvent) => void): MeshService {
  const audited = Object.entries(implementation).map(([method, handle]) => {
    const act = (ACTS as unknown as Readonly<Record<string, ((request: unknown) => Act | undefined) | undefined>>)[method];
    if (act === undefined || act === READ) return [method, handle];
    const isStream = definition[method]!.responseStream;
    return [method, isStream ? auditedStream(handle as StreamHandler, act, record) : auditedUnary(handle as UnaryHandler, act, record)];
  });
  return { definition, implementation: Object.fromEntries(audited) as MeshService['implementation'] };
}

type UnaryHandler = handleUnaryCall<unknown, unknown>;
type StreamHandler = handleServerStreamingCall<unknown, unknown>;

function auditedUnary(handle: UnaryHandler, actOf: (request: unknown) => Act | undefined, record: (event: AuditEvent) => void): UnaryHandler {
  return (call, callback) => {
    const act = actOf(call.request);
    handle(call, (error, ...answer) => {
      if (act !== undefined) record(error === null || error === undefined ? { ...act, who: askerOf(call.metadata), outcome: waits(answer[0]) ? 'begun' : 'done' } : refused(act, call.metadata, error));
      callback(error, ...answer);
    });
  };
}

/** For a second admin, or for its time. */
function waits(answer: unknown): boolean {
  return (answer as { readonly outcome?: unknown } | undefined | null)?.outcome === 'waits';
}

function auditedStream(handle: StreamHandler, actOf: (request: unknown) => Act | undefined, record: (event: AuditEvent) => void): StreamHandler {
  return (call) => {
    let fault: Error | undefined;
    call.once('error', (error: Error) => (fault = error));
    handle(call);
    // What is refused is so at once; what goes wrong later had begun.
    const act = actOf(call.request);
    if (act !== undefined) record(fault === undefined ? { ...act, who: askerOf(call.metadata), outcome: 'begun' } : refused(act, call.metadata, fault));
  };
}

function refused(act: Act, metadata: Metadata, error: Partial<ServiceError>): AuditEvent {
  return { ...act, who: askerOf(metadata), outcome: 'refused', detail: [act.detail, error.details].filter((text) => text !== undefined).join(': ') };
}

function askerOf(metadata: Metadata): string {
  const caller = callerBy(metadata);
  if (caller !== undefined) return adminShown(caller);
  const [told] = metadata.get(ASKER_KEY);
  return Buffer.isBuffer(told) && told.length > 0 ? told.toString('utf8').slice(0, ASKER_CHARS_MAX) : 'operator';
}

function changedTags(tags: readonly string[]): Act | undefined {
  return tags.length === 0 ? undefined : { what: 'change-tags', subject: tags.join(', ') };
}

/** Enough to tell keys apart, and nothing of the key. */
function fingerprint(key: Uint8Array): string {
  return `key ${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
}
