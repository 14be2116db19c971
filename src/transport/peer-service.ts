/** Sessions that other nodes open to this one. */
import type { FrameStream } from './frame-stream.ts';
import type { PeerFrame, PeerFrame__Output } from './generated/omega/mesh/v1/PeerFrame.ts';
import type { OutboxLimits } from './outbox.ts';
import { protos } from './proto.ts';
import { sessionService } from './session-service.ts';
import type { MeshService, SessionServiceOptions } from './session-service.ts';

/** Registry and bus share a session: room for some 32 full frames of 256 KiB, or a burst of small ones. */
export const PEER_OUTBOX: OutboxLimits = { framesMax: 1_024, bytesMax: 8 * 1024 * 1024 };

/** A full mesh beyond a thousand nodes asks for another topology first. */
const DEFAULTS: SessionServiceOptions = { sessionsMax: 1_024, limits: PEER_OUTBOX };

export const PEER_SESSION = protos.PeerService.service.Session;

export function peerService(
  onSession: (stream: FrameStream<PeerFrame, PeerFrame__Output>) => void,
  options: Partial<SessionServiceOptions> = {},
): MeshService {
  return sessionService('peer', PEER_SESSION, { ...DEFAULTS, ...options }, onSession);
}
