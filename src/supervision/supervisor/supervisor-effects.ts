/** What a supervisor's core is told and what it wants done. */
import type { ExitReason } from '../behavior.ts';
import type { ChildSpec, SupervisorRules } from '../child-spec.ts';
import type { Intensity } from '../intensity.ts';
import type { SupervisorMessage } from '../supervisor-messages.ts';

export type Decision = 'restart' | 'backoff' | 'stop' | 'escalate';

/** OTP's report: the supervisor is the speaker, the child is the offender. */
export interface ChildReport {
  readonly context: 'start_error' | 'child_terminated' | 'shutdown_error';
  readonly reason: ExitReason;
  readonly decision: Decision;
  readonly delayMs: number;
  /** `used` counts this restart, where there is one; `usedBefore` does not. */
  readonly budget: Intensity & { readonly usedBefore: number; readonly used: number };
  /** Siblings that are restarted with it, in start order. */
  readonly takenAlong: readonly string[];
}

export type SupervisorInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'stop'; readonly reason: ExitReason }
  | { readonly kind: 'child-started' | 'child-ignored'; readonly id: string; readonly epoch: number }
  | { readonly kind: 'child-exited'; readonly id: string; readonly epoch: number; readonly reason: ExitReason; readonly uptimeMs: number }
  | { readonly kind: 'start-timeout' | 'stop-timeout' | 'backoff-over'; readonly id: string; readonly epoch: number }
  | { readonly kind: 'group-backoff-over'; readonly epoch: number }
  | SupervisorMessage;

export type SupervisorEffect =
  | { readonly kind: 'start'; readonly id: string; readonly epoch: number; readonly spec: ChildSpec }
  | { readonly kind: 'stop'; readonly id: string; readonly reason: ExitReason }
  /** End the child's life now, without asking it. */
  | { readonly kind: 'end'; readonly id: string; readonly reason: ExitReason }
  /** The child has no life but will get one: its messages wait. */
  | { readonly kind: 'await-restart'; readonly id: string }
  /** The child stays listed, but no life is to come: messages that wait for one are dead letters. */
  | { readonly kind: 'retire'; readonly id: string }
  | { readonly kind: 'forget'; readonly id: string }
  | { readonly kind: 'schedule'; readonly key: string; readonly delayMs: number; readonly input: SupervisorInput }
  | { readonly kind: 'reply'; readonly deliver: () => void }
  | { readonly kind: 'report'; readonly id: string; readonly report: ChildReport }
  /** A person asked for something; of the supervisor itself where no child is named. */
  | { readonly kind: 'admin'; readonly id?: string; readonly verb: string; readonly by: string }
  /** These are the supervisor's rules and children from now on, in start order; also in its next lives. */
  | { readonly kind: 'change'; readonly rules: SupervisorRules; readonly children: readonly ChildSpec[] }
  | { readonly kind: 'started' }
  | { readonly kind: 'exit'; readonly reason: ExitReason };
