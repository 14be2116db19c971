/** What happens to members, as facts: for the log, for operators, for other rooms. */
import type { GossipAddress } from '../../transport/gossip-transport.ts';

/** How this node came to suspect a member by itself: nothing came back on any path. */
export interface ProbeEvidence {
  /** Members that were asked to ping it in our place. */
  readonly helpers: readonly string[];
  /** What became of the ping on a stream: why it failed, or why there was none. */
  readonly stream: string;
  /** Of this node at that time: its own score, 0 when it hears well. */
  readonly health: number;
}

/** `told`: by the accuser; `listed`: in a list of members that somebody sent; `no-ack`: by this node, whose probe was not answered. */
export type SuspectReason = { readonly reason: 'told' | 'listed' } | { readonly reason: 'no-ack'; readonly probe: ProbeEvidence };

export type MemberEvent = {
  readonly member: string;
  readonly incarnation: number;
} & (
  /** `new`: not known before; `back`: it was dead or had left. */
  | { readonly type: 'alive'; readonly reason: 'new' | 'back'; readonly address: GossipAddress }
  | ({ readonly type: 'suspect'; readonly accuser: string } & SuspectReason)
  /** One more suspects it: of `wanted` confirmations that shorten its term this is number `confirmations`. */
  | ({ readonly type: 'confirmed'; readonly accuser: string; readonly confirmations: number; readonly wanted: number } & SuspectReason)
  /** A suspected member says that it is alive, at a higher incarnation; `accuser` is who suspected it first. */
  | { readonly type: 'refuted'; readonly reason: 'answered'; readonly accuser: string }
  /** This node itself was accused, or was confronted with a claim of an earlier life. */
  | { readonly type: 'refuted'; readonly reason: 'accused'; readonly accuser: string }
  | { readonly type: 'refuted'; readonly reason: 'outdated-claim' }
  | { readonly type: 'dead'; readonly reason: 'suspicion-timeout' | 'told'; readonly accuser: string }
  /** The mesh keeps it out, as this node heard. */
  | { readonly type: 'dead'; readonly reason: 'banned'; readonly accuser: string; readonly address: GossipAddress }
  | { readonly type: 'left'; readonly reason: 'goodbye' }
  /** It was dead, and somebody says that it is not to be waited for. */
  | { readonly type: 'left'; readonly reason: 'let-go'; readonly address: GossipAddress }
  | { readonly type: 'updated'; readonly reason: 'tags' }
  /** It is elsewhere now, and nobody answered for it where it was. */
  | { readonly type: 'updated'; readonly reason: 'address'; readonly address: GossipAddress }
  /** Forgotten, by people too; what it was then. */
  | { readonly type: 'reaped'; readonly reason: 'dead' | 'left' }
  /** Somebody says that it is to be forgotten at once. */
  | { readonly type: 'reaped'; readonly reason: 'pruned'; readonly address: GossipAddress }
  /** Datagrams to it get lost and streams work: it is reached on streams, until datagrams are answered again. */
  | { readonly type: 'udp-lost'; readonly reason: 'tcp-works' }
  | { readonly type: 'udp-back'; readonly reason: 'answered' }
  /** What it says of itself is signed with its key. */
  | { readonly type: 'verified'; readonly reason: 'signature' }
  /** Somebody says something of it that it did not sign, and it was not believed. */
  | { readonly type: 'false-claim'; readonly reason: 'bad-signature'; readonly address: GossipAddress }
  /** The same, and `accuser` is who signed it. */
  | { readonly type: 'false-claim'; readonly reason: 'signed-by-another'; readonly address: GossipAddress; readonly accuser: string }
  /** From now on it is no peer, and what it says of others counts for nothing. */
  | { readonly type: 'quarantined'; readonly reason: 'false-record' }
  | { readonly type: 'quarantined'; readonly reason: 'claimed-another'; readonly claimed: string }
  | { readonly type: 'released'; readonly reason: 'well-behaved' }
  /** Someone claims a name that a living member has at another address. */
  | { readonly type: 'conflict'; readonly reason: 'other-address'; readonly address: GossipAddress }
);

export interface Happening {
  /** Monotonic in this room; milliseconds since the Unix epoch where others are told. */
  readonly atMs: number;
  readonly event: MemberEvent;
}
