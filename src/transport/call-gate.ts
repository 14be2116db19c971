/** Who may use which service: one table, asked before a handler hears of a call. */
import { ServerInterceptingCall, status as Status } from '@grpc/grpc-js';
import type { ServerInterceptor } from '@grpc/grpc-js';
import { MeshError } from '../errors.ts';
import { formatSpiffeId } from '../trust/spiffe-id.ts';
import type { IdentityKind } from '../trust/spiffe-id.ts';
import { noteCaller } from './caller.ts';
import type { Caller } from './caller.ts';
import { errorFromStatus, statusFromError } from './grpc-status.ts';

const ANY: readonly IdentityKind[] = ['node', 'agent', 'admin'];

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
  refused(caller: Caller | undefined, fault: MeshError): void;
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
        if (!(caller instanceof MeshError)) connection.refused(caller, fault);
        call.sendStatus(statusFromError(fault));
      },
      // Some are refused only when they have said who they want to be.
      sendStatus: (status, next) => {
        if (connection !== undefined && !(connection.caller instanceof MeshError) && REFUSALS.has(status.code)) {
          const { code, details, metadata } = status;
          connection.refused(connection.caller, errorFromStatus({ code, details, ...(metadata ? { metadata } : {}) }, 'this node'));
        }
        next(status);
      },
    });
  };
}

function permission(caller: Caller, path: string): MeshError | undefined {
  const service = path.slice(1, path.lastIndexOf('/'));
  const kinds = WHO.get(service) ?? [];
  if (kinds.includes(caller.id.kind)) return undefined;
  const given = formatSpiffeId(caller.id);
  const who = kinds.length === 0 ? 'nobody over the network' : `${kinds[0] === 'node' ? 'a' : 'an'} ${kinds.join(' or ')}`;
  return new MeshError('NOT_PERMITTED', `${given} may not use ${service}: ${who} may`, {
    given,
    expected: kinds.map((kind) => `spiffe://${caller.id.trustDomain}/${kind}/…`).join(' or '),
    todo: kinds.length === 0 ? 'ask on the node itself' : `ask as one: \`mesh token create --${kinds[0]} <name>\``,
  });
}
