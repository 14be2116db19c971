/** Strategy × restart type × exit reason, through the real runtime. The rules are supervisor(3)'s. */
import { expect } from 'chai';
import { RESTARTS, STRATEGIES } from '../../src/supervision/child-spec.ts';
import type { ChildSpec, Restart, Strategy } from '../../src/supervision/child-spec.ts';
import type { StartChildOutcome } from '../../src/supervision/supervisor-messages.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { crash, exitNormally, exitWithShutdown, puppet } from './puppet.ts';
import type { Order } from './puppet.ts';

const ENDS = ['normal', 'shutdown', 'error', 'killed'] as const;
type End = (typeof ENDS)[number];

const ORDERS: Record<Exclude<End, 'killed'>, Order> = { normal: exitNormally, shutdown: exitWithShutdown, error: crash };

/** The siblings of b that get a new life with it. */
const COMPANY: Record<Strategy, readonly string[]> = { one_for_one: [], dynamic: [], one_for_all: ['a', 'c'], rest_for_one: ['c'] };

function isBackAfter(restart: Restart, end: End): boolean {
  if (restart === 'temporary') return false;
  return restart === 'permanent' || end === 'error' || end === 'killed';
}

function sentence(strategy: Strategy, restart: Restart, end: End): string {
  if (!isBackAfter(restart, end)) return `a ${restart} child that ends ${end} stays away, and its siblings stay`;
  const company = COMPANY[strategy];
  return `a ${restart} child that ends ${end} comes back ${company.length === 0 ? 'alone' : `with ${company.join(' and ')}`}`;
}

function lives(world: ActorWorld): Record<string, number> {
  return Object.fromEntries((world.system.tree()?.children ?? []).filter(({ status }) => status === 'running').map(({ path, life }) => [path.slice(1), life]));
}

async function familyOf(strategy: Strategy, restart: Restart): Promise<ActorWorld> {
  const children: ChildSpec[] = [puppet('a'), puppet('b', { restart }), puppet('c')];
  const world = await startWorld({ strategy, children: strategy === 'dynamic' ? [] : children });
  if (strategy !== 'dynamic') return world;
  for (const spec of children) {
    await world.outcome(world.supervisor().ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec, reply }), 1_000));
  }
  return world;
}

for (const strategy of STRATEGIES) {
  describe(`in a ${strategy} family of a, b and c, of which b ends`, () => {
    for (const restart of RESTARTS) {
      for (const end of ENDS) {
        it(sentence(strategy, restart, end), async () => {
          const world = await familyOf(strategy, restart);
          if (end === 'killed') world.system.kill('/b', 'test');
          else world.ref<Order>('/b').send(ORDERS[end]);
          await world.settle();
          const isBack = isBackAfter(restart, end);
          const renewed = isBack ? ['b', ...COMPANY[strategy]] : [];
          const life = (id: string): number => (renewed.includes(id) ? 2 : 1);
          expect(lives(world)).to.deep.equal({ a: life('a'), ...(isBack ? { b: 2 } : {}), c: life('c') });
          // A child that can never come back is not listed; one that an operator could start again is.
          const isListed = isBack || (restart === 'transient' && strategy !== 'dynamic');
          expect(world.system.find('/b')?.status).to.equal(isBack ? 'running' : isListed ? 'stopped' : undefined);
          await world.stop();
        });
      }
    }
  });
}
