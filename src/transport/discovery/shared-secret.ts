/** The secret that nodes of one mesh share. It is read from a file or a variable, and shown nowhere. */
import { readFile, stat } from 'node:fs/promises';
import { absolutePath } from '../../config/home-path.ts';
import { MeshError } from '../../errors.ts';
import { systemErrorMeaning } from '../../system-error.ts';
import type { DiscoveryWorld } from './discovery.ts';

/** Shorter ones can be guessed from one packet. */
const BYTES_MIN = 16;
const BYTES_MAX = 4_096;

interface SecretPlace {
  readonly 'secret-file': string | undefined;
  readonly 'secret-env': string | undefined;
}

/** @throws MeshError BAD_CONFIG when there is none, or one that is too short or too long */
export async function readSecret({ 'secret-file': file, 'secret-env': variable }: SecretPlace, { home, env }: Pick<DiscoveryWorld, 'home' | 'env'>): Promise<Uint8Array> {
  const place = file === undefined ? `the variable ${variable}` : absolutePath(file, home);
  const text = file === undefined ? env[variable ?? ''] : await readSecretFile(absolutePath(file, home));
  const secret = Buffer.from((text ?? '').trim());
  if (secret.length >= BYTES_MIN && secret.length <= BYTES_MAX) return secret;
  throw new MeshError('BAD_CONFIG', `${place} holds a secret of ${secret.length} bytes`, { expected: `from ${BYTES_MIN} to ${BYTES_MAX} bytes`, todo: `openssl rand -base64 32` });
}

async function readSecretFile(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size <= BYTES_MAX + 2) return await readFile(path, 'utf8');
  } catch (error) {
    throw new MeshError('BAD_CONFIG', `cannot read ${path}: ${systemErrorMeaning(error) ?? 'the system does not say why'}`, { given: path, expected: 'a file with the secret', cause: error });
  }
  throw new MeshError('BAD_CONFIG', `${path} is no secret`, { given: path, expected: `a file of at most ${BYTES_MAX} bytes` });
}
