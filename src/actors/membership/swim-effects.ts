/** What the brain is told and what it wishes for. */
import type { KeyObject } from 'node:crypto';
import type { Address } from '../../address.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import type { ClaimSigner, KnownPeer } from './claim-proofs.ts';
import type { MemberEvent } from './member-events.ts';
import type { ClockTimes } from './serf/lamport-clock.ts';
import type { SerfNews, SerfTimer } from './serf/serf-effects.ts';
import type { SerfOrder, SerfOutcome } from './serf/serf-orders.ts';
import type { Tags } from './wire/tags.ts';

export type SwimInput =
  /** Once, before anything else. */
  | { readonly kind: 'started' }
  /** Addresses to find the mesh at. Seeds are tried for ever; remembered ones are silent: nobody named them. */
  | {
      readonly kind: 'join';
      readonly seeds: readonly Address[];
      readonly remembered: readonly GossipAddress[];
      /** Seeds will be discovered: the first try is not over before some were. */
      readonly isDiscovering?: boolean;
    }
  /** Seeds that are wanted beside those, in place of those that were before. */
  | { readonly kind: 'discovered'; readonly seeds: readonly Address[] }
  | { readonly kind: 'resolved'; readonly seed: string; readonly hosts: readonly string[] }
  | { readonly kind: 'unresolved'; readonly seed: string; readonly reason: string }
  | { readonly kind: 'packet'; readonly packet: Uint8Array; readonly from: GossipAddress }
  /** A request came on a stream: exactly one `reply` effect answers it. */
  | { readonly kind: 'request'; readonly request: Uint8Array }
  | { readonly kind: 'answered'; readonly exchange: number; readonly answer: Uint8Array }
  /** `isRefused`: nobody listens there, as that machine itself says. */
  | { readonly kind: 'unanswered'; readonly exchange: number; readonly reason: string; readonly isRefused?: boolean }
  | { readonly kind: 'timer'; readonly timer: SwimTimer }
  /** Tags within `META_BYTES_MAX` when encoded. */
  | { readonly kind: 'retag'; readonly tags: Tags }
  /** Exactly one `ordered` effect answers it. */
  | { readonly kind: 'order'; readonly order: SerfOrder }
  /** Whether the main loop of this node stands still, told again and again by who is not on it. */
  | { readonly kind: 'health'; readonly isDegraded: boolean }
  /** All who are banned, in place of those who were before. */
  | { readonly kind: 'banned'; readonly names: readonly string[] }
  /** With what this node signs, and all that is known of the keys of others, in place of what was before; told again and again. */
  | { readonly kind: 'identities'; readonly signer: ClaimSigner; readonly peers: readonly KnownPeer[] }
  /** Of the trust domain, all of them, the one that encrypts first. */
  | { readonly kind: 'keys'; readonly keys: readonly Uint8Array[] }
  | { readonly kind: 'leave'; readonly timeoutMs: number };

/** Timers are outlived, not cancelled: each says what it was set for, and is ignored when that has passed. */
export type SwimTimer =
  | { readonly kind: 'gossip' | 'probe' | 'push-pull' | 'rejoin' | 'first-tries-due' | 'leave-timeout' }
  /** The ping of this sequence number is usually acked by now. */
  | { readonly kind: 'stream-due'; readonly seqNo: number }
  /** It should have been acked by now. */
  | { readonly kind: 'ack-due'; readonly seqNo: number }
  /** Those who were asked to ping in our place, for the ping of this number, should have said by now that they tried. */
  | { readonly kind: 'nacks-due'; readonly seqNo: number }
  /** The same for a ping sent for another member. */
  | { readonly kind: 'relay-due'; readonly seqNo: number }
  | { readonly kind: 'suspicion'; readonly member: string; readonly number: number }
  | { readonly kind: 'seed'; readonly seed: string; readonly attempt: number }
  | { readonly kind: 'announce'; readonly to: GossipAddress }
  | { readonly kind: 'relocation-due' | 'datagram-due'; readonly member: string; readonly seqNo: number }
  /** Those who go away on purpose have been heard: now they go. */
  | { readonly kind: 'goodbye' }
  | { readonly kind: 'serf'; readonly timer: SerfTimer };

/** What is worth a line in the log beside the members' own events. */
export type JoinEvent =
  | { readonly type: 'seed-reached'; readonly seed: string }
  | { readonly type: 'seed-unreached'; readonly seed: string; readonly reason: string; readonly failures: number; readonly isDiscovered?: true };

export type SwimEffect =
  | { readonly kind: 'send'; readonly to: GossipAddress; readonly packet: Uint8Array }
  /** Comes back as `answered` or `unanswered`. */
  | { readonly kind: 'request'; readonly exchange: number; readonly to: GossipAddress; readonly request: Uint8Array; readonly timeoutMs: number }
  /** To the request being handled; nothing closes the stream. */
  | { readonly kind: 'reply'; readonly reply: Uint8Array | undefined }
  /** Comes back as `resolved` or `unresolved`. */
  | { readonly kind: 'resolve'; readonly seed: string; readonly host: string }
  | { readonly kind: 'schedule'; readonly afterMs: number; readonly timer: SwimTimer }
  | { readonly kind: 'notify'; readonly event: MemberEvent }
  | { readonly kind: 'joining'; readonly event: JoinEvent }
  /**
   * Another node at this address lives under this node's name; at most once a minute. `isListed`: the mesh knows that one
   * and not this, so who hears it before `settled` has come second.
   */
  | { readonly kind: 'namesake'; readonly address: GossipAddress; readonly isListed: boolean }
  /** Once: the first try to find the others is over, whether it found any or not. */
  | { readonly kind: 'settled' }
  /** What other nodes' programs say, and answers to what this one's have asked. */
  | { readonly kind: 'serf'; readonly news: SerfNews }
  | { readonly kind: 'ordered'; readonly outcome: SerfOutcome }
  /** Where members are: to be kept for the next life. */
  | { readonly kind: 'remember'; readonly addresses: readonly GossipAddress[] }
  /** Before anything of it is said: incarnations up to this one may be announced from now on. To be kept for the next life. */
  | { readonly kind: 'keep-incarnation'; readonly incarnation: number }
  /** To be kept for the next life. */
  | { readonly kind: 'keep-clocks'; readonly times: ClockTimes }
  /** The keys of this node were changed, and are these now, the primary first: to be kept for the next life. */
  | { readonly kind: 'keep-keys'; readonly keys: readonly KeyObject[] }
  /** The goodbye has spread, or its time is up. */
  | { readonly kind: 'left' };
