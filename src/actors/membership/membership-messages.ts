/** What other rooms say to membership and hear from it. */
import type { KeyObject } from 'node:crypto';
import type { Address } from '../../address.ts';
import type { MeshError } from '../../errors.ts';
import type { ActorRef, Reply } from '../../supervision/behavior.ts';
import type { Happening } from './member-events.ts';
import type { TagChanges } from './own-tags.ts';
import type { SerfNews } from './serf/serf-effects.ts';
import type { SerfOrder, SerfOutcome } from './serf/serf-orders.ts';

export type MemberStatus = 'alive' | 'suspect' | 'dead' | 'left';

export interface MemberView {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** What the member says about itself. Nodes of ours carry `grpc`: host:port where they take sessions; and `health`: degraded, while their main loop stands still. */
  readonly tags: Readonly<Record<string, string>>;
  readonly status: MemberStatus;
  readonly incarnation: number;
  readonly isSelf: boolean;
  /** Datagrams to it get lost, streams do not; left out while they do not. */
  readonly isUdpLost?: true;
  /** Whether it has signed what is known of it: `pending` while its key is not known here, `no` for who signs nothing. Left out where this node has no identity itself. */
  readonly verified?: 'yes' | 'pending' | 'no' | 'false';
  /** Why it is no peer, and nothing is believed that it says of others. */
  readonly quarantine?: string;
  /** Gone for so long that gossip has forgotten it: it is listed so that people see who was here. Left out otherwise. */
  readonly isDeparted?: true;
  /** Monotonic time (the actor's clock) of the last change of status, in milliseconds. */
  readonly statusSinceMs: number;
}

/** What last made a node doubt itself. */
export type Strain = 'late-loop' | 'accused' | 'missed-nacks' | 'missed-acks';

export interface LocalHealthView {
  /** 0 is healthy; each point makes the node ask as many times more slowly. */
  readonly score: number;
  readonly max: number;
  /** While the score is not 0. */
  readonly strain?: Strain;
}

export interface MembershipView {
  /** Those that departed within a day too. */
  readonly members: readonly MemberView[];
  /** Join addresses that have not answered yet, as they were given. */
  readonly unreachedSeeds: readonly string[];
  /** Packets and requests dropped so far, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** How far this node trusts its own ears. */
  readonly localHealth: LocalHealthView;
}

export type MemberRecord =
  /** `member` is undefined when it is forgotten. Happenings: oldest first. */
  | { readonly kind: 'known'; readonly member: MemberView | undefined; readonly happenings: readonly Happening[] }
  /** Nobody of this name; who there is or was. */
  | { readonly kind: 'unknown'; readonly names: readonly string[] };

/** All nodes that are banned: nothing is believed of them or about them. Told on each change and again and again. */
export interface BansNews {
  readonly kind: 'bans-news';
  readonly names: readonly string[];
}

/** With what this node signs what it says of itself, and which keys of others are known. Told on each change and again and again. */
export interface IdentitiesNews {
  readonly kind: 'identities-news';
  readonly own: { readonly keyId: string; readonly key: KeyObject };
  readonly peers: readonly PeerIdentity[];
}

interface PeerIdentity {
  readonly name: string;
  /** Whether there is a session with it now. */
  readonly isOpen: boolean;
  /** Id in hex, and the public key in DER. */
  readonly keys: readonly { readonly keyId: string; readonly spki: Uint8Array }[];
}

/** From a life of membership that begins: it is answered with `IdentitiesNews`. */
export interface IdentitiesRequest {
  readonly kind: 'identities';
}

/** The keys of the trust domain: gossip travels in these, and in no others. The one that encrypts first. */
export interface KeysNews {
  readonly kind: 'keys-news';
  readonly keys: readonly Uint8Array[];
}

export type MembershipRequest =
  | BansNews
  | IdentitiesNews
  | KeysNews
  /**
   * Show this node to the mesh. The answer comes when a seed or a remembered address has answered, all have failed or two
   * seconds have passed: NAME_TAKEN when another node that lives has this node's name, and this one must not stay.
   */
  | { readonly kind: 'join'; readonly reply: Reply<MeshError | undefined> }
  | { readonly kind: 'view'; readonly reply: Reply<MembershipView> }
  | { readonly kind: 'record'; readonly member: string; readonly reply: Reply<MemberRecord> }
  /** Addresses that discovery wants tried, in place of all that it wanted before; those of the configuration stay. */
  | { readonly kind: 'seeds'; readonly seeds: readonly Address[] }
  | { readonly kind: 'order'; readonly order: SerfOrder; readonly reply: Reply<SerfOutcome> }
  /** The answer is all of this node's tags as they are then, or why they are as they were. */
  | { readonly kind: 'change-tags'; readonly changes: TagChanges; readonly reply: Reply<Readonly<Record<string, string>> | TagFault> }
  /** Expected round trip between two members in milliseconds; null while one of them has not been measured. */
  | { readonly kind: 'rtt'; readonly from: string; readonly to: string; readonly reply: Reply<number | null> }
  /**
   * For a listener that (re)starts: the list now, or the first one when membership has itself just started. It comes
   * before all later news, as an answer to an ask might not.
   */
  | { readonly kind: 'announce'; readonly to: ActorRef<MembershipNews> };

/** `not-kept`: the disk does not take them. */
export type TagFault = 'too-large' | 'not-kept';

/** Sent as it happens: what programs of other nodes say, and what they answer. */
export interface SerfHeard {
  readonly kind: 'serf-heard';
  readonly news: SerfNews;
}

/**
 * Sent to every listener after each change, at most ten times a second, and every five seconds anyway: the whole list,
 * so that a message lost costs nothing. A life of membership sends its first when it has joined: one that has just
 * restarted does not claim to be alone. Not of those that have departed.
 */
export interface MembershipNews {
  readonly kind: 'membership-news';
  readonly members: readonly MemberView[];
}

/** Sent to every hearer, what one packet or list brought at once. What is lost is lost: who must know how things are reads the news. */
export interface MemberEventsNews {
  readonly kind: 'member-events';
  readonly happenings: readonly Happening[];
}
