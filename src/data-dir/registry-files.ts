/**
 * The registry on disk: `snapshot`, and `log` with the changes since. One object for as long as the process runs: it
 * takes one act at a time, also when whoever asked for the one before is gone.
 *
 * At every moment of every act a crash leaves the old contents or the new ones; nothing that was found damaged is ever
 * deleted, it gets a second name (`log.broken`, `log.broken-2`, …) before its place is taken.
 */
import { constants } from 'node:fs';
import { link, mkdir, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MeshError } from '../errors.ts';
import { systemErrorMeaning } from '../system-error.ts';
import { encodeFrames, LOG_HEADER, readLog, readSingleFrame } from './log-frames.ts';

export interface LoadedFiles {
  readonly snapshot: Uint8Array | undefined;
  readonly changes: readonly Uint8Array[];
  /** Paths under which files are kept, because at least one of them was damaged. */
  readonly setAside: readonly string[];
  /** Of a last write that did not get to its end; they are cut off. */
  readonly tornBytes: number;
}

type FileName = 'snapshot' | 'log';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const APPEND = constants.O_WRONLY | constants.O_APPEND;
/** More damage than anybody leaves lying about. */
const SET_ASIDE_MAX = 1_000;

export class RegistryFiles {
  readonly directory: string;
  /** The log has been read and ends with a whole frame: what is appended will be read back. */
  #isWhole = false;
  #isLoaded = false;
  /** Files that must not be lost have a second name. */
  #isKept = true;
  #last: Promise<unknown> = Promise.resolve();

  /** @param directory made when it is not there; nobody else writes to it */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** Whether files can be had here, without changing any. @throws MeshError DATA_DIR_UNUSABLE */
  check(): Promise<void> {
    return this.#inTurn('use', async () => {
      await this.#makeDirectory();
      for (const file of ['snapshot', 'log']) {
        const handle = await unlessMissing(open(this.#path(file), 'r+'));
        await handle?.close();
      }
    });
  }

  /** @throws MeshError DATA_DIR_UNUSABLE */
  load(): Promise<LoadedFiles> {
    return this.#inTurn('read', async () => {
      await this.#makeDirectory();
      const snapshotBytes = await unlessMissing(readFile(this.#path('snapshot')));
      const logBytes = await unlessMissing(readFile(this.#path('log')));
      const snapshot = snapshotBytes && readSingleFrame(snapshotBytes);
      const log = readLog(logBytes ?? Buffer.alloc(0));
      const isDamaged = log.state === 'damaged' || (snapshotBytes !== undefined && snapshot === undefined);
      const setAside = isDamaged ? await this.#setAside() : [];
      const tornBytes = log.state === 'torn' ? (logBytes?.length ?? 0) - log.wholeBytes : 0;
      if (log.state === 'torn' && log.wholeBytes < LOG_HEADER.length) await this.#install('log', LOG_HEADER);
      else if (tornBytes > 0) await truncate(this.#path('log'), log.wholeBytes);
      this.#isLoaded = true;
      this.#isWhole = !isDamaged;
      return { snapshot, changes: log.frames, setAside, tornBytes };
    });
  }

  /** On disk when it returns. @throws MeshError DATA_DIR_UNUSABLE; then `replace` is the way on */
  append(changes: readonly Uint8Array[]): Promise<void> {
    return this.#inTurn('write', async () => {
      if (!this.#isWhole) throw new Error('the log has a gap; a snapshot comes first');
      if (changes.length === 0) return;
      this.#isWhole = false;
      const handle = await open(this.#path('log'), APPEND);
      try {
        await handle.appendFile(encodeFrames(changes));
        await handle.datasync();
      } finally {
        await handle.close();
      }
      this.#isWhole = true;
    });
  }

  /** The snapshot takes the place of everything before it, and is on disk. @throws MeshError DATA_DIR_UNUSABLE */
  replace(snapshot: Uint8Array): Promise<void> {
    return this.#inTurn('write', async () => {
      // What nobody has read would be wiped out.
      if (!this.#isLoaded) throw new Error('what is there has not been read yet');
      if (!this.#isKept) await this.#setAside();
      await this.#makeDirectory();
      await this.#install('snapshot', Buffer.concat([LOG_HEADER, encodeFrames([snapshot])]));
      // Only now: until the snapshot is safe, the log is all there is.
      await this.#install('log', LOG_HEADER);
      this.#isWhole = true;
    });
  }

  /** The snapshot reads well but cannot be used: keeps both files under other names. @throws MeshError DATA_DIR_UNUSABLE */
  setAside(): Promise<readonly string[]> {
    return this.#inTurn('write', () => this.#setAside());
  }

  #inTurn<T>(purpose: string, act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act).catch((error: unknown) => {
      throw this.#fault(purpose, error);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  #fault(purpose: string, error: unknown): MeshError {
    const meaning = systemErrorMeaning(error) ?? (error instanceof Error ? error.message : String(error));
    return new MeshError('DATA_DIR_UNUSABLE', `cannot ${purpose} the registry in ${this.directory}: ${meaning}`, {
      given: (error as NodeJS.ErrnoException).path ?? this.directory,
      expected: 'a directory whose files this user can read and write, on a disk with room',
      todo: 'mend it or make room',
      cause: error,
    });
  }

  /** Both: changes in the log rest on what the snapshot holds, and say together what neither says alone. */
  async #setAside(): Promise<string[]> {
    this.#isKept = false;
    const kept: string[] = [];
    for (const file of ['snapshot', 'log'] as const) {
      const path = await unlessMissing(this.#keepAs(file));
      if (path !== undefined) kept.push(path);
    }
    await syncDirectory(this.directory);
    this.#isKept = true;
    return kept;
  }

  /** Gives the file a second name that was not taken, unless it has one already. */
  async #keepAs(file: FileName): Promise<string> {
    for (let count = 1; count <= SET_ASIDE_MAX; count++) {
      const path = this.#path(`${file}.broken${count === 1 ? '' : `-${count}`}`);
      try {
        await link(this.#path(file), path);
        return path;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if ((await stat(path)).ino === (await stat(this.#path(file))).ino) return path;
      }
    }
    throw new Error(`${SET_ASIDE_MAX} files are set aside already`);
  }

  /** All of `bytes` in a new file under this name, or the old file. */
  async #install(file: FileName, bytes: Buffer): Promise<void> {
    const draft = this.#path(`${file}.tmp`);
    try {
      const handle = await open(draft, 'w', FILE_MODE);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, this.#path(file));
    } catch (error) {
      // Half a file on a full disk is in the way of the next attempt.
      await rm(draft, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncDirectory(this.directory);
  }

  async #makeDirectory(): Promise<void> {
    try {
      // Its parent is the node's data directory, which is there as long as the node runs.
      await mkdir(this.directory, { mode: DIRECTORY_MODE });
      await syncDirectory(dirname(this.directory));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (!(await stat(this.directory)).isDirectory()) throw new Error('it is not a directory', { cause: error });
    }
  }

  #path(file: string): string {
    return join(this.directory, file);
  }
}

/** Names in it are as safe as the files then. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
