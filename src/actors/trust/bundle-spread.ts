/**
 * How all nodes come to believe the same, and know it of each other. Pure.
 *
 * 1. A bundle proves itself (signed-bundle.ts): the greatest wins, whoever brings it. Who changes it sends it to every peer; who
 *    takes it from a peer tells the others that he has it.
 * 2. What a node holds, and who speaks there with certificates of an authority on its way out, it tells every peer when that
 *    changes or a session opens, and a few on every pulse. Who hears of an older one than his own answers with his own, and who
 *    hears of a later one with what he holds: so whoever was away learns it.
 * 3. What is known of a peer is forgotten with its session: nobody is taken to be ready for what he said before.
 */
import type { Random } from '../../random.ts';
import { sample } from '../../random.ts';
import type { SignedBundle } from '../../trust/signed-bundle.ts';

export interface Standing {
  /** 0 where no signed bundle is held. */
  readonly sequence: number;
  /** Hex. */
  readonly id: string;
  /** SPIFFE IDs: the first of those who use what is on its way out, and how many there are. */
  readonly outgoing: readonly string[];
  readonly outgoingCount: number;
}

/** What goes over a session; one of these is there. */
export interface BundleTalk {
  readonly standing?: Standing;
  readonly document?: SignedBundle;
}

export type BundleSpreadInput =
  /** How this node stands now; by whom it got a bundle that is new, if by a peer. */
  | { readonly kind: 'stands'; readonly standing: Standing; readonly document: SignedBundle | undefined; readonly from: string | undefined }
  | { readonly kind: 'peer-up'; readonly node: string }
  | { readonly kind: 'peer-down'; readonly node: string }
  | { readonly kind: 'heard'; readonly node: string; readonly talk: BundleTalk }
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' };

export type BundleSpreadEffect =
  | { readonly kind: 'send'; readonly node: string; readonly talk: BundleTalk }
  /** To be looked into; what becomes of it comes back as `stands`. */
  | { readonly kind: 'offer'; readonly node: string; readonly document: SignedBundle };

export const PULSE_MS = 1_000;
const TELL_TO = 3;

const NOTHING: Standing = { sequence: 0, id: '', outgoing: [], outgoingCount: 0 };

export class BundleSpread {
  readonly #random: Random;
  readonly #peers = new Map<string, Standing | undefined>();
  /** Who was answered since the last pulse: once is enough. */
  readonly #answered = new Set<string>();
  #own = NOTHING;
  #document: SignedBundle | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  get own(): Standing {
    return this.#own;
  }

  standingOf(node: string): Standing | undefined {
    return this.#peers.get(node);
  }

  /** Those of these nodes that are not known to hold what this one holds. */
  lagging(nodes: readonly string[]): readonly string[] {
    return nodes.filter((node) => this.#peers.get(node)?.id !== this.#own.id);
  }

  /** Who speaks, here or elsewhere, with what is on its way out. Peers that hold another bundle speak of something else. */
  outgoing(): { readonly ids: readonly string[]; readonly count: number } {
    const standings = [this.#own, ...this.#peers.values()].filter((standing) => standing?.id === this.#own.id) as readonly Standing[];
    const ids = [...new Set(standings.flatMap(({ outgoing }) => outgoing))].sort();
    // One identity has sessions with many: no more is known than that there are so many somewhere.
    return { ids, count: Math.max(ids.length, ...standings.map(({ outgoingCount }) => outgoingCount)) };
  }

  handle(input: BundleSpreadInput): readonly BundleSpreadEffect[] {
    switch (input.kind) {
      case 'stands':
        return this.#stands(input);
      case 'peer-up':
        this.#peers.set(input.node, undefined);
        return [this.#standingTo(input.node)];
      case 'peer-down':
        this.#peers.delete(input.node);
        return [];
      case 'heard':
        return this.#hear(input.node, input.talk);
      case 'pulse':
        this.#answered.clear();
        return sample(this.#random, [...this.#peers.keys()], TELL_TO).map((node) => this.#standingTo(node));
    }
  }

  #stands({ standing, document, from }: Extract<BundleSpreadInput, { kind: 'stands' }>): readonly BundleSpreadEffect[] {
    const before = this.#own;
    this.#own = standing;
    this.#document = document;
    if (JSON.stringify(before) === JSON.stringify(standing)) return [];
    const isOurWord = before.id !== standing.id && from === undefined;
    const peers = [...this.#peers.keys()];
    return [...(isOurWord ? peers.flatMap((node) => this.#documentTo(node)) : []), ...peers.map((node) => this.#standingTo(node))];
  }

  #hear(node: string, { standing, document }: BundleTalk): readonly BundleSpreadEffect[] {
    if (document !== undefined) return [{ kind: 'offer', node, document }];
    if (standing === undefined) return [];
    if (this.#peers.has(node)) this.#peers.set(node, standing);
    if (standing.id === this.#own.id || this.#answered.has(node)) return [];
    this.#answered.add(node);
    const isLater = standing.sequence > this.#own.sequence || (standing.sequence === this.#own.sequence && standing.id > this.#own.id);
    return isLater ? [this.#standingTo(node)] : this.#documentTo(node);
  }

  #standingTo(node: string): BundleSpreadEffect {
    return { kind: 'send', node, talk: { standing: this.#own } };
  }

  #documentTo(node: string): readonly BundleSpreadEffect[] {
    return this.#document === undefined ? [] : [{ kind: 'send', node, talk: { document: this.#document } }];
  }
}
