/**
 * The registry on disk: `snapshot`, and `log` with the changes since. Trouble with the disk is answered, logged and
 * counted, and never ends this actor: the registry lives in memory and in its peers.
 */
import { mkdir, open, readFile, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../../errors.ts';
import type { ActorContext, Behavior, Reply } from '../../supervision/behavior.ts';
import { encodeFrames, LOG_HEADER, readLog } from './log-frames.ts';
import type { AppendOutcome, StorageRequest, StoredRegistry } from './storage-messages.ts';

export interface StorageOptions {
  /** Made when it is not there. Nobody else writes to it. */
  readonly directory: string;
}

export type StorageMessage = StorageRequest | { readonly kind: 'commit' };

/** Changes wait this long for others to share one fsync with. */
const COMMIT_AFTER_MS = 100;
/** More than this is written at once. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

interface StorageState {
  /** What was on disk has been read, and the log ends with a whole frame. */
  isLoaded: boolean;
  /** An append failed: what follows in the log might not be read back. A snapshot mends it. */
  isTorn: boolean;
  pending: { readonly changes: readonly Uint8Array[]; readonly reply: Reply<AppendOutcome> }[];
  pendingBytes: number;
  readonly counts: { appends: number; appendsFailed: number; replaces: number; replacesFailed: number };
}

type Context = ActorContext<StorageMessage>;

export function storageActor({ directory }: StorageOptions): Behavior<StorageState, StorageMessage> {
  const files = new RegistryFiles(directory);
  return {
    init: () => ({
      isLoaded: false,
      isTorn: false,
      pending: [],
      pendingBytes: 0,
      counts: { appends: 0, appendsFailed: 0, replaces: 0, replacesFailed: 0 },
    }),
    async receive(state, message, context) {
      switch (message.kind) {
        case 'load':
          await commit(state, files, context);
          message.reply(await load(state, files, context));
          break;
        case 'append':
          await append(state, message, files, context);
          break;
        case 'commit':
          await commit(state, files, context);
          break;
        case 'replace':
          await commit(state, files, context);
          message.reply((await replace(state, message.snapshot, files, context)) ? 'replaced' : 'failed');
          break;
        case 'set-aside':
          await attempt(context, 'set-aside-failed', () => files.setAside('snapshot'));
          break;
        case 'flush':
          await commit(state, files, context);
          message.reply('flushed');
          break;
      }
      return state;
    },
    terminate: (state, _reason, context) => commit(state, files, context),
    view: ({ isLoaded, isTorn, pendingBytes, counts }) => ({ directory, isLoaded, isTorn, pendingBytes, ...counts }),
  };
}

async function load(state: StorageState, files: RegistryFiles, context: Context): Promise<StoredRegistry | MeshError> {
  try {
    const { snapshot, changes, setAside, tornBytes } = await files.load();
    for (const file of setAside) context.log.log('error', 'file-set-aside', { file, todo: 'it was damaged; what it held comes back from peers' });
    if (tornBytes > 0) context.log.log('warn', 'log-truncated', { tornBytes, framesKept: changes.length });
    state.isLoaded = true;
    state.isTorn = false;
    return { snapshot, changes };
  } catch (error) {
    return new MeshError('DATA_DIR_UNUSABLE', `the registry's directory cannot be used: ${String(error)}`, {
      given: files.directory,
      expected: 'a directory that this user may read and write, on a disk with room',
      todo: 'mend the directory; the node tries again by itself',
      cause: error,
    });
  }
}

async function append(state: StorageState, message: Extract<StorageMessage, { kind: 'append' }>, files: RegistryFiles, context: Context): Promise<void> {
  if (!state.isLoaded || state.isTorn) {
    message.reply('lost');
    return;
  }
  if (state.pending.length === 0) context.setTimer('commit', COMMIT_AFTER_MS, { kind: 'commit' });
  state.pending.push(message);
  for (const change of message.changes) state.pendingBytes += change.length;
  if (state.pendingBytes > PENDING_BYTES_MAX) await commit(state, files, context);
}

async function commit(state: StorageState, files: RegistryFiles, context: Context): Promise<void> {
  if (state.pending.length === 0) return;
  const appends = state.pending;
  state.pending = [];
  state.pendingBytes = 0;
  const isKept = await attempt(context, 'append-failed', () => files.append(appends.flatMap(({ changes }) => changes)));
  state.isTorn ||= !isKept;
  state.counts[isKept ? 'appends' : 'appendsFailed'] += appends.length;
  for (const { reply } of appends) reply(isKept ? 'kept' : 'lost');
}

async function replace(state: StorageState, snapshot: Uint8Array, files: RegistryFiles, context: Context): Promise<boolean> {
  if (!state.isLoaded) return false;
  const isReplaced = await attempt(context, 'replace-failed', () => files.replace(snapshot));
  if (isReplaced) state.isTorn = false;
  state.counts[isReplaced ? 'replaces' : 'replacesFailed']++;
  return isReplaced;
}

async function attempt(context: Context, event: string, act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    context.log.log('error', event, { error: String(error) });
    return false;
  }
}

type FileName = 'snapshot' | 'log';

/** The two files. Every method throws what the file system says. */
class RegistryFiles {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  async load(): Promise<{ snapshot: Uint8Array | undefined; changes: readonly Uint8Array[]; setAside: FileName[]; tornBytes: number }> {
    await mkdir(this.directory, { recursive: true, mode: DIRECTORY_MODE });
    const setAside: FileName[] = [];
    const snapshotBytes = await this.#read('snapshot');
    const saved = snapshotBytes === undefined ? undefined : readLog(snapshotBytes);
    const snapshot = saved?.wholeBytes === snapshotBytes?.length && saved?.frames.length === 1 ? saved.frames[0] : undefined;
    if (snapshotBytes !== undefined && snapshot === undefined) setAside.push('snapshot');
    const logBytes = await this.#read('log');
    const log = readLog(logBytes ?? Buffer.alloc(0));
    if (log === undefined) setAside.push('log');
    for (const file of setAside) await this.setAside(file);
    const wholeBytes = log?.wholeBytes ?? 0;
    const tornBytes = log === undefined ? 0 : (logBytes?.length ?? 0) - wholeBytes;
    if (tornBytes > 0) await truncate(this.#path('log'), wholeBytes);
    if (wholeBytes === 0) await this.#write('log', 'w', LOG_HEADER);
    await this.#syncDirectory();
    return { snapshot, changes: log?.frames ?? [], setAside, tornBytes };
  }

  async append(changes: readonly Uint8Array[]): Promise<void> {
    await this.#write('log', 'a', encodeFrames(changes));
  }

  /** At every moment of it, a crash leaves the old contents or the new ones. */
  async replace(snapshot: Uint8Array): Promise<void> {
    await this.#write('snapshot.tmp', 'w', Buffer.concat([LOG_HEADER, encodeFrames([snapshot])]));
    await rename(this.#path('snapshot.tmp'), this.#path('snapshot'));
    await this.#syncDirectory();
    // Only now: until the snapshot is safe, the log is all there is.
    await this.#write('log', 'w', LOG_HEADER);
  }

  /** An older file that was set aside gives way to the newer one. */
  async setAside(file: FileName): Promise<void> {
    await rename(this.#path(file), this.#path(`${file}.broken`));
  }

  #path(file: string): string {
    return join(this.directory, file);
  }

  async #read(file: FileName): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#path(file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #write(file: string, flag: 'w' | 'a', bytes: Buffer): Promise<void> {
    const handle = await open(this.#path(file), flag, FILE_MODE);
    try {
      await handle.appendFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async #syncDirectory(): Promise<void> {
    const handle = await open(this.directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
