/** What a supervisor is told about its children. Words and defaults follow OTP's supervisor(3). Pure. */
import type { Backoff } from './backoff.ts';
import type { Behavior } from './behavior.ts';
import { MAILBOX_MAX, type MailboxSpec } from './mailbox.ts';

export const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one', 'dynamic'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const RESTARTS = ['permanent', 'transient', 'temporary'] as const;
/** permanent: always restarted; transient: only after an abnormal exit; temporary: never. */
export type Restart = (typeof RESTARTS)[number];

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
}

export interface WorkerSpec<S, M> extends CommonSpec {
  readonly type: 'worker';
  /** Makes the behavior afresh for each life. */
  readonly start: () => Behavior<S, M>;
  /** How long `init` may take. Default 5,000 ms. */
  readonly startTimeoutMs?: number;
  readonly mailbox?: MailboxSpec;
}

export interface SupervisorSpec extends CommonSpec {
  readonly type: 'supervisor';
  readonly strategy: Strategy;
  /** More than this many restarts within `periodMs` and the supervisor gives up. Defaults 3 within 5,000 ms. */
  readonly intensity?: number;
  readonly periodMs?: number;
  /**
   * Whether children share one budget or have one each. Default `supervisor`; `child` for dynamic. Past a budget the
   * supervisor gives up; but a dynamic child past its own is let go alone: nothing else stands on it.
   */
  readonly budget?: 'supervisor' | 'child';
  /** In start order. Dynamic supervisors have none. */
  readonly children?: readonly ChildSpec[];
  /** Dynamic supervisors refuse more than this. Default 100,000: each costs some 4 kB. */
  readonly childrenMax?: number;
}

// A supervisor holds children of all kinds; what their messages are is known to whoever wrote the spec.
// oxlint-disable-next-line typescript/no-explicit-any
export type ChildSpec = WorkerSpec<any, any> | SupervisorSpec;

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
}

export function childFlags(spec: ChildSpec): ChildFlags {
  return {
    restart: spec.restart ?? DEFAULTS.restart,
    shutdown: spec.shutdown ?? (spec.type === 'worker' ? DEFAULTS.workerShutdownMs : 'infinity'),
    startTimeoutMs: spec.type === 'worker' ? (spec.startTimeoutMs ?? DEFAULTS.startTimeoutMs) : Infinity,
  };
}

export class BadSpecError extends Error {
  override readonly name = 'BadSpecError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`child spec refused: ${faults.join('; ')}`);
    this.faults = faults;
  }
}

export const ROOT_PATH = '/';

export function childPath(parent: string, id: string): string {
  return parent === ROOT_PATH ? `/${id}` : `${parent}/${id}`;
}
