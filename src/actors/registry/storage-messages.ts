/** What the registry says to its storage and hears from it. */
import type { MeshError } from '../../errors.ts';
import type { Reply } from '../../supervision/behavior.ts';

export interface StoredDocument {
  /** The document as it was last saved whole. */
  readonly snapshot: Uint8Array | undefined;
  /** Changes since, in order. */
  readonly changes: readonly Uint8Array[];
}

export interface StoredRegistry extends StoredDocument {
  /** Something was damaged: the log takes no more changes before a snapshot has taken its place. */
  readonly isDamaged: boolean;
}

/** `saved`: it is on disk. After a fault, DATA_DIR_UNUSABLE, the log takes no more changes before a snapshot has taken its place. */
export type SaveOutcome = 'saved' | MeshError;

export type StorageRequest =
  /** What is on disk. Fault: DATA_DIR_UNUSABLE. Until it has been answered well once, nothing is written. */
  | { readonly kind: 'load'; readonly reply: Reply<StoredRegistry | MeshError> }
  | { readonly kind: 'append'; readonly changes: readonly Uint8Array[]; readonly reply: Reply<SaveOutcome> }
  /** The snapshot takes the place of everything stored before. */
  | { readonly kind: 'replace'; readonly snapshot: Uint8Array; readonly reply: Reply<SaveOutcome> }
  /** The stored snapshot could not be used: keep it for people, out of the way. */
  | { readonly kind: 'set-aside' };
