/** What a supervisor's core remembers of one child. */
import type { ErrorInfo, ExitReason, Reply } from '../behavior.ts';
import { childFlags } from '../child-spec.ts';
import type { ChildFlags, ChildSpec } from '../child-spec.ts';
import { reasonError, reasonLine } from '../exit-reason.ts';
import type { RestartTimes } from '../intensity.ts';
import type { RestartOneOutcome, StartChildOutcome } from '../supervisor-messages.ts';

type ChildStatus = 'down' | 'starting' | 'running' | 'stopping' | 'restarting' | 'ignored';

export interface Child {
  spec: ChildSpec;
  flags: ChildFlags;
  status: ChildStatus;
  /** Whether its present life has started: only such a life hears a stop. */
  isUp: boolean;
  /** Tells the child's lives apart. */
  epoch: number;
  failuresInARow: number;
  /** Made with its first restart, where it has a budget of its own. */
  times: RestartTimes | undefined;
  /** Who waits for the answer to start-child or restart-child. */
  startReply: Reply<StartChildOutcome> | undefined;
  /** A child that fails its start on request is forgotten, unless it was there before. */
  isNew: boolean;
  readonly terminateReplies: Reply<'ok'>[];
  /** Who waits for its next life. It is started when it goes down, whatever its spec says. */
  readonly restartReplies: Reply<RestartOneOutcome>[];
}

export function newChild(spec: ChildSpec): Child {
  return {
    spec,
    flags: childFlags(spec),
    status: 'down',
    isUp: false,
    epoch: 0,
    failuresInARow: 0,
    times: undefined,
    startReply: undefined,
    isNew: false,
    terminateReplies: [],
    restartReplies: [],
  };
}

export function isActive(child: Child | undefined): boolean {
  return child !== undefined && (child.status === 'starting' || child.status === 'running' || child.status === 'stopping');
}

export function startTimeout(afterMs: number): ExitReason {
  return { kind: 'start_failed', error: { name: 'StartTimeout', message: `init took longer than ${afterMs} ms` } };
}

export function startFailed(path: string, reason: ExitReason): ExitReason {
  return { kind: 'start_failed', error: { name: 'StartFailed', message: `${path} could not start`, cause: withError(reason) } };
}

/** The error an exit carries, or one that says how it ended. */
export function withError(reason: ExitReason): ErrorInfo {
  return reasonError(reason) ?? { name: 'Exited', message: `ended while starting: ${reasonLine(reason)}` };
}
