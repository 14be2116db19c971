/** The operator's door: owns the admin server and feeds the streams that operators keep open. */
import { findMeshError, MeshError } from '../../errors.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { AdminHandler, AdminSink } from '../../transport/admin-service.ts';
import type { RegistryEvent } from '../../transport/generated/omega/mesh/v1/RegistryEvent.ts';
import type { TelemetryBatch__Output } from '../../transport/generated/omega/mesh/v1/TelemetryBatch.ts';
import type { TelemetryEvent } from '../../transport/generated/omega/mesh/v1/TelemetryEvent.ts';
import type { TelemetryRecord__Output } from '../../transport/generated/omega/mesh/v1/TelemetryRecord.ts';
import { telemetrySubject } from '../agents/agent-messages.ts';
import type { BusDelivery, BusRequest } from '../bus/bus-messages.ts';
import type { RegistryNews } from '../registry/registry-messages.ts';
import type { AdminMessage } from './admin-messages.ts';
import { adminRequests, connectedAgent } from './admin-requests.ts';
import type { AdminRequestsOptions } from './admin-requests.ts';
import { registryEvent, telemetryEvents } from './admin-views.ts';

interface AdminServer {
  close(graceMs: number): Promise<void>;
}

export interface AdminActorOptions extends Omit<AdminRequestsOptions, 'clock'> {
  readonly bus: ActorRef<BusRequest>;
  readonly openServer: (handler: AdminHandler) => Promise<AdminServer>;
  /** Undefined for bytes that are no batch or record. */
  readonly decodeBatch: (bytes: Uint8Array) => TelemetryBatch__Output | undefined;
  readonly decodeRecord: (bytes: Uint8Array) => TelemetryRecord__Output | undefined;
}

interface AdminState {
  readonly server: AdminServer;
  /** By agent id. */
  readonly tails: Map<string, Set<AdminSink<TelemetryEvent>>>;
  readonly watches: Map<string, { readonly prefix: string; readonly sink: AdminSink<RegistryEvent> }>;
  watchesMade: number;
}

/** Streams are for people at terminals and a few scripts; each costs the node work at every event. */
const STREAMS_MAX = 256;
/** Time for the answer to a kill to leave before the kill may take this actor along. */
const KILL_DELAY_MS = 20;
const CLOSE_GRACE_MS = 200;
/** A room that restarts is up again in milliseconds, or backs off: asking five times a second is enough. */
const SUBSCRIBE_AGAIN_MS = 200;

type Context = ActorContext<AdminMessage>;

export function adminActor(options: AdminActorOptions): Behavior<AdminState, AdminMessage> {
  return {
    async init(context) {
      const server = await options.openServer(handler(options, context));
      context.own(() => void server.close(0));
      context.monitor(options.bus);
      context.monitor(options.registry);
      return { server, tails: new Map(), watches: new Map(), watchesMade: 0 };
    },

    receive(state, message, context) {
      switch (message.kind) {
        case 'tail':
          startTail(state, message, options, context);
          return state;
        case 'tail-closed':
          endTail(state, message, options, context);
          return state;
        case 'refuse':
          message.sink.close(message.fault);
          return state;
        case 'watch':
          startWatch(state, message, options, context);
          return state;
        case 'watch-closed':
          if (state.watches.delete(message.watch)) options.registry.send({ kind: 'unwatch', watch: message.watch });
          return state;
        case 'kill':
          options.kill(message.path);
          return state;
        case 'subscribe-again':
          subscribeAgain(state, message.path, options, context);
          return state;
        case 'bus-delivery':
          deliverTelemetry(state, message, options);
          return state;
        case 'registry-news':
          deliverNews(state, message);
          return state;
      }
    },

    signal(state, signal, context) {
      if (signal.kind === 'down') context.setTimer(`again ${signal.path}`, SUBSCRIBE_AGAIN_MS, { kind: 'subscribe-again', path: signal.path });
      return state;
    },

    terminate: (state) => state.server.close(CLOSE_GRACE_MS),
    view: ({ tails, watches }) => ({ tails: [...tails.keys()], watches: watches.size }),
  };
}

function handler(options: AdminActorOptions, context: Context): AdminHandler {
  const kill = (path: string): void => context.setTimer(`kill ${path}`, KILL_DELAY_MS, { kind: 'kill', path });
  return {
    ...adminRequests({ ...options, kill, clock: context.clock }),
    tailAgent: ({ id }, sink) => {
      context.pipe(
        connectedAgent(options.agents, id),
        () => ({ kind: 'tail', agent: id, sink }),
        (error) => ({ kind: 'refuse', sink, fault: findMeshError(error) ?? new MeshError('INTERNAL', 'the agent could not be looked up', { cause: error }) }),
      );
    },
    registryWatch: ({ prefix }, sink) => open(context, sink, { kind: 'watch', prefix, sink }),
  };
}

function open<T>(context: Context, sink: AdminSink<T>, message: AdminMessage): void {
  if (context.self.send(message) !== 'accepted') sink.close(new MeshError('OVERLOADED', 'the node is too busy for another stream', { todo: 'try again later' }));
}

function startTail(state: AdminState, { agent, sink }: Extract<AdminMessage, { kind: 'tail' }>, options: AdminActorOptions, context: Context): void {
  if (!hasRoom(state, sink)) return;
  const sinks = state.tails.get(agent) ?? new Set();
  state.tails.set(agent, sinks.add(sink));
  sink.onClosed(() => void context.self.send({ kind: 'tail-closed', agent, sink }));
  options.bus.send({ kind: 'subscribe', subject: telemetrySubject(agent), subscriber: context.self });
}

function endTail(state: AdminState, { agent, sink }: Extract<AdminMessage, { kind: 'tail-closed' }>, options: AdminActorOptions, context: Context): void {
  const sinks = state.tails.get(agent);
  if (sinks?.delete(sink) !== true || sinks.size > 0) return;
  state.tails.delete(agent);
  options.bus.send({ kind: 'unsubscribe', subject: telemetrySubject(agent), subscriber: context.self });
}

function startWatch(state: AdminState, { prefix, sink }: Extract<AdminMessage, { kind: 'watch' }>, options: AdminActorOptions, context: Context): void {
  if (!hasRoom(state, sink)) return;
  // Lives share the registry's table of watches: the life makes the name unique.
  const watch = `admin-${context.life}-${++state.watchesMade}`;
  state.watches.set(watch, { prefix, sink });
  sink.onClosed(() => void context.self.send({ kind: 'watch-closed', watch }));
  options.registry.send({ kind: 'watch', watch, prefix, subscriber: context.self });
}

function hasRoom<T>(state: AdminState, sink: AdminSink<T>): boolean {
  const tails = [...state.tails.values()].reduce((sum, sinks) => sum + sinks.size, 0);
  if (tails + state.watches.size < STREAMS_MAX) return true;
  sink.close(new MeshError('OVERLOADED', `${STREAMS_MAX} operator streams are open`, { expected: `at most ${STREAMS_MAX}`, todo: 'close one first' }));
  return false;
}

function subscribeAgain(state: AdminState, path: string, options: AdminActorOptions, context: Context): void {
  if (path === options.bus.path) {
    context.monitor(options.bus);
    for (const agent of state.tails.keys()) options.bus.send({ kind: 'subscribe', subject: telemetrySubject(agent), subscriber: context.self });
  } else {
    context.monitor(options.registry);
    for (const [watch, { prefix }] of state.watches) options.registry.send({ kind: 'watch', watch, prefix, subscriber: context.self });
  }
}

function deliverTelemetry(state: AdminState, { subject, payload, from }: BusDelivery, options: AdminActorOptions): void {
  for (const [agent, sinks] of state.tails) {
    if (telemetrySubject(agent) !== subject) continue;
    // What cannot be decoded is the agent's fault: the operator sees the gap in the sequence.
    const batch = options.decodeBatch(payload);
    for (const event of batch === undefined ? [] : telemetryEvents(agent, from, batch, options.decodeRecord)) {
      for (const sink of sinks) sink.send(event);
    }
  }
}

function deliverNews(state: AdminState, { watch, change }: RegistryNews): void {
  const open = state.watches.get(watch);
  if (open === undefined || open.sink.send(registryEvent(change))) return;
  // A watch with a hole in it would be believed: better none.
  open.sink.close(new MeshError('OVERLOADED', 'changes came faster than this watch was read', { todo: 'watch again; it begins with all entries' }));
}
