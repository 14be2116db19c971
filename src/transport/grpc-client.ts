/** Sessions that this process opens: to a peer, or as an agent to a node. */
import { Client, credentials } from '@grpc/grpc-js';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { AGENT_SESSION } from './agent-service.ts';
import type { FrameStream } from './frame-stream.ts';
import type { AgentFrame } from './generated/omega/mesh/v1/AgentFrame.ts';
import type { NodeFrame__Output } from './generated/omega/mesh/v1/NodeFrame.ts';
import type { PeerFrame, PeerFrame__Output } from './generated/omega/mesh/v1/PeerFrame.ts';
import { CHANNEL_OPTIONS } from './grpc-options.ts';
import { clientStream } from './grpc-stream.ts';
import type { OutboxLimits } from './outbox.ts';
import { PEER_OUTBOX, PEER_SESSION } from './peer-service.ts';
import { asBytes } from './session-service.ts';

/** An agent holds its own buffer and must know what has not gone out: little waits here, four full batches. */
const AGENT_OUTBOX: OutboxLimits = { framesMax: 64, bytesMax: 1024 * 1024 };

export interface DialOptions {
  /** Default 5,000: a few lost SYNs. */
  readonly connectTimeoutMs?: number;
  readonly limits?: OutboxLimits;
}

/**
 * Frames may be sent at once; they wait for the connection within the stream's limit. A stream that does not come to
 * stand closes with NODE_UNREACHABLE, or with the fault that the node refused it for.
 */
export function dialPeer(address: Address, options: DialOptions = {}): FrameStream<PeerFrame, PeerFrame__Output> {
  return dial(address, PEER_SESSION, { limits: PEER_OUTBOX, ...options });
}

/** As `dialPeer`. */
export function dialAgent(address: Address, options: DialOptions = {}): FrameStream<AgentFrame, NodeFrame__Output> {
  return dial(address, AGENT_SESSION, { limits: AGENT_OUTBOX, ...options });
}

function dial<Up, Down, Seen, In>(
  address: Address,
  method: MethodDefinition<Up, Down, Seen, In>,
  options: DialOptions & { readonly limits: OutboxLimits },
): FrameStream<Up, In> {
  const remote = formatAddress(address);
  const client = new Client(remote, credentials.createInsecure(), CHANNEL_OPTIONS);
  const call: ClientDuplexStream<Buffer, In> = client.makeBidiStreamRequest(method.path, asBytes, method.responseDeserialize);
  return clientStream(call, {
    remote,
    encode: method.requestSerialize,
    limits: options.limits,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    release: () => client.close(),
  });
}
