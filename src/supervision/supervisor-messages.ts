/** What may be asked of a running supervisor. Outcomes are OTP's words. */
import type { ActorRef, ErrorInfo, Reply } from './behavior.ts';
import type { ChildSpec } from './child-spec.ts';
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

export type SupervisorMessage =
  | { readonly kind: 'start-child'; readonly spec: ChildSpec; readonly reply: Reply<StartChildOutcome> }
  | { readonly kind: 'terminate-child'; readonly id: string; readonly reply: Reply<'ok' | 'not_found'> }
  | { readonly kind: 'restart-child'; readonly id: string; readonly reply: Reply<StartChildOutcome | { readonly outcome: 'running' | 'restarting' | 'not_found' }> }
  | { readonly kind: 'delete-child'; readonly id: string; readonly reply: Reply<'ok' | 'running' | 'restarting' | 'not_found'> }
  | { readonly kind: 'count-children'; readonly reply: Reply<ChildrenCount> };
