/** The registry of one node: keys and values, the same on every node. Decisions are in `document`, `replication`, `watches`. */
import { createHash } from 'node:crypto';
import { MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import { OpenPeers, type OpenPeersMessage } from '../peers/open-peers.ts';
import type { PeersRequest, RegistryFrameArrived } from '../peers/peer-messages.ts';
import { RegistryDocument, type Write } from './document.ts';
import type { RegistryRequest } from './registry-messages.ts';
import { Replication, type ReplicationInput } from './replication.ts';
import type { AppendOutcome, ReplaceOutcome, StorageRequest, StoredRegistry } from './storage-messages.ts';
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
  | { readonly kind: 'load' }
  | { readonly kind: 'load-failed'; readonly error: Error }
  | { readonly kind: 'deliver' };

/** At start the disk may take this long; later it is merged like news from a peer. Below the start timeout of 5 s. */
const FIRST_LOAD_MS = 3_000;
/** Before storage is given up on in one matter and the next way is taken. */
const STORAGE_ANSWER_MS = 30_000;
const LOAD_AGAIN_MS = 10_000;
/** For a watcher with a full mailbox. */
const DELIVER_AGAIN_MS = 50;
/** On the way out, for the last group commit. */
const FLUSH_MS = 2_000;

interface RegistryState {
  readonly document: RegistryDocument;
  readonly replication: Replication;
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
      const replication = new Replication(document, options.random);
      const peers = new OpenPeers(options.peers, context);
      const state: RegistryState = { document, replication, watches: new Watches(), peers, framesDropped: 0 };
      const stored = await storage.ask<StoredRegistry | MeshError>((reply) => ({ kind: 'load', reply }), FIRST_LOAD_MS).catch(asError);
      receive(state, loaded(stored), context, options);
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
    async terminate() {
      await storage.ask<'flushed'>((reply) => ({ kind: 'flush', reply }), FLUSH_MS).catch(asError);
    },
    view: ({ document, replication, watches, peers, framesDropped }) => ({
      entries: document.count,
      changes: document.changeCount,
      heads: document.heads(),
      peers: peers.nodes,
      watches: watches.size,
      orphans: replication.orphanCount,
      refused: replication.refused,
      framesDropped,
    }),
  };
}

function receive(state: RegistryState, message: RegistryMessage, context: Context, options: RegistryOptions): void {
  const { document, watches, peers } = state;
  switch (message.kind) {
    case 'put': {
      const write = document.put(message.key, message.value, options.node, context.clock.wallNow());
      message.reply(write instanceof MeshError ? write : { created: !write.existed });
      return written(state, write, context, options);
    }
    case 'delete': {
      const write = document.delete(message.key);
      message.reply(write instanceof MeshError ? write : { deleted: write.existed });
      return written(state, write, context, options);
    }
    case 'get':
      return message.reply(document.get(message.key));
    case 'list':
      return message.reply(document.list(message.prefix));
    case 'count':
      return message.reply(document.count);
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
    case 'load':
      return context.pipe(options.storage.ask<StoredRegistry | MeshError>((reply) => ({ kind: 'load', reply }), STORAGE_ANSWER_MS), loaded, loaded);
    case 'load-failed':
      context.log.log('error', 'registry-not-loaded', { error: message.error.message, retryMs: LOAD_AGAIN_MS });
      return context.setTimer('load', LOAD_AGAIN_MS, { kind: 'load' });
    case 'deliver':
      return deliver(state, context);
  }
}

function loaded(stored: StoredRegistry | Error): RegistryMessage {
  return stored instanceof Error ? { kind: 'load-failed', error: stored } : { kind: 'input', input: { kind: 'stored', stored } };
}

function written(state: RegistryState, write: Write | MeshError, context: Context, options: RegistryOptions): void {
  if (write instanceof MeshError || write.bytes === undefined) return;
  perform(state, { kind: 'written', bytes: write.bytes }, context, options);
  state.watches.record(write.news);
  deliver(state, context);
}

function perform(state: RegistryState, input: ReplicationInput, context: Context, { storage }: RegistryOptions): void {
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
      case 'append': {
        const asked = storage.ask<AppendOutcome>((reply) => ({ kind: 'append', changes: effect.changes, reply }), STORAGE_ANSWER_MS);
        const settled = (outcome: AppendOutcome): RegistryMessage => ({ kind: 'input', input: { kind: 'append-settled', outcome } });
        context.pipe(asked, settled, () => settled('lost'));
        break;
      }
      case 'replace': {
        const asked = storage.ask<ReplaceOutcome>((reply) => ({ kind: 'replace', snapshot: effect.snapshot, reply }), STORAGE_ANSWER_MS);
        const settled = (outcome: ReplaceOutcome): RegistryMessage => ({ kind: 'input', input: { kind: 'replace-settled', outcome } });
        context.pipe(asked, settled, () => settled('failed'));
        break;
      }
      case 'set-aside':
        storage.send({ kind: 'set-aside' });
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

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
