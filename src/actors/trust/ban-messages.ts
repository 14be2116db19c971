/** What others ask of the ban list. */
import type { MeshError } from '../../errors.ts';
import type { Reply } from '../../supervision/behavior.ts';
import type { HeldBan } from '../../trust/ban-entry.ts';
import type { BanOrder, WaitingUnban } from './ban-orders.ts';

export interface BanDone {
  readonly outcome: 'done' | 'waits';
  /** SPIFFE ID. */
  readonly subject: string;
  /** Peers that were told at once. */
  readonly told: number;
  /** Connections that were cut off here. */
  readonly severed: number;
}

export interface BansView {
  readonly bans: readonly { readonly ban: HeldBan; readonly counts: boolean }[];
  readonly digest: string;
  readonly waiting: readonly WaitingUnban[];
}

export type BansRequest =
  | { readonly kind: 'order'; readonly order: BanOrder; readonly reply: Reply<BanDone | MeshError> }
  | { readonly kind: 'list'; readonly reply: Reply<BansView> };
