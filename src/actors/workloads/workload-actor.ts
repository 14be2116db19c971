/** A workload's socket as an actor: the listener, the streams over it and whoever issues, around the brain in workload.ts. */
import { findMeshError, MeshError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { WorkloadStream } from '../../transport/workload-service.ts';
import { BACKDATE_MS } from '../../trust/authority.ts';
import type { Identity, IdentitySource } from '../../trust/identity-source.ts';
import { formatSpiffeId, type SpiffeId } from '../../trust/spiffe-id.ts';
import type { WorkloadEntry } from '../../trust/workload-entry.ts';
import type { Listener } from '../edge/listener-actor.ts';
import { Workload, type WorkloadEffect, type WorkloadInput } from './workload.ts';
import type { WorkloadReport } from './workload-messages.ts';

/** What the world outside has for workloads. */
export interface WorkloadWorld {
  /** Has a deadline of its own. */
  readonly issue: (id: SpiffeId) => Promise<Identity>;
  readonly node: IdentitySource;
  /** Why this one may not be served with a certificate of that time: it is kept out, or the node is. */
  readonly refusal: (id: SpiffeId, notBeforeMs: number) => MeshError | undefined;
  /** Tells whenever that may have changed; the answer ends it. */
  readonly onBans: (heard: () => void) => () => void;
  readonly openSocket: (entry: WorkloadEntry, onStream: (stream: WorkloadStream) => void) => Promise<Listener>;
  readonly random: Random;
}

export interface WorkloadActorOptions extends WorkloadWorld {
  readonly entry: WorkloadEntry;
  readonly list: ActorRef<WorkloadReport>;
}

export type WorkloadMessage =
  | { readonly kind: 'opened'; readonly stream: WorkloadStream }
  | { readonly kind: 'closed'; readonly stream: WorkloadStream }
  | { readonly kind: 'tick' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'pulse' }
  | { readonly kind: 'issued'; readonly identity: Identity }
  | { readonly kind: 'failed'; readonly error: Error };

interface WorkloadState {
  readonly brain: Workload;
  readonly streams: Set<WorkloadStream>;
  readonly listener: Listener;
}

/** A list that restarts knows how all are within this. */
const PULSE_MS = 5_000;

type Context = ActorContext<WorkloadMessage>;

export function workloadActor(options: WorkloadActorOptions): Behavior<WorkloadState, WorkloadMessage> {
  const { entry, node, onBans, openSocket, random } = options;
  return {
    async init(context) {
      const streams = new Set<WorkloadStream>();
      const listener = await openSocket(entry, (stream) => void (context.self.send({ kind: 'opened', stream }) === 'accepted' || stream.close(gone())));
      context.own(() => void listener.close(0));
      context.own(() => streams.forEach((stream) => stream.close(gone())));
      context.own(onBans(() => void context.self.send({ kind: 'changed' })));
      context.own(node.onChange(() => void context.self.send({ kind: 'changed' })));
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      context.log.log('info', 'listening', { address: listener.address });
      const state = { brain: new Workload(random), streams, listener };
      think(state, { kind: 'tick' }, options, context);
      return state;
    },
    receive(state, message, context) {
      hear(state, message, options, context);
      return state;
    },
    view: ({ brain, streams, listener }) => ({ id: formatSpiffeId(entry.id), address: listener.address, streams: streams.size, serial: brain.identity?.svid.serial, fault: brain.fault?.message }),
    describe: ({ kind }) => kind,
  };
}

function hear(state: WorkloadState, message: WorkloadMessage, options: WorkloadActorOptions, context: Context): void {
  switch (message.kind) {
    case 'opened':
      return take(state, message.stream, options, context);
    case 'closed':
      state.streams.delete(message.stream);
      return report(state, options);
    case 'tick':
      return think(state, message, options, context);
    case 'pulse':
      return report(state, options);
    case 'changed':
      return look(state, options, context);
    case 'issued':
      think(state, message, options, context);
      // Whom it is for may have been banned meanwhile, and the node may believe others.
      return look(state, options, context);
    case 'failed': {
      const fault = findMeshError(message.error) ?? new MeshError('INTERNAL', message.error.message);
      return think(state, { kind: 'failed', fault }, options, context);
    }
  }
}

function take(state: WorkloadState, stream: WorkloadStream, options: WorkloadActorOptions, context: Context): void {
  const standing = state.brain.standing(context.clock.wallNow());
  if (standing !== undefined && 'fault' in standing) return stream.close(standing.fault);
  state.streams.add(stream);
  stream.onClosed(() => void context.self.send({ kind: 'closed', stream }));
  if (standing !== undefined) stream.send(standing.identity);
  report(state, options);
}

function look(state: WorkloadState, options: WorkloadActorOptions, context: Context): void {
  const { entry, node, refusal } = options;
  const notBeforeMs = state.brain.identity?.svid.notBeforeMs ?? madeNow(context.clock.wallNow());
  think(state, { kind: 'look', refusal: refusal(entry.id, notBeforeMs), node: node.current() }, options, context);
}

function think(state: WorkloadState, input: WorkloadInput, options: WorkloadActorOptions, context: Context): void {
  for (const effect of state.brain.handle(input, context.clock.wallNow())) perform(state, effect, options, context);
  report(state, options);
}

/** When a certificate begins that is made now: authorities date back, and certificates tell whole seconds. */
function madeNow(nowMs: number): number {
  return Math.floor(nowMs / 1_000) * 1_000 - BACKDATE_MS;
}

/** An authority beside it would issue what nobody may have. */
async function issued({ entry, issue, refusal }: WorkloadActorOptions, nowMs: number): Promise<Identity> {
  const fault = refusal(entry.id, madeNow(nowMs));
  if (fault !== undefined) throw fault;
  return issue(entry.id);
}

function perform({ streams }: WorkloadState, effect: WorkloadEffect, options: WorkloadActorOptions, context: Context): void {
  switch (effect.kind) {
    case 'issue':
      context.pipe(
        issued(options, context.clock.wallNow()),
        (identity) => ({ kind: 'issued', identity }),
        (error) => ({ kind: 'failed', error }),
      );
      break;
    case 'set-timer':
      context.setTimer('tick', effect.delayMs, { kind: 'tick' });
      break;
    case 'push':
      for (const stream of streams) stream.send(effect.identity);
      break;
    case 'end':
      for (const stream of streams) stream.close(effect.fault);
      streams.clear();
      break;
    case 'log':
      context.log.log(effect.level, effect.event, effect.fields);
      break;
  }
}

function report({ brain, streams }: WorkloadState, { entry, list }: WorkloadActorOptions): void {
  const svid = brain.identity?.svid;
  const status = { streams: streams.size, serial: svid?.serial, notAfterMs: svid?.notAfterMs, fault: brain.fault?.message };
  list.send({ kind: 'workload-report', id: formatSpiffeId(entry.id), status });
}

/** What clients of the Workload API take for a reason to try again. */
function gone(): MeshError {
  return new MeshError('NODE_UNREACHABLE', 'this workload is not served at the moment', { todo: 'try again; `mesh workload list` on the node shows who is served' });
}
