/** What the registry says to its storage and hears from it. */
import type { MeshError } from '../../errors.ts';
import type { Reply } from '../../supervision/behavior.ts';

export interface StoredRegistry {
  /** The document as it was last saved whole. */
  readonly snapshot: Uint8Array | undefined;
  /** Changes since, in order. */
  readonly changes: readonly Uint8Array[];
}

/** `lost`: not on disk; what was lost will be in the next snapshot. */
export type AppendOutcome = 'kept' | 'lost';
export type ReplaceOutcome = 'replaced' | 'failed';

export type StorageRequest =
  /** What is on disk. Fault: DATA_DIR_UNUSABLE. Until it has been answered well once, nothing is written. */
  | { readonly kind: 'load'; readonly reply: Reply<StoredRegistry | MeshError> }
  /** Answered when the changes are safe on disk, or will not be. */
  | { readonly kind: 'append'; readonly changes: readonly Uint8Array[]; readonly reply: Reply<AppendOutcome> }
  /** The snapshot takes the place of everything stored before. */
  | { readonly kind: 'replace'; readonly snapshot: Uint8Array; readonly reply: Reply<ReplaceOutcome> }
  /** The stored snapshot could not be used: keep it for people, out of the way. */
  | { readonly kind: 'set-aside' }
  /** Answered when every append before it has been. */
  | { readonly kind: 'flush'; readonly reply: Reply<'flushed'> };
