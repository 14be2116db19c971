/** How gossip reaches other nodes: packets that may be lost, requests that are answered or fail. Bytes only. */

export interface GossipAddress {
  /** An IP address in text form. */
  readonly host: string;
  readonly port: number;
}

/** Tells when the bytes of one stream are a whole message. One for each stream: it may remember how far it has read. */
export interface StreamMeasure {
  /** @param received everything that has come so far, from the first byte on */
  measure(received: Uint8Array): 'more' | 'whole' | 'malformed';
}

/** Who listens never throws. */
export interface GossipListener {
  onPacket(packet: Uint8Array, from: GossipAddress): void;
  /**
   * A whole request came on a stream. Nothing closes the stream; so does a reply that does not come in time. Each is
   * replied to once, however late: until then its bytes count as waiting, and too many make the transport refuse others.
   */
  onRequest(request: Uint8Array, reply: (reply: Uint8Array | undefined) => void): void;
  /** For a request that begins to come, or the reply to one. */
  newMeasure(): StreamMeasure;
}

export interface GossipTransport {
  /** Where this end listens. */
  readonly local: GossipAddress;
  /** Counts of what was dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Called once, before anything is sent. What comes earlier is dropped. */
  listen(listener: GossipListener): void;
  /** Best effort: never throws, never waits. */
  send(to: GossipAddress, packet: Uint8Array): void;
  /**
   * Sends on a stream and reads one message back.
   * @throws MeshError NODE_UNREACHABLE when nobody listens (`isConnectionRefused`, if the machine says so) or no reply came in `timeoutMs`, MALFORMED, TOO_LARGE,
   * OVERLOADED when too many replies are being read, SESSION_CLOSED when this end was closed meanwhile
   */
  request(to: GossipAddress, request: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  close(): Promise<void>;
}
