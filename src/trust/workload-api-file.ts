/** That an identity comes from a Workload API, and from which: `workload-api.json` beside it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '../errors.ts';
import { onDisk, readIfThere, writePrivate } from './private-files.ts';

/** @returns the path of the socket; undefined where the identity comes from elsewhere. @throws MeshError TRUST_FILE_DAMAGED */
export function readWorkloadApi(dir: string): string | undefined {
  const path = join(dir, 'workload-api.json');
  const text = onDisk(dir, () => readIfThere(path));
  if (text === undefined) return undefined;
  try {
    const { socket } = JSON.parse(text) as { readonly socket: unknown };
    if (typeof socket === 'string' && socket.startsWith('/')) return socket;
  } catch {
    // Told below.
  }
  throw new MeshError('TRUST_FILE_DAMAGED', `${path} does not say where the identity comes from`, { given: path, expected: '{"socket":"/…"}', todo: 'mend it, or start with --trust-source workload-api --workload-socket <socket>' });
}

export function writeWorkloadApi(dir: string, socket: string): void {
  onDisk(dir, () => writePrivate(join(dir, 'workload-api.json'), `${JSON.stringify({ socket })}\n`));
}

/** From now on it comes from elsewhere. */
export function forgetWorkloadApi(dir: string): void {
  onDisk(dir, () => rmSync(join(dir, 'workload-api.json'), { force: true }));
}
