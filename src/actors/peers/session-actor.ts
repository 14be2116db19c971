/** A peer session as an actor: the stream, the timers and the rooms around the brain in session.ts. */
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { PeerFrame__Output } from '../../transport/generated/omega/mesh/v1/PeerFrame.ts';
import type { BundleFrameArrived, BusFrameArrived, IdentityFrameArrived, PeerDown, PeerStream, PeerUp, RegistryFrameArrived, SessionSend, SessionState, TrustFrameArrived } from './peer-messages.ts';
import { PULSE_MS, Session, type SessionEffect, type SessionInput } from './session.ts';

/** Told to the roster on each change and each second, so that a roster that restarts knows all within a second. */
export interface SessionReport {
  readonly kind: 'session-report';
  readonly node: string;
  readonly address: string;
  readonly state: SessionState;
  readonly rttMs: number | undefined;
  readonly session: ActorRef<SessionMessage>;
}

/** What all sessions of a node share. */
export interface SessionRooms {
  readonly self: string;
  /** Where this node takes sessions, host:port, as its gossip has it. */
  readonly selfAddress: string;
  /** Opens a stream to this node at host:port; never throws, a failure closes the stream with a fault. */
  readonly dial: (address: string, node: string) => PeerStream;
  readonly registry: ActorRef<PeerUp | PeerDown | RegistryFrameArrived>;
  readonly bus: ActorRef<PeerUp | PeerDown | BusFrameArrived>;
  readonly bans: ActorRef<PeerUp | PeerDown | TrustFrameArrived>;
  readonly peerKeys: ActorRef<PeerUp | PeerDown | IdentityFrameArrived>;
  readonly bundles: ActorRef<PeerUp | PeerDown | BundleFrameArrived>;
  readonly gossipKeys: ActorRef<PeerUp | PeerDown | TrustFrameArrived>;
  readonly random: Random;
}

export interface SessionActorOptions extends SessionRooms {
  readonly node: string;
  readonly address: string;
  readonly roster: ActorRef<SessionReport>;
}

export type SessionMessage =
  | SessionSend
  /** A stream that the peer opened, its hello read and found good. */
  | { readonly kind: 'attach'; readonly stream: PeerStream }
  | { readonly kind: 'stream-frame'; readonly generation: number; readonly frame: PeerFrame__Output }
  | { readonly kind: 'stream-closed'; readonly generation: number; readonly fault: MeshError | undefined }
  | { readonly kind: 'pulse' }
  | { readonly kind: 'redial'; readonly generation: number };

interface SessionActorState {
  readonly brain: Session;
  /** By generation; never more than one open. */
  readonly streams: Map<number, PeerStream>;
  /** The stream of the `attach` being handled. */
  attaching: PeerStream | undefined;
}

/** Streams of one life; the next life numbers on from here, so that what an old stream still says is recognised. */
const GENERATIONS_PER_LIFE = 2 ** 32;

export function sessionActor(options: SessionActorOptions): Behavior<SessionActorState, SessionMessage> {
  return {
    init(context) {
      const firstGeneration = context.life * GENERATIONS_PER_LIFE;
      const { self, selfAddress, node, address, random } = options;
      const brain = new Session({ self: { node: self, address: selfAddress }, peer: { node, address }, firstGeneration, random });
      const state: SessionActorState = { brain, streams: new Map(), attaching: undefined };
      context.own(() => state.streams.forEach((stream) => stream.close(new MeshError('SESSION_CLOSED', 'the session ended on this node'))));
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      think(state, { kind: 'started' }, options, context);
      return state;
    },
    receive(state, message, context) {
      if (message.kind === 'attach') state.attaching = message.stream;
      think(state, toInput(message), options, context);
      return state;
    },
    terminate(state, _reason, context) {
      think(state, { kind: 'stopping' }, options, context);
    },
    view: ({ brain }) => ({ node: options.node, address: options.address, state: brain.state, rttMs: brain.rttMs, dropped: brain.dropped }),
    describe: (message) => message.kind,
  };
}

function toInput(message: SessionMessage): SessionInput {
  switch (message.kind) {
    case 'send-registry':
      return { kind: 'carry', frame: { registry: message.frame } };
    case 'send-bus':
      return { kind: 'carry', frame: { bus: message.frame } };
    case 'send-trust':
      return { kind: 'carry', frame: { trust: message.frame } };
    case 'send-identity':
      return { kind: 'carry', frame: { identity: message.frame } };
    case 'send-bundle':
      return { kind: 'carry', frame: { bundle: message.frame } };
    case 'attach':
      return { kind: 'attached' };
    case 'stream-frame':
      return { kind: 'frame', generation: message.generation, frame: message.frame };
    case 'stream-closed':
      return { kind: 'closed', generation: message.generation, fault: message.fault };
    case 'pulse':
    case 'redial':
      return message;
  }
}

/** What an effect brings about at once is thought over after the effects that came with it, never between them. */
function think(state: SessionActorState, first: SessionInput, options: SessionActorOptions, context: ActorContext<SessionMessage>): void {
  const inputs = [first];
  for (const input of inputs) {
    for (const effect of state.brain.handle(input, context.clock.now())) inputs.push(...perform(state, effect, options, context));
  }
}

function perform(state: SessionActorState, effect: SessionEffect, options: SessionActorOptions, context: ActorContext<SessionMessage>): readonly SessionInput[] {
  const { node, address } = options;
  switch (effect.kind) {
    case 'dial':
      hold(state, effect.generation, options.dial(address, node), context);
      return [];
    case 'adopt':
      if (state.attaching !== undefined) hold(state, effect.generation, state.attaching, context);
      state.attaching = undefined;
      return [];
    case 'send': {
      const outcome = state.streams.get(effect.generation)?.send(effect.frame) ?? 'closed';
      return [{ kind: 'sent', generation: effect.generation, outcome }];
    }
    case 'close':
      state.streams.get(effect.generation)?.close(effect.fault);
      state.streams.delete(effect.generation);
      return [];
    case 'schedule-redial':
      context.setTimer('redial', effect.delayMs, { kind: 'redial', generation: effect.generation });
      return [];
    case 'tell-up':
      for (const room of [options.registry, options.bus, options.bans, options.bundles, options.peerKeys, options.gossipKeys]) room.send({ kind: 'peer-up', node, session: context.self });
      return [];
    case 'tell-down':
      for (const room of [options.registry, options.bus, options.bans, options.bundles, options.peerKeys, options.gossipKeys]) room.send({ kind: 'peer-down', node });
      return [];
    case 'deliver-registry':
      options.registry.send({ kind: 'registry-frame', node, frame: effect.frame });
      return [];
    case 'deliver-bus':
      options.bus.send({ kind: 'bus-frame', node, frame: effect.frame });
      return [];
    case 'deliver-trust':
      (effect.frame.keys ? options.gossipKeys : options.bans).send({ kind: 'trust-frame', node, frame: effect.frame });
      return [];
    case 'deliver-identity':
      options.peerKeys.send({ kind: 'identity-frame', node, frame: effect.frame });
      return [];
    case 'deliver-bundle':
      options.bundles.send({ kind: 'bundle-frame', node, frame: effect.frame });
      return [];
    case 'report':
      options.roster.send({ kind: 'session-report', node, address, state: effect.state, rttMs: effect.rttMs, session: context.self });
      return [];
    case 'log':
      context.log.log(effect.level, effect.event, effect.fields);
      return [];
  }
}

function hold(state: SessionActorState, generation: number, stream: PeerStream, context: ActorContext<SessionMessage>): void {
  state.streams.set(generation, stream);
  // A frame that finds the mailbox full is lost and counted there; the rooms repair themselves.
  stream.onFrame((frame) => void context.self.send({ kind: 'stream-frame', generation, frame }));
  stream.onClosed((fault) => void context.self.send({ kind: 'stream-closed', generation, fault }));
}
