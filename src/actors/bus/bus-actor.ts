/** The bus as an actor: refs, sessions and monitors around the brain in bus.ts. */
import type { ActorContext, ActorRef, Behavior, Signal } from '../../supervision/behavior.ts';
import { OpenPeers, type OpenPeersMessage } from '../peers/open-peers.ts';
import type { BusFrameArrived, PeersRequest } from '../peers/peer-messages.ts';
import { Bus, INTEREST_REPEAT_MS, type BusEffect } from './bus.ts';
import type { BusDelivery, BusRequest } from './bus-messages.ts';

export interface BusActorOptions {
  /** Name of this node. */
  readonly self: string;
  readonly peers: ActorRef<PeersRequest>;
}

export type BusMessage = BusRequest | OpenPeersMessage | BusFrameArrived | { readonly kind: 'tell-interest' };

interface BusState {
  readonly bus: Bus;
  readonly peers: OpenPeers;
  /** By path, which is how the brain knows them. */
  readonly subscribers: Map<string, ActorRef<BusDelivery>>;
}

export function busActor(options: BusActorOptions): Behavior<BusState, BusMessage> {
  return {
    init(context) {
      context.setInterval('repeat-interest', INTEREST_REPEAT_MS, { kind: 'tell-interest' });
      return { bus: new Bus({ self: options.self }), peers: new OpenPeers(options.peers, context), subscribers: new Map() };
    },
    receive(state, message, context) {
      for (const effect of hear(state, message)) perform(state, effect, context);
      return state;
    },
    signal(state, signal, context) {
      for (const effect of hearSignal(state, signal)) perform(state, effect, context);
      return state;
    },
    view: ({ bus, subscribers }) => ({ subjects: bus.subjects.length, subscribers: subscribers.size, peers: bus.peers, dropped: bus.dropped }),
  };
}

function hear(state: BusState, message: BusMessage): readonly BusEffect[] {
  const { bus, peers } = state;
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
    case 'bus-frame':
      return hearFrame(bus, message);
    case 'peer-up':
    case 'peer-down':
    case 'ask-open-peers':
    case 'open-peers-told':
      return peers.hear(message).flatMap((change) => bus.handle(change));
  }
}

function hearFrame(bus: Bus, { node, frame }: BusFrameArrived): readonly BusEffect[] {
  if (frame.interest) return bus.handle({ kind: 'interest-arrived', node, subjects: frame.interest.subjects });
  if (frame.message) return bus.handle({ kind: 'message-arrived', node, ...frame.message });
  // A body of a later protocol: nothing we could do with it.
  return [];
}

/** A path is a subscriber's or a session's. */
function hearSignal({ bus, peers }: BusState, signal: Signal): readonly BusEffect[] {
  if (signal.kind !== 'down') return [];
  return [...peers.ended(signal.path).flatMap((change) => bus.handle(change)), ...bus.handle({ kind: 'subscriber-down', subscriber: signal.path })];
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
      state.peers.session(effect.node)?.send({ kind: 'send-bus', frame: { message: { subject: effect.subject, payload: effect.payload } } });
      return;
    case 'send-interest':
      state.peers.session(effect.node)?.send({ kind: 'send-bus', frame: { interest: { subjects: [...effect.subjects] } } });
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
