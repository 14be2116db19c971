/** What a supervisor is told about its children. Words and defaults follow OTP's supervisor(3). Pure. */
import type { Backoff } from './backoff.ts';
import type { Behavior } from './behavior.ts';
import { MAILBOX_MAX, type MailboxSpec } from './mailbox.ts';
import type { ThreadSpec } from './thread/thread-spec.ts';

export const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one', 'dynamic'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const RESTARTS = ['permanent', 'transient', 'temporary'] as const;
/** permanent: always restarted; transient: only after an abnormal exit; temporary: never. */
export type Restart = (typeof RESTARTS)[number];

export const AUTO_SHUTDOWNS = ['never', 'any_significant', 'all_significant'] as const;
/** Whether a supervisor ends with its significant children: never, with the first of them or with the last. */
export type AutoShutdown = (typeof AUTO_SHUTDOWNS)[number];

/** Milliseconds a child has to stop before it is killed; `infinity` waits, `brutal_kill` does not ask. */
export type Shutdown = number | 'brutal_kill' | 'infinity';

interface CommonSpec {
  /** Unique among its siblings; one segment of the actor's path. */
  readonly id: string;
  /** Default permanent. */
  readonly restart?: Restart;
  /** Default 5,000 ms for workers, `infinity` for supervisors. */
  readonly shutdown?: Shutdown;
  /** Delay before restarts; none by default, as in OTP. */
  readonly backoff?: Backoff;
  /**
   * Whether the end of this child for good may end its supervisor, by that one's `autoShutdown`. Default false. For
   * transient children that is an end in good order, for temporary ones any end; permanent ones are refused.
   */
  readonly significant?: boolean;
}

interface CommonWorkerSpec<M> extends CommonSpec {
  readonly type: 'worker';
  /** How long `init` may take. Default 5,000 ms. */
  readonly startTimeoutMs?: number;
  readonly mailbox?: MailboxSpec<M>;
}

export interface WorkerSpec<S, M> extends CommonWorkerSpec<M> {
  /** Makes the behavior afresh for each life. */
  readonly start: () => Behavior<S, M>;
  readonly isolation?: never;
}

/** A worker in a thread of its own: what hangs it, fills its memory or calls process.exit ends only its life. */
export interface ThreadedWorkerSpec<M> extends CommonWorkerSpec<M>, ThreadSpec {}

/** What a supervisor does with its children. */
export interface SupervisorRules {
  readonly strategy: Strategy;
  /** More than this many restarts within `periodMs` and the supervisor gives up. Defaults 3 within 5,000 ms. */
  readonly intensity?: number;
  readonly periodMs?: number;
  /**
   * Whether children share one budget or have one each. Default `supervisor`; `child` for dynamic. Past a budget the
   * supervisor gives up; but a dynamic child past its own is let go alone: nothing else stands on it.
   */
  readonly budget?: 'supervisor' | 'child';
  /** Default never. */
  readonly autoShutdown?: AutoShutdown;
  /** In start order. Dynamic supervisors have none. */
  readonly children?: readonly ChildSpec[];
  /** Dynamic supervisors refuse more than this. Default 100,000: each costs some 4 kB. */
  readonly childrenMax?: number;
}

export interface SupervisorSpec extends CommonSpec, SupervisorRules {
  readonly type: 'supervisor';
}

// A supervisor holds children of all kinds; what their messages are is known to whoever wrote the spec.
// oxlint-disable-next-line typescript/no-explicit-any
export type ChildSpec = WorkerSpec<any, any> | ThreadedWorkerSpec<any> | SupervisorSpec;

export const DEFAULTS = {
  restart: 'permanent',
  workerShutdownMs: 5_000,
  startTimeoutMs: 5_000,
  intensity: 3,
  periodMs: 5_000,
  childrenMax: 100_000,
  mailboxMax: MAILBOX_MAX,
} as const;

/** The child's own flags with every default filled in. */
export interface ChildFlags {
  readonly restart: Restart;
  readonly shutdown: Shutdown;
  /** Infinite for supervisors: their children have limits of their own. */
  readonly startTimeoutMs: number;
  readonly significant: boolean;
}

export function childFlags(spec: ChildSpec): ChildFlags {
  return {
    restart: spec.restart ?? DEFAULTS.restart,
    shutdown: spec.shutdown ?? (spec.type === 'worker' ? DEFAULTS.workerShutdownMs : 'infinity'),
    startTimeoutMs: spec.type === 'worker' ? (spec.startTimeoutMs ?? DEFAULTS.startTimeoutMs) : Infinity,
    significant: spec.significant ?? false,
  };
}

/** @throws TypeError when what `start` gives is no behavior, as that of an async function: then the start fails. */
export function behaviorOf<S, M>({ start }: WorkerSpec<S, M>): Behavior<S, M> {
  const made = start() as Partial<Behavior<S, M>> | undefined;
  if (typeof made?.init === 'function' && typeof made.receive === 'function') return made as Behavior<S, M>;
  const given = made instanceof Promise ? 'a promise' : typeof made;
  throw new TypeError(`start must give a behavior, which has init and receive, and gave ${given}`);
}

export const ROOT_PATH = '/';

export function parentPath(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

export function childPath(parent: string, id: string): string {
  return parent === ROOT_PATH ? `/${id}` : `${parent}/${id}`;
}
