/** The operator's door: owns the admin server and feeds the streams that operators keep open. */
import { findMeshError, MeshError } from '../../errors.ts';
import type { ActorContext, ActorRef, Behavior, Reply } from '../../supervision/behavior.ts';
import type { AdminHandler, AdminSink } from '../../transport/admin-service.ts';
import type { EventsItem } from '../../transport/generated/omega/mesh/v1/EventsItem.ts';
import type { MemberHappening } from '../../transport/generated/omega/mesh/v1/MemberHappening.ts';
import type { RegistryEvent } from '../../transport/generated/omega/mesh/v1/RegistryEvent.ts';
import type { TelemetryBatch__Output } from '../../transport/generated/omega/mesh/v1/TelemetryBatch.ts';
import type { TelemetryEvent } from '../../transport/generated/omega/mesh/v1/TelemetryEvent.ts';
import type { TelemetryRecord__Output } from '../../transport/generated/omega/mesh/v1/TelemetryRecord.ts';
import { telemetrySubject } from '../agents/agent-messages.ts';
import type { BusRequest } from '../bus/bus-messages.ts';
import type { AdminMessage } from './admin-messages.ts';
import { adminRequests } from './admin-requests.ts';
import type { AdminRequestsOptions } from './admin-requests.ts';
import { registryEvent, telemetryEvents } from './admin-views.ts';
import { MemberWatches } from './member-watches.ts';
import { memberHappening } from './member-views.ts';
import { EventFollower } from './event-follower.ts';
import { OperatorStreams, PULSE_MS } from './operator-streams.ts';
import type { StreamsEffect, StreamsInput } from './operator-streams.ts';
import { answered, ROOM_TIMEOUT_MS } from './room-answer.ts';
import { Traces } from './traces.ts';

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
  readonly brain: OperatorStreams;
  /** By stream. */
  readonly tails: Map<string, AdminSink<TelemetryEvent>>;
  readonly watches: Map<string, AdminSink<RegistryEvent>>;
  readonly followers: Map<string, { readonly follower: EventFollower; readonly sink: AdminSink<EventsItem> }>;
  readonly traces: Traces;
  readonly members: MemberWatches;
  lastStream: number;
  /** One is on its way. */
  isNewsDue: boolean;
}

/** Time for the answer to a kill to leave before the kill may take this actor along. */
const KILL_DELAY_MS = 20;
const CLOSE_GRACE_MS = 200;
/** Each is walked through the trail at every event. */
const FOLLOWERS_MAX = 32;

type Context = ActorContext<AdminMessage>;

export function adminActor(options: AdminActorOptions): Behavior<AdminState, AdminMessage> {
  return {
    async init(context) {
      const server = await options.openServer(handler(options, context));
      context.own(() => void server.close(0));
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      const state: AdminState = { server, brain: new OperatorStreams(), tails: new Map(), watches: new Map(), followers: new Map(), traces: new Traces(), members: new MemberWatches(), lastStream: 0, isNewsDue: false };
      context.own(() => state.traces.endAll());
      context.own(options.operator.onEvent(() => spreadNews(state, context)));
      return state;
    },

    receive(state, message, context) {
      const input = hear(state, message, options, context);
      if (input !== undefined) think(state, input, options, context);
      return state;
    },

    signal(state, signal, context) {
      // The registry is the only room that is monitored.
      if (signal.kind === 'down') think(state, { kind: 'registry-down' }, options, context);
      return state;
    },

    terminate: (state) => state.server.close(CLOSE_GRACE_MS),
    view: ({ brain, followers, traces, members }) => ({ tails: brain.tailed, watches: brain.watches, followers: followers.size, traces: traces.size, memberWatches: members.size }),
  };
}

function handler(options: AdminActorOptions, context: Context): AdminHandler {
  const busy = (): MeshError => new MeshError('OVERLOADED', 'the node is too busy for another stream', { todo: 'try again later' });
  // Not a timer of this actor: it may be suspended, or end meanwhile, and what was answered is done all the same.
  const kill = (path: string, by: string): void => void context.clock.setTimer(KILL_DELAY_MS, () => options.kill(path, by));
  return {
    ...adminRequests({ ...options, kill, clock: context.clock }),
    tailAgent: ({ id: agent }, sink) => {
      const found = answered(options.agents.ask((reply: Reply<string | MeshError>) => ({ kind: 'where-is', agent, reply }), ROOM_TIMEOUT_MS));
      context.pipe(found, () => ({ kind: 'open-tail', agent, sink }), (error) => ({ kind: 'refuse-tail', sink, fault: asFault(error) }));
    },
    watchMembers: (_request, sink) => {
      if (context.self.send({ kind: 'open-members', sink }) !== 'accepted') sink.close(busy());
    },
    listEvents: (request, sink) => {
      if (context.self.send({ kind: 'open-events', request, sink }) !== 'accepted') sink.close(busy());
    },
    traceActor: (request, sink) => {
      if (context.self.send({ kind: 'open-trace', request, sink }) !== 'accepted') sink.close(busy());
    },
    registryWatch: ({ prefix }, sink) => {
      if (context.self.send({ kind: 'open-watch', prefix, sink }) === 'accepted') return;
      sink.close(busy());
    },
  };
}

/** The brain's input for a message; undefined when there is nothing to decide. */
function hear(state: AdminState, message: AdminMessage, options: AdminActorOptions, context: Context): StreamsInput | undefined {
  switch (message.kind) {
    case 'open-tail': {
      const { agent, sink } = message;
      return { kind: 'tail', stream: take(state, state.tails, sink, context), agent, subject: telemetrySubject(agent) };
    }
    case 'open-watch':
      return { kind: 'watch', stream: take(state, state.watches, message.sink, context), prefix: message.prefix };
    case 'open-members':
      openMembers(state, message.sink, context);
      return undefined;
    case 'member-events':
      for (const { event, atMs } of message.happenings) options.memberTrail.note(event, atMs);
      if (state.members.size > 0) state.members.show(message.happenings.map(memberHappening));
      return undefined;
    case 'open-events':
      openEvents(state, message, options, context);
      return undefined;
    case 'open-trace':
      openTrace(state, message, options, context);
      return undefined;
    case 'trace-over':
      state.traces.over(message.stream, 'time');
      return undefined;
    case 'events-news':
      state.isNewsDue = false;
      showEvents(state, context);
      return undefined;
    case 'refuse-tail':
      message.sink.close(message.fault);
      return undefined;
    case 'closed':
      state.tails.delete(message.stream);
      state.watches.delete(message.stream);
      state.followers.delete(message.stream);
      state.traces.end(message.stream);
      state.members.end(message.stream);
      context.clearTimer(`trace ${message.stream}`);
      return message;
    case 'pulse':
      // News that met a full mailbox is made up for.
      showEvents(state, context);
      return message;
    case 'watch-answered':
    case 'bus-delivery':
    case 'registry-news':
      return message;
  }
}

function openMembers(state: AdminState, sink: AdminSink<MemberHappening>, context: Context): void {
  try {
    state.members.open(nameStream(state, sink, context), sink);
  } catch (error) {
    sink.close(asFault(error as Error));
  }
}

function openEvents(state: AdminState, { request, sink }: Extract<AdminMessage, { kind: 'open-events' }>, { operator }: AdminActorOptions, context: Context): void {
  try {
    if (state.followers.size >= FOLLOWERS_MAX) throw followersFull();
    const follower = new EventFollower(request, operator.trail, (item) => sink.send(item));
    sink.onDrained(() => spreadNews(state, context));
    state.followers.set(nameStream(state, sink, context), { follower, sink });
    showEvents(state, context);
  } catch (error) {
    sink.close(asFault(error as Error));
  }
}

function openTrace(state: AdminState, { request, sink }: Extract<AdminMessage, { kind: 'open-trace' }>, { operator }: AdminActorOptions, context: Context): void {
  const stream = nameStream(state, sink, context);
  try {
    state.traces.start(stream, request, sink, operator);
    context.setTimer(`trace ${stream}`, request.forMs, { kind: 'trace-over', stream });
  } catch (error) {
    sink.close(asFault(error as Error));
  }
}

/** At most one is in the mailbox: a storm of events is one piece of news. */
function spreadNews(state: AdminState, context: Context): void {
  if (state.isNewsDue || state.followers.size === 0) return;
  state.isNewsDue = context.self.send({ kind: 'events-news' }) === 'accepted';
}

function showEvents(state: AdminState, context: Context): void {
  for (const [stream, { follower, sink }] of state.followers) {
    const next = follower.goOn();
    if (next === 'more') spreadNews(state, context);
    if (next !== 'over') continue;
    state.followers.delete(stream);
    sink.close();
  }
}

/** The stream's name, which is also that of its watch in the registry: there, lives of this actor share one table. */
function take<T>(state: AdminState, sinks: Map<string, AdminSink<T>>, sink: AdminSink<T>, context: Context): string {
  const stream = nameStream(state, sink, context);
  sinks.set(stream, sink);
  return stream;
}

function nameStream(state: AdminState, sink: AdminSink<never>, context: Context): string {
  const stream = `admin-${context.life}-${++state.lastStream}`;
  // Piped, because a mailbox that is full refuses what is sent, and the stream would stay here for ever.
  const closed = new Promise<void>((resolve) => sink.onClosed(resolve));
  const told = (): AdminMessage => ({ kind: 'closed', stream });
  context.pipe(closed, told, told);
  return stream;
}

function think(state: AdminState, input: StreamsInput, options: AdminActorOptions, context: Context): void {
  for (const effect of state.brain.handle(input)) perform(state, effect, options, context);
}

function perform(state: AdminState, effect: StreamsEffect, options: AdminActorOptions, context: Context): void {
  switch (effect.kind) {
    case 'subscribe':
    case 'unsubscribe':
      options.bus.send({ kind: effect.kind, subject: effect.subject, subscriber: context.self });
      return;
    case 'watch':
      watch(effect, options, context);
      return;
    case 'unwatch':
      options.registry.send({ kind: 'unwatch', watch: effect.stream });
      return;
    case 'show-telemetry':
      showTelemetry(state, effect, options);
      return;
    case 'show-change': {
      const { stream, change } = effect;
      if (state.watches.get(stream)?.send(registryEvent(change)) === false) think(state, { kind: 'not-taken', stream }, options, context);
      return;
    }
    case 'close':
      (state.tails.get(effect.stream) ?? state.watches.get(effect.stream))?.close(effect.fault);
      return;
  }
}

function watch({ stream, prefix }: Extract<StreamsEffect, { kind: 'watch' }>, options: AdminActorOptions, context: Context): void {
  // First: the life that is asked is the one whose end is heard of, or there is none.
  context.monitor(options.registry);
  const question = options.registry.ask(
    (reply: Reply<'watching' | MeshError>) => ({ kind: 'watch', watch: stream, prefix, subscriber: context.self, reply }),
    ROOM_TIMEOUT_MS,
  );
  const heard = (fault: MeshError | undefined): AdminMessage => ({ kind: 'watch-answered', stream, fault });
  context.pipe(answered(question), () => heard(undefined), (error) => heard(asFault(error)));
}

function showTelemetry(state: AdminState, effect: Extract<StreamsEffect, { kind: 'show-telemetry' }>, options: AdminActorOptions): void {
  const { streams, agent, delivery } = effect;
  // What cannot be decoded is the agent's fault: the operator sees the gap in the sequence.
  const batch = options.decodeBatch(delivery.payload);
  for (const event of batch === undefined ? [] : telemetryEvents(agent, delivery.from, batch, options.decodeRecord)) {
    for (const stream of streams) state.tails.get(stream)?.send(event);
  }
}

function followersFull(): MeshError {
  return new MeshError('OVERLOADED', `${FOLLOWERS_MAX} operators follow the events`, { expected: `at most ${FOLLOWERS_MAX}`, todo: 'close one first' });
}

function asFault(error: Error): MeshError {
  return findMeshError(error) ?? new MeshError('INTERNAL', 'a room could not be asked', { cause: error });
}
