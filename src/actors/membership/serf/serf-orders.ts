/** What programs and people on this node want of Serf, and what becomes of that. */
import type { KeyChange } from '../wire/keyring.ts';
import type { QueryOrder } from './serf-effects.ts';

export type SerfOrder =
  | { readonly kind: 'send-event'; readonly name: string; readonly payload: Uint8Array; readonly coalesce: boolean }
  /** `asker` comes back with everything that is told of it. */
  | { readonly kind: 'ask'; readonly asker: string; readonly query: QueryOrder }
  /** Of the keys of all nodes; ends as soon as all have answered. */
  | { readonly kind: 'keys'; readonly asker: string; readonly action: KeyChange | 'list' }
  /** Says of a member that is gone that it has left, and with `prune` that all forget it at once. */
  | { readonly kind: 'force-leave'; readonly member: string; readonly prune: boolean }
  /** To a query that was told of. */
  | { readonly kind: 'answer'; readonly lTime: number; readonly id: number; readonly payload: Uint8Array };

/**
 * `over`: nobody waits for that answer any more. `no-serf`: the mesh is not one of Serf's agents. `still-here`: the member
 * answers, and would say so.
 */
export type SerfOutcome = 'done' | 'too-large' | 'too-many' | 'over' | 'no-serf' | 'unknown-member' | 'still-here';
