/** A tree of puppets for a storm to break, on a clock that moves only when told to. */
import { createHash } from 'node:crypto';
import { randomInt, seededRandom } from '../../src/random.ts';
import type { Random } from '../../src/random.ts';
import type { ActorContext } from '../../src/supervision/behavior.ts';
import { FaultArsenal } from '../../src/supervision/chaos/fault-arsenal.ts';
import { FAULTS } from '../../src/supervision/chaos/fault.ts';
import type { Fault } from '../../src/supervision/chaos/fault.ts';
import { FaultInjector } from '../../src/supervision/chaos/injector.ts';
import type { Choice, Target } from '../../src/supervision/chaos/storm-choice.ts';
import { Storm } from '../../src/supervision/chaos/storm.ts';
import type { Arsenal, StormProgress } from '../../src/supervision/chaos/storm.ts';
import type { Verdict } from '../../src/supervision/chaos/verdict.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { crash, exitNormally, puppet, supervisor } from './puppet.ts';
import type { Order } from './puppet.ts';

const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one'] as const;
const CHILDREN = ['a', 'b', 'c'] as const;
/** One start in so many fails. */
const FLAKY_ONE_IN = 20;

/** What an actor does to itself; the other faults are done to it. */
const OWN_FAULTS = ['throw', 'detached', 'floating', 'exit', 'ask', 'work'] as const;
type OwnFault = (typeof OWN_FAULTS)[number];
type AnyFault = Fault | OwnFault;

export interface Told {
  readonly verdict: Verdict;
  readonly progress: readonly StormProgress[];
  /** Of the whole event log. */
  readonly hash: string;
  readonly events: number;
  /** Lives that handled a message when another was the present one, or what another had said to itself. */
  readonly impostors: readonly string[];
  /** Timers that are left when the tree is down. */
  readonly timers: number;
}

class Chaos {
  readonly random: Random;
  readonly questions: Promise<unknown>[] = [];
  readonly impostors: string[] = [];
  isCalm = false;

  constructor(seed: number) {
    this.random = seededRandom(seed + 0.5);
  }
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

/** The storm's own faults, and those of the actors themselves. */
class WildArsenal implements Arsenal<AnyFault> {
  readonly faults: readonly AnyFault[] = [...FAULTS, ...OWN_FAULTS];
  readonly #done: FaultArsenal;
  readonly #world: ActorWorld;
  readonly #chaos: Chaos;

  constructor(done: FaultArsenal, world: ActorWorld, chaos: Chaos) {
    this.#done = done;
    this.#world = world;
    this.#chaos = chaos;
  }

  get stilled(): ReadonlySet<string> {
    return this.#done.stilled;
  }

  get afflicted(): ReadonlySet<string> {
    return this.#done.afflicted;
  }

  suits(fault: AnyFault, target: Target): boolean {
    return isOwn(fault) ? target.type === 'worker' : this.#done.suits(fault, target);
  }

  /** What an actor is told it may not come to hear: nothing follows for sure. */
  effectOf(fault: AnyFault): ReturnType<FaultArsenal['effectOf']> {
    return isOwn(fault) ? 'bears' : this.#done.effectOf(fault);
  }

  strike(choice: Choice<AnyFault>): ReturnType<FaultArsenal['strike']> {
    const { fault, path } = choice;
    if (!isOwn(fault)) return this.#done.strike({ ...choice, fault });
    this.#tell(fault, path);
    return 'inflicted';
  }

  revert(): void {
    this.#chaos.isCalm = true;
    this.#done.revert();
  }

  #tell(fault: OwnFault, path: string): void {
    const ref = this.#world.ref<Order>(path);
    switch (fault) {
      case 'throw':
        return void ref.send(crash);
      case 'detached':
        return void ref.send(() => void setImmediate(boom));
      case 'floating':
        return void ref.send(() => void Promise.reject(new Error('floating')));
      case 'exit':
        return void ref.send(exitNormally);
      case 'ask':
        return void this.#chaos.questions.push(ref.ask((reply) => () => reply('here'), 500).catch(String));
      case 'work':
        for (let number = 0; number < 5; number++) ref.send(this.#work(path));
    }
  }

  /** Notes who handles it, and does something for a while now and then. */
  #work(path: string): Order {
    return async (context) => {
      const { life } = context;
      const present = this.#world.system.livingLife(path);
      if (present !== life) this.#chaos.impostors.push(`${path}: life ${life} instead of ${present}`);
      const hear: Order = (later) => {
        if (later.life !== life) this.#chaos.impostors.push(`${path}: life ${later.life} heard what life ${life} said to itself`);
      };
      // Where the first is what hangs, the others wait behind it.
      for (const delayMs of [5, 40, 80]) context.setTimer(`work ${delayMs}`, delayMs, hear);
      if (context.life % 2 === 0) await Promise.resolve();
    };
  }
}

function isOwn(fault: AnyFault): fault is OwnFault {
  return (OWN_FAULTS as readonly AnyFault[]).includes(fault);
}

/**
 * A storm of that seed, to its end and the end of the tree after it. One of an even seed keeps within its guard rails; one of
 * an odd seed knows none, and the actors fail by themselves too.
 */
export async function tellStorm(seed: number): Promise<Told> {
  const chaos = new Chaos(seed);
  const isWild = seed % 2 === 1;
  const world = await startWorld({ seed, intensity: 100_000, children: rooms(chaos) });
  const done = new FaultArsenal(new FaultInjector(world.system), FAULTS, 'the test');
  const arsenal = new WildArsenal(done, world, chaos);
  const progress: StormProgress[] = [];
  const spec = {
    seed,
    forMs: 4_000,
    ratePerS: 40,
    minRunning: isWild ? { children: 0 } : { percent: 50 },
    isTarget: (path: string) => path !== '/',
    doors: ['/'],
    isForced: isWild,
    settleMs: 60_000,
    timers: () => world.clock.timers,
  } as const;
  const listen = (over: (verdict: Verdict) => void) => ({ progress: (now: StormProgress) => void progress.push(now), over });
  const judged = new Promise<Verdict>((over) => (isWild ? new Storm(world.system, arsenal, spec, listen(over)) : new Storm(world.system, done, spec, listen(over))));
  const verdict = await world.outcome(judged);
  await world.outcome(Promise.all(chaos.questions));
  const story = world.system.events.latest('/', Infinity).map(({ atMs, type, path, life, reason }) => `${atMs} ${type} ${path} ${life} ${reason}`);
  await world.stop();
  await world.advance(100);
  const hash = createHash('sha256').update(story.join('\n')).digest('hex');
  return { verdict, progress, hash, events: story.length, impostors: chaos.impostors, timers: world.clock.timers };
}
