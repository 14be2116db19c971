/** The bus as an actor: refs, sessions and monitors around the brain in bus.ts. */
import type { ActorContext, ActorRef, Behavior, Signal } from '../../supervision/behavior.ts';
import type { BusFrameArrived, PeerDown, PeersRequest, PeerUp, SessionSend } from '../peers/peer-messages.ts';
import { Bus, INTEREST_REPEAT_MS, type BusEffect } from './bus.ts';
import type { BusDelivery, BusRequest } from './bus-messages.ts';

export interface BusActorOptions {
  /** Name of this node. */
  readonly self: string;
  /** Asked at the start of each life for the sessions that are open. */
  readonly peers: ActorRef<PeersRequest>;
}

export type BusMessage =
  | BusRequest
  | PeerUp
  | PeerDown
  | BusFrameArrived
  | { readonly kind: 'tell-interest' }
  | { readonly kind: 'open-peers'; readonly peers: readonly PeerUp[] }
  | { readonly kind: 'no-peers-told' }
  | { readonly kind: 'ask-peers' };

interface BusState {
  readonly bus: Bus;
  /** By path, which is how the brain knows them. */
  readonly subscribers: Map<string, ActorRef<BusDelivery>>;
  readonly sessions: Map<string, ActorRef<SessionSend>>;
}

/** The roster answers from memory; one that takes longer is restarting. */
const OPEN_PEERS_TIMEOUT_MS = 1_000;
const OPEN_PEERS_RETRY_MS = 200;

export function busActor(options: BusActorOptions): Behavior<BusState, BusMessage> {
  return {
    init(context) {
      context.setInterval('repeat-interest', INTEREST_REPEAT_MS, { kind: 'tell-interest' });
      askPeers(options, context);
      return { bus: new Bus({ self: options.self }), subscribers: new Map(), sessions: new Map() };
    },
    receive(state, message, context) {
      for (const effect of hear(state, message, options, context)) perform(state, effect, context);
      return state;
    },
    signal(state, signal, context) {
      for (const effect of hearSignal(state, signal)) perform(state, effect, context);
      return state;
    },
    view: ({ bus, subscribers }) => ({ subjects: bus.subjects.length, subscribers: subscribers.size, peers: bus.peers, dropped: bus.dropped }),
  };
}

function hear(state: BusState, message: BusMessage, options: BusActorOptions, context: ActorContext<BusMessage>): readonly BusEffect[] {
  const { bus } = state;
  switch (message.kind) {
    case 'subscribe':
      state.subscribers.set(message.subscriber.path, message.subscriber);
      return bus.handle({ kind: 'subscribe', subject: message.subject, subscriber: message.subscriber.path });
    case 'unsubscribe':
      return bus.handle({ kind: 'unsubscribe', subject: message.subject, subscriber: message.subscriber.path });
    case 'publish':
    case 'publish-to':
    case 'tell-interest':
      return bus.handle(message);
    case 'peer-up':
      return peerUp(state, message, context);
    case 'peer-down':
      forgetSession(state, message.node, context);
      return bus.handle(message);
    case 'bus-frame':
      return hearFrame(bus, message);
    case 'open-peers':
      // May name a session that has closed since: what is sent to it is dropped there, and its next peer-up sets it right.
      return message.peers.filter((peer) => !state.sessions.has(peer.node)).flatMap((peer) => peerUp(state, peer, context));
    case 'no-peers-told':
      context.setTimer('ask-peers', OPEN_PEERS_RETRY_MS, { kind: 'ask-peers' });
      return [];
    case 'ask-peers':
      askPeers(options, context);
      return [];
  }
}

function peerUp(state: BusState, { node, session }: PeerUp, context: ActorContext<BusMessage>): readonly BusEffect[] {
  forgetSession(state, node, context);
  state.sessions.set(node, session);
  context.monitor(session);
  return state.bus.handle({ kind: 'peer-up', node });
}

function forgetSession(state: BusState, node: string, context: ActorContext<BusMessage>): void {
  const session = state.sessions.get(node);
  if (session !== undefined) context.demonitor(session);
  state.sessions.delete(node);
}

function askPeers(options: BusActorOptions, context: ActorContext<BusMessage>): void {
  context.pipe(
    options.peers.ask<readonly PeerUp[]>((reply) => ({ kind: 'open-peers', reply }), OPEN_PEERS_TIMEOUT_MS),
    (peers) => ({ kind: 'open-peers', peers }),
    () => ({ kind: 'no-peers-told' }),
  );
}

function hearFrame(bus: Bus, { node, frame }: BusFrameArrived): readonly BusEffect[] {
  if (frame.interest) return bus.handle({ kind: 'interest-arrived', node, subjects: frame.interest.subjects });
  if (frame.message) return bus.handle({ kind: 'message-arrived', node, ...frame.message });
  // A body of a later protocol: nothing we could do with it.
  return [];
}

/** A path is one subscriber or one session; a session that was killed could not say peer-down itself. */
function hearSignal(state: BusState, signal: Signal): readonly BusEffect[] {
  if (signal.kind !== 'down') return [];
  const node = [...state.sessions].find(([, session]) => session.path === signal.path)?.[0];
  if (node === undefined) return state.bus.handle({ kind: 'subscriber-down', subscriber: signal.path });
  state.sessions.delete(node);
  return state.bus.handle({ kind: 'peer-down', node });
}

function perform(state: BusState, effect: BusEffect, context: ActorContext<BusMessage>): void {
  switch (effect.kind) {
    case 'deliver': {
      const { subscriber, subject, payload, from } = effect;
      // One that is full loses this message; its mailbox counts it.
      state.subscribers.get(subscriber)?.send({ kind: 'bus-delivery', subject, payload, from });
      return;
    }
    case 'send-message':
      state.sessions.get(effect.node)?.send({ kind: 'send-bus', frame: { message: { subject: effect.subject, payload: effect.payload } } });
      return;
    case 'send-interest':
      state.sessions.get(effect.node)?.send({ kind: 'send-bus', frame: { interest: { subjects: [...effect.subjects] } } });
      return;
    case 'watch': {
      const ref = state.subscribers.get(effect.subscriber);
      if (ref !== undefined) context.monitor(ref);
      return;
    }
    case 'forget': {
      const ref = state.subscribers.get(effect.subscriber);
      if (ref !== undefined) context.demonitor(ref);
      state.subscribers.delete(effect.subscriber);
      return;
    }
    case 'schedule-interest':
      context.setTimer('tell-interest', effect.delayMs, { kind: 'tell-interest' });
  }
}
