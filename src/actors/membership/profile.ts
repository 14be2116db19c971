/** The timing of the protocol for three kinds of network: memberlist's presets, so that ours mix with real peers. */

export interface Profile {
  /** Deadline of a whole exchange on a stream. */
  readonly streamTimeoutMs: number;
  /** Peers that are asked to ping in our place when a ping is not acked. */
  readonly indirectChecks: number;
  /** An update is sent `retransmitMult × ceil(log10(n + 1))` times by each node. */
  readonly retransmitMult: number;
  /** A suspicion lasts `suspicionMult × log10(n)` probe intervals at least … */
  readonly suspicionMult: number;
  /** … and this many times as long when nobody confirms it. */
  readonly suspicionMaxMult: number;
  /** A node that doubts itself probes up to so many times more slowly: memberlist's AwarenessMaxMultiplier, Lifeguard's S. */
  readonly awarenessMultiplierMax: number;
  /** A node that does something so much later than it meant to is late: half of what an ack may take has then passed at its own door. Ours. */
  readonly lateAfterMs: number;
  readonly pushPullIntervalMs: number;
  readonly probeIntervalMs: number;
  /** How long the direct ping may take before others are asked. */
  readonly probeTimeoutMs: number;
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  /** The dead still get gossip for this long, so that one who is not dead can refute; then they are forgotten. */
  readonly gossipToTheDeadMs: number;
  /** How often an address that was a member's and is no longer is tried again. Ours: memberlist never does. */
  readonly rejoinIntervalMs: number;
}

export type ProfileName = 'lan' | 'wan' | 'local';

const lan: Profile = {
  streamTimeoutMs: 10_000,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  awarenessMultiplierMax: 8,
  lateAfterMs: 250,
  pushPullIntervalMs: 30_000,
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  rejoinIntervalMs: 10_000,
};

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  lan,
  wan: {
    ...lan,
    streamTimeoutMs: 30_000,
    suspicionMult: 6,
    pushPullIntervalMs: 60_000,
    probeIntervalMs: 5_000,
    probeTimeoutMs: 3_000,
    lateAfterMs: 1_500,
    gossipIntervalMs: 500,
    gossipNodes: 4,
    gossipToTheDeadMs: 60_000,
    rejoinIntervalMs: 30_000,
  },
  local: {
    ...lan,
    streamTimeoutMs: 1_000,
    indirectChecks: 1,
    retransmitMult: 2,
    suspicionMult: 3,
    pushPullIntervalMs: 15_000,
    probeTimeoutMs: 200,
    lateAfterMs: 100,
    gossipIntervalMs: 100,
    gossipToTheDeadMs: 15_000,
    rejoinIntervalMs: 5_000,
  },
};
