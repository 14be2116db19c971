/** Files with secrets: only their owner can read them, and they are there whole or not at all. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { MeshError } from '../errors.ts';
import { systemErrorMeaning } from '../system-error.ts';

const OTHERS = 0o077;

/** Runs what touches files of trust in `dir`; @throws MeshError DATA_DIR_UNUSABLE for what the system refuses */
export function onDisk<T>(dir: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const meaning = systemErrorMeaning(error);
    if (meaning === undefined) throw error;
    throw new MeshError('DATA_DIR_UNUSABLE', `cannot use the directory ${dir}: ${meaning}`, {
      given: dir,
      expected: 'a directory in which this user can read and write',
      todo: 'mend it, or choose another directory',
      cause: error,
    });
  }
}

export function makePrivateDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
}

/** To be renamed by `takePlace`. */
export function writeNext(path: string, text: string): void {
  const handle = openSync(`${path}.next`, 'w', 0o600);
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export function takePlace(path: string): void {
  renameSync(`${path}.next`, path);
}

export function writePrivate(path: string, text: string): void {
  writeNext(path, text);
  takePlace(path);
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @throws MeshError KEY_EXPOSED where others may open it: what is in it may be known to them */
export function readSecret(path: string): string | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const mode = statSync(path).mode & 0o777;
  if ((mode & OTHERS) === 0) return text;
  throw new MeshError('KEY_EXPOSED', `others may read the private key ${path} (mode ${mode.toString(8)})`, {
    given: path,
    expected: 'a file that only its owner can read, mode 600',
    todo: `chmod 600 ${path}`,
  });
}
