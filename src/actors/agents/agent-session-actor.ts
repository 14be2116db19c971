/** An agent's session as an actor: the stream, the bus and the directory around the brain in agent-session.ts. */
import { MeshError } from '../../errors.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { AgentFrame__Output } from '../../transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { SignedBundle } from '../../transport/generated/omega/mesh/v1/SignedBundle.ts';
import type { TelemetryBatch } from '../../transport/generated/omega/mesh/v1/TelemetryBatch.ts';
import type { BusRequest } from '../bus/bus-messages.ts';
import { telemetrySubject, type AgentStream } from './agent-messages.ts';
import {
  AgentSession,
  PULSE_MS,
  type AgentConnection,
  type AgentSessionEffect,
  type AgentSessionInput,
  type AgentSessionStatus,
  type CommandAnswer,
  type CommandOrder,
} from './agent-session.ts';

export type AgentSessionMessage =
  /** `arrival` is the directory's number for the stream; it is told when the stream has been taken over. */
  | { readonly kind: 'attach'; readonly arrival: number; readonly stream: AgentStream; readonly connection: AgentConnection; readonly alternatives: readonly string[] }
  | { readonly kind: 'command'; readonly origin: string; readonly order: CommandOrder }
  | { readonly kind: 'drain'; readonly connectedAtMs: number; readonly reason: string }
  | { readonly kind: 'stream-frame'; readonly generation: number; readonly frame: AgentFrame__Output }
  | { readonly kind: 'stream-closed'; readonly generation: number }
  | { readonly kind: 'pulse' };

/** What a session tells the directory. The status comes on each change and each second, so that a directory that restarts knows all within a second. */
export type AgentSessionNews =
  | { readonly kind: 'session-report'; readonly agent: string; readonly status: AgentSessionStatus; readonly session: ActorRef<AgentSessionMessage> }
  | { readonly kind: 'attached'; readonly arrival: number }
  | { readonly kind: 'session-answered'; readonly command: string; readonly origin: string; readonly answer: CommandAnswer };

export interface AgentSessionActorOptions {
  readonly self: string;
  readonly agent: string;
  readonly bus: ActorRef<BusRequest>;
  readonly directory: ActorRef<AgentSessionNews>;
  readonly encodeBatch: (batch: TelemetryBatch) => Uint8Array;
  /** What agents are to believe: the same object until that is another; undefined where no signed one was ever seen. */
  readonly bundle: () => SignedBundle | undefined;
}

interface AgentSessionState {
  readonly brain: AgentSession;
  /** By generation; never more than one open. */
  readonly streams: Map<number, AgentStream>;
  /** The stream of the `attach` being handled. */
  attaching: AgentStream | undefined;
}

/** Streams of one life; the next life numbers on from here, so that what an old stream still says is recognised. */
const GENERATIONS_PER_LIFE = 2 ** 32;

export function agentSessionActor(options: AgentSessionActorOptions): Behavior<AgentSessionState, AgentSessionMessage> {
  return {
    init(context) {
      const brain = new AgentSession({ agent: options.agent, self: options.self, firstGeneration: context.life * GENERATIONS_PER_LIFE });
      const state: AgentSessionState = { brain, streams: new Map(), attaching: undefined };
      context.own(() => state.streams.forEach((stream) => stream.close(new MeshError('SESSION_CLOSED', 'the session ended on this node', { todo: 'connect again' }))));
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      think(state, { kind: 'started' }, options, context);
      return state;
    },
    receive(state, message, context) {
      think(state, toInput(state, message, options), options, context);
      return state;
    },
    terminate(state, _reason, context) {
      think(state, { kind: 'stopping' }, options, context);
    },
    view: ({ brain }) => ({ agent: options.agent, isConnected: brain.isConnected, outstanding: brain.outstanding, unpublished: brain.unpublished }),
    describe: (message) => message.kind,
  };
}

function toInput(state: AgentSessionState, message: AgentSessionMessage, options: AgentSessionActorOptions): AgentSessionInput {
  switch (message.kind) {
    case 'attach':
      state.attaching = message.stream;
      options.directory.send({ kind: 'attached', arrival: message.arrival });
      return { kind: 'attached', connection: message.connection, alternatives: message.alternatives };
    case 'stream-frame':
      return { kind: 'frame', generation: message.generation, frame: message.frame };
    case 'stream-closed':
      return { kind: 'closed', generation: message.generation };
    case 'pulse':
      return { kind: 'pulse', bundle: options.bundle() };
    case 'command':
    case 'drain':
      return message;
  }
}

/** What an effect brings about at once is thought over after the effects that came with it, never between them. */
function think(state: AgentSessionState, first: AgentSessionInput, options: AgentSessionActorOptions, context: ActorContext<AgentSessionMessage>): void {
  const inputs = [first];
  for (const input of inputs) {
    for (const effect of state.brain.handle(input, context.clock.now())) inputs.push(...perform(state, effect, options, context));
  }
}

function perform(
  state: AgentSessionState,
  effect: AgentSessionEffect,
  options: AgentSessionActorOptions,
  context: ActorContext<AgentSessionMessage>,
): readonly AgentSessionInput[] {
  switch (effect.kind) {
    case 'adopt':
      if (state.attaching !== undefined) hold(state, effect.generation, state.attaching, context);
      state.attaching = undefined;
      return [];
    case 'send': {
      const { generation, frame } = effect;
      return [{ kind: 'sent', generation, frame, outcome: state.streams.get(generation)?.send(frame) ?? 'closed' }];
    }
    case 'close':
      state.streams.get(effect.generation)?.close(effect.fault);
      state.streams.delete(effect.generation);
      return [];
    case 'publish': {
      const payload = options.encodeBatch(effect.batch);
      const outcome = options.bus.send({ kind: 'publish', subject: telemetrySubject(options.agent), payload });
      return [{ kind: 'published', isTaken: outcome === 'accepted' }];
    }
    case 'answer':
      options.directory.send({ kind: 'session-answered', command: effect.command, origin: effect.origin, answer: effect.answer });
      return [];
    case 'report':
      options.directory.send({ kind: 'session-report', agent: options.agent, status: effect.status, session: context.self });
      return [];
    case 'exit':
      context.exit();
      return [];
    case 'log':
      context.log.log(effect.level, effect.event, effect.fields);
      return [];
  }
}

function hold(state: AgentSessionState, generation: number, stream: AgentStream, context: ActorContext<AgentSessionMessage>): void {
  state.streams.set(generation, stream);
  const full = new MeshError('OVERLOADED', 'this agent sends more frames than its session can take', { todo: 'connect again later' });
  stream.onFrame((frame) => {
    // Telemetry has its credit; only a flood of other frames gets here, and nothing may be lost silently.
    if (context.self.send({ kind: 'stream-frame', generation, frame }) !== 'accepted') stream.close(full);
  });
  stream.onClosed(() => void context.self.send({ kind: 'stream-closed', generation }));
}
