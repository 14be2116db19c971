/** Why a whole document from a peer or from disk is not taken in: the engine cannot read it, or it is none of the registry's. */
export type SnapshotRefusal = 'snapshot-unreadable' | 'snapshot-schema';
