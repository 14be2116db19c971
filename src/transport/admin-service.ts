/** The operator's questions: proto to handler and back, errors to statuses. */
import type { handleServerStreamingCall, handleUnaryCall, ServiceDefinition } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { MeshError } from '../errors.ts';
import { callerBy } from './caller.ts';
import type { Caller } from './caller.ts';
import type { AdminServiceDefinition } from './generated/omega/mesh/v1/AdminService.ts';
import { statusFromError } from './grpc-status.ts';
import { Outbox } from './outbox.ts';
import type { OutboxLimits } from './outbox.ts';
import { protos } from './proto.ts';
import { asBytes } from './session-service.ts';
import type { MeshService } from './session-service.ts';

/** Where a streaming answer goes. */
export interface AdminSink<T> {
  /** Never throws and never waits. False: not taken, because too much is queued or the stream has ended. */
  send(message: T): boolean;
  /** Called each time when all that was sent is on its way: a sender that was not taken may go on. */
  onDrained(listener: () => void): void;
  /** Called once, when the stream has ended, whoever ended it. */
  onClosed(listener: () => void): void;
  close(fault?: MeshError): void;
}

type Rpc = AdminServiceDefinition;
export type Answering<M> = M extends MethodDefinition<infer _, infer Reply, infer Request, infer __> ? (request: Request, caller?: Caller) => Promise<Reply> : never;
export type Streaming<M> = M extends MethodDefinition<infer _, infer Message, infer Request, infer __> ? (request: Request, sink: AdminSink<Message>) => void : never;

/** One function per RPC; `caller` is undefined on the unix socket. A MeshError thrown reaches the operator as it is; anything else as INTERNAL. */
export interface AdminHandler {
  readonly getStatus: Answering<Rpc['GetStatus']>;
  readonly listMembers: Answering<Rpc['ListMembers']>;
  readonly watchMembers: Streaming<Rpc['WatchMembers']>;
  readonly getMemberRecord: Answering<Rpc['GetMemberRecord']>;
  readonly getTree: Answering<Rpc['GetTree']>;
  readonly listHistory: Answering<Rpc['ListHistory']>;
  readonly listEvents: Streaming<Rpc['ListEvents']>;
  readonly killActor: Answering<Rpc['KillActor']>;
  readonly getActor: Answering<Rpc['GetActor']>;
  readonly getState: Answering<Rpc['GetState']>;
  readonly listDeadLetters: Answering<Rpc['ListDeadLetters']>;
  readonly traceActor: Streaming<Rpc['TraceActor']>;
  readonly controlActor: Answering<Rpc['ControlActor']>;
  readonly replayDeadLetter: Answering<Rpc['ReplayDeadLetter']>;
  readonly listSessions: Answering<Rpc['ListSessions']>;
  readonly listAgents: Answering<Rpc['ListAgents']>;
  readonly tailAgent: Streaming<Rpc['TailAgent']>;
  readonly sendCommand: Answering<Rpc['SendCommand']>;
  readonly registryPut: Answering<Rpc['RegistryPut']>;
  readonly registryGet: Answering<Rpc['RegistryGet']>;
  readonly registryDelete: Answering<Rpc['RegistryDelete']>;
  readonly registryList: Answering<Rpc['RegistryList']>;
  readonly registryWatch: Streaming<Rpc['RegistryWatch']>;
}

type OnBug = (error: unknown) => void;

/** A watch begins with every entry under its prefix at once, and a registry is at most 32 MiB; twice that for changes meanwhile. */
const SINK_OUTBOX: OutboxLimits = { framesMax: 200_000, bytesMax: 64 * 1024 * 1024 };

/** Events wait in the trail that supervision keeps anyway; here only what is on its way, some hundreds of them. */
const EVENTS_OUTBOX: OutboxLimits = { framesMax: 500, bytesMax: 1024 * 1024 };

/** The largest mesh dies at once, twice. */
const MEMBERS_OUTBOX: OutboxLimits = { framesMax: 40_000, bytesMax: 8 * 1024 * 1024 };

export function adminDefinition(): ServiceDefinition {
  const { service } = protos.AdminService;
  const { WatchMembers, ListEvents, TraceActor, TailAgent, RegistryWatch } = service;
  return {
    ...service,
    WatchMembers: { ...WatchMembers, responseSerialize: asBytes },
    ListEvents: { ...ListEvents, responseSerialize: asBytes },
    TraceActor: { ...TraceActor, responseSerialize: asBytes },
    TailAgent: { ...TailAgent, responseSerialize: asBytes },
    RegistryWatch: { ...RegistryWatch, responseSerialize: asBytes },
  };
}

/** @param onBug hears of everything thrown that is no MeshError */
export function adminService(handler: AdminHandler, onBug: OnBug): MeshService {
  const { WatchMembers, ListEvents, TraceActor, TailAgent, RegistryWatch } = protos.AdminService.service;
  return {
    definition: adminDefinition(),
    implementation: {
      GetStatus: unary(handler.getStatus, onBug),
      ListMembers: unary(handler.listMembers, onBug),
      WatchMembers: streaming(WatchMembers, handler.watchMembers, onBug, MEMBERS_OUTBOX),
      GetMemberRecord: unary(handler.getMemberRecord, onBug),
      GetTree: unary(handler.getTree, onBug),
      ListHistory: unary(handler.listHistory, onBug),
      ListEvents: streaming(ListEvents, handler.listEvents, onBug, EVENTS_OUTBOX),
      KillActor: unary(handler.killActor, onBug),
      GetActor: unary(handler.getActor, onBug),
      GetState: unary(handler.getState, onBug),
      ListDeadLetters: unary(handler.listDeadLetters, onBug),
      TraceActor: streaming(TraceActor, handler.traceActor, onBug, EVENTS_OUTBOX),
      ControlActor: unary(handler.controlActor, onBug),
      ReplayDeadLetter: unary(handler.replayDeadLetter, onBug),
      ListSessions: unary(handler.listSessions, onBug),
      ListAgents: unary(handler.listAgents, onBug),
      TailAgent: streaming(TailAgent, handler.tailAgent, onBug),
      SendCommand: unary(handler.sendCommand, onBug),
      RegistryPut: unary(handler.registryPut, onBug),
      RegistryGet: unary(handler.registryGet, onBug),
      RegistryDelete: unary(handler.registryDelete, onBug),
      RegistryList: unary(handler.registryList, onBug),
      RegistryWatch: streaming(RegistryWatch, handler.registryWatch, onBug),
    },
  };
}

export function unary<Request, Answer>(answer: (request: Request, caller?: Caller) => Promise<Answer>, onBug: OnBug): handleUnaryCall<Request, Answer> {
  return async (call, callback) => {
    let reply: Answer;
    try {
      reply = await answer(call.request, callerBy(call.metadata));
    } catch (error) {
      callback(statusFromError(faultFrom(error, onBug)));
      return;
    }
    callback(null, reply);
  };
}

export function streaming<In, Request, Message, Seen>(
  method: MethodDefinition<In, Message, Request, Seen>,
  open: (request: Request, sink: AdminSink<Message>) => void,
  onBug: OnBug,
  limits: OutboxLimits = SINK_OUTBOX,
): handleServerStreamingCall<Request, Buffer> {
  return (call) => {
    let onDrained = (): void => undefined;
    const outbox = new Outbox(call, limits, () => onDrained());
    let isOpen = true;
    const ended = new Promise<void>((resolve) => {
      call.once('cancelled', resolve);
      call.once('finish', resolve);
    }).then(() => {
      isOpen = false;
    });
    const sink: AdminSink<Message> = {
      send: (message) => isOpen && outbox.offer(method.responseSerialize(message)) === 'accepted',
      onDrained: (listener) => void (onDrained = listener),
      onClosed: (listener) => void ended.then(listener),
      close: (fault) => {
        if (!isOpen) return;
        isOpen = false;
        if (fault === undefined) call.end();
        else call.emit('error', statusFromError(fault));
      },
    };
    try {
      open(call.request, sink);
    } catch (error) {
      sink.close(faultFrom(error, onBug));
    }
  };
}

function faultFrom(error: unknown, onBug: OnBug): MeshError {
  if (error instanceof MeshError) return error;
  onBug(error);
  return new MeshError('INTERNAL', 'the node could not answer because of a bug in it', { todo: 'look into its log, and report what it says' });
}
