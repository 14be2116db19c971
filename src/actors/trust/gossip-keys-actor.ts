/** The keys of gossip as an actor: sessions, disk and membership around the brain in key-rotation.ts. */
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior, Reply } from '../../supervision/behavior.ts';
import type { TrustFrame } from '../../transport/generated/omega/mesh/v1/TrustFrame.ts';
import { fromSent, inOrder, keyFingerprint, toSent, usedKey, type Ring } from '../../trust/gossip-ring.ts';
import type { Identity } from '../../trust/identity-source.ts';
import type { KeysNews } from '../membership/membership-messages.ts';
import { OpenPeers, type OpenPeersMessage } from '../peers/open-peers.ts';
import type { PeersRequest, TrustFrameArrived } from '../peers/peer-messages.ts';
import type { KeyRotated, KeysRequest } from './key-messages.ts';
import { KeyRotation, PULSE_MS, type KeyFrame, type KeyRotationEffect, type KeyRotationInput } from './key-rotation.ts';

export interface GossipKeysActorOptions {
  readonly self: string;
  readonly holdsAuthority: boolean;
  readonly everyMs: number;
  readonly random: Random;
  readonly file: {
    /** Undefined where gossip has no keys of the trust domain: then nothing is done here. */
    load(): Ring | undefined;
    /** May throw: then a restart would miss the newest, until a peer or a Trust Fabric tells it. */
    save(ring: Ring): void;
  };
  /** Those that a Trust Fabric hands out now, and the identity that they come with. Has a deadline of its own. */
  readonly ask: () => Promise<{ readonly identity: Identity; readonly ring: Ring }>;
  /** What is worth an entry in the audit. */
  readonly note: (event: string, detail: string) => void;
  readonly peers: ActorRef<PeersRequest>;
  readonly membership: ActorRef<KeysNews>;
  readonly identity: ActorRef<{ readonly kind: 'renewed'; readonly identity: Identity }>;
}

export type GossipKeysMessage = KeysRequest | OpenPeersMessage | TrustFrameArrived | { readonly kind: 'pulse' } | { readonly kind: 'asked'; readonly identity: Identity; readonly ring: Ring } | { readonly kind: 'not-handed'; readonly reason: string };

interface GossipKeysState {
  /** Undefined where there are no keys of the trust domain. */
  readonly rotation: KeyRotation | undefined;
  readonly peers: OpenPeers;
  /** Who waits until the next key is in use. */
  readonly waiting: Reply<KeyRotated | MeshError>[];
  pulses: number;
}

/** Membership reads the file when it restarts; what is sent may be lost. */
const TELL_EVERY_PULSES = 5;
const WAITING_MAX = 64;

type Context = ActorContext<GossipKeysMessage>;

export function gossipKeysActor(options: GossipKeysActorOptions): Behavior<GossipKeysState, GossipKeysMessage> {
  return {
    init(context) {
      const { self, holdsAuthority, everyMs, random, file, peers } = options;
      const ring = file.load();
      const rotation = ring && new KeyRotation({ self, holdsAuthority, everyMs, random, ring, nowMs: context.clock.wallNow() });
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      return { rotation, peers: new OpenPeers(peers, context), waiting: [], pulses: 0 };
    },
    receive(state, message, context) {
      hear(state, message, options, context);
      return state;
    },
    signal(state, signal, context) {
      if (signal.kind === 'down') for (const change of state.peers.ended(signal.path)) think(state, change, options, context);
      return state;
    },
    view: ({ rotation, peers }) => ({ keys: rotation?.ring.map((each) => ({ fingerprint: keyFingerprint(each), epochMs: each.epochMs, isUsed: each.isUsed })), peers: peers.nodes.length, ...rotation?.agreement }),
    describe: ({ kind }) => kind,
  };
}

function hear(state: GossipKeysState, message: GossipKeysMessage, options: GossipKeysActorOptions, context: Context): void {
  switch (message.kind) {
    case 'rotate':
      return rotate(state, message.reply, options, context);
    case 'handed':
    case 'node-banned':
      return think(state, message, options, context);
    case 'asked':
      options.identity.send({ kind: 'renewed', identity: message.identity });
      return think(state, { kind: 'handed', ring: message.ring }, options, context);
    case 'not-handed':
      // Peers tell them as well; the node's identity has its own alarms.
      context.log.log('info', 'gossip-keys-not-asked', { reason: message.reason });
      return;
    case 'trust-frame': {
      const { keys } = message.frame;
      if (keys) think(state, { kind: 'heard', node: message.node, frame: { holdsAuthority: keys.holdsAuthority, digest: keys.digest.toString('hex'), ...(keys.keys.length > 0 && { keys: fromSent(keys.keys) }) } }, options, context);
      return;
    }
    case 'pulse':
      if (++state.pulses % TELL_EVERY_PULSES === 0 && state.rotation !== undefined) tellMembership(state.rotation.ring, options);
      return think(state, message, options, context);
    case 'peer-up':
    case 'peer-down':
    case 'ask-open-peers':
    case 'open-peers-told':
      for (const change of state.peers.hear(message)) think(state, change, options, context);
  }
}

function rotate(state: GossipKeysState, reply: Reply<KeyRotated | MeshError>, options: GossipKeysActorOptions, context: Context): void {
  const fault = refusal(state, options);
  if (fault !== undefined) return reply(fault);
  state.waiting.push(reply);
  // One that is under way serves all who ask meanwhile.
  if (state.rotation?.next === undefined) think(state, { kind: 'rotate' }, options, context);
}

function refusal({ rotation, waiting }: GossipKeysState, { holdsAuthority }: GossipKeysActorOptions): MeshError | undefined {
  if (rotation === undefined) return new MeshError('REFUSED', 'gossip here has no keys of the trust domain', { todo: 'where it has keys of the configuration: `mesh keys install`, `use` and `remove`' });
  if (!holdsAuthority) return new MeshError('REFUSED', 'keys of gossip are made by nodes that hold the authority, and this one does not', { todo: 'ask on the machine where `mesh init` was done' });
  return waiting.length >= WAITING_MAX ? new MeshError('OVERLOADED', `${WAITING_MAX} wait for the next key`, { todo: 'wait until it is in use' }) : undefined;
}

function think(state: GossipKeysState, input: KeyRotationInput, options: GossipKeysActorOptions, context: Context): void {
  for (const effect of state.rotation?.handle(input, context.clock.wallNow()) ?? []) perform(state, effect, options, context);
}

function perform(state: GossipKeysState, effect: KeyRotationEffect, options: GossipKeysActorOptions, context: Context): void {
  switch (effect.kind) {
    case 'send':
      state.peers.session(effect.node)?.send({ kind: 'send-trust', frame: asTrustFrame(effect.frame) });
      return;
    case 'ring':
      try {
        options.file.save(effect.ring);
      } catch (error) {
        context.log.log('error', 'gossip-keys-not-kept', { reason: String(error) });
      }
      tellMembership(effect.ring, options);
      if (state.rotation?.next === undefined) answer(state);
      return;
    case 'ask-fabric':
      context.pipe(
        options.ask(),
        (answer) => ({ kind: 'asked', ...answer }),
        (error) => ({ kind: 'not-handed', reason: error.message }),
      );
      return;
    case 'log':
      context.log.log('info', effect.event, effect.fields);
      options.note(effect.event, Object.entries(effect.fields).map(([name, value]) => `${name} ${String(value)}`).join(', '));
  }
}

function answer({ rotation, waiting }: GossipKeysState): void {
  const used = usedKey(rotation?.ring ?? []);
  if (rotation === undefined || used === undefined) return;
  for (const reply of waiting.splice(0)) reply({ fingerprint: keyFingerprint(used), ...rotation.holding });
}

function tellMembership(ring: Ring, { membership }: GossipKeysActorOptions): void {
  membership.send({ kind: 'keys-news', keys: inOrder(ring) });
}

function asTrustFrame({ holdsAuthority, digest, keys }: KeyFrame): TrustFrame {
  return { keys: { holdsAuthority, digest: Buffer.from(digest, 'hex'), ...(keys && { keys: toSent(keys) }) } };
}
