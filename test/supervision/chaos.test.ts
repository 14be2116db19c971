/** Everything that can go wrong, at random from a seed: afterwards all is as it should be, and the same seed tells the same story. */
import { expect } from 'chai';
import { randomInt, seededRandom } from '../../src/random.ts';
import type { Random } from '../../src/random.ts';
import type { ActorContext } from '../../src/supervision/behavior.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { attributed } from './attributed.ts';
import { crash, exitNormally, inBothLanes, puppet, supervisor } from './puppet.ts';
import type { Order } from './puppet.ts';

const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one'] as const;
const CHILDREN = ['a', 'b', 'c'] as const;
const ROOMS = STRATEGIES.map((strategy) => `/${strategy}`);
const PATHS = ROOMS.flatMap((room) => CHILDREN.map((id) => `${room}/${id}`));
const STEPS = 250;
/** `CHAOS_SEED=42 npx mocha …` tells the story of one seed again. */
const SEEDS = process.env['CHAOS_SEED']?.split(',').map(Number) ?? [1, 2, 3, 4, 5];
/** One start in so many fails. */
const FLAKY_ONE_IN = 20;

interface Chaos {
  readonly random: Random;
  /** Ends of handlers that hang, until they are let go. */
  readonly hanging: (() => void)[];
  readonly questions: Promise<unknown>[];
  /** Lives that handled a message when another was the present one. */
  readonly impostors: string[];
  isCalm: boolean;
}

const boom = (): never => {
  throw new Error('detached');
};

function rooms(chaos: Chaos): ReturnType<typeof supervisor>[] {
  const flaky = (context: ActorContext<Order>): void => {
    if (!chaos.isCalm && context.life > 1 && randomInt(chaos.random, FLAKY_ONE_IN) === 0) crash(context);
  };
  const shutdowns = { a: 100, b: 'brutal_kill', c: 200 } as const;
  return STRATEGIES.map((strategy) =>
    supervisor(
      strategy,
      strategy,
      CHILDREN.map((id) =>
        puppet(id, {
          init: flaky,
          shutdown: shutdowns[id],
          ...(id === 'b' ? { backoff: { baseMs: 20, maxMs: 200, consecutiveMax: 50 } } : {}),
          mailbox: { max: 50, overflow: 'drop_oldest', onRestart: id === 'a' ? 'keep' : 'drop' },
        }),
      ),
      { intensity: 5, periodMs: 1_000, shutdown: 5_000 },
    ),
  );
}

/** Notes who handles it, and does something for a while now and then. */
function work({ impostors }: Chaos, world: ActorWorld, path: string): Order {
  return async (context) => {
    const present = world.system.livingLife(path);
    if (present !== context.life) impostors.push(`${path}: life ${context.life} instead of ${present}`);
    context.setTimer('work', 5, () => undefined);
    if (context.life % 2 === 0) await Promise.resolve();
  };
}

function inject(chaos: Chaos, world: ActorWorld): void {
  const { random, hanging } = chaos;
  const path = PATHS[randomInt(random, PATHS.length)]!;
  const ref = world.ref<Order>(path);
  switch (randomInt(random, 10)) {
    case 0:
      return void ref.send(crash);
    case 1:
      return void world.system.kill(path, 'chaos');
    case 2:
      return void ref.send(() => new Promise<void>((resolve) => hanging.push(resolve)));
    case 3:
      return void ref.send(() => void setImmediate(boom));
    case 4:
      return void ref.send(() => void Promise.reject(new Error('floating')));
    case 5:
      return void ref.send(exitNormally);
    case 6:
      if (randomInt(random, 4) === 0) world.system.kill(ROOMS[randomInt(random, ROOMS.length)]!, 'chaos');
      return;
    case 7:
      return void chaos.questions.push(ref.ask((reply) => () => reply('here'), 500).catch(String));
    case 8:
      hanging.splice(randomInt(random, hanging.length + 1), 1)[0]?.();
      return;
    default:
      for (let number = 0; number < 5; number++) ref.send(work(chaos, world, path));
  }
}

/** Lets go of what hangs, and gives everybody the time that the longest delay takes. */
async function calmDown(chaos: Chaos, world: ActorWorld): Promise<void> {
  chaos.isCalm = true;
  for (let round = 0; round < 20; round++) {
    for (const letGo of chaos.hanging.splice(0)) letGo();
    await world.advance(1_000);
  }
}

async function storm(seed: number): Promise<string[]> {
  const chaos: Chaos = { random: seededRandom(seed), hanging: [], questions: [], impostors: [], isCalm: false };
  const world = await startWorld({ seed, intensity: 100_000, children: rooms(chaos) });
  for (let step = 0; step < STEPS; step++) {
    inject(chaos, world);
    if (randomInt(chaos.random, 3) === 0) await world.advance(randomInt(chaos.random, 120));
  }
  await calmDown(chaos, world);

  for (const path of [...ROOMS, ...PATHS]) {
    const actor = world.system.find(path);
    expect({ path, status: actor?.status, zombies: actor?.zombies, mail: actor?.mailbox.depth }).to.deep.equal({ path, status: 'running', zombies: 0, mail: 0 });
  }
  expect(chaos.impostors).to.deep.equal([]);
  expect(await Promise.all(chaos.questions)).to.have.length(chaos.questions.length);
  const story = world.system.events.latest('/', Infinity).map(({ atMs, type, path, life, reason }) => `${atMs} ${type} ${path} ${life} ${reason}`);
  await world.stop();
  await world.advance(100);
  expect(world.clock.timers).to.equal(0);
  return story;
}

inBothLanes('chaos', () => {
  for (const seed of SEEDS) {
    it(`of seed ${seed} leaves all children running, one life each, and nothing behind`, () =>
      attributed(async (ownerless) => {
        const story = await storm(seed);
        expect(ownerless).to.deep.equal([]);
        expect(story.length, 'too quiet a storm').to.be.greaterThan(200);
      }));
  }

  it('tells the same story for the same seed', () =>
    attributed(async () => {
      expect(await storm(7)).to.deep.equal(await storm(7));
    }));
});
