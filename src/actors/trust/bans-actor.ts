/** The ban list as an actor: sessions, disk and what a ban sets going around the brains in ban-spread.ts and ban-orders.ts. */
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { BanClaim, BanEntry, HeldBan } from '../../trust/ban-entry.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from '../../trust/spiffe-id.ts';
import type { BansNews } from '../membership/membership-messages.ts';
import { OpenPeers, type OpenPeersMessage } from '../peers/open-peers.ts';
import type { PeersRequest, TrustFrameArrived } from '../peers/peer-messages.ts';
import { fromTrustFrame, toTrustFrame } from './ban-frames.ts';
import type { Restriction } from './ban-list.ts';
import type { BansRequest } from './ban-messages.ts';
import type { NodeBanned } from './key-messages.ts';
import { BanOrders } from './ban-orders.ts';
import { BanSpread, PULSE_MS, type BanSpreadEffect, type BanSpreadInput } from './ban-spread.ts';

export interface BansActorOptions {
  readonly self: SpiffeId;
  readonly random: Random;
  readonly sign: (claim: BanClaim) => HeldBan;
  /** @throws MeshError when the entry is not good */
  readonly read: (entry: BanEntry) => HeldBan;
  readonly file: {
    load(): readonly BanEntry[];
    /** May throw: then this node has forgotten the newest after a restart, until a peer tells it. */
    save(entries: readonly BanEntry[]): void;
  };
  /** From now on these are kept out. @returns how many connections of `restricted` were cut off */
  readonly enforce: (all: ReadonlyMap<string, Restriction>, restricted: readonly Restriction[], released: readonly string[]) => number;
  /** A peer brought an entry that is not good. */
  readonly alarm: (node: string, fault: MeshError) => void;
  readonly peers: ActorRef<PeersRequest>;
  readonly membership: ActorRef<BansNews>;
  readonly identity: ActorRef<{ readonly kind: 'renew' }>;
  /** Whoever is banned is not to read on. */
  readonly gossipKeys: ActorRef<NodeBanned>;
}

export type BansMessage =
  | BansRequest
  | OpenPeersMessage
  | TrustFrameArrived
  | { readonly kind: 'pulse' }
  /** This node was evicted, and a certificate that is made now is a new one. */
  | { readonly kind: 'attest-again' };

interface BansState {
  readonly spread: BanSpread;
  readonly orders: BanOrders;
  readonly peers: OpenPeers;
  pulses: number;
}

/** Certificates tell whole seconds: one that is made in the second of the eviction could be one of before. */
const SECOND_MS = 1_100;
/** Membership forgets whom it keeps out when it restarts: it is told again and again. */
const TELL_EVERY_PULSES = 5;

type Context = ActorContext<BansMessage>;

export function bansActor(options: BansActorOptions): Behavior<BansState, BansMessage> {
  return {
    init(context) {
      const { self, random, read, file, peers } = options;
      const state: BansState = { spread: new BanSpread({ random, read }), orders: new BanOrders(self), peers: new OpenPeers(peers, context), pulses: 0 };
      think(state, { kind: 'kept', entries: file.load() }, options, context);
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
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
    view: ({ spread, peers }) => ({ entries: spread.list.entries.length, keptOut: [...spread.list.restrictions().keys()], digest: spread.list.digest, peers: peers.nodes.length }),
    describe: (message) => message.kind,
  };
}

function hear(state: BansState, message: BansMessage, options: BansActorOptions, context: Context): void {
  switch (message.kind) {
    case 'order':
      return message.reply(obey(state, message, options, context));
    case 'list': {
      const counting = new Set([...state.spread.list.restrictions().values()].map(({ id }) => id));
      return message.reply({ bans: state.spread.list.entries.map((ban) => ({ ban, counts: counting.has(ban.id) })), digest: state.spread.list.digest, waiting: state.orders.waiting(context.clock.wallNow()) });
    }
    case 'trust-frame': {
      const frame = fromTrustFrame(message.frame);
      if (frame !== undefined) think(state, { kind: 'heard', node: message.node, frame }, options, context);
      return;
    }
    case 'attest-again':
      options.identity.send({ kind: 'renew' });
      return;
    case 'pulse':
      if (++state.pulses % TELL_EVERY_PULSES === 0) tellRooms(state, options);
      think(state, message, options, context);
      return;
    case 'peer-up':
    case 'peer-down':
    case 'ask-open-peers':
    case 'open-peers-told':
      for (const change of state.peers.hear(message)) think(state, change, options, context);
  }
}

function obey(state: BansState, { order }: Extract<BansMessage, { kind: 'order' }>, options: BansActorOptions, context: Context): Parameters<Extract<BansMessage, { kind: 'order' }>['reply']>[0] {
  try {
    const taken = state.orders.take(order, state.spread.list, context.clock.wallNow());
    if (taken.outcome === 'waits') return { ...taken, told: 0, severed: 0 };
    const ban = options.sign(taken.claim);
    // What no other node would believe is not said either: this node's own certificate may have expired.
    options.read(ban.entry);
    const { severed, told } = think(state, { kind: 'issued', ban }, options, context);
    return { outcome: 'done', subject: taken.claim.subject, severed, told };
  } catch (error) {
    if (error instanceof MeshError) return error;
    throw error;
  }
}

function think(state: BansState, input: BanSpreadInput, options: BansActorOptions, context: Context): { readonly severed: number; readonly told: number } {
  let [severed, told] = [0, 0];
  for (const effect of state.spread.handle(input, context.clock.wallNow())) {
    severed += perform(state, effect, options, context);
    if (effect.kind === 'send') told++;
  }
  return { severed, told };
}

/** @returns how many connections were cut off */
function perform(state: BansState, effect: BanSpreadEffect, options: BansActorOptions, context: Context): number {
  switch (effect.kind) {
    case 'send':
      state.peers.session(effect.node)?.send({ kind: 'send-trust', frame: toTrustFrame(effect.frame) });
      return 0;
    case 'refused':
      options.alarm(effect.node, effect.fault);
      return 0;
    case 'changed': {
      // First, for it is what all this is for.
      const severed = options.enforce(state.spread.list.restrictions(), effect.restricted, effect.released);
      attestAgain(effect.restricted, options, context);
      tellRooms(state, options);
      keep(state, options, context);
      return severed;
    }
  }
}

/** When this node is the one that was evicted. */
function attestAgain(restricted: readonly Restriction[], { self }: BansActorOptions, context: Context): void {
  const own = restricted.find(({ claim }) => claim.kind === 'evict' && claim.subject === formatSpiffeId(self));
  if (own === undefined) return;
  const aheadMs = Math.max(0, own.claim.epochMs - context.clock.wallNow());
  context.setTimer('attest-again', aheadMs + SECOND_MS, { kind: 'attest-again' });
}

function tellRooms({ spread }: BansState, { membership, gossipKeys, self }: BansActorOptions): void {
  const banned = [...spread.list.restrictions().values()].map(({ claim }) => ({ claim, id: parseSpiffeId(claim.subject) })).filter(({ claim, id }) => claim.kind === 'ban' && id.kind === 'node');
  // Who is evicted comes back under its name as soon as it has attested again: its sessions say when.
  membership.send({ kind: 'bans-news', names: banned.map(({ id }) => id.name).filter((name) => name !== self.name) });
  if (banned.length > 0) gossipKeys.send({ kind: 'node-banned', epochMs: Math.max(...banned.map(({ claim }) => claim.epochMs)) });
}

function keep({ spread }: BansState, { file }: BansActorOptions, { log }: Context): void {
  try {
    file.save(spread.list.entries.map(({ entry }) => entry));
  } catch (error) {
    log.log('error', 'bans-not-kept', { reason: String(error) });
  }
}
