/** Whom this mesh believes, as an actor: sessions, the authority's files and what a change sets going around the brains beside it. */
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior, Reply } from '../../supervision/behavior.ts';
import type { Authority } from '../../trust/authority.ts';
import type { AuthorityStore } from '../../trust/authority-files.ts';
import { orphanedBy, withActivated, withPrepared, withRevoked, withTainted, type AuthoritySet } from '../../trust/authority-set.ts';
import type { HeldBan } from '../../trust/ban-entry.ts';
import type { BundleKeeper } from '../../trust/bundle-keeper.ts';
import { keyPin } from '../../trust/bundle.ts';
import type { IdentitySource } from '../../trust/identity-source.ts';
import type { BansRequest, BansView } from './ban-messages.ts';
import type { MembershipRequest, MembershipView } from '../membership/membership-messages.ts';
import { OpenPeers, type OpenPeersMessage } from '../peers/open-peers.ts';
import type { BundleFrameArrived, PeersRequest } from '../peers/peer-messages.ts';
import type { AuthorityChanged, AuthorityRequest, AuthorityView } from './authority-messages.ts';
import { judgeOrder, type AuthorityOrder } from './authority-orders.ts';
import { fromBundleFrame, OUTGOING_SHOWN_MAX, toBundleFrame } from './bundle-frames.ts';
import { BundleSpread, PULSE_MS, type BundleSpreadInput } from './bundle-spread.ts';

export interface BundleActorOptions {
  readonly random: Random;
  readonly identity: IdentitySource;
  readonly bundles: BundleKeeper;
  /** Where they are kept here. */
  readonly authorities: AuthorityStore | undefined;
  readonly make: (trustDomain: string, nowMs: number) => Promise<Authority>;
  /** SPIFFE IDs of those who speak here with certificates of an authority that issues no more, this node too. */
  readonly outgoing: () => readonly string[];
  /** Asks whoever gives out identities, where the authority is elsewhere, and has it looked into; never rejects. */
  readonly refresh: () => Promise<unknown>;
  /** A peer brought a bundle that is not good. */
  readonly alarm: (node: string, fault: MeshError) => void;
  readonly peers: ActorRef<PeersRequest>;
  readonly membership: ActorRef<MembershipRequest>;
  readonly bans: ActorRef<BansRequest>;
  readonly renewal: ActorRef<{ readonly kind: 'renew-soon' }>;
}

export type BundleMessage =
  | AuthorityRequest
  | OpenPeersMessage
  | BundleFrameArrived
  | { readonly kind: 'pulse' }
  /** Another is believed, or another certificate shown. */
  | { readonly kind: 'look' }
  /** Somebody shows a certificate of an authority that is not known here: it may be a new one. */
  | { readonly kind: 'refresh' }
  | Asked
  /** The ban list as it was when the old authority was to be revoked; undefined when it was not told. */
  | { readonly kind: 'bans-told'; readonly bans: readonly HeldBan[] | undefined; readonly reply: Reply<AuthorityChanged | MeshError> }
  | { readonly kind: 'made'; readonly authority: Authority; readonly reply: Reply<AuthorityChanged | MeshError> };

/** What was asked, with those who are members then; undefined when membership did not answer. */
interface Asked {
  readonly kind: 'asked';
  readonly request: AuthorityRequest;
  readonly members: readonly string[] | undefined;
}

interface BundleState {
  readonly spread: BundleSpread;
  readonly peers: OpenPeers;
  refreshedAtMs: number;
}

/** A stranger who tries again and again must not make this node ask as often. */
const REFRESH_EVERY_MS = 10_000;

/** Membership answers from memory. */
const ROOM_TIMEOUT_MS = 2_000;

type Context = ActorContext<BundleMessage>;

export function bundleActor(options: BundleActorOptions): Behavior<BundleState, BundleMessage> {
  return {
    init(context) {
      const { random, bundles, identity, peers } = options;
      const state: BundleState = { spread: new BundleSpread(random), peers: new OpenPeers(peers, context), refreshedAtMs: -Infinity };
      context.own(bundles.onChange(() => void context.self.send({ kind: 'look' })));
      context.own(identity.onChange(() => void context.self.send({ kind: 'look' })));
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      look(state, undefined, options);
      // It may have been changed while this node was away, and nobody be left whose certificate is believed here.
      refresh(state, options, context);
      return state;
    },
    receive(state, message, context) {
      hear(state, message, options, context);
      return state;
    },
    signal(state, signal) {
      if (signal.kind === 'down') for (const change of state.peers.ended(signal.path)) think(state, change, options);
      return state;
    },
    view: ({ spread, peers }) => ({ ...spread.own, peers: peers.nodes.length, lagging: spread.lagging(peers.nodes) }),
    describe: (message) => message.kind,
  };
}

function hear(state: BundleState, message: BundleMessage, options: BundleActorOptions, context: Context): void {
  switch (message.kind) {
    case 'show-authority':
    case 'change-authority':
      return askMembers(message, options, context);
    case 'asked':
      return answer(state, message, options, context);
    case 'made':
      return reply(message.reply, () => changed(state, (set) => withPrepared(set, message.authority), options));
    case 'bans-told':
      return reply(message.reply, () => revoke(state, message.bans, options));
    case 'bundle-frame':
      return think(state, { kind: 'heard', node: message.node, talk: fromBundleFrame(message.frame) }, options);
    case 'look':
      return look(state, undefined, options);
    case 'refresh':
      return refresh(state, options, context);
    case 'pulse':
      look(state, undefined, options);
      return think(state, message, options);
    case 'peer-up':
    case 'peer-down':
    case 'ask-open-peers':
    case 'open-peers-told':
      for (const change of state.peers.hear(message)) think(state, change, options);
  }
}

function refresh(state: BundleState, options: BundleActorOptions, context: Context): void {
  const now = context.clock.now();
  if (now - state.refreshedAtMs < REFRESH_EVERY_MS) return;
  state.refreshedAtMs = now;
  context.pipe(options.refresh(), () => ({ kind: 'look' }), () => ({ kind: 'look' }));
}

function askMembers(request: AuthorityRequest, { membership }: BundleActorOptions, context: Context): void {
  context.pipe(
    membership.ask((answered: Reply<MembershipView>) => ({ kind: 'view', reply: answered }), ROOM_TIMEOUT_MS),
    ({ members }) => ({
      kind: 'asked',
      request,
      // Serf's agents are members too, and have no sessions; whoever is away learns it when back.
      members: members.filter(({ isSelf, status, tags }) => !isSelf && (status === 'alive' || status === 'suspect') && tags['grpc'] !== undefined).map(({ name }) => name),
    }),
    () => ({ kind: 'asked', request, members: undefined }),
  );
}

function answer(state: BundleState, { request, members }: Asked, options: BundleActorOptions, context: Context): void {
  if (members === undefined) return request.reply(new MeshError('OVERLOADED', 'membership did not say who is in the mesh', { todo: 'try again' }));
  look(state, undefined, options);
  if (request.kind === 'show-authority') return reply(request.reply, () => viewOf(state, members, options));
  return reply(request.reply, () => obey(state, request.order, members, request.reply, options, context));
}

/** @returns undefined when the answer comes later */
function obey(state: BundleState, order: AuthorityOrder, members: readonly string[], later: Reply<AuthorityChanged | MeshError>, options: BundleActorOptions, context: Context): AuthorityChanged | undefined {
  const set = storeOf(options).current();
  const verdict = judgeOrder(order, set, { lagging: state.spread.lagging(members), outgoing: state.spread.outgoing() });
  if (verdict === 'done') return { ...viewOf(state, members, options), outcome: 'unchanged' };
  switch (order.verb) {
    case 'prepare':
      context.pipe(
        options.make(set.trustDomain, context.clock.wallNow()).then((authority) => ({ authority })),
        ({ authority }) => ({ kind: 'made', authority, reply: later }),
        (error) => {
          later(new MeshError('INTERNAL', `no authority could be made: ${error.message}`));
          return { kind: 'look' };
        },
      );
      return undefined;
    case 'activate':
      return changed(state, withActivated, options, members);
    case 'taint':
      return changed(state, withTainted, options, members);
    case 'revoke':
      context.pipe(
        options.bans.ask((told: Reply<BansView>) => ({ kind: 'list', reply: told }), ROOM_TIMEOUT_MS),
        ({ bans }) => ({ kind: 'bans-told', bans: bans.map(({ ban }) => ban), reply: later }),
        () => ({ kind: 'bans-told', bans: undefined, reply: later }),
      );
      return undefined;
  }
}

/** Bans outlive the authority under which they were said: whoever has not heard of them yet takes the bundle's word for them. */
function revoke(state: BundleState, bans: readonly HeldBan[] | undefined, options: BundleActorOptions): AuthorityChanged {
  if (bans === undefined) throw new MeshError('OVERLOADED', 'the ban list was not told, and some of it would be forgotten', { todo: 'try again' });
  return changed(state, (set) => withRevoked(set, orphanedBy(set, bans)), options);
}

/** On disk first: what is said to others must outlive this process. */
function changed(state: BundleState, step: (set: AuthoritySet) => AuthoritySet, options: BundleActorOptions, members: readonly string[] = state.peers.nodes): AuthorityChanged {
  const store = storeOf(options);
  store.keep(step(store.current()));
  look(state, undefined, options);
  return { ...viewOf(state, members, options), outcome: 'changed' };
}

function storeOf({ authorities }: BundleActorOptions): AuthorityStore {
  if (authorities !== undefined) return authorities;
  throw new MeshError('NO_IDENTITY', 'the authority is not kept on this machine', { expected: 'a node of the machine and the user that hold it', todo: 'ask there; `mesh trust show` says "here" on such a node' });
}

function viewOf({ spread }: BundleState, members: readonly string[], { bundles, authorities, identity }: BundleActorOptions): AuthorityView {
  const { present } = bundles;
  const { bundle } = identity.current();
  return {
    trustDomain: bundle.trustDomain,
    sequence: present?.claim.sequence ?? 0,
    isHere: authorities !== undefined,
    authorities: present?.claim.authorities ?? bundle.authorities.map((certificate) => ({ certificate, pin: keyPin(certificate), state: 'active' })),
    outgoing: spread.outgoing(),
    lagging: present === undefined ? [] : spread.lagging(members),
  };
}

function reply<R>(to: Reply<R | MeshError>, act: () => R | undefined): void {
  try {
    const done = act();
    if (done !== undefined) to(done);
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    to(error);
  }
}

function offerOwn(authorities: AuthorityStore, { bundles, alarm }: BundleActorOptions): void {
  try {
    bundles.offer(authorities.document().signed);
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    alarm('this machine', error);
  }
}

/** How this node stands now. What it is to do itself is told again and again, until it has been done. */
function look(state: BundleState, from: string | undefined, options: BundleActorOptions): void {
  const { bundles, identity, renewal, authorities } = options;
  // Another node of this machine may have changed it.
  if (authorities !== undefined) offerOwn(authorities, options);
  const { present } = bundles;
  const outgoing = options.outgoing();
  const standing = { sequence: present?.claim.sequence ?? 0, id: present?.id ?? '', outgoing: outgoing.slice(0, OUTGOING_SHOWN_MAX), outgoingCount: outgoing.length };
  think(state, { kind: 'stands', standing, document: present?.signed, from }, options);
  if (bundles.issuerState(identity.current().svid.certificates) === 'tainted') renewal.send({ kind: 'renew-soon' });
}

function think(state: BundleState, input: BundleSpreadInput, options: BundleActorOptions): void {
  for (const effect of state.spread.handle(input)) {
    switch (effect.kind) {
      case 'send':
        state.peers.session(effect.node)?.send({ kind: 'send-bundle', frame: toBundleFrame(effect.talk) });
        break;
      case 'offer':
        try {
          if (options.bundles.offer(effect.document) === 'adopted') look(state, effect.node, options);
        } catch (error) {
          if (!(error instanceof MeshError)) throw error;
          options.alarm(effect.node, error);
        }
        break;
    }
  }
}
