/** What a node remembers of membership when it restarts. */
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import type { ClockTimes } from './serf/lamport-clock.ts';

export interface PeerMemory {
  load(): readonly GossipAddress[];
  /** May throw: what is not remembered only makes the next start slower. */
  save(addresses: readonly GossipAddress[]): void;
}

export interface IncarnationMemory {
  /** 0 when none is known. */
  load(): number;
  /** May throw: then others answer with what they hold of an earlier life, and the next one goes above that. */
  save(incarnation: number): void;
}

export interface ClockMemory {
  load(): ClockTimes | undefined;
  /** May throw: then the next life hears again what it has heard. */
  save(times: ClockTimes): void;
}
