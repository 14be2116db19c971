/** Who may use which service: one table, and for admins one more, asked before a handler hears of a call. */
import { ServerInterceptingCall, status as Status } from '@grpc/grpc-js';
import type { ServerInterceptor } from '@grpc/grpc-js';
import { MeshError } from '../errors.ts';
import { includesRole } from '../trust/admin-role.ts';
import type { AdminRole } from '../trust/authority.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import type { IdentityKind } from '../trust/spiffe-id.ts';
import { noteCaller } from './caller.ts';
import type { Caller } from './caller.ts';
import { errorFromStatus, statusFromError } from './grpc-status.ts';
import { roleFor } from './operator-roles.ts';

const ANY: readonly IdentityKind[] = ['node', 'agent', 'admin'];

const ADMINS: readonly IdentityKind[] = ['admin'];

const WHO: ReadonlyMap<string, readonly IdentityKind[]> = new Map([
  ['omega.mesh.v1.PeerService', ['node']],
  ['omega.mesh.v1.AgentService', ['agent']],
  ['grpc.health.v1.Health', ANY],
  ['grpc.reflection.v1.ServerReflection', ANY],
  ['grpc.reflection.v1alpha.ServerReflection', ANY],
]);

/** What a connection may be used for; a fault when its other end has not proved who it is. */
export interface Gated {
  readonly caller: Caller | MeshError;
  /** Hears of a call that was refused. */
  refused(caller: Caller | undefined, fault: MeshError, path: string): void;
  /** Whether the caller may still speak. */
  admits(caller: Caller): MeshError | undefined;
}

/** Statuses by which somebody is told that he may not. */
const REFUSALS: ReadonlySet<Status> = new Set([Status.PERMISSION_DENIED, Status.UNAUTHENTICATED]);

/** @param connectionFrom what is known of the connection from this host and port */
export function callGate(connectionFrom: (remote: string) => Gated | undefined): ServerInterceptor {
  return (method, call) => {
    const { remoteAddress = '', remotePort = 0 } = call.getConnectionInfo();
    const connection = connectionFrom(`${remoteAddress}|${remotePort}`);
    return new ServerInterceptingCall(call, {
      start: (next) => {
        // It closed between the call and this turn: there is nobody to tell.
        if (connection === undefined) return;
        const { caller } = connection;
        const fault = caller instanceof MeshError ? caller : (connection.admits(caller) ?? permission(caller, method.path));
        if (fault === undefined) {
          next({
            onReceiveMetadata: (metadata, forward) => {
              noteCaller(metadata, caller as Caller);
              forward(metadata);
            },
          });
          return;
        }
        // Of a connection that is refused as a whole it was told when it came.
        if (!(caller instanceof MeshError)) connection.refused(caller, fault, method.path);
        call.sendStatus(statusFromError(fault));
      },
      // Some are refused only when they have said who they want to be.
      sendStatus: (status, next) => {
        if (connection !== undefined && !(connection.caller instanceof MeshError) && REFUSALS.has(status.code)) {
          const { code, details, metadata } = status;
          connection.refused(connection.caller, errorFromStatus({ code, details, ...(metadata ? { metadata } : {}) }, 'this node'), method.path);
        }
        next(status);
      },
    });
  };
}

/** Whether the caller may call the method at this path, and who may if he may not. */
export function permission(caller: Pick<Caller, 'id' | 'role'>, path: string): MeshError | undefined {
  const service = path.slice(1, path.lastIndexOf('/'));
  const role = roleFor(path);
  const kinds = role === undefined ? (WHO.get(service) ?? []) : ADMINS;
  if (kinds.includes(caller.id.kind)) return role === undefined ? undefined : roleFault(caller, role, path);
  const given = formatSpiffeId(caller.id);
  const who = kinds.length === 0 ? 'nobody over the network' : `${kinds[0] === 'node' ? 'a' : 'an'} ${kinds.join(' or ')}`;
  return new MeshError('NOT_PERMITTED', `${given} may not use ${service}: ${who} may`, {
    given,
    expected: kinds.map((kind) => `spiffe://${caller.id.trustDomain}/${kind}/…`).join(' or '),
    todo: kinds.length === 0 ? 'ask on the node itself' : `ask as one: \`mesh token create --${kinds[0]} <name>${role === undefined ? '' : ` --role ${role}`}\``,
  });
}

function roleFault({ id, role = 'viewer' }: Pick<Caller, 'id' | 'role'>, needed: AdminRole, path: string): MeshError | undefined {
  if (includesRole(role, needed)) return undefined;
  const what = path.slice(path.lastIndexOf('.') + 1);
  return new MeshError('ROLE_TOO_LOW', `${role} ${id.name} may not call ${what}: ${needed === 'viewer' ? 'a' : 'an'} ${needed} may`, {
    given: role,
    expected: needed === 'admin' ? 'the role admin' : `the role ${needed}, or one above it`,
    todo: `ask as somebody who has it; whoever has the authority gives it out: \`mesh token create --admin <name> --role ${needed}\``,
  });
}
