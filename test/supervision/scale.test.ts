/** What ten thousand children cost is what a thousand cost, ten times. */
import { expect } from 'chai';
import { VirtualClock } from '../../src/clock.ts';
import { seededRandom } from '../../src/random.ts';
import type { Strategy } from '../../src/supervision/child-spec.ts';
import type { Lane } from '../../src/supervision/mailbox.ts';
import type { SupervisorMessage } from '../../src/supervision/supervisor-messages.ts';
import { ActorSystem } from '../../src/supervision/system.ts';
import { turnsUntil } from '../support/real-time.ts';
import { crash, puppet } from './puppet.ts';

/** Milliseconds to start so many children, let each fail once at the same time, and stop them all. */
async function timeOfALife(strategy: Strategy, lane: Lane, count: number): Promise<number> {
  const before = performance.now();
  const system = new ActorSystem({ clock: new VirtualClock(), random: seededRandom(1), log: { log: () => undefined } });
  const specs = Array.from({ length: count }, (_, number) => puppet(`c${number}`, { mailbox: { lane } }));
  const last = `/c${count - 1}`;
  let isOver = false;
  const flags = { intensity: 10, budget: 'child', ...(strategy === 'dynamic' ? {} : { children: specs }) } as const;
  await system.start({ type: 'supervisor', id: 'root', strategy, ...flags }, () => (isOver = true));
  if (strategy === 'dynamic') {
    const root = system.ref<SupervisorMessage>('/');
    for (const spec of specs) {
      if (root.send({ kind: 'start-child', spec, reply: () => undefined }) === 'full') throw new Error('the supervisor is overrun');
      if (system.find('/')!.mailbox.depth > 5_000) await turnsUntil(() => system.find('/')!.mailbox.depth === 0);
    }
    await turnsUntil(() => system.find(last)?.status === 'running');
  }
  for (let number = 0; number < count; number++) system.ref(`/c${number}`).send(crash);
  await turnsUntil(() => system.find(last)?.life === 2 && system.find(last)?.status === 'running');
  system.stop();
  await turnsUntil(() => isOver);
  return performance.now() - before;
}

describe('ten thousand children', () => {
  const kinds = [['dynamic', 'turn'], ['dynamic', 'queue'], ['one_for_one', 'turn'], ['one_for_all', 'turn'], ['rest_for_one', 'turn']] as const;
  for (const [strategy, lane] of kinds) {
    it(`that start, fail all at once and stop take about ten times as long as a thousand, ${strategy}, lane ${lane}`, async () => {
      await timeOfALife(strategy, lane, 500);
      const thousand = Math.max(await timeOfALife(strategy, lane, 1_000), await timeOfALife(strategy, lane, 1_000));
      // A step that looks at all children for each of them would make it a hundred times.
      expect(await timeOfALife(strategy, lane, 10_000)).to.be.lessThan(thousand * 35);
    });
  }
});
