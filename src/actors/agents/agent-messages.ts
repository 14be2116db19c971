/** What other rooms say to the agents' room and hear from it. */
import type { MeshError } from '../../errors.ts';
import type { Reply } from '../../supervision/behavior.ts';
import type { FrameStream } from '../../transport/frame-stream.ts';
import type { AgentFrame__Output } from '../../transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { NodeFrame } from '../../transport/generated/omega/mesh/v1/NodeFrame.ts';

export type AgentStream = FrameStream<NodeFrame, AgentFrame__Output>;

export interface AgentView {
  readonly id: string;
  /** The node it is or was last connected to. */
  readonly node: string;
  readonly isConnected: boolean;
  /** Telemetry records per second over the last seconds. */
  readonly ratePerS: number;
  /** Milliseconds since its last frame. */
  readonly lastSeenMs: number;
  /** Telemetry records of this session. */
  readonly records: number;
  readonly program: string;
}

export interface CommandOutcome {
  readonly node: string;
  readonly ok: boolean;
  readonly output: string;
}

export type AgentsRequest =
  /** A stream that an agent opened to this node; its hello has not been read yet. */
  | { readonly kind: 'incoming'; readonly stream: AgentStream }
  /** Every agent in the mesh that this node knows of. */
  | { readonly kind: 'list'; readonly reply: Reply<readonly AgentView[]> }
  /** How many are connected to this node. */
  | { readonly kind: 'count'; readonly reply: Reply<number> }
  /** The node it is connected to. Faults: AGENT_UNKNOWN, AGENT_OFFLINE. */
  | { readonly kind: 'where-is'; readonly agent: string; readonly reply: Reply<string | MeshError> }
  /** Wherever the agent is connected. Faults: AGENT_UNKNOWN, AGENT_OFFLINE, AGENT_LATE. */
  | {
      readonly kind: 'command';
      readonly agent: string;
      readonly name: string;
      readonly arguments: readonly string[];
      readonly timeoutMs: number;
      readonly reply: Reply<CommandOutcome | MeshError>;
    };

/** Bus subject on which the telemetry batches of one agent are published, as encoded TelemetryBatch. */
export function telemetrySubject(agent: string): string {
  return `agents.${agent}.telemetry`;
}
