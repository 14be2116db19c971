/** Tells membership which keys are whose, and shows this node's own certificate to its peers. */
import type { KeyObject } from 'node:crypto';
import type { MeshError } from '../../errors.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import { OpenPeers, type OpenPeersMessage } from '../peers/open-peers.ts';
import type { IdentityFrameArrived, PeersRequest } from '../peers/peer-messages.ts';
import type { MemberEvent } from '../membership/member-events.ts';
import type { IdentitiesNews, IdentitiesRequest, MemberEventsNews } from '../membership/membership-messages.ts';
import { PeerKeys, PULSE_MS, type PeerKeysEffect, type PeerKeysInput, type PeerKeysOptions } from './peer-keys.ts';

interface OwnKey {
  /** Hex. */
  readonly keyId: string;
  readonly key: KeyObject;
  /** DER. */
  readonly spki: Uint8Array;
}

export interface PeerKeysActorOptions extends PeerKeysOptions {
  readonly self: string;
  /** Of the certificate as it is now; undefined when gossip cannot be signed with such a key. */
  readonly ownKey: () => OwnKey | undefined;
  /** Tells of every later certificate of this node; the answer ends that. */
  readonly onRenewed: (heard: () => void) => () => void;
  /** A peer shows what is not its certificate. */
  readonly alarm: (node: string, fault: MeshError) => void;
  /** What membership did not believe, and whom it believes nothing any more. */
  readonly note: (event: MemberEvent) => void;
  readonly peers: ActorRef<PeersRequest>;
  readonly membership: ActorRef<IdentitiesNews>;
}

export type PeerKeysMessage =
  | IdentitiesRequest
  | OpenPeersMessage
  | IdentityFrameArrived
  | MemberEventsNews
  | { readonly kind: 'pulse' }
  | { readonly kind: 'renewed' }
  /** The peers have seen the new certificate. */
  | { readonly kind: 'shown' }
  | { readonly kind: 'tell' };

interface PeerKeysState {
  readonly brain: PeerKeys;
  readonly peers: OpenPeers;
  ownKey: OwnKey | undefined;
  isTelling: boolean;
}

/** A frame is there in a round trip: what is signed with the new key is then known to be ours. */
const SHOWN_MS = 2_000;
/** A mesh that forms has many sessions open in one moment, and each news is all that is known. */
const TELL_REST_MS = 50;

type Context = ActorContext<PeerKeysMessage>;

export function peerKeysActor(options: PeerKeysActorOptions): Behavior<PeerKeysState, PeerKeysMessage> {
  return {
    init(context) {
      const state: PeerKeysState = { brain: new PeerKeys(options), peers: new OpenPeers(options.peers, context), ownKey: options.ownKey(), isTelling: false };
      if (state.ownKey === undefined) context.log.log('warn', 'gossip-unsigned', { reason: 'the key of this identity is neither of P-256 nor of Ed25519', todo: 'have such a key issued: others cannot verify what this node says of itself' });
      context.own(options.onRenewed(() => void context.self.send({ kind: 'renewed' })));
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      // A later life knows no keys yet, and membership those of before.
      if (context.life === 1) tell(state, options);
      return state;
    },
    receive(state, message, context) {
      hear(state, message, options, context);
      return state;
    },
    signal(state, signal, context) {
      if (signal.kind === 'down') for (const change of state.peers.ended(signal.path)) think(state, change, options, context);
      return state;
    },
    view: ({ brain, ownKey }) => ({ ownKey: ownKey?.keyId, peers: brain.peers.map(({ name, isOpen, keys }) => ({ name, isOpen, keys: keys.map(({ keyId }) => keyId) })) }),
    describe: ({ kind }) => kind,
  };
}

function hear(state: PeerKeysState, message: PeerKeysMessage, options: PeerKeysActorOptions, context: Context): void {
  switch (message.kind) {
    case 'identities':
      return tell(state, options);
    case 'identity-frame':
      return think(state, { kind: 'heard', node: message.node, chain: message.frame.chain, wantsOurs: message.frame.wantsYours }, options, context);
    case 'member-events':
      for (const { event } of message.happenings) options.note(event);
      return;
    case 'renewed':
      context.setTimer('shown', SHOWN_MS, { kind: 'shown' });
      return think(state, message, options, context);
    case 'shown':
      state.ownKey = options.ownKey();
      return tell(state, options);
    case 'tell':
      state.isTelling = false;
      return tell(state, options);
    case 'pulse':
      return think(state, message, options, context);
    case 'peer-up':
    case 'peer-down':
    case 'ask-open-peers':
    case 'open-peers-told':
      for (const change of state.peers.hear(message)) think(state, change, options, context);
  }
}

function think(state: PeerKeysState, input: PeerKeysInput, options: PeerKeysActorOptions, context: Context): void {
  for (const effect of state.brain.handle(input, context.clock.wallNow())) perform(state, effect, options, context);
}

function perform(state: PeerKeysState, effect: PeerKeysEffect, { alarm }: PeerKeysActorOptions, context: Context): void {
  switch (effect.kind) {
    case 'send':
      state.peers.session(effect.node)?.send({ kind: 'send-identity', frame: { chain: effect.chain.map((der) => Buffer.from(der)), wantsYours: effect.wantsTheirs } });
      return;
    case 'refused':
      return alarm(effect.node, effect.fault);
    case 'tell':
      if (!state.isTelling) context.setTimer('tell', TELL_REST_MS, { kind: 'tell' });
      state.isTelling = true;
  }
}

function tell({ brain, ownKey }: PeerKeysState, { membership, self }: PeerKeysActorOptions): void {
  if (ownKey === undefined) return;
  const peers = brain.peers.map(({ name, isOpen, keys }) => ({ name, isOpen, keys: keys.map(({ keyId, spki }) => ({ keyId, spki })) }));
  const own = { name: self, isOpen: false, keys: [{ keyId: ownKey.keyId, spki: ownKey.spki }] };
  membership.send({ kind: 'identities-news', own: { keyId: ownKey.keyId, key: ownKey.key }, peers: [own, ...peers] });
}
