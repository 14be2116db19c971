/** What others ask of the room that keeps the bundle. */
import type { MeshError } from '../../errors.ts';
import type { Reply } from '../../supervision/behavior.ts';
import type { StatedAuthority } from '../../trust/signed-bundle.ts';
import type { AuthorityOrder } from './authority-orders.ts';

export interface AuthorityView {
  readonly trustDomain: string;
  /** 0 where no signed bundle was ever seen. */
  readonly sequence: number;
  readonly isHere: boolean;
  readonly authorities: readonly StatedAuthority[];
  readonly outgoing: { readonly ids: readonly string[]; readonly count: number };
  readonly lagging: readonly string[];
}

export interface AuthorityChanged extends AuthorityView {
  readonly outcome: 'changed' | 'unchanged';
}

export type AuthorityRequest =
  | { readonly kind: 'show-authority'; readonly reply: Reply<AuthorityView | MeshError> }
  | { readonly kind: 'change-authority'; readonly order: AuthorityOrder; readonly reply: Reply<AuthorityChanged | MeshError> };
