/** The workloads of this node as an actor: the file they are kept in and the supervisor of their sockets, around workload-list.ts. */
import { isErrorCode, MeshError } from '../../errors.ts';
import type { Backoff } from '../../supervision/backoff.ts';
import type { ActorContext, ActorRef, Behavior, ErrorInfo } from '../../supervision/behavior.ts';
import type { ChildSpec } from '../../supervision/child-spec.ts';
import type { StartChildOutcome, SupervisorMessage } from '../../supervision/supervisor-messages.ts';
import { workloadLabel, type WorkloadEntry } from '../../trust/workload-entry.ts';
import { workloadActor, type WorkloadWorld } from './workload-actor.ts';
import { WorkloadList, type WorkloadListOptions } from './workload-list.ts';
import type { WorkloadReport, WorkloadsRequest, WorkloadView } from './workload-messages.ts';

export interface WorkloadsActorOptions extends WorkloadListOptions {
  readonly world: WorkloadWorld;
  readonly file: {
    load(): readonly WorkloadEntry[];
    /** May throw MeshError. */
    save(entries: readonly WorkloadEntry[]): void;
  };
  /** The dynamic supervisor under which the sockets live. */
  readonly sockets: ActorRef<SupervisorMessage>;
}

type Add = Extract<WorkloadsRequest, { kind: 'add' }>;
type Remove = Extract<WorkloadsRequest, { kind: 'remove' }>;

export type WorkloadsMessage =
  | WorkloadsRequest
  | WorkloadReport
  | { readonly kind: 'pulse' }
  | { readonly kind: 'start-answered'; readonly entry: WorkloadEntry; readonly answer: StartChildOutcome | Error; readonly asked: Add | undefined }
  | { readonly kind: 'removed'; readonly view: WorkloadView; readonly asked: Remove };

/** A socket that could not be had, or that gave up, is asked for again. */
const PULSE_MS = 10_000;
/** A start takes at most five seconds by its spec; the supervisor may have others to do first. */
const SUPERVISOR_TIMEOUT_MS = 15_000;
const SOCKET_BACKOFF: Backoff = { baseMs: 200, maxMs: 30_000, jitter: 0.2 };

type Context = ActorContext<WorkloadsMessage>;

export function workloadsActor(options: WorkloadsActorOptions): Behavior<WorkloadList, WorkloadsMessage> {
  return {
    init(context) {
      const list = new WorkloadList(options, options.file.load());
      for (const entry of list.entries) start(entry, undefined, options, context);
      context.setInterval('pulse', PULSE_MS, { kind: 'pulse' });
      return list;
    },
    receive(list, message, context) {
      hear(list, message, options, context);
      return list;
    },
    view: ({ entries }) => ({ workloads: entries.map(({ id, socket }) => ({ name: id.name, socket })) }),
    describe: ({ kind }) => kind,
  };
}

function hear(list: WorkloadList, message: WorkloadsMessage, options: WorkloadsActorOptions, context: Context): void {
  switch (message.kind) {
    case 'add':
      return orFault(message, () => {
        const entry = list.add(message.identity, message.socket, message.group);
        keep(list, entry, options);
        start(entry, message, options, context);
      });
    case 'remove':
      return orFault(message, () => remove(list, message, options, context));
    case 'list':
      return message.reply(list.views);
    case 'workload-report':
      return list.report(message.id, message.status);
    case 'pulse':
      for (const entry of list.entries) start(entry, undefined, options, context);
      return;
    case 'start-answered':
      return startAnswered(list, message, options, context);
    case 'removed':
      return message.asked.reply(message.view);
  }
}

function orFault({ reply }: Add | Remove, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    reply(error);
  }
}

/** What would be forgotten at the next start is not begun with. */
function keep(list: WorkloadList, entry: WorkloadEntry, { file }: WorkloadsActorOptions): void {
  try {
    file.save(list.entries);
  } catch (error) {
    list.drop(entry);
    throw error;
  }
}

function start(entry: WorkloadEntry, asked: Add | undefined, { world, sockets }: WorkloadsActorOptions, context: Context): void {
  const spec: ChildSpec = {
    type: 'worker',
    id: workloadLabel(entry.id),
    start: () => workloadActor({ ...world, entry, list: context.self }),
    backoff: SOCKET_BACKOFF,
  };
  context.pipe(
    sockets.ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec, reply }), SUPERVISOR_TIMEOUT_MS),
    (answer) => ({ kind: 'start-answered', entry, answer, asked }),
    (answer) => ({ kind: 'start-answered', entry, answer, asked }),
  );
}

function startAnswered(list: WorkloadList, { entry, answer, asked }: Extract<WorkloadsMessage, { kind: 'start-answered' }>, { file }: WorkloadsActorOptions, context: Context): void {
  const fault = faultIn(answer);
  if (fault === undefined) return asked && orFault(asked, () => asked.reply(list.named(asked.identity)));
  if (asked === undefined) {
    const { message: reason, todo } = fault;
    context.log.log('warn', 'workload-not-served', { socket: entry.socket, reason, ...(todo === undefined ? {} : { todo }) });
    return;
  }
  list.drop(entry);
  orFault(asked, () => {
    file.save(list.entries);
    asked.reply(fault);
  });
}

function faultIn(answer: StartChildOutcome | Error): MeshError | undefined {
  if (answer instanceof Error) return new MeshError('OVERLOADED', answer.message, { todo: 'see `mesh tree /workloads`, then try again' });
  switch (answer.outcome) {
    case 'started':
    case 'already_started':
    case 'already_present':
      return undefined;
    case 'ignored':
    case 'children_max':
    case 'shutting_down':
      return new MeshError('OVERLOADED', `the socket was not opened: ${answer.outcome}`, { todo: 'see `mesh tree /workloads`' });
    case 'bad_spec':
    case 'start_failed':
      return asFault(answer.error);
  }
}

function asFault({ code, message, given, expected, todo }: ErrorInfo): MeshError {
  const parts = { ...(given === undefined ? {} : { given }), ...(expected === undefined ? {} : { expected }), ...(todo === undefined ? {} : { todo }) };
  return new MeshError(code !== undefined && isErrorCode(code) ? code : 'INTERNAL', message, parts);
}

/** Forgotten first: what is stopped and still listed is started again. */
function remove(list: WorkloadList, asked: Remove, { file, sockets }: WorkloadsActorOptions, context: Context): void {
  const view = list.named(asked.identity);
  file.save(list.entries.filter((entry) => entry !== view.entry));
  list.drop(view.entry);
  const id = workloadLabel(view.entry.id);
  const stopped = sockets
    .ask((reply) => ({ kind: 'terminate-child', id, reply }), SUPERVISOR_TIMEOUT_MS)
    .then(() => sockets.ask((reply) => ({ kind: 'delete-child', id, reply }), SUPERVISOR_TIMEOUT_MS));
  context.pipe(
    stopped,
    () => ({ kind: 'removed', view, asked }),
    // Its supervisor is being restarted, and will not start it again.
    () => ({ kind: 'removed', view, asked }),
  );
}
