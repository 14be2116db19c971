/** A node elsewhere, as it is named on the command line, and how it is reached. */
import { parseAddress } from '../address.ts';
import { GRPC_PORT_DEFAULT } from '../config/default-ports.ts';
import { findMeshError, MeshError, type ErrorCode } from '../errors.ts';
import type { RemoteNode } from '../transport/admin-channel.ts';
import type { AdminClient } from '../transport/grpc-client.ts';
import type { Call, CliIo, CommandSpec, Doors } from './command.ts';

/** As typed. */
export interface Elsewhere {
  readonly node: string | undefined;
  readonly as: string | undefined;
}

/** @throws MeshError BAD_ARGUMENT, BAD_ADDRESS */
export function remoteOf({ words, isLocal }: CommandSpec, options: Call['options'], { node, as }: Elsewhere): RemoteNode | undefined {
  if (node === undefined) {
    if (as === undefined) return undefined;
    throw new MeshError('BAD_ARGUMENT', '--as is for a node elsewhere', { given: as, todo: 'name it with --node, or leave --as out' });
  }
  if (isLocal === true) throw new MeshError('BAD_ARGUMENT', `\`mesh ${words}\` is about this machine, and asks no node elsewhere`, { given: node, todo: 'run it on the machine that it is about' });
  if (options['dataDir'] !== undefined) throw new MeshError('BAD_ARGUMENT', '--node names a node elsewhere, and --data-dir one here', { given: node, todo: 'leave one of them out' });
  const at = node.indexOf('=');
  return { name: at === -1 ? undefined : node.slice(0, at), address: parseAddress(node.slice(at + 1), GRPC_PORT_DEFAULT) };
}

/** By these a node says, or shows, that the certificates of the one who asks are those of before. */
const OUTDATED: ReadonlySet<ErrorCode | undefined> = new Set(['EVICTED', 'UNKNOWN_AUTHORITY']);

/**
 * How the node is reached, and again after a fault.
 * @param remark hears once which node answers, for people
 */
export function reachRemote(io: CliIo, { connectRemote }: Doors, node: RemoteNode, as: string | undefined, remark: (text: string) => void): (fault?: unknown) => Promise<AdminClient> {
  const told = new Set<string>();
  const variable = io.env['MESH_ADMIN'];
  const asking = {
    node,
    admin: as ?? (variable === '' ? undefined : variable),
    home: io.home,
    user: io.asker.replace(/ \(pid \d+\)$/, ''),
    remark: (text: string): void => {
      if (!told.has(text)) remark(text);
      told.add(text);
    },
  };
  return async (fault) => {
    if (fault === undefined) return connectRemote({ ...asking, isOutdated: false });
    if (!OUTDATED.has(findMeshError(fault)?.code)) throw fault;
    // Why it was not renewed says less than why it had to be.
    return connectRemote({ ...asking, isOutdated: true }).catch(() => {
      throw fault;
    });
  };
}
