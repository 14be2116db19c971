/** What others ask of the keys of gossip, and tell about them. */
import type { MeshError } from '../../errors.ts';
import type { Reply } from '../../supervision/behavior.ts';
import type { Ring } from '../../trust/gossip-ring.ts';

export interface KeyRotated {
  /** Enough to tell keys apart. */
  readonly fingerprint: string;
  readonly peers: number;
  /** Of those, how many hold it. */
  readonly agreeing: number;
}

/** The last ban of a node, by the clock of who signed it; told again and again. */
export interface NodeBanned {
  readonly kind: 'node-banned';
  readonly epochMs: number;
}

export type KeysRequest =
  | NodeBanned
  /** Answered when the new key is in use here. */
  | { readonly kind: 'rotate'; readonly reply: Reply<KeyRotated | MeshError> }
  /** A Trust Fabric has handed these to this node. */
  | { readonly kind: 'handed'; readonly ring: Ring };
