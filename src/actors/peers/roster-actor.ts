/** The roster as an actor: streams, refs and the sessions' supervisor around the brain in roster.ts. */
import { MeshError } from '../../errors.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { Backoff } from '../../supervision/backoff.ts';
import type { ChildSpec } from '../../supervision/child-spec.ts';
import type { StartChildOutcome, SupervisorMessage } from '../../supervision/supervisor-messages.ts';
import type { PeerFrame__Output } from '../../transport/generated/omega/mesh/v1/PeerFrame.ts';
import type { MembershipNews, MembershipRequest } from '../membership/membership-messages.ts';
import type { PeersRequest, PeerStream, PeerUp } from './peer-messages.ts';
import { PULSE_MS, Roster, type RosterEffect, type RosterInput } from './roster.ts';
import { sessionActor, type SessionMessage, type SessionReport, type SessionRooms } from './session-actor.ts';

export interface RosterActorOptions extends SessionRooms {
  /** The dynamic supervisor under which the sessions live. */
  readonly sessions: ActorRef<SupervisorMessage>;
  readonly membership: ActorRef<MembershipRequest>;
  readonly identity: ActorRef<{ readonly kind: 'renew' }>;
}

export type RosterMessage =
  | PeersRequest
  | MembershipNews
  | SessionReport
  | { readonly kind: 'arrival-frame'; readonly arrival: number; readonly frame: PeerFrame__Output }
  | { readonly kind: 'arrival-closed'; readonly arrival: number }
  | { readonly kind: 'child-start-answered'; readonly node: string; readonly answer: StartChildOutcome }
  | { readonly kind: 'child-terminated'; readonly node: string }
  | { readonly kind: 'child-refused'; readonly node: string; readonly reason: string }
  | { readonly kind: 'pulse' };

interface RosterState {
  readonly brain: Roster;
  readonly arrivals: Map<number, PeerStream>;
  lastArrival: number;
  readonly sessions: Map<string, ActorRef<SessionMessage>>;
}

/** A start takes at most five seconds by its spec, and so does a stop; the supervisor may have others to do first. */
const SUPERVISOR_TIMEOUT_MS = 15_000;
/** Arrivals of one life; the next life numbers on from here, so that what an old stream still says is recognised. */
const ARRIVALS_PER_LIFE = 2 ** 32;
/** A session that crashes is back before anybody misses it, and one that goes on crashing does not hammer its peer. */
const SESSION_BACKOFF: Backoff = { baseMs: 200, maxMs: 30_000, jitter: 0.2 };

export function rosterActor(options: RosterActorOptions): Behavior<RosterState, RosterMessage> {
  return {
    init(context) {
      const brain = new Roster({ self: options.self });
      const state: RosterState = { brain, arrivals: new Map(), lastArrival: context.life * ARRIVALS_PER_LIFE, sessions: new Map() };
      context.own(() => state.arrivals.forEach((stream) => stream.close(new MeshError('SESSION_CLOSED', 'this node cannot take sessions at the moment'))));
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      // Should this be lost: membership repeats its news every few seconds.
      options.membership.send({ kind: 'announce', to: context.self });
      return state;
    },
    receive(state, message, context) {
      const input = hear(state, message, context);
      if (input !== undefined) think(state, input, options, context);
      return state;
    },
    view: ({ brain }) => ({ sessions: brain.sessions, waitingArrivals: brain.waitingArrivals }),
    describe: (message) => message.kind,
  };
}

/** The brain's input for a message; undefined when the message only asks. */
function hear(state: RosterState, message: RosterMessage, context: ActorContext<RosterMessage>): RosterInput | undefined {
  switch (message.kind) {
    case 'sessions':
      message.reply(state.brain.sessions);
      return undefined;
    case 'open-peers':
      message.reply(openPeers(state));
      return undefined;
    case 'membership-news':
      return { kind: 'members', members: message.members };
    case 'session-report':
      state.sessions.set(message.node, message.session);
      return message;
    case 'child-start-answered':
      return startAnswered(state, message.node, message.answer);
    case 'child-terminated':
      state.sessions.delete(message.node);
      return message;
    case 'incoming':
      return takeIn(state, message.stream, context);
    case 'arrival-closed':
      state.arrivals.delete(message.arrival);
      return message;
    case 'arrival-frame':
    case 'child-refused':
    case 'pulse':
      return message;
  }
}

function openPeers(state: RosterState): readonly PeerUp[] {
  const open = state.brain.sessions.filter((session) => session.state === 'open');
  return open.flatMap(({ node }) => {
    const session = state.sessions.get(node);
    return session === undefined ? [] : [{ kind: 'peer-up', node, session }];
  });
}

function startAnswered(state: RosterState, node: string, answer: StartChildOutcome): RosterInput {
  switch (answer.outcome) {
    case 'started':
      state.sessions.set(node, answer.ref);
      return { kind: 'child-started', node, outcome: 'started' };
    case 'already_started':
      return { kind: 'child-started', node, outcome: 'already_started' };
    case 'ignored':
    case 'already_present':
    case 'children_max':
    case 'shutting_down':
      return { kind: 'child-refused', node, reason: answer.outcome };
    case 'bad_spec':
    case 'start_failed':
      return { kind: 'child-refused', node, reason: answer.error.message };
  }
}

function takeIn(state: RosterState, stream: PeerStream, context: ActorContext<RosterMessage>): RosterInput {
  const arrival = ++state.lastArrival;
  state.arrivals.set(arrival, stream);
  stream.onFrame((frame) => void context.self.send({ kind: 'arrival-frame', arrival, frame }));
  stream.onClosed(() => void context.self.send({ kind: 'arrival-closed', arrival }));
  return { kind: 'incoming', arrival, proved: stream.caller?.id.name ?? '' };
}

function think(state: RosterState, input: RosterInput, options: RosterActorOptions, context: ActorContext<RosterMessage>): void {
  for (const effect of state.brain.handle(input, context.clock.now())) perform(state, effect, options, context);
}

function perform(state: RosterState, effect: RosterEffect, options: RosterActorOptions, context: ActorContext<RosterMessage>): void {
  switch (effect.kind) {
    case 'start-child': {
      const { node } = effect;
      const spec = sessionSpec(options, node, effect.address, context.self);
      context.pipe(
        options.sessions.ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec, reply }), SUPERVISOR_TIMEOUT_MS),
        (answer) => ({ kind: 'child-start-answered', node, answer }),
        (error) => ({ kind: 'child-refused', node, reason: error.message }),
      );
      return;
    }
    case 'terminate-child': {
      const { node } = effect;
      context.pipe(
        options.sessions.ask<'ok' | 'not_found'>((reply) => ({ kind: 'terminate-child', id: node, reply }), SUPERVISOR_TIMEOUT_MS),
        () => ({ kind: 'child-terminated', node }),
        (error) => ({ kind: 'child-refused', node, reason: error.message }),
      );
      return;
    }
    case 'hand-over': {
      const stream = state.arrivals.get(effect.arrival);
      state.arrivals.delete(effect.arrival);
      // If the session is gone the stream is heard no more: its dialer misses our hello and tries again.
      if (stream !== undefined) state.sessions.get(effect.node)?.send({ kind: 'attach', stream });
      return;
    }
    case 'close-arrival':
      state.arrivals.get(effect.arrival)?.close(effect.fault);
      state.arrivals.delete(effect.arrival);
      return;
    case 'renew-identity':
      options.identity.send({ kind: 'renew' });
      return;
    case 'log':
      context.log.log(effect.level, effect.event, effect.fields);
  }
}

function sessionSpec(options: RosterActorOptions, node: string, address: string, roster: ActorRef<SessionReport>): ChildSpec {
  const { self, selfAddress, dial, registry, bus, bans, bundles, peerKeys, gossipKeys, random } = options;
  return {
    type: 'worker',
    id: node,
    start: () => sessionActor({ self, selfAddress, dial, registry, bus, bans, bundles, peerKeys, gossipKeys, random, node, address, roster }),
    backoff: SESSION_BACKOFF,
  };
}
