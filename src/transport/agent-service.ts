/** Sessions that agents open to this node. */
import type { FrameStream } from './frame-stream.ts';
import type { AgentFrame__Output } from './generated/omega/mesh/v1/AgentFrame.ts';
import type { NodeFrame } from './generated/omega/mesh/v1/NodeFrame.ts';
import type { OutboxLimits } from './outbox.ts';
import { protos } from './proto.ts';
import { sessionService } from './session-service.ts';
import type { MeshService, SessionServiceOptions } from './session-service.ts';

/** A node sends an agent credits and commands: little, and there are many agents. */
const NODE_OUTBOX: OutboxLimits = { framesMax: 256, bytesMax: 256 * 1024 };

/** Sessions of 30 KB each (80 KB with TLS): 20,000 of them are 0.6 (1.6) GB. */
const DEFAULTS: SessionServiceOptions = { sessionsMax: 20_000, limits: NODE_OUTBOX };

export const AGENT_SESSION = protos.AgentService.service.Session;

export function agentService(
  onSession: (stream: FrameStream<NodeFrame, AgentFrame__Output>) => void,
  options: Partial<SessionServiceOptions> = {},
): MeshService {
  return sessionService('agent', AGENT_SESSION, { ...DEFAULTS, ...options }, onSession);
}
