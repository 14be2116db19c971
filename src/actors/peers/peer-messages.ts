/** What other rooms say to peer sessions and hear from them. */
import type { ActorRef, Reply } from '../../supervision/behavior.ts';
import type { FrameStream } from '../../transport/frame-stream.ts';
import type { BundleFrame, BundleFrame__Output } from '../../transport/generated/omega/mesh/v1/BundleFrame.ts';
import type { BusFrame, BusFrame__Output } from '../../transport/generated/omega/mesh/v1/BusFrame.ts';
import type { IdentityFrame, IdentityFrame__Output } from '../../transport/generated/omega/mesh/v1/IdentityFrame.ts';
import type { PeerFrame, PeerFrame__Output } from '../../transport/generated/omega/mesh/v1/PeerFrame.ts';
import type { RegistryFrame, RegistryFrame__Output } from '../../transport/generated/omega/mesh/v1/RegistryFrame.ts';
import type { TrustFrame, TrustFrame__Output } from '../../transport/generated/omega/mesh/v1/TrustFrame.ts';

export type PeerStream = FrameStream<PeerFrame, PeerFrame__Output>;

/** What a room may ask an open session to carry. Without a session the frame is dropped: every room repairs itself. */
export type SessionSend =
  | { readonly kind: 'send-registry'; readonly frame: RegistryFrame }
  | { readonly kind: 'send-bus'; readonly frame: BusFrame }
  | { readonly kind: 'send-trust'; readonly frame: TrustFrame }
  | { readonly kind: 'send-identity'; readonly frame: IdentityFrame }
  | { readonly kind: 'send-bundle'; readonly frame: BundleFrame };

export interface PeerUp {
  readonly kind: 'peer-up';
  readonly node: string;
  readonly session: ActorRef<SessionSend>;
}

export interface PeerDown {
  readonly kind: 'peer-down';
  readonly node: string;
}

export interface RegistryFrameArrived {
  readonly kind: 'registry-frame';
  readonly node: string;
  readonly frame: RegistryFrame__Output;
}

export interface BusFrameArrived {
  readonly kind: 'bus-frame';
  readonly node: string;
  readonly frame: BusFrame__Output;
}

export interface TrustFrameArrived {
  readonly kind: 'trust-frame';
  readonly node: string;
  readonly frame: TrustFrame__Output;
}

export interface IdentityFrameArrived {
  readonly kind: 'identity-frame';
  readonly node: string;
  readonly frame: IdentityFrame__Output;
}

export interface BundleFrameArrived {
  readonly kind: 'bundle-frame';
  readonly node: string;
  readonly frame: BundleFrame__Output;
}

export type SessionState = 'connecting' | 'open' | 'backoff';

export interface SessionView {
  readonly node: string;
  readonly address: string;
  readonly state: SessionState;
  /** Median of the last round trips, in milliseconds. */
  readonly rttMs: number | undefined;
}

export type PeersRequest =
  /** A stream that another node opened to this one. */
  | { readonly kind: 'incoming'; readonly stream: PeerStream }
  | { readonly kind: 'sessions'; readonly reply: Reply<readonly SessionView[]> }
  /** For a room that (re)starts: the sessions that are open now. */
  | { readonly kind: 'open-peers'; readonly reply: Reply<readonly PeerUp[]> };
