/**
 * The registry's way to the disk, one act at a time. Trouble with the disk is answered and counted and never ends this
 * actor: the registry lives in memory and in its peers.
 */
import { MeshError } from '../../errors.ts';
import type { ActorContext, Behavior } from '../../supervision/behavior.ts';
import type { SaveOutcome, StorageRequest, StoredDocument, StoredRegistry } from './storage-messages.ts';

/**
 * The files, which outlive this actor: a write that its killed life began is over before the next life's begins.
 * Every method throws MeshError DATA_DIR_UNUSABLE.
 */
export interface StoredFiles {
  load(): Promise<StoredDocument & { readonly setAside: readonly string[]; readonly tornBytes: number }>;
  append(changes: readonly Uint8Array[]): Promise<void>;
  replace(snapshot: Uint8Array): Promise<void>;
  /** Paths of what is kept. */
  setAside(): Promise<readonly string[]>;
}

interface StorageState {
  readonly counts: { appends: number; replaces: number; failures: number };
}

type Context = ActorContext<StorageRequest>;

const DAMAGED_TODO = 'what could be read is kept, and peers give what they have; these are the files as they were found';

export function storageActor(files: StoredFiles): Behavior<StorageState, StorageRequest> {
  return {
    init: () => ({ counts: { appends: 0, replaces: 0, failures: 0 } }),
    async receive(state, message, context) {
      const { counts } = state;
      switch (message.kind) {
        case 'load':
          message.reply(await load(files, context));
          break;
        case 'append':
          counts.appends++;
          message.reply(await saved(state, files.append(message.changes)));
          break;
        case 'replace':
          counts.replaces++;
          message.reply(await saved(state, files.replace(message.snapshot)));
          break;
        case 'set-aside':
          await setAside(state, files, context);
          break;
      }
      return state;
    },
    view: ({ counts }) => counts,
  };
}

async function load(files: StoredFiles, context: Context): Promise<StoredRegistry | MeshError> {
  try {
    const { snapshot, changes, setAside, tornBytes } = await files.load();
    if (setAside.length > 0) context.log.log('error', 'registry-damaged', { keptAs: setAside, changesRead: changes.length, todo: DAMAGED_TODO });
    // Its write was never answered: nobody was told that it is safe.
    if (tornBytes > 0) context.log.log('info', 'torn-write-dropped', { tornBytes, changesRead: changes.length });
    return { snapshot, changes, isDamaged: setAside.length > 0 };
  } catch (error) {
    return faultOf(error);
  }
}

async function saved(state: StorageState, done: Promise<void>): Promise<SaveOutcome> {
  try {
    await done;
    return 'saved';
  } catch (error) {
    state.counts.failures++;
    return faultOf(error);
  }
}

async function setAside(state: StorageState, files: StoredFiles, context: Context): Promise<void> {
  try {
    context.log.log('error', 'registry-damaged', { keptAs: await files.setAside(), todo: DAMAGED_TODO });
  } catch (error) {
    state.counts.failures++;
    context.log.log('error', 'set-aside-failed', { error: faultOf(error).message });
  }
}

/** Anything but a fault is a bug, which ends this life. */
function faultOf(error: unknown): MeshError {
  if (error instanceof MeshError) return error;
  throw error;
}
