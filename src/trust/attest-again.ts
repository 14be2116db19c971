/**
 * Who was evicted attests again with the certificate that no longer holds: once for each eviction, and the first to come has it.
 * That is the node itself, which does so within seconds. Had another its key and were faster, the node would be refused, and both
 * stand in the audit: that is when to ban, which lets nobody in again.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MeshError } from '../errors.ts';
import { isUseOf, useOnce } from './once.ts';
import { makePrivateDir, onDisk } from './private-files.ts';
import { formatSpiffeId, type SpiffeId } from './spiffe-id.ts';

/**
 * Each use is a small file in the directory of the authority: there are no more of them than evictions.
 * @param key names the key that is to be certified
 * @throws MeshError EVICTED
 */
export function attestAgain(authorityDir: string, id: SpiffeId, evictedAtMs: number, key: string, nowMs: number): void {
  const who = formatSpiffeId(id);
  const dir = join(authorityDir, 'again');
  const use = onDisk(dir, () => {
    makePrivateDir(dir);
    return useOnce(join(dir, `${createHash('sha256').update(`${who} ${evictedAtMs}`).digest('hex').slice(0, 32)}.used`), { atMs: nowMs, key });
  });
  if (isUseOf(use, key, nowMs)) return;
  throw new MeshError('EVICTED', `${who} was evicted at ${new Date(evictedAtMs).toISOString()}, and has attested again at ${new Date(use.atMs).toISOString()}`, {
    given: who,
    expected: 'the certificate that it got then',
    todo: `if that was not ${id.name}, somebody else has its key: ban it, and give it another name with a token`,
  });
}
