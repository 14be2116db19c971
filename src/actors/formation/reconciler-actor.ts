/** The body of formation: hears of sources and members, and tells membership whom to try. */
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior } from '../../supervision/behavior.ts';
import type { GossipAddress } from '../../transport/gossip-transport.ts';
import type { MembershipRequest } from '../membership/membership-messages.ts';
import type { FormationMessage } from './formation-messages.ts';
import { Formation, type FormationEffect, type FormationInput } from './formation.ts';

export interface ReconcilerOptions {
  /** Asked once in each life: a port that was free to choose is known by then. */
  readonly self: () => GossipAddress;
  readonly random: Random;
  readonly membership: ActorRef<MembershipRequest>;
}

export type ReconcilerMessage = FormationMessage | { readonly kind: 'round-due' };

type Context = ActorContext<ReconcilerMessage>;

export function reconcilerActor({ self, random, membership }: ReconcilerOptions): Behavior<Formation, ReconcilerMessage> {
  const handle = (brain: Formation, input: FormationInput, context: Context): Formation => {
    for (const effect of brain.handle(input)) perform(effect, membership, context);
    return brain;
  };
  return {
    init(context) {
      return handle(new Formation({ self: self(), random }), { kind: 'started' }, context);
    },
    receive(brain, message, context) {
      switch (message.kind) {
        case 'found':
        case 'round-due':
          return handle(brain, message, context);
        case 'membership-news':
          return handle(brain, { kind: 'members', members: message.members }, context);
      }
    },
    view: (brain) => brain.view,
  };
}

function perform(effect: FormationEffect, membership: ReconcilerOptions['membership'], context: Context): void {
  switch (effect.kind) {
    case 'seeds':
      // Lost when its mailbox is full: the next round says it again.
      return void membership.send({ kind: 'seeds', seeds: effect.seeds });
    case 'schedule-round':
      return context.setTimer('round', effect.afterMs, { kind: 'round-due' });
    case 'source-changed': {
      const { view } = effect;
      return context.log.log(view.trouble === undefined ? 'info' : 'warn', 'source-changed', { ...view });
    }
  }
}
