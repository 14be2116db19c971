/** Where other nodes may be, as some source has it: what every strategy of discovery gives. */
import type { Clock } from '../../clock.ts';
import type { Random } from '../../random.ts';
import type { GossipAddress } from '../gossip-transport.ts';

/** Why a source can make no address of what it holds. */
export type SourceRefusal = 'bad-address' | 'unresolvable' | 'other-port' | 'not-ready';

/** `given` is what the source says, for people. */
export type Candidate =
  | { readonly given: string; readonly address: GossipAddress }
  | { readonly given: string; readonly refusal: SourceRefusal; readonly why: string };

/** The whole of what a source holds now. */
export interface Found {
  readonly candidates: readonly Candidate[];
  /** What keeps the source from being asked or heard now; then `candidates` is what it held before. */
  readonly trouble?: string;
}

/**
 * Each item is the whole set of peers that are wanted now. It goes on until `signal` is aborted, and has then let go of
 * what it held; an end or an error before that is the end of this try, and whoever iterates starts another.
 */
export type Discover = (signal: AbortSignal) => AsyncIterable<Found>;

/** What a strategy sees of the world. */
export interface DiscoveryWorld {
  /** Where this node gossips, for strategies by which nodes show themselves; undefined for one who only looks. */
  readonly self: GossipAddress | undefined;
  /** IP address on whose interface listeners are. */
  readonly bind: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Every address of a host. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
}

/** What is read of one source at most: as many as a node can have sessions with, and as many again that are refused. */
export const CANDIDATES_MAX = 2_048;
