/** A path for a unix socket: short enough, and free. */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { MeshError } from '../errors.ts';

/** sun_path holds 104 bytes on macOS and the BSDs, 108 on Linux, with a final zero. */
const PATH_BYTES_MAX = 103;

/** What a socket is for, as people know it, and how they choose another path. */
export interface SocketUse {
  readonly name: string;
  readonly todo: string;
}

export const ADMIN_SOCKET: SocketUse = { name: 'the admin socket', todo: 'choose another --data-dir' };

/** @throws MeshError BAD_CONFIG when the path is too long */
export function checkSocketPath(path: string, { name, todo }: SocketUse): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= PATH_BYTES_MAX) return;
  throw new MeshError('BAD_CONFIG', `the path of ${name}, ${path}, has ${bytes} bytes`, {
    given: path,
    expected: `at most ${PATH_BYTES_MAX} bytes, which is what a system takes for a socket`,
    todo: `${todo}, a shorter one`,
  });
}

/**
 * Removes the socket that a killed node left behind.
 * @throws MeshError BAD_CONFIG when the path is too long, ALREADY_RUNNING when something answers there,
 *   DATA_DIR_UNUSABLE when it is no socket or cannot be removed
 */
export async function clearSocketPath(path: string, use: SocketUse): Promise<void> {
  checkSocketPath(path, use);
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new MeshError('DATA_DIR_UNUSABLE', `${path} is in the way of ${use.name}`, { given: path, todo: 'move the file away' });
  }
  if (await answers(path)) {
    throw new MeshError('ALREADY_RUNNING', `a node listens on ${path}`, { given: path, todo: `stop it, or ${use.todo}` });
  }
  await unlink(path).catch((cause: unknown) => {
    throw new MeshError('DATA_DIR_UNUSABLE', `cannot remove the stale socket ${path}`, { given: path, cause });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (isAlive: boolean) => () => {
      socket.destroy();
      resolve(isAlive);
    };
    socket.once('connect', settle(true));
    socket.once('error', settle(false));
  });
}
