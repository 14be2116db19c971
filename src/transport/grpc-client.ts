/** What this process asks of nodes: sessions as a peer or an agent, questions as an operator. */
import { Client, connectivityState, Metadata, status as Status } from '@grpc/grpc-js';
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { formatAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { COMMAND_TIMEOUT_MS } from '../command-timeout.ts';
import { MeshError } from '../errors.ts';
import { remoteChannel, socketChannel } from './admin-channel.ts';
import type { AdminChannel } from './admin-channel.ts';
import { AGENT_SESSION } from './agent-service.ts';
import { ASKER_KEY } from './audited-calls.ts';
import { DialSocket } from './dial-socket.ts';
import type { FrameStream } from './frame-stream.ts';
import type { AdminServiceDefinition } from './generated/omega/mesh/v1/AdminService.ts';
import type { AuthorityServiceDefinition } from './generated/omega/mesh/v1/AuthorityService.ts';
import type { BanServiceDefinition } from './generated/omega/mesh/v1/BanService.ts';
import type { ChaosServiceDefinition } from './generated/omega/mesh/v1/ChaosService.ts';
import type { AgentFrame } from './generated/omega/mesh/v1/AgentFrame.ts';
import type { NodeFrame__Output } from './generated/omega/mesh/v1/NodeFrame.ts';
import type { PeerFrame, PeerFrame__Output } from './generated/omega/mesh/v1/PeerFrame.ts';
import type { SerfServiceDefinition } from './generated/omega/mesh/v1/SerfService.ts';
import type { WorkloadServiceDefinition } from './generated/omega/mesh/v1/WorkloadService.ts';
import { CHANNEL_OPTIONS } from './grpc-options.ts';
import { errorFromStatus } from './grpc-status.ts';
import { clientStream } from './grpc-stream.ts';
import { lastingSession } from './lasting-session.ts';
import type { OutboxLimits } from './outbox.ts';
import { PEER_OUTBOX, PEER_SESSION } from './peer-service.ts';
import { protos } from './proto.ts';
import { asBytes } from './session-service.ts';
import type { ExpectedPeer, MeshTls } from './tls.ts';

/** An agent holds its own buffer and must know what has not gone out: little waits here, four full batches. */
const AGENT_OUTBOX: OutboxLimits = { framesMax: 64, bytesMax: 1024 * 1024 };

export interface DialOptions {
  readonly tls: MeshTls;
  /** Default 5,000: a few lost SYNs. */
  readonly connectTimeoutMs?: number;
  readonly limits?: OutboxLimits;
}

/**
 * Frames may be sent at once; they wait for the connection within the stream's limit. A stream that does not come to
 * stand closes with NODE_UNREACHABLE, or with the fault that one of the two refused the other for.
 * @param node by the name in its certificate
 */
export function dialPeer(address: Address, node: string, options: DialOptions): FrameStream<PeerFrame, PeerFrame__Output> {
  return dial(address, { kind: 'node', name: node }, PEER_SESSION, { limits: PEER_OUTBOX, ...options });
}

/** As `dialPeer`; which node it is does not matter. */
export function dialAgent(address: Address, options: DialOptions): FrameStream<AgentFrame, NodeFrame__Output> {
  return dial(address, { kind: 'node', name: undefined }, AGENT_SESSION, { limits: AGENT_OUTBOX, ...options });
}

function dial<Up, Down, Seen, In>(
  address: Address,
  expected: ExpectedPeer,
  method: MethodDefinition<Up, Down, Seen, In>,
  options: DialOptions & { readonly limits: OutboxLimits },
): FrameStream<Up, In> {
  const remote = formatAddress(address);
  const { identity } = options.tls;
  return lastingSession(identity.onChange, (headers, onStanding) => {
    const socket = new DialSocket(remote, expected, options.tls);
    const client = new Client(remote, socket.credentials, CHANNEL_OPTIONS);
    const call: ClientDuplexStream<Buffer, In> = client.makeBidiStreamRequest(method.path, asBytes, method.responseDeserialize, headers);
    call.once('error', (error: ServiceError) => {
      if (errorFromStatus(error, remote).code === 'EVICTED') options.tls.onEvicted?.();
    });
    return clientStream(call, {
      remote,
      encode: method.requestSerialize,
      limits: options.limits,
      connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
      callerNow: () => socket.peer,
      connectFault: () => socket.fault,
      onEstablished: (answer) => onStanding(answer, socket),
      release: (isEstablished) => {
        client.close();
        if (!isEstablished) socket.giveUp();
      },
    });
  });
}

export interface AskOptions {
  /** Default 10,000; for a command, its own time-out on top. */
  readonly timeoutMs?: number;
}

type Rpc = AdminServiceDefinition & ChaosServiceDefinition & SerfServiceDefinition & BanServiceDefinition & AuthorityServiceDefinition & WorkloadServiceDefinition;
type Asking<M> = M extends MethodDefinition<infer Request, infer _, infer __, infer Reply> ? (request: Request, options?: AskOptions) => Promise<Reply> : never;
/** The call begins when the iteration does, and ends with it or, without an error, when the signal aborts. */
type Following<M> = M extends MethodDefinition<infer Request, infer _, infer __, infer Message> ? (request: Request, signal?: AbortSignal) => AsyncIterable<Message> : never;

/** All methods fail with the MeshError the node gave, or NODE_UNREACHABLE when none answers. */
export interface AdminClient {
  readonly getStatus: Asking<Rpc['GetStatus']>;
  readonly listMembers: Asking<Rpc['ListMembers']>;
  readonly watchMembers: Following<Rpc['WatchMembers']>;
  readonly getMemberRecord: Asking<Rpc['GetMemberRecord']>;
  readonly getTree: Asking<Rpc['GetTree']>;
  readonly listHistory: Asking<Rpc['ListHistory']>;
  readonly listEvents: Following<Rpc['ListEvents']>;
  readonly killActor: Asking<Rpc['KillActor']>;
  readonly getActor: Asking<Rpc['GetActor']>;
  readonly getState: Asking<Rpc['GetState']>;
  readonly listDeadLetters: Asking<Rpc['ListDeadLetters']>;
  readonly traceActor: Following<Rpc['TraceActor']>;
  readonly controlActor: Asking<Rpc['ControlActor']>;
  readonly replayDeadLetter: Asking<Rpc['ReplayDeadLetter']>;
  readonly listSessions: Asking<Rpc['ListSessions']>;
  readonly listAgents: Asking<Rpc['ListAgents']>;
  readonly tailAgent: Following<Rpc['TailAgent']>;
  readonly sendCommand: Asking<Rpc['SendCommand']>;
  readonly registryPut: Asking<Rpc['RegistryPut']>;
  readonly registryGet: Asking<Rpc['RegistryGet']>;
  readonly registryDelete: Asking<Rpc['RegistryDelete']>;
  readonly registryList: Asking<Rpc['RegistryList']>;
  readonly registryWatch: Following<Rpc['RegistryWatch']>;
  readonly foresee: Asking<Rpc['Foresee']>;
  readonly inflict: Following<Rpc['Inflict']>;
  readonly runStorm: Following<Rpc['RunStorm']>;
  readonly sendUserEvent: Asking<Rpc['SendUserEvent']>;
  readonly followUserEvents: Following<Rpc['FollowUserEvents']>;
  readonly runQuery: Following<Rpc['RunQuery']>;
  readonly answerQuery: Asking<Rpc['AnswerQuery']>;
  readonly getRtt: Asking<Rpc['GetRtt']>;
  readonly changeTags: Asking<Rpc['ChangeTags']>;
  readonly forceLeave: Asking<Rpc['ForceLeave']>;
  readonly manageKeys: Asking<Rpc['ManageKeys']>;
  readonly rotateKey: Asking<Rpc['RotateKey']>;
  readonly issueBan: Asking<Rpc['IssueBan']>;
  readonly listBans: Asking<Rpc['ListBans']>;
  readonly addWorkload: Asking<Rpc['AddWorkload']>;
  readonly removeWorkload: Asking<Rpc['RemoveWorkload']>;
  readonly listWorkloads: Asking<Rpc['ListWorkloads']>;
  readonly showAuthority: Asking<Rpc['ShowAuthority']>;
  readonly changeAuthority: Asking<Rpc['ChangeAuthority']>;
  /** Ends what is still going on. */
  close(): void;
}

const ASK_TIMEOUT_MS = 10_000;
/** The node gives an actor 20 s to stop and start, and then says so. */
const CONTROL_TIMEOUT_MS = 30_000;

/** A query of all members stays open for 20 s in a mesh of a thousand on a slow network. */
const KEYS_TIMEOUT_MS = 60_000;

/** A restart of the node's edge takes half a second with its grace for what is open. */
const CONNECT_PATIENCE_MS = 2_000;

/**
 * Connects when the first question is asked.
 * @param asker who asks, for the node's audit log
 */
export function connectAdmin(socketPath: string, asker: string): AdminClient {
  const metadata = new Metadata();
  metadata.set(ASKER_KEY, Buffer.from(asker));
  return adminClient(socketChannel(socketPath), metadata);
}

/** As `connectAdmin`, over TLS; who asks is in the certificate. */
export function connectRemoteAdmin(...parameters: Parameters<typeof remoteChannel>): AdminClient {
  return adminClient(remoteChannel(...parameters), new Metadata());
}

function adminClient(channel: AdminChannel, metadata: Metadata): AdminClient {
  const { service } = protos.AdminService;
  const { service: chaos } = protos.ChaosService;
  const { service: serf } = protos.SerfService;
  const { service: bans } = protos.BanService;
  const { service: workloads } = protos.WorkloadService;
  const { service: authority } = protos.AuthorityService;
  const ask = <Request, Reply>(method: AskedMethod<Request, Reply>) => asking(channel, metadata, method);
  const follow = <Request, Message>(method: AskedMethod<Request, Message>) => following(channel, metadata, method);
  const sendCommand = ask(service.SendCommand);
  const controlActor = ask(service.ControlActor);
  const manageKeys = ask(serf.ManageKeys);
  return {
    getStatus: ask(service.GetStatus),
    listMembers: ask(service.ListMembers),
    watchMembers: follow(service.WatchMembers),
    getMemberRecord: ask(service.GetMemberRecord),
    getTree: ask(service.GetTree),
    listHistory: ask(service.ListHistory),
    listEvents: follow(service.ListEvents),
    killActor: ask(service.KillActor),
    getActor: ask(service.GetActor),
    getState: ask(service.GetState),
    listDeadLetters: ask(service.ListDeadLetters),
    traceActor: follow(service.TraceActor),
    controlActor: (request, options) => controlActor(request, { timeoutMs: CONTROL_TIMEOUT_MS, ...options }),
    replayDeadLetter: ask(service.ReplayDeadLetter),
    listSessions: ask(service.ListSessions),
    listAgents: ask(service.ListAgents),
    tailAgent: follow(service.TailAgent),
    sendCommand: (request, options) =>
      sendCommand(request, { timeoutMs: ASK_TIMEOUT_MS + (request.timeoutMs || COMMAND_TIMEOUT_MS), ...options }),
    registryPut: ask(service.RegistryPut),
    registryGet: ask(service.RegistryGet),
    registryDelete: ask(service.RegistryDelete),
    registryList: ask(service.RegistryList),
    registryWatch: follow(service.RegistryWatch),
    foresee: ask(chaos.Foresee),
    inflict: follow(chaos.Inflict),
    runStorm: follow(chaos.RunStorm),
    sendUserEvent: ask(serf.SendUserEvent),
    followUserEvents: follow(serf.FollowUserEvents),
    runQuery: follow(serf.RunQuery),
    answerQuery: ask(serf.AnswerQuery),
    getRtt: ask(serf.GetRtt),
    changeTags: ask(serf.ChangeTags),
    forceLeave: ask(serf.ForceLeave),
    manageKeys: (request, options) => manageKeys(request, { timeoutMs: KEYS_TIMEOUT_MS, ...options }),
    rotateKey: ask(serf.RotateKey),
    issueBan: ask(bans.IssueBan),
    listBans: ask(bans.ListBans),
    addWorkload: ask(workloads.AddWorkload),
    removeWorkload: ask(workloads.RemoveWorkload),
    listWorkloads: ask(workloads.ListWorkloads),
    showAuthority: ask(authority.ShowAuthority),
    changeAuthority: ask(authority.ChangeAuthority),
    close: () => channel.close(),
  };
}

type AskedMethod<Request, Reply> = Pick<MethodDefinition<Request, unknown, unknown, Reply>, 'path' | 'requestSerialize' | 'responseDeserialize'>;

function asking<Request, Reply>(channel: AdminChannel, metadata: Metadata, method: AskedMethod<Request, Reply>) {
  return async (request: Request, { timeoutMs = ASK_TIMEOUT_MS }: AskOptions = {}): Promise<Reply> => {
    const { path, requestSerialize, responseDeserialize } = method;
    const deadline = Date.now() + timeoutMs;
    await connected(channel, CONNECT_PATIENCE_MS);
    return new Promise((resolve, reject) => {
      channel.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, { deadline }, (error, reply) => {
        if (error === null && reply !== undefined) resolve(reply);
        else reject(adminFault(error, channel));
      });
    });
  };
}

/**
 * A node whose edge is being restarted is back in a moment: a question waits for it, and then asks anyway.
 * @throws MeshError where waiting is of no use
 */
async function connected({ client, hopeless }: AdminChannel, patienceMs: number): Promise<boolean> {
  const ready = new Promise<boolean>((resolve) => client.waitForReady(Date.now() + patienceMs, (error) => resolve(error === undefined)));
  const known = await Promise.race([ready, hopeless]);
  if (known instanceof MeshError) throw known;
  return known;
}

/** Streams have no deadline: that a node whose process is frozen takes the connection and says nothing is found out here. */
async function isFrozen(channel: AdminChannel): Promise<boolean> {
  if (await connected(channel, CONNECT_PATIENCE_MS)) return false;
  if (channel.client.getChannel().getConnectivityState(false) !== connectivityState.CONNECTING) return false;
  return !(await connected(channel, ASK_TIMEOUT_MS - CONNECT_PATIENCE_MS));
}

function abortOf(signal: AbortSignal | undefined): Promise<false> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(false)));
}

function following<Request, Message>(channel: AdminChannel, metadata: Metadata, method: AskedMethod<Request, Message>) {
  return async function* (request: Request, signal?: AbortSignal): AsyncGenerator<Message, void> {
    const isAborted = (): boolean => signal?.aborted === true;
    if (isAborted()) return;
    const { path, requestSerialize, responseDeserialize } = method;
    if (await Promise.race([isFrozen(channel), abortOf(signal)])) {
      throw adminFault({ code: Status.DEADLINE_EXCEEDED, details: 'not ready' }, channel);
    }
    if (isAborted()) return;
    const call = channel.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata);
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel);
    try {
      // Cancelling ends in an error too, which may come when nobody iterates any more.
      call.on('error', () => undefined);
      for await (const message of call) yield message as Message;
    } catch (error) {
      if (!isAborted()) throw adminFault(error as ServiceError, channel);
    } finally {
      signal?.removeEventListener('abort', cancel);
      cancel();
    }
  };
}

function adminFault(error: Pick<ServiceError, 'code' | 'details'> | null, channel: AdminChannel): MeshError {
  if (error === null) return new MeshError('MALFORMED', `${channel.shown} gave an empty answer`);
  const fault = errorFromStatus(error, channel.shown);
  // What a node has said itself has no cause here.
  if (fault.code !== 'NODE_UNREACHABLE' || error.code !== Status.UNAVAILABLE || fault.cause === undefined) return fault;
  return channel.unreachable(fault);
}
