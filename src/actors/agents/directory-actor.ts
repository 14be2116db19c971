/** The directory as an actor: streams, refs, the bus and the sessions' supervisor around the brain in directory.ts. */
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { Backoff } from '../../supervision/backoff.ts';
import type { ActorContext, ActorRef, Behavior, Reply, Signal } from '../../supervision/behavior.ts';
import type { ChildSpec } from '../../supervision/child-spec.ts';
import type { StartChildOutcome, SupervisorMessage } from '../../supervision/supervisor-messages.ts';
import type { AgentFrame__Output } from '../../transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { TelemetryBatch } from '../../transport/generated/omega/mesh/v1/TelemetryBatch.ts';
import type { BusDelivery, BusRequest } from '../bus/bus-messages.ts';
import type { MembershipNews, MembershipRequest } from '../membership/membership-messages.ts';
import type { AgentsRequest, AgentStream, CommandOutcome } from './agent-messages.ts';
import { agentSessionActor, type AgentSessionActorOptions, type AgentSessionMessage, type AgentSessionNews } from './agent-session-actor.ts';
import { Directory, PULSE_MS, type DirectoryEffect, type DirectoryInput } from './directory.ts';
import { DIRECTORY_SUBJECT } from './directory-wire.ts';

export interface DirectoryActorOptions {
  /** Name of this node. */
  readonly self: string;
  readonly membership: ActorRef<MembershipRequest>;
  readonly bus: ActorRef<BusRequest>;
  /** The dynamic supervisor under which the agents' sessions live. */
  readonly sessions: ActorRef<SupervisorMessage>;
  readonly encodeBatch: (batch: TelemetryBatch) => Uint8Array;
  readonly bundle: AgentSessionActorOptions['bundle'];
  readonly random: Random;
}

export type DirectoryActorMessage =
  | AgentsRequest
  | AgentSessionNews
  | MembershipNews
  | BusDelivery
  | { readonly kind: 'arrival-frame'; readonly arrival: number; readonly frame: AgentFrame__Output }
  | { readonly kind: 'arrival-closed'; readonly arrival: number }
  | { readonly kind: 'session-start-answered'; readonly agent: string; readonly answer: StartChildOutcome }
  | { readonly kind: 'session-refused'; readonly agent: string; readonly reason: string }
  | { readonly kind: 'command-late'; readonly command: string }
  | { readonly kind: 'announce' }
  | { readonly kind: 'pulse' };

interface DirectoryState {
  readonly brain: Directory;
  readonly arrivals: Map<number, AgentStream>;
  lastArrival: number;
  /** By agent; all of them are monitored. */
  readonly sessions: Map<string, ActorRef<AgentSessionMessage>>;
  readonly agentsByPath: Map<string, string>;
  readonly replies: Map<string, Reply<CommandOutcome | MeshError>>;
  /** Makes the ids of commands unique in the mesh, across restarts of this actor and of the node. */
  readonly commandPrefix: string;
  lastCommand: number;
}

/** A start takes at most five seconds by its spec; the supervisor may have others to do first. */
const SUPERVISOR_TIMEOUT_MS = 15_000;
/** Arrivals of one life; the next life numbers on from here, so that what an old stream still says is recognised. */
const ARRIVALS_PER_LIFE = 2 ** 32;
const SESSION_BACKOFF: Backoff = { baseMs: 200, maxMs: 30_000, jitter: 0.2 };

export function directoryActor(options: DirectoryActorOptions): Behavior<DirectoryState, DirectoryActorMessage> {
  return {
    init(context) {
      const { clock } = context;
      const state: DirectoryState = {
        brain: new Directory({ self: options.self, random: options.random, startedAtMs: clock.now() }),
        arrivals: new Map(),
        lastArrival: context.life * ARRIVALS_PER_LIFE,
        sessions: new Map(),
        agentsByPath: new Map(),
        replies: new Map(),
        commandPrefix: `${options.self}.${Math.floor(clock.wallNow()).toString(36)}.`,
        lastCommand: 0,
      };
      context.own(() => state.arrivals.forEach((stream) => stream.close(new MeshError('SESSION_CLOSED', 'this node cannot let agents in at the moment'))));
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      subscribe(options, context);
      // Should this be lost: membership repeats its news every few seconds.
      options.membership.send({ kind: 'announce', to: context.self });
      return state;
    },
    receive(state, message, context) {
      const input = hear(state, message, options, context);
      if (input !== undefined) think(state, input, options, context);
      return state;
    },
    signal(state, signal, context) {
      const input = hearSignal(state, signal);
      if (input !== undefined) think(state, input, options, context);
      return state;
    },
    view: ({ brain, sessions }) => ({ sessions: sessions.size, ...brain.counts }),
    describe: (message) => message.kind,
  };
}

/** Again on every pulse: a bus that was full or has restarted knows nothing of it, and one that knows does nothing more. */
function subscribe(options: DirectoryActorOptions, context: ActorContext<DirectoryActorMessage>): void {
  options.bus.send({ kind: 'subscribe', subject: DIRECTORY_SUBJECT, subscriber: context.self });
}

/** The brain's input for a message; undefined when there is nothing to decide. */
function hear(
  state: DirectoryState,
  message: DirectoryActorMessage,
  options: DirectoryActorOptions,
  context: ActorContext<DirectoryActorMessage>,
): DirectoryInput | undefined {
  switch (message.kind) {
    case 'incoming':
      return takeIn(state, message.stream, context);
    case 'list':
      message.reply(state.brain.list(context.clock.now()));
      return undefined;
    case 'count':
      message.reply(state.brain.countHere);
      return undefined;
    case 'where-is': {
      const known = state.brain.whereIs(message.agent, context.clock.now());
      message.reply(known instanceof MeshError ? known : known.node);
      return undefined;
    }
    case 'command': {
      const command = `${state.commandPrefix}${++state.lastCommand}`;
      state.replies.set(command, message.reply);
      const { agent, name, timeoutMs } = message;
      return { kind: 'command', agent, order: { command, name, arguments: message.arguments, timeoutMs } };
    }
    case 'membership-news':
      return { kind: 'members', members: message.members };
    case 'bus-delivery':
      return { kind: 'bus-message', from: message.from, payload: message.payload };
    case 'arrival-closed':
    case 'attached':
      state.arrivals.delete(message.arrival);
      return message;
    case 'session-report':
      know(state, message.agent, message.session, context);
      return message;
    case 'session-start-answered':
      return startAnswered(state, message.agent, message.answer, context);
    case 'arrival-frame':
    case 'session-answered':
    case 'session-refused':
    case 'command-late':
    case 'announce':
      return message;
    case 'pulse':
      subscribe(options, context);
      return message;
  }
}

function hearSignal(state: DirectoryState, signal: Signal): DirectoryInput | undefined {
  if (signal.kind !== 'down') return undefined;
  const agent = state.agentsByPath.get(signal.path);
  if (agent === undefined) return undefined;
  state.sessions.delete(agent);
  state.agentsByPath.delete(signal.path);
  return { kind: 'session-ended', agent };
}

function know(state: DirectoryState, agent: string, session: ActorRef<AgentSessionMessage>, context: ActorContext<DirectoryActorMessage>): void {
  if (state.sessions.has(agent)) return;
  state.sessions.set(agent, session);
  state.agentsByPath.set(session.path, agent);
  context.monitor(session);
}

function takeIn(state: DirectoryState, stream: AgentStream, context: ActorContext<DirectoryActorMessage>): DirectoryInput {
  const arrival = ++state.lastArrival;
  state.arrivals.set(arrival, stream);
  stream.onFrame((frame) => void context.self.send({ kind: 'arrival-frame', arrival, frame }));
  stream.onClosed(() => void context.self.send({ kind: 'arrival-closed', arrival }));
  return { kind: 'incoming', arrival, proved: stream.caller?.id.name ?? '' };
}

function startAnswered(
  state: DirectoryState,
  agent: string,
  answer: StartChildOutcome,
  context: ActorContext<DirectoryActorMessage>,
): DirectoryInput | undefined {
  switch (answer.outcome) {
    case 'started':
      know(state, agent, answer.ref, context);
      return { kind: 'session-started', agent };
    case 'already_started':
      // From before this directory started; its report tells where it is.
      return undefined;
    case 'ignored':
    case 'already_present':
    case 'children_max':
    case 'shutting_down':
      return { kind: 'session-refused', agent, reason: answer.outcome };
    case 'bad_spec':
    case 'start_failed':
      return { kind: 'session-refused', agent, reason: answer.error.message };
  }
}

function think(state: DirectoryState, input: DirectoryInput, options: DirectoryActorOptions, context: ActorContext<DirectoryActorMessage>): void {
  const at = { now: context.clock.now(), wallNow: context.clock.wallNow() };
  for (const effect of state.brain.handle(input, at)) perform(state, effect, options, context);
}

function perform(state: DirectoryState, effect: DirectoryEffect, options: DirectoryActorOptions, context: ActorContext<DirectoryActorMessage>): void {
  switch (effect.kind) {
    case 'ensure-session':
      startSession(effect.agent, options, context);
      return;
    case 'hand-over': {
      const { arrival, agent, connection, alternatives } = effect;
      const stream = state.arrivals.get(arrival);
      // Kept until the session says that it has it.
      if (stream !== undefined) state.sessions.get(agent)?.send({ kind: 'attach', arrival, stream, connection, alternatives });
      return;
    }
    case 'close-arrival':
      state.arrivals.get(effect.arrival)?.close(effect.fault);
      state.arrivals.delete(effect.arrival);
      return;
    case 'drain-session':
      state.sessions.get(effect.agent)?.send({ kind: 'drain', connectedAtMs: effect.connectedAtMs, reason: effect.reason });
      return;
    case 'order-session':
      state.sessions.get(effect.agent)?.send({ kind: 'command', origin: effect.origin, order: effect.order });
      return;
    case 'answer':
      context.clearTimer(`late ${effect.command}`);
      state.replies.get(effect.command)?.(effect.answer);
      state.replies.delete(effect.command);
      return;
    case 'publish':
      options.bus.send({ kind: 'publish', subject: DIRECTORY_SUBJECT, payload: effect.payload });
      return;
    case 'publish-to':
      options.bus.send({ kind: 'publish-to', node: effect.node, subject: DIRECTORY_SUBJECT, payload: effect.payload });
      return;
    case 'schedule-late':
      context.setTimer(`late ${effect.command}`, effect.delayMs, { kind: 'command-late', command: effect.command });
      return;
    case 'schedule-announce':
      context.setTimer('announce', effect.delayMs, { kind: 'announce' });
      return;
    case 'log':
      context.log.log(effect.level, effect.event, effect.fields);
  }
}

function startSession(agent: string, options: DirectoryActorOptions, context: ActorContext<DirectoryActorMessage>): void {
  const { self, bus, encodeBatch, bundle } = options;
  const directory = context.self;
  const spec: ChildSpec = {
    type: 'worker',
    id: agent,
    start: () => agentSessionActor({ self, agent, bus, directory, encodeBatch, bundle }),
    restart: 'transient',
    backoff: SESSION_BACKOFF,
  };
  context.pipe(
    options.sessions.ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec, reply }), SUPERVISOR_TIMEOUT_MS),
    (answer) => ({ kind: 'session-start-answered', agent, answer }),
    (error) => ({ kind: 'session-refused', agent, reason: error.message }),
  );
}
