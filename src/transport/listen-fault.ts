/** Why a listener could not be opened: the same words for every port of a node. Pure. */
import { constants } from 'node:os';
import { formatAddress, type Address } from '../address.ts';
import { MeshError } from '../errors.ts';
import { systemErrorMeaning } from '../system-error.ts';
import type { SocketUse } from './unix-socket.ts';

interface Listener {
  /** What it is for, as people know it. */
  readonly use: 'gossip' | 'gRPC' | 'the Trust Fabric';
  readonly protocol: 'TCP' | 'UDP';
  /** How a person chooses its port. */
  readonly flag: string;
}

export function portFault({ use, protocol, flag }: Listener, address: Address, cause: Error): MeshError {
  const given = formatAddress(address);
  const port = `${protocol} port ${address.port} on ${address.host}`;
  switch (codeOf(cause)) {
    case 'EADDRINUSE': {
      const todo = `stop the process that holds it, or choose another with ${flag}`;
      return new MeshError('PORT_IN_USE', `${port} is in use`, { given, expected: `a free port for ${use}`, todo, cause });
    }
    case 'EACCES':
      return new MeshError('BAD_ARGUMENT', `${port} may not be opened by this user`, {
        given,
        expected: 'a port from 1024 up',
        todo: `choose another for ${use} with ${flag}`,
        cause,
      });
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
      return foreignAddress(address.host, cause);
    case undefined:
    default:
      return new MeshError('BAD_ARGUMENT', `${port} cannot be opened: ${meaningOf(cause)}`, { given, expected: `a port for ${use} that may be opened`, cause });
  }
}

export function foreignAddress(host: string, cause?: Error): MeshError {
  return new MeshError('BAD_ADDRESS', `${host} is no address to listen on`, {
    given: host,
    expected: 'one IP address of this machine, at which other nodes reach it',
    todo: 'choose another with --bind',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function socketFault(path: string, { name, todo }: SocketUse, cause: Error): MeshError {
  return new MeshError('DATA_DIR_UNUSABLE', `cannot open ${name} ${path}: ${meaningOf(cause)}`, {
    given: path,
    expected: 'a directory in which this user can make a socket',
    todo,
    cause,
  });
}

/** grpc-js hands the system's errors on as text only. */
function codeOf(error: Error): string | undefined {
  return (error as NodeJS.ErrnoException).code ?? /\bE[A-Z]{3,}\b/.exec(error.message)?.[0];
}

function meaningOf(error: Error): string {
  const code = codeOf(error);
  const errno = code === undefined ? undefined : constants.errno[code as keyof typeof constants.errno];
  return systemErrorMeaning(errno === undefined ? error : Object.assign(new Error(), { code, errno: -errno })) ?? 'the system does not say why';
}
