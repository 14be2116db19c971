/**
 * The brain of formation: which addresses membership should try now. All that sources hold is wanted; what is wanted and
 * is no living member is missing; of what is missing some are tried in each round, for ever. So a mesh forms, and two
 * halves that have forgotten each other find together again, as long as a source knows both.
 */
import { formatAddress } from '../../address.ts';
import { sample, type Random } from '../../random.ts';
import type { Found } from '../../transport/discovery/discovery.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import type { MemberView } from '../membership/membership-messages.ts';
import type { FormationView, SourceView } from './formation-messages.ts';
import { judge, plainHost, type RefusalReason, type Verdict } from './verdicts.ts';

export interface FormationOptions {
  /** Where this node gossips. */
  readonly self: GossipAddress;
  readonly random: Random;
}

export type FormationInput =
  /** Once, before anything else. */
  | { readonly kind: 'started' }
  | { readonly kind: 'found'; readonly source: string; readonly found: Found }
  | { readonly kind: 'members'; readonly members: readonly MemberView[] }
  | { readonly kind: 'round-due' };

export type FormationEffect =
  /** All that membership should try, in place of what it was told before. */
  | { readonly kind: 'seeds'; readonly seeds: readonly GossipAddress[] }
  | { readonly kind: 'schedule-round'; readonly afterMs: number }
  /** What a source holds is not what it held. */
  | { readonly kind: 'source-changed'; readonly view: SourceView };

/** A source of a thousand addresses where nobody is costs a node this many attempts a round, with their repetitions. */
export const TRIED_AT_ONCE = 8;
export const ROUND_MS = 10_000;
/** Nodes that start together should not try together. */
const JITTER = 0.3;
/** For a person to look at. */
const REFUSED_SHOWN = 16;

export class Formation {
  readonly #self: GossipAddress;
  readonly #random: Random;
  readonly #sources = new Map<string, { readonly verdicts: readonly Verdict[]; readonly trouble: string | undefined }>();
  #living: ReadonlySet<string> = new Set();
  #tried = new Map<string, GossipAddress>();

  constructor({ self, random }: FormationOptions) {
    this.#self = self;
    this.#random = random;
  }

  handle(input: FormationInput): FormationEffect[] {
    switch (input.kind) {
      case 'started':
        return [this.#nextRound()];
      case 'found':
        return this.#take(input.source, input.found);
      case 'members':
        this.#living = new Set(input.members.filter(({ status }) => status === 'alive' || status === 'suspect').map(keyOf));
        return [];
      case 'round-due':
        return [...this.#try(sample(this.#random, [...this.#missing], TRIED_AT_ONCE)), this.#nextRound()];
    }
  }

  get view(): FormationView {
    const missing = this.#missing;
    return {
      sources: Array.from(this.#sources.keys(), (source) => this.#viewOf(source)),
      missing: missing.size,
      tried: [...this.#tried.keys()].filter((key) => missing.has(key)),
    };
  }

  /** Wanted by some source, and not among the living. */
  get #missing(): Map<string, GossipAddress> {
    const missing = new Map<string, GossipAddress>();
    for (const { verdicts } of this.#sources.values()) {
      for (const verdict of verdicts) if (verdict.isTaken && !this.#living.has(keyOf(verdict.address))) missing.set(keyOf(verdict.address), verdict.address);
    }
    return missing;
  }

  #take(source: string, { candidates, trouble }: Found): FormationEffect[] {
    const before = this.#sources.get(source);
    const now = { verdicts: judge(candidates, this.#self), trouble };
    this.#sources.set(source, now);
    const hasChanged = JSON.stringify(before) !== JSON.stringify(now);
    return [...(hasChanged ? [{ kind: 'source-changed', view: this.#viewOf(source) } as const] : []), ...this.#fillUp()];
  }

  /** What is new need not wait for the next round, and does not take the place of what is being tried. */
  #fillUp(): FormationEffect[] {
    const missing = this.#missing;
    const kept = [...this.#tried].filter(([key]) => missing.has(key));
    const others = [...missing].filter(([key]) => !this.#tried.has(key));
    const added = sample(this.#random, others, TRIED_AT_ONCE - kept.length);
    return added.length === 0 && kept.length === this.#tried.size && kept.length > 0 ? [] : this.#try([...kept, ...added]);
  }

  #try(addresses: readonly (readonly [string, GossipAddress])[]): FormationEffect[] {
    this.#tried = new Map(addresses);
    return [{ kind: 'seeds', seeds: [...this.#tried.values()] }];
  }

  #nextRound(): FormationEffect {
    return { kind: 'schedule-round', afterMs: ROUND_MS * (1 - JITTER + 2 * JITTER * this.#random.next()) };
  }

  #viewOf(source: string): SourceView {
    const { verdicts, trouble } = this.#sources.get(source)!;
    const refused: Partial<Record<RefusalReason, number>> = {};
    for (const verdict of verdicts) if (!verdict.isTaken) refused[verdict.reason] = (refused[verdict.reason] ?? 0) + 1;
    return {
      source,
      taken: verdicts.filter(({ isTaken }) => isTaken).length,
      refused,
      why: verdicts.flatMap((verdict) => (verdict.isTaken || verdict.reason === 'self' ? [] : [`${verdict.given}: ${verdict.why}`])).slice(0, REFUSED_SHOWN),
      ...(trouble === undefined ? {} : { trouble }),
    };
  }
}

function keyOf({ host, port }: GossipAddress): string {
  return formatAddress({ host: plainHost(host), port });
}
