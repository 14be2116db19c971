/** What is said in the room of formation, and what may be seen of it. */
import type { Found } from '../../transport/discovery/discovery.ts';
import type { MembershipNews } from '../membership/membership-messages.ts';
import type { RefusalReason } from './verdicts.ts';

export interface SourceView {
  readonly source: string;
  readonly taken: number;
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Of the first refused ones, this node itself left out. */
  readonly why: readonly string[];
  readonly trouble?: string;
}

export interface FormationView {
  readonly sources: readonly SourceView[];
  /** Wanted, and no living member. */
  readonly missing: number;
  /** Of these, what membership tries in this round. */
  readonly tried: readonly string[];
}

/** From a source: the whole of what it holds now, when that has changed and every ten seconds anyway. */
export interface SourceNews {
  readonly kind: 'found';
  readonly source: string;
  readonly found: Found;
}

/** To the one that reconciles what is wanted with who is there. */
export type FormationMessage = SourceNews | MembershipNews;
