/** A path for a unix socket: short enough, and free. */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { MeshError } from '../errors.ts';

/** sun_path holds 104 bytes on macOS and the BSDs, 108 on Linux, with a final zero. */
const PATH_BYTES_MAX = 103;

/** @throws MeshError BAD_CONFIG when the path is too long */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= PATH_BYTES_MAX) return;
  throw new MeshError('BAD_CONFIG', `the path of the admin socket, ${path}, has ${bytes} bytes`, {
    given: path,
    expected: `at most ${PATH_BYTES_MAX} bytes, which is what a system takes for a socket`,
    todo: 'choose a shorter --data-dir',
  });
}

/**
 * Removes the socket that a killed node left behind.
 * @throws MeshError BAD_CONFIG when the path is too long, ALREADY_RUNNING when something answers there,
 *   DATA_DIR_UNUSABLE when it is no socket or cannot be removed
 */
export async function clearSocketPath(path: string): Promise<void> {
  checkSocketPath(path);
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new MeshError('DATA_DIR_UNUSABLE', `${path} is in the way of the admin socket`, { given: path, todo: 'move the file away' });
  }
  if (await answers(path)) {
    throw new MeshError('ALREADY_RUNNING', `a node listens on ${path}`, { given: path, todo: 'stop it, or choose another --data-dir' });
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
