/** An authority on disk: `ca.key` and `ca.crt` in a directory of its own. Who can read the first can be anybody. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MeshError } from '../errors.ts';
import type { Authority } from './authority.ts';
import { certificateFields } from './certificate-fields.ts';
import { formatCertificates, formatKey, parseCertificates, parseKey } from './pem.ts';
import { makePrivateDir, onDisk, readIfThere, readSecret, writePrivate } from './private-files.ts';
import { isTrustDomain } from './spiffe-id.ts';

/** @throws MeshError KEY_EXPOSED, TRUST_FILE_DAMAGED, KEY_MISMATCH, BAD_IDENTITY, DATA_DIR_UNUSABLE */
export function readAuthority(dir: string): Authority | undefined {
  const paths = { key: join(dir, 'ca.key'), certificate: join(dir, 'ca.crt') };
  return onDisk(dir, () => {
    const keyText = readSecret(paths.key);
    if (keyText === undefined) return undefined;
    const [certificate] = parseCertificates(readIfThere(paths.certificate) ?? '', paths.certificate);
    const key = parseKey(keyText, paths.key);
    if (!certificate!.checkPrivateKey(key)) {
      throw new MeshError('KEY_MISMATCH', `${paths.key} is not the key of ${paths.certificate}`, {
        given: paths.key,
        expected: 'the key and the certificate that were written together',
        todo: 'Put the right file back: nobody believes what another key signs.',
      });
    }
    const { uris } = certificateFields(certificate!);
    const trustDomain = uris[0]?.replace(/^spiffe:\/\//, '') ?? '';
    if (uris.length !== 1 || !certificate!.ca || !isTrustDomain(trustDomain)) {
      throw new MeshError('BAD_IDENTITY', `${paths.certificate} is not the certificate of an authority of a trust domain`, { given: uris.join(', '), expected: 'CA:TRUE, and spiffe://<trust domain> as its one URI' });
    }
    return { trustDomain, certificate: certificate!, key };
  });
}

/** Keeps it, unless there is one by then: two nodes that start at the same moment have one authority. @returns the one that is there */
export function keepAuthority(dir: string, authority: Authority): Authority {
  const kept = onDisk(dir, () => {
    makePrivateDir(dirname(dir));
    // mkdtemp makes it with mode 700.
    const made = mkdtempSync(`${dir}-`);
    writePrivate(join(made, 'ca.crt'), formatCertificates([authority.certificate]));
    writePrivate(join(made, 'ca.key'), formatKey(authority.key));
    try {
      renameSync(made, dir);
      return authority;
    } catch (error) {
      rmSync(made, { recursive: true });
      const other = readAuthority(dir);
      if (other === undefined) throw error;
      return other;
    }
  });
  return kept;
}
