/** What other rooms say to the registry and hear from it. */
import type { ActorRef, Reply } from '../../supervision/behavior.ts';
import type { MeshError } from '../../errors.ts';

export interface RegistryEntryView {
  readonly key: string;
  readonly value: string;
  /** Node that wrote it. */
  readonly writer: string;
  /** By the writer's wall clock, milliseconds since the Unix epoch. */
  readonly writtenAtMs: number;
  /** Concurrent writes disagreed; this is the winner, the same on every node. */
  readonly conflict: boolean;
}

export type RegistryChange =
  | { readonly type: 'put'; readonly entry: RegistryEntryView }
  | { readonly type: 'delete'; readonly key: string }
  /** All that stood when the watch began has been sent. */
  | { readonly type: 'synced' };

export interface RegistryNews {
  readonly kind: 'registry-news';
  readonly watch: string;
  readonly change: RegistryChange;
}

export interface RegistryStatus {
  readonly entries: number;
  /** While the disk takes no changes: since when by this node's wall clock, and what it said last. */
  readonly notSaved: { readonly atMs: number; readonly reason: string } | undefined;
}

export type RegistryRequest =
  /** Answered when it is on disk. Faults: BAD_ARGUMENT, TOO_LARGE, OVERLOADED, DATA_DIR_UNUSABLE. */
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly reply: Reply<{ readonly created: boolean } | MeshError> }
  | { readonly kind: 'get'; readonly key: string; readonly reply: Reply<RegistryEntryView | undefined> }
  /** Answered when it is on disk. Faults: OVERLOADED, DATA_DIR_UNUSABLE. */
  | { readonly kind: 'delete'; readonly key: string; readonly reply: Reply<{ readonly deleted: boolean } | MeshError> }
  | { readonly kind: 'list'; readonly prefix: string; readonly reply: Reply<readonly RegistryEntryView[]> }
  | { readonly kind: 'status'; readonly reply: Reply<RegistryStatus> }
  /**
   * The entries under the prefix, `synced`, then every change, until `unwatch` or the subscriber's life ends. A
   * subscriber with a full mailbox is told later, and then the latest of each key. Fault: OVERLOADED.
   */
  | {
      readonly kind: 'watch';
      readonly watch: string;
      readonly prefix: string;
      readonly subscriber: ActorRef<RegistryNews>;
      readonly reply?: Reply<'watching' | MeshError>;
    }
  | { readonly kind: 'unwatch'; readonly watch: string };
