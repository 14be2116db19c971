/** All that is known of one actor, for whoever asks about it alone. */
import type { Actor } from './actor.ts';
import { actorView } from './actor-view.ts';
import type { ActorView } from './actor-view.ts';
import type { BondCounts } from './bonds.ts';
import { childFlags } from './child-spec.ts';
import type { AutoShutdown, ChildFlags, ChildSpec, SupervisorRules } from './child-spec.ts';
import type { BudgetView } from './supervisor/family.ts';
import type { Lane } from './mailbox.ts';

/** Durations in milliseconds. */
export interface ActorInfo extends Omit<ActorView, 'children'>, BondCounts, ChildFlags {
  readonly isolation: 'none' | 'thread';
  readonly lane: Lane;
  /** What its restarts draw on; undefined for the root, and where its supervisor has no life. */
  readonly budget: BudgetView | undefined;
  /** What the restarts of its children draw on; undefined for workers, and while it has no life. */
  readonly childrenBudget: BudgetView | undefined;
  readonly autoShutdown: AutoShutdown | undefined;
  readonly children: number;
  /** Why the last life ended that ended otherwise than it should; undefined when none did. */
  readonly lastEnd: string | undefined;
}

interface Known {
  readonly actor: Actor;
  readonly spec: ChildSpec;
  /** Of a supervisor. */
  readonly rules: SupervisorRules | undefined;
  readonly budget: BudgetView | undefined;
  readonly childrenBudget: BudgetView | undefined;
  readonly children: number;
}

export function actorInfo({ actor, spec, rules, budget, childrenBudget, children }: Known): ActorInfo {
  return {
    ...actorView({ actor, spec }, rules?.strategy, []),
    ...childFlags(spec),
    ...actor.bonds.counts,
    isolation: spec.type === 'worker' && spec.isolation === 'thread' ? 'thread' : 'none',
    lane: actor.lane,
    budget,
    childrenBudget,
    autoShutdown: rules && (rules.autoShutdown ?? 'never'),
    children,
    lastEnd: actor.lastMoments?.reason,
  };
}
