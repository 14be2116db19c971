/** What is foretold of a kill is what then happens: whoever stops and starts, in that order, after those delays, up to the root. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { ChildSpec, Strategy, SupervisorSpec } from '../../src/supervision/child-spec.ts';
import { startWorld } from '../support/actor-world.ts';
import type { ActorWorld } from '../support/actor-world.ts';
import { crash, order, puppet, startChild, statusOf, supervisor } from './puppet.ts';

/** Notes each life of a worker as it begins and ends, with the time. */
class Diary {
  readonly lines: string[] = [];
  /** Paths of supervisors. */
  readonly rooms = new Set<string>();
  world: ActorWorld | undefined;
  #since = 0;

  worker(id: string, flags: object = {}): ChildSpec {
    return puppet(id, {
      ...flags,
      init: (context) => {
        this.#note('start', context.path);
        context.own(() => this.#note('stop', context.path));
      },
    });
  }

  begin(): void {
    this.lines.length = 0;
    this.#since = this.world?.clock.now() ?? 0;
  }

  #note(kind: string, path: string): void {
    this.lines.push(`${(this.world?.clock.now() ?? 0) - this.#since} ${kind} ${path}`);
  }
}

function livesOf(world: ActorWorld, type: 'worker' | 'supervisor'): Map<string, number | undefined> {
  return new Map(world.system.paths().filter((path) => world.system.tree(path)?.type === type).map((path) => [path, world.system.livingLife(path)]));
}

/** Kills what stands at `path` and holds against each other what was foretold and what happened. */
async function killAsForetold(world: ActorWorld, diary: Diary, path: string, isOrdered: boolean): Promise<void> {
  const workers = livesOf(world, 'worker');
  const before = livesOf(world, 'supervisor');
  for (const room of before.keys()) diary.rooms.add(room);
  // Who is forgotten and started anew counts its lives from 1 again.
  const actors = new Map([...before.keys()].map((room) => [room, world.system.find(room)]));
  const foretold = world.system.whatIfKilled(path, 'test')!;
  expect(livesOf(world, 'worker'), 'foretelling changes nothing').to.deep.equal(workers);
  diary.begin();
  world.system.kill(path, 'test');
  await world.advance(LONGER_THAN_ALL_DELAYS_MS);
  const happened = JSON.stringify(world.system.tree());
  const linesForetold = foretold.order.filter((step) => !diary.rooms.has(step.path)).map(({ kind, path: whose, afterMs }) => `${afterMs} ${kind} ${whose}`);
  if (isOrdered) expect(linesForetold, `kill ${path}: ${happened}`).to.deep.equal(diary.lines);
  else expect(linesForetold, `kill ${path}: ${happened}`).to.have.members(diary.lines);
  for (const [room, life] of before) {
    if (life === undefined) continue;
    const now = world.system.livingLife(room);
    const isSame = now === life && world.system.find(room) === actors.get(room);
    expect(foretold.stops.includes(room), `${room} stops`).to.equal(!isSame);
    expect(foretold.starts.includes(room), `${room} starts`).to.equal(!isSame && now !== undefined);
  }
  expect(foretold.exit).to.deep.equal(world.exit);
}

const LONGER_THAN_ALL_DELAYS_MS = 2_000;

interface Branch {
  readonly flags: object;
  /** Undefined for a worker. */
  readonly rules: { readonly strategy: Strategy; readonly intensity: number; readonly autoShutdown: NonNullable<SupervisorSpec['autoShutdown']> } | undefined;
  readonly children: readonly Branch[];
}

const BACKOFF = { backoff: { baseMs: 100, maxMs: 400, jitter: 0, consecutiveMax: 3 } };
const ENDS = [
  { restart: 'permanent' },
  { restart: 'permanent', ...BACKOFF },
  { restart: 'transient' },
  { restart: 'transient', significant: true, ...BACKOFF },
  { restart: 'temporary' },
  { restart: 'temporary', significant: true },
] as const;
const flags = fc.tuple(fc.constantFrom(...ENDS), fc.constantFrom('brutal_kill' as const, 500)).map(([ends, shutdown]) => Object.assign({ shutdown }, ends));
const rulesAmong = (strategies: readonly Strategy[]): fc.Arbitrary<NonNullable<Branch['rules']>> =>
  fc.record({ strategy: fc.constantFrom(...strategies), intensity: fc.nat({ max: 2 }), autoShutdown: fc.constantFrom('any_significant' as const, 'all_significant' as const) });
const leaf: fc.Arbitrary<Branch> = flags.map((own) => ({ flags: own, rules: undefined, children: [] }));

function branch(depth: number, strategies: readonly Strategy[]): fc.Arbitrary<Branch> {
  const below = depth === 0 ? leaf : fc.oneof(leaf, branch(depth - 1, strategies));
  return fc.record({ flags, rules: rulesAmong(strategies), children: fc.array(below, { minLength: 1, maxLength: 3 }) });
}

function specOf(diary: Diary, branch_: Branch, id: string): ChildSpec {
  if (branch_.rules === undefined) return diary.worker(id, branch_.flags);
  const children = branch_.children.map((child, index) => specOf(diary, child, 'abc'[index]!));
  return supervisor(id, branch_.rules.strategy, children, { ...branch_.rules, ...branch_.flags, shutdown: 'infinity', periodMs: 5_000 });
}

/** Children of dynamic supervisors are started when all others are up. */
async function fillDynamic(world: ActorWorld, diary: Diary, branch_: Branch, path: string): Promise<void> {
  for (const [index, child] of branch_.children.entries()) {
    const id = 'abc'[index]!;
    if (branch_.rules?.strategy === 'dynamic') await startChild(world, specOf(diary, child, id), path);
    await fillDynamic(world, diary, child, path === '/' ? `/${id}` : `${path}/${id}`);
  }
}

describe('what would happen if', () => {
  const inOrder = ['one_for_one', 'one_for_all', 'rest_for_one'] as const;

  for (const [trees, strategies, isOrdered] of [
    ['any tree were killed, one after the other, is what then happens, in that order', inOrder, true],
    // Children of a dynamic supervisor stop side by side.
    ['any tree with dynamic supervisors were killed is what then happens, in whatever order', [...inOrder, 'dynamic', 'dynamic'], false],
  ] as const) {
    it(`any life in ${trees}`, () => {
      const story = fc.asyncProperty(branch(2, strategies), fc.array(fc.nat(), { minLength: 1, maxLength: 6 }), async (root, victims) => {
        const diary = new Diary();
        const { strategy, intensity, autoShutdown } = root.rules!;
        const spec = specOf(diary, root, 'root') as SupervisorSpec;
        const world = await startWorld({ strategy, intensity, autoShutdown, periodMs: 5_000, children: spec.children ?? [] });
        diary.world = world;
        await fillDynamic(world, diary, root, '/');
        for (const victim of victims) {
          if (world.exit !== undefined) break;
          const living = world.system.paths().filter((path) => world.system.livingLife(path) !== undefined);
          await killAsForetold(world, diary, living[victim % living.length]!, isOrdered);
        }
        await world.stop();
      });
      return fc.assert(story, { numRuns: 150 });
    });
  }

  it('nobody were there is undefined', async () => {
    const world = await startWorld({ children: [puppet('a', { restart: 'transient' })] });
    await order(world, '/a', (context) => context.exit());
    expect([world.system.whatIfKilled('/a', 'test'), world.system.whatIfKilled('/nobody', 'test')]).to.deep.equal([undefined, undefined]);
    await world.stop();
  });

  it('a budget were exceeded names who gives up, level by level, and why the root would end', async () => {
    const none = { intensity: 0 };
    const world = await startWorld({ ...none, children: [puppet('first'), supervisor('outer', 'rest_for_one', [puppet('x'), supervisor('inner', 'one_for_one', [puppet('bad')], none)], none)] });
    const foretold = world.system.whatIfKilled('/outer/inner/bad', 'test')!;
    expect(foretold.stops).to.deep.equal(['/outer/inner/bad', '/outer/inner', '/outer/x', '/outer', '/first', '/']);
    expect(foretold.starts).to.deep.equal([]);
    expect(foretold.decisions.map(({ supervisor: who, child, decision }) => `${who} over ${child}: ${decision}`)).to.deep.equal([
      '/outer/inner over /outer/inner/bad: escalate',
      '/outer over /outer/inner: escalate',
      '/ over /outer: escalate',
    ]);
    expect(foretold.decisions[0]?.budget).to.deep.include({ used: 1, intensity: 0, periodMs: 5_000 });
    expect(foretold.exit).to.deep.equal({ kind: 'shutdown', info: 'reached_max_restart_intensity' });
    expect([world.exit, statusOf(world, '/outer/inner/bad')]).to.deep.equal([undefined, 'running']);
    await world.stop();
  });

  it('a life were killed that has a budget left tells how much of it is used then', async () => {
    const world = await startWorld({ intensity: 2, children: [puppet('a')] });
    await order(world, '/a', crash);
    const [first, ...others] = world.system.whatIfKilled('/a', 'test')?.decisions ?? [];
    expect(first).to.deep.include({ supervisor: '/', child: '/a', decision: 'restart', delayMs: 0 });
    expect(first?.budget).to.deep.include({ used: 2, intensity: 2 });
    expect(others).to.deep.equal([]);
    await world.stop();
  });

  it('a sibling were killed while another stops or starts draws that one in as it is', async () => {
    const slow = puppet('slow', { terminate: () => new Promise(() => undefined), shutdown: 1_000 });
    const world = await startWorld({ strategy: 'one_for_all', children: [puppet('a'), slow] });
    void world.supervisor().ask((reply) => ({ kind: 'terminate-child', id: 'slow', reply }), 60_000);
    await world.settle();
    const foretold = world.system.whatIfKilled('/a', 'test')!;
    expect([foretold.stops, foretold.starts]).to.deep.equal([['/slow', '/a'], ['/a', '/slow']]);
    await world.stop();
  });
});
