/** What a keeper and its node say to each other, on the channel that Node opens between parent and child. */

export type NodeWord =
  /** The data directory is this node's: reports of its crashes may go there. */
  | { readonly kind: 'claimed'; readonly dataDir: string }
  | { readonly kind: 'ready'; readonly where: string }
  /** Its loop still turns. */
  | { readonly kind: 'alive' };

export interface KeeperWord {
  readonly kind: 'are-you-alive';
}
