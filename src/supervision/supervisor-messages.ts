/** What may be asked of a running supervisor. Outcomes are OTP's words. */
import type { ActorRef, ErrorInfo, Reply } from './behavior.ts';
import type { ChildSpec, SupervisorRules } from './child-spec.ts';
import type { SpecFault } from './spec-fault.ts';

export type StartChildOutcome =
  // oxlint-disable-next-line typescript/no-explicit-any
  | { readonly outcome: 'started'; readonly ref: ActorRef<any> }
  | { readonly outcome: 'ignored' }
  | { readonly outcome: 'already_started' | 'already_present' | 'children_max' | 'shutting_down' }
  | BadSpec
  | { readonly outcome: 'start_failed'; readonly error: ErrorInfo };

/** Nothing was done, for these reasons. */
export interface BadSpec {
  readonly outcome: 'bad_spec';
  readonly error: ErrorInfo;
  readonly faults: readonly SpecFault[];
}

export interface ChildrenCount {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

/** What came of asking for a fresh life of a child. */
export type RestartOneOutcome =
  // oxlint-disable-next-line typescript/no-explicit-any
  | { readonly outcome: 'restarted'; readonly ref: ActorRef<any> }
  /** `terminated`: somebody asked for its end meanwhile, and the last word counts. */
  | { readonly outcome: 'ignored' | 'not_found' | 'shutting_down' | 'terminated' }
  /** Its supervisor goes on by its rules: a permanent child is tried again. */
  | { readonly outcome: 'start_failed'; readonly error: ErrorInfo };

export type ChangeSpecOutcome = { readonly outcome: 'changed' | 'shutting_down' } | BadSpec;

/** `by`: the person who asks; what is asked then stands in the event log. */
export type SupervisorMessage =
  | { readonly kind: 'start-child'; readonly spec: ChildSpec; readonly reply: Reply<StartChildOutcome> }
  | { readonly kind: 'terminate-child'; readonly id: string; readonly by?: string; readonly reply: Reply<'ok' | 'not_found'> }
  /** Starts a child that is down. */
  | { readonly kind: 'restart-child'; readonly id: string; readonly by?: string; readonly reply: Reply<StartChildOutcome | { readonly outcome: 'running' | 'restarting' | 'not_found' }> }
  /** Ends a child in order and starts it again, with the group its strategy takes along; answered when it runs. Costs no budget. */
  | { readonly kind: 'restart-one'; readonly id: string; readonly by?: string; readonly reply: Reply<RestartOneOutcome> }
  | { readonly kind: 'change-spec'; readonly rules: SupervisorRules; readonly by?: string; readonly reply: Reply<ChangeSpecOutcome> }
  | { readonly kind: 'delete-child'; readonly id: string; readonly by?: string; readonly reply: Reply<'ok' | 'running' | 'restarting' | 'not_found'> }
  | { readonly kind: 'count-children'; readonly reply: Reply<ChildrenCount> };
