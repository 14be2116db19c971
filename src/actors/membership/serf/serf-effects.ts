/** What Serf's brain is told and what it wishes for. */
import type { GossipAddress } from '../../../transport/gossip-transport.ts';
import type { KeyResponse } from './serf-messages.ts';

/** What a query asks for, and whom. */
export interface QueryOrder {
  readonly name: string;
  readonly payload: Uint8Array;
  /** Only these nodes; empty for all. */
  readonly nodes: readonly string[];
  /** Only nodes whose tags match these expressions (RE2). */
  readonly tags: Readonly<Record<string, string>>;
  /** Whether every node that hears it says so. */
  readonly wantsAck: boolean;
  /** Through how many other nodes answers come too, where some may be lost. */
  readonly relayFactor: number;
  /** Undefined for what the size of the mesh suggests. */
  readonly timeoutMs: number | undefined;
}

export type SerfInput =
  /** A user message from a packet or a stream. */
  | { readonly kind: 'message'; readonly payload: Uint8Array }
  /** @see SerfState; `isFirst`: from the first node of the mesh that answered this one, so all in it is history */
  | { readonly kind: 'state'; readonly state: Uint8Array; readonly isFirst: boolean }
  /** The first node of the mesh has answered: all shall hear that this one is there on purpose. */
  | { readonly kind: 'joined' }
  /** Another node that lives has this one's name. */
  | { readonly kind: 'contested' }
  | { readonly kind: 'leaving' }
  | { readonly kind: 'member'; readonly name: string; readonly became: 'alive' | 'dead' | 'left' | 'reaped' }
  /** A ping was answered directly. */
  | { readonly kind: 'round-trip'; readonly peer: string; readonly payload: Uint8Array; readonly rttMs: number }
  | { readonly kind: 'timer'; readonly timer: SerfTimer };

export type SerfTimer =
  | { readonly kind: 'query-over'; readonly lTime: number }
  /** What was held back to see whether it is overtaken has been held for long enough. */
  | { readonly kind: 'events-due'; readonly window: number };

/** What goes out before what, when all has not room: who is there, what is asked, what has happened. */
export type UserLane = 'intent' | 'query' | 'event';

export type SerfEffect =
  /** To everybody. */
  | { readonly kind: 'gossip'; readonly lane: UserLane; readonly message: Uint8Array }
  | { readonly kind: 'send'; readonly to: GossipAddress; readonly message: Uint8Array }
  | { readonly kind: 'schedule'; readonly afterMs: number; readonly timer: SerfTimer }
  | { readonly kind: 'tell'; readonly news: SerfNews }
  /** Somebody says that a member that is dead has left: nobody waits for it any more. */
  | { readonly kind: 'let-go'; readonly member: string }
  /** And that it is to be forgotten at once. */
  | { readonly kind: 'prune'; readonly member: string }
  | { readonly kind: 'drop'; readonly reason: string };

/** What programs and people on this node hear. */
export type SerfNews =
  | { readonly type: 'event'; readonly lTime: number; readonly name: string; readonly payload: Uint8Array; readonly coalesce: boolean }
  /** May be answered once, until the time is up. */
  | { readonly type: 'query'; readonly lTime: number; readonly id: number; readonly name: string; readonly payload: Uint8Array; readonly from: string; readonly timeoutMs: number }
  /** Of a query of this node's. */
  | { readonly type: 'ack'; readonly asker: string; readonly from: string }
  | { readonly type: 'response'; readonly asker: string; readonly from: string; readonly payload: Uint8Array }
  | ({ readonly type: 'key-response'; readonly asker: string; readonly from: string } & KeyResponse)
  /** More see another node under this one's name: this one has to go. */
  | { readonly type: 'outvoted'; readonly forMe: number; readonly against: number }
  | { readonly type: 'over'; readonly asker: string; readonly acks: number; readonly responses: number; /** Alive when it ended. */ readonly members: number };
