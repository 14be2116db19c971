/** How gossip reaches other nodes: packets that may be lost, requests that are answered or fail. Bytes only. */

export interface GossipAddress {
  /** An IP address in text form. */
  readonly host: string;
  readonly port: number;
}

export interface GossipListener {
  onPacket(packet: Uint8Array, from: GossipAddress): void;
  /** A whole request arrived on a stream; what is returned is the reply, nothing closes the stream. Never throws. */
  onRequest(request: Uint8Array, from: GossipAddress): Uint8Array | undefined;
}

export interface GossipTransport {
  /** Where this end listens. */
  readonly local: GossipAddress;
  /** Counts of what was dropped on the way in, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  listen(listener: GossipListener): void;
  /** Best effort: never throws, never waits. */
  send(to: GossipAddress, packet: Uint8Array): void;
  /** Sends on a stream and reads the reply to its end. Rejects with a MeshError when there is none in `timeoutMs`. */
  request(to: GossipAddress, request: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  close(): Promise<void>;
}
