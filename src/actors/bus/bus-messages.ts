/** What other rooms say to the bus and hear from it. */
import type { ActorRef } from '../../supervision/behavior.ts';

export interface BusDelivery {
  readonly kind: 'bus-delivery';
  readonly subject: string;
  readonly payload: Uint8Array;
  /** Node on which it was published. */
  readonly from: string;
}

export type BusRequest =
  /** Until `unsubscribe` or the subscriber's life ends. Subjects are exact words. */
  | { readonly kind: 'subscribe'; readonly subject: string; readonly subscriber: ActorRef<BusDelivery> }
  | { readonly kind: 'unsubscribe'; readonly subject: string; readonly subscriber: ActorRef<BusDelivery> }
  /** To every subscriber in the mesh, at most once. */
  | { readonly kind: 'publish'; readonly subject: string; readonly payload: Uint8Array }
  /** To the subscribers on one node only, which may be this one. */
  | { readonly kind: 'publish-to'; readonly node: string; readonly subject: string; readonly payload: Uint8Array };
