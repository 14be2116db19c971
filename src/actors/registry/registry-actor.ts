/** The registry of one node: keys and values, the same on every node. Decisions are in `document`, `replication`, `watches`. */
import { createHash } from 'node:crypto';
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import { AskError } from '../../supervision/behavior.ts';
import type { ActorContext, ActorRef, Behavior, Reply } from '../../supervision/behavior.ts';
import { OpenPeers, type OpenPeersMessage } from '../peers/open-peers.ts';
import type { PeersRequest, RegistryFrameArrived } from '../peers/peer-messages.ts';
import { RegistryDocument, type Write } from './document.ts';
import { Persistence, type PersistenceEffect, type PersistenceInput } from './persistence.ts';
import type { RegistryRequest } from './registry-messages.ts';
import { Replication, type ReplicationInput } from './replication.ts';
import type { SaveOutcome, StorageRequest, StoredRegistry } from './storage-messages.ts';
import { Unanswered } from './unanswered.ts';
import { Watches } from './watches.ts';

export interface RegistryOptions {
  /** Name of this node; the writer of what is put here. */
  readonly node: string;
  readonly storage: ActorRef<StorageRequest>;
  readonly peers: ActorRef<PeersRequest>;
  readonly random: Random;
}

export type RegistryMessage =
  | RegistryRequest
  | OpenPeersMessage
  | RegistryFrameArrived
  | { readonly kind: 'input'; readonly input: ReplicationInput }
  | { readonly kind: 'persist'; readonly input: PersistenceInput }
  | { readonly kind: 'load' }
  | { readonly kind: 'load-ended'; readonly stored: StoredRegistry | MeshError }
  | { readonly kind: 'deliver' };

/** At start the disk may take this long; later it is merged like news from a peer. Below the start timeout of 5 s. */
const FIRST_LOAD_MS = 3_000;
const LOAD_ANSWER_MS = 30_000;
const LOAD_AGAIN_MS = 10_000;
/** A disk that hangs is reported long before; until it answers there is nothing else to give it. */
const SAVE_ANSWER_MS = 24 * 3_600_000;
/** For a watcher with a full mailbox. */
const DELIVER_AGAIN_MS = 50;
/** On the way out, for what is not on disk yet. */
const FLUSH_MS = 2_000;

interface RegistryState {
  readonly document: RegistryDocument;
  readonly replication: Replication;
  readonly persistence: Persistence;
  readonly unanswered: Unanswered;
  readonly watches: Watches;
  readonly peers: OpenPeers;
  /** Frames that a session had no room for; anti-entropy makes up for them. */
  framesDropped: number;
}

type Context = ActorContext<RegistryMessage>;

export function registryActor(options: RegistryOptions): Behavior<RegistryState, RegistryMessage> {
  const { storage } = options;
  return {
    async init(context) {
      const document = new RegistryDocument(freshActor(options, context));
      context.own(() => document.close());
      const state: RegistryState = {
        document,
        replication: new Replication(document, options.random),
        persistence: new Persistence(document),
        unanswered: new Unanswered(),
        watches: new Watches(),
        peers: new OpenPeers(options.peers, context),
        framesDropped: 0,
      };
      const stored = await storage.ask<StoredRegistry | MeshError>((reply) => ({ kind: 'load', reply }), FIRST_LOAD_MS).catch(unread);
      receive(state, { kind: 'load-ended', stored }, context, options);
      perform(state, { kind: 'anti-entropy' }, context, options);
      return state;
    },
    receive(state, message, context) {
      receive(state, message, context, options);
      return state;
    },
    signal(state, signal, context) {
      if (signal.kind !== 'down') return state;
      state.watches.removeSubscriber(signal.path);
      for (const change of state.peers.ended(signal.path)) perform(state, change, context, options);
      return state;
    },
    async terminate({ persistence }) {
      const rest = persistence.rest();
      if (rest !== undefined) await storage.ask<SaveOutcome>((reply) => ({ ...rest, reply }), FLUSH_MS).catch(() => undefined);
    },
    view: ({ document, replication, persistence, unanswered, watches, peers, framesDropped }) => ({
      entries: document.count,
      changes: document.changeCount,
      heads: document.heads(),
      peers: peers.nodes,
      watches: watches.size,
      orphans: replication.orphanCount,
      refused: replication.refused,
      framesDropped,
      unanswered: unanswered.count,
      notSaved: persistence.trouble?.fault.message,
    }),
  };
}

function receive(state: RegistryState, message: RegistryMessage, context: Context, options: RegistryOptions): void {
  const { document, watches, peers } = state;
  switch (message.kind) {
    case 'put':
      return write(state, () => document.put(message.key, message.value, options.node, context.clock.wallNow()), (existed) => ({ created: !existed }), message.reply, context, options);
    case 'delete':
      return write(state, () => document.delete(message.key), (existed) => ({ deleted: existed }), message.reply, context, options);
    case 'get':
      return message.reply(document.get(message.key));
    case 'list':
      return message.reply(document.list(message.prefix));
    case 'status': {
      const { trouble } = state.persistence;
      return message.reply({ entries: document.count, notSaved: trouble && { atMs: trouble.atMs, reason: trouble.fault.message } });
    }
    case 'watch':
      return watch(state, message, context);
    case 'unwatch': {
      const released = watches.remove(message.watch);
      if (released !== undefined) context.demonitor(released);
      return undefined;
    }
    case 'peer-up':
    case 'peer-down':
    case 'ask-open-peers':
    case 'open-peers-told':
      for (const change of peers.hear(message)) perform(state, change, context, options);
      return undefined;
    case 'registry-frame':
      return perform(state, { kind: 'frame', node: message.node, frame: message.frame }, context, options);
    case 'input':
      return perform(state, message.input, context, options);
    case 'persist':
      return persist(state, message.input, context, options);
    case 'load': {
      const ended = (stored: StoredRegistry | MeshError): RegistryMessage => ({ kind: 'load-ended', stored });
      const asked = options.storage.ask<StoredRegistry | MeshError>((reply) => ({ kind: 'load', reply }), LOAD_ANSWER_MS);
      return context.pipe(asked, ended, (error) => ended(unread(error)));
    }
    case 'load-ended':
      return loadEnded(state, message.stored, context, options);
    case 'deliver':
      return deliver(state, context);
  }
}

function loadEnded(state: RegistryState, stored: StoredRegistry | MeshError, context: Context, options: RegistryOptions): void {
  if (stored instanceof MeshError) {
    context.setTimer('load', LOAD_AGAIN_MS, { kind: 'load' });
    return persist(state, { kind: 'load-failed', fault: stored }, context, options);
  }
  // The document first: a snapshot that takes the place of what was stored has to hold it.
  perform(state, { kind: 'stored', stored }, context, options);
  return persist(state, { kind: 'loaded', ...stored }, context, options);
}

/** @param act on the document; @param answer once it is on disk, from whether the key was there before */
function write<R>(
  state: RegistryState,
  act: () => Write | MeshError,
  answer: (existed: boolean) => R,
  reply: Reply<R | MeshError>,
  context: Context,
  options: RegistryOptions,
): void {
  const { persistence, unanswered } = state;
  const written = unanswered.refusal(persistence.trouble?.fault) ?? act();
  if (written instanceof MeshError) return reply(written);
  if (written.bytes === undefined) return reply(answer(written.existed));
  perform(state, { kind: 'written', bytes: written.bytes }, context, options);
  unanswered.add(persistence.changeCount, (fault) => reply(fault ?? answer(written.existed)));
  state.watches.record(written.news);
  deliver(state, context);
}

function perform(state: RegistryState, input: ReplicationInput, context: Context, options: RegistryOptions): void {
  for (const effect of state.replication.handle(input, context.clock.now())) {
    switch (effect.kind) {
      case 'send': {
        const outcome = state.peers.session(effect.node)?.send({ kind: 'send-registry', frame: effect.frame });
        if (outcome !== 'accepted') state.framesDropped++;
        break;
      }
      case 'news':
        state.watches.record(effect.news);
        deliver(state, context);
        break;
      case 'keep':
        persist(state, { kind: 'changed', changes: effect.changes, isAwaited: effect.isOwn }, context, options);
        break;
      case 'keep-whole':
        persist(state, { kind: 'snapshot-wanted' }, context, options);
        break;
      case 'set-aside':
        options.storage.send({ kind: 'set-aside' });
        break;
      case 'later':
        context.setTimer(timerKey(effect.input), effect.delayMs, { kind: 'input', input: effect.input });
        break;
      case 'refused':
        context.log.log('warn', 'registry-data-refused', { from: effect.from ?? 'disk', ...effect.refused });
        break;
    }
  }
}

function persist(state: RegistryState, input: PersistenceInput, context: Context, options: RegistryOptions): void {
  for (const effect of state.persistence.handle(input, context.clock.wallNow())) {
    switch (effect.kind) {
      case 'append':
      case 'replace':
        store(effect, context, options);
        break;
      case 'answer':
        state.unanswered.settle(effect.upTo, effect.fault);
        break;
      case 'later':
        context.setTimer(effect.input.kind, effect.delayMs, { kind: 'persist', input: effect.input });
        break;
      case 'trouble-began':
        context.log.log('error', 'registry-not-saved', { error: effect.fault.message, todo: effect.fault.todo });
        break;
      case 'trouble-ended':
        context.log.log('info', 'registry-saved-again', {});
        break;
    }
  }
}

function store(effect: Extract<PersistenceEffect, { readonly kind: 'append' | 'replace' }>, context: Context, { storage }: RegistryOptions): void {
  const settled = (outcome: SaveOutcome | 'interrupted'): RegistryMessage => ({ kind: 'persist', input: { kind: 'settled', outcome } });
  const asked = storage.ask<SaveOutcome>((reply) => ({ ...effect, reply }), SAVE_ANSWER_MS);
  // The next life takes what is sent between two lives.
  context.pipe(asked, settled, (error) => settled(error instanceof AskError && error.failure === 'exited' ? 'interrupted' : unsaved(error)));
}

function timerKey(input: ReplicationInput): string {
  return input.kind === 'send-on' ? `send-on ${input.node}` : input.kind;
}

function watch(state: RegistryState, message: Extract<RegistryMessage, { kind: 'watch' }>, context: Context): void {
  const { document, watches } = state;
  const isNew = !watches.isSubscriber(message.subscriber.path);
  const fault = watches.add(message.watch, message.prefix, message.subscriber, document.list(message.prefix));
  message.reply?.(fault ?? 'watching');
  if (fault !== undefined) {
    context.log.log('warn', 'watch-refused', { subscriber: message.subscriber.path, error: fault.message });
    return;
  }
  if (isNew) context.monitor(message.subscriber);
  deliver(state, context);
}

function deliver({ watches }: RegistryState, context: Context): void {
  const ended = watches.deliver((subscriber, news) => subscriber.send(news));
  for (const name of ended) context.log.log('warn', 'watch-ended', { watch: name });
  if (watches.isBehind) context.setTimer('deliver', DELIVER_AGAIN_MS, { kind: 'deliver' });
}

/** Never the same twice, also when two nodes are given the same random numbers. */
function freshActor({ node, random }: RegistryOptions, context: Context): string {
  const draws = Array.from({ length: 4 }, () => random.next());
  const seed = JSON.stringify([node, context.life, context.clock.wallNow(), draws]);
  return createHash('sha256').update(seed).digest('hex').slice(0, 32);
}

function unread(error: unknown): MeshError {
  return new MeshError('DATA_DIR_UNUSABLE', 'what is on disk has not been read', { todo: 'see to the disk', cause: error });
}

function unsaved(error: Error): MeshError {
  return new MeshError('DATA_DIR_UNUSABLE', error.message, { todo: 'see `mesh tree /registry`', cause: error });
}
