/** Laws of the supervisor as a state machine, under any order of what may happen to it. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { seededRandom, shuffle } from '../../src/random.ts';
import type { ExitReason } from '../../src/supervision/behavior.ts';
import { AUTO_SHUTDOWNS } from '../../src/supervision/child-spec.ts';
import type { AutoShutdown, Restart, Strategy, SupervisorRules, SupervisorSpec } from '../../src/supervision/child-spec.ts';
import { Family } from '../../src/supervision/supervisor/family.ts';
import { SupervisorCore } from '../../src/supervision/supervisor/supervisor-core.ts';
import type { ChangeSpecOutcome } from '../../src/supervision/supervisor-messages.ts';
import type { SupervisorEffect, SupervisorInput } from '../../src/supervision/supervisor/supervisor-effects.ts';
import { puppet } from './puppet.ts';

interface Life {
  readonly id: string;
  readonly epoch: number;
  state: 'starting' | 'up' | 'over';
  /** Asked to stop. */
  isAsked: boolean;
  /** Ended by the supervisor, which has not heard of it yet. */
  ended: ExitReason | undefined;
}

const REASONS: readonly ExitReason[] = [
  { kind: 'normal' },
  { kind: 'shutdown' },
  { kind: 'killed', by: 'test' },
  { kind: 'error', error: { name: 'Error', message: 'boom' } },
];
const PERIOD_MS = 1_000;

/** Stands for the runtime and the children: does what the core wants and holds it to its promises. */
class Stage {
  now = 0;
  readonly lives: Life[] = [];
  readonly timers: { readonly at: number; readonly input: SupervisorInput }[] = [];
  /** What the core has heard already and must not heed again. */
  readonly old: SupervisorInput[] = [];
  readonly restarts: number[] = [];
  /** How often each question was answered. */
  readonly answers: number[] = [];
  starts = 0;
  exits = 0;
  isLeaving = false;
  readonly #core: SupervisorCore;
  readonly #order: string[];
  readonly #isDynamic: boolean;
  /** Whether later children depend on earlier ones. */
  readonly #isChain: boolean;
  /** Whether an operator meddles: then only the laws hold that hold in spite of him. */
  readonly #isMeddledWith: boolean;

  constructor(spec: SupervisorSpec, isMeddledWith: boolean) {
    this.#core = new SupervisorCore(
      new Family(spec, '/family', seededRandom(7), (id) => ({ path: id, send: () => 'noproc', offer: () => Promise.resolve('noproc'), ask: () => Promise.reject(new Error('unused')) })),
    );
    this.#order = (spec.children ?? []).map(({ id }) => id);
    this.#isDynamic = spec.strategy === 'dynamic';
    this.#isChain = spec.strategy === 'one_for_all' || spec.strategy === 'rest_for_one';
    this.#isMeddledWith = isMeddledWith;
  }

  get statuses(): readonly string[] {
    return Array.from(this.#core.children(), ({ status }) => status);
  }

  get living(): readonly Life[] {
    return this.lives.filter(({ state }) => state !== 'over');
  }

  tell(input: SupervisorInput): void {
    if (input.kind === 'stop') this.isLeaving = true;
    for (const effect of this.#core.handle(input, this.now)) this.#perform(effect);
  }

  /** What was heard once may be heard again, late: it changes nothing. */
  tellOld(input: SupervisorInput): void {
    expect(this.#core.handle(input, this.now), `heard late: ${JSON.stringify(input)}`).to.deep.equal([]);
  }

  end(life: Life, reason: ExitReason): void {
    life.state = 'over';
    const { id, epoch } = life;
    const input: SupervisorInput = { kind: 'child-exited', id, epoch, reason: life.ended ?? reason, uptimeMs: 10 };
    this.tell(input);
    this.old.push(input, { kind: 'child-started', id, epoch }, { kind: 'child-ignored', id, epoch }, { kind: 'stop-timeout', id, epoch }, { kind: 'start-timeout', id, epoch });
  }

  up(life: Life, isIgnored: boolean): void {
    life.state = isIgnored ? 'over' : 'up';
    const { id, epoch } = life;
    const input: SupervisorInput = { kind: isIgnored ? 'child-ignored' : 'child-started', id, epoch };
    this.tell(input);
    this.old.push(input);
  }

  /** A reply that is to be given once. */
  question(): (answer: unknown) => void {
    const index = this.answers.push(0) - 1;
    return () => void this.answers[index]!++;
  }

  /** Other children under the same strategy: some that were there, in another order, and one that was not. */
  change(detail: number, reply: (answer: ChangeSpecOutcome) => void): void {
    const ids = shuffle(seededRandom(detail), ['a', 'b', 'c', 'd', 'e', 'f', 'g']).slice(0, 4);
    const strategy: Strategy = this.#isDynamic ? 'dynamic' : (['one_for_one', 'one_for_all', 'rest_for_one'] as const)[detail % 3]!;
    const rules: SupervisorRules = { strategy, intensity: detail % 9, periodMs: PERIOD_MS, ...(strategy === 'dynamic' ? {} : { children: ids.map((id) => puppet(id)) }) };
    this.tell({ kind: 'change-spec', rules, reply });
  }

  fire(index: number): void {
    const [timer] = this.timers.splice(index % this.timers.length, 1);
    if (timer === undefined) return;
    this.now = Math.max(this.now, timer.at);
    this.tell(timer.input);
  }

  #perform(effect: SupervisorEffect): void {
    switch (effect.kind) {
      case 'start':
        return this.#start(effect.id, effect.epoch);
      case 'stop': {
        const life = this.#livingAt(effect.id);
        expect(life.isAsked, `${effect.id} is asked to stop twice`).to.equal(false);
        life.isAsked = true;
        return this.#expectNoneAfter(effect.id, this.#isDynamic || this.#isMeddledWith, 'is asked to stop');
      }
      case 'end':
        this.#livingAt(effect.id).ended ??= effect.reason;
        return;
      case 'schedule':
        this.timers.push({ at: this.now + effect.delayMs, input: effect.input });
        return;
      case 'report':
        if (effect.report.decision === 'escalate') this.isLeaving = true;
        if (effect.report.decision === 'restart' || effect.report.decision === 'backoff') this.restarts.push(this.now);
        return;
      case 'reply':
        return effect.deliver();
      case 'exit':
        this.exits++;
        expect(this.living, 'the supervisor leaves children behind').to.deep.equal([]);
        return;
      case 'admin':
      case 'change':
        return;
      case 'await-restart':
      case 'retire':
      case 'forget':
        return expect(this.living.map(({ id }) => id), `${effect.kind} of a child that lives`).to.not.include(effect.id) as never;
      case 'started':
        this.starts++;
        expect(this.starts, 'the supervisor says twice that it has started').to.equal(1);
    }
  }

  #start(id: string, epoch: number): void {
    expect(this.isLeaving, `${id} starts after the end was decided`).to.equal(false);
    expect(this.living.map((life) => life.id), 'two lives of one child').to.not.include(id);
    expect(this.lives.some((life) => life.epoch === epoch), 'an epoch used twice').to.equal(false);
    this.#expectNoneAfter(id, !this.#isChain || this.#isMeddledWith, 'starts');
    this.lives.push({ id, epoch, state: 'starting', isAsked: false, ended: undefined });
  }

  #livingAt(id: string): Life {
    const life = this.living.find((candidate) => candidate.id === id);
    if (life === undefined) throw new Error(`${id} is spoken to and has no life`);
    return life;
  }

  #expectNoneAfter(id: string, isExempt: boolean, what: string): void {
    if (isExempt) return;
    const later = new Set(this.#order.slice(this.#order.indexOf(id) + 1));
    expect(this.living.filter((life) => later.has(life.id)).map((life) => life.id), `${id} ${what} while later ones live`).to.deep.equal([]);
  }
}

type Move = readonly [choice: number, detail: number];

/** One thing that may happen now: to a life, to the clock, by an operator, or late. */
function happen(stage: Stage, [choice, detail]: Move, isMeddledWith: boolean): void {
  const life = stage.living[detail % Math.max(1, stage.living.length)];
  const reason = REASONS[detail % REASONS.length]!;
  switch (choice) {
    case 0:
    case 1:
    case 2:
      if (life?.state === 'starting') stage.up(life, false);
      return;
    case 3:
      if (life?.state === 'starting' && detail % 5 === 0) stage.up(life, true);
      return;
    case 4:
    case 5:
      if (life !== undefined) stage.end(life, reason);
      return;
    case 6: {
      const asked = stage.living.find(({ isAsked, ended }) => isAsked || ended !== undefined);
      if (asked !== undefined) stage.end(asked, { kind: 'shutdown' });
      return;
    }
    case 7:
      if (stage.timers.length > 0) stage.fire(detail);
      return;
    case 8:
      stage.now += detail * 7;
      return;
    case 9: {
      const old = stage.old[detail % Math.max(1, stage.old.length)];
      if (old !== undefined) stage.tellOld(old);
      return;
    }
    default:
      if (isMeddledWith) meddle(stage, choice, detail);
  }
}

function meddle(stage: Stage, choice: number, detail: number): void {
  const id = 'abcdefg'[detail % 7]!;
  const reply = stage.question();
  if (choice === 10) stage.tell({ kind: 'start-child', spec: puppet(id, { restart: RESTARTS[detail % 3]! }), reply });
  if (choice === 11) stage.tell({ kind: 'terminate-child', id, reply });
  if (choice === 12) stage.tell({ kind: 'restart-child', id, reply });
  if (choice === 13) stage.tell({ kind: 'delete-child', id, reply });
  if (choice === 14) stage.tell({ kind: 'restart-one', id, reply });
  if (choice === 15) stage.change(detail, reply);
}

/** Nothing more happens by itself: who starts comes up, who is asked ends, delays pass. Then nothing is left half done. */
function calmDown(stage: Stage): void {
  for (let steps = 0; steps < 1_000 && stage.exits === 0; steps++) {
    const asked = stage.living.find(({ isAsked, ended }) => isAsked || ended !== undefined);
    const starting = stage.living.find(({ state }) => state === 'starting');
    if (asked !== undefined) stage.end(asked, { kind: 'shutdown' });
    else if (starting !== undefined) stage.up(starting, false);
    else if (stage.timers.length > 0) stage.fire(0);
    else break;
  }
  if (stage.exits > 0) return;
  expect(stage.statuses.filter((status) => status !== 'running' && status !== 'down' && status !== 'ignored')).to.deep.equal([]);
  expect(stage.answers.every((count) => count === 1), 'each question is answered when all is done').to.equal(true);
}

/** Everybody does as asked until the supervisor has ended; fails when it never does. */
function bringToAnEnd(stage: Stage): void {
  stage.tell({ kind: 'stop', reason: { kind: 'shutdown' } });
  for (let steps = 0; stage.exits === 0 && steps < 1_000; steps++) {
    const next = stage.living.find(({ isAsked, ended }) => isAsked || ended !== undefined) ?? stage.living.find(({ state }) => state === 'starting');
    if (next === undefined) break;
    stage.end(next, { kind: 'shutdown' });
  }
  expect(stage.exits, 'the supervisor never ends').to.equal(1);
  for (const { input } of stage.timers) stage.tellOld(input);
  for (const input of stage.old) stage.tellOld(input);
  stage.tellOld({ kind: 'stop', reason: { kind: 'shutdown' } });
}

const RESTARTS: readonly Restart[] = ['permanent', 'transient', 'temporary'];
const SHUTDOWNS = ['brutal_kill', 'infinity', 100] as const;

const children = fc
  .array(fc.record({ restart: fc.constantFrom(...RESTARTS), shutdown: fc.constantFrom(...SHUTDOWNS), hasBackoff: fc.boolean(), isSignificant: fc.boolean() }), { minLength: 1, maxLength: 5 })
  .map((flags) =>
    flags.map(({ restart, shutdown, hasBackoff, isSignificant }, index) =>
      puppet('abcde'[index]!, { restart, shutdown, significant: isSignificant && restart !== 'permanent', ...(hasBackoff ? { backoff: { baseMs: 50, maxMs: 400 } } : {}) }),
    ),
  );
const stories: fc.Arbitrary<Story> = fc.record({
  specs: children,
  intensity: fc.constantFrom(0, 1, 3, 20),
  autoShutdown: fc.constantFrom('never' as const, 'never' as const, ...AUTO_SHUTDOWNS),
  moves: fc.array(fc.tuple(fc.nat({ max: 15 }), fc.nat({ max: 97 })), { maxLength: 120 }),
});

function familyOf(strategy: Strategy, specs: SupervisorSpec['children'], { intensity = 3, autoShutdown = 'never' }: Partial<Story> = {}): SupervisorSpec {
  return { type: 'supervisor', id: 'family', strategy, intensity, autoShutdown, periodMs: PERIOD_MS, ...(strategy === 'dynamic' ? {} : { children: specs ?? [] }) };
}

interface Story {
  readonly specs: NonNullable<SupervisorSpec['children']>;
  readonly intensity: number;
  readonly autoShutdown: AutoShutdown;
  readonly moves: readonly Move[];
}

function play(strategy: Strategy, story: Story, isMeddledWith: boolean): Stage {
  const { specs, moves } = story;
  const stage = new Stage(familyOf(strategy, specs, story), isMeddledWith);
  stage.tell({ kind: 'start' });
  if (strategy === 'dynamic') for (const spec of specs) stage.tell({ kind: 'start-child', spec, reply: () => undefined });
  for (const move of moves) {
    happen(stage, move, isMeddledWith);
    if (stage.exits > 0) break;
  }
  return stage;
}

describe('a child that left while its group is taken down, and is asked for again', () => {
  const stories = { 'by a restart': [14, 27], 'when it is down, by a start': [12, 27] } as const;
  for (const [how, again] of Object.entries(stories)) {
    it(`comes up with its group: ${how}`, () => {
      const stage = new Stage(familyOf('rest_for_one', [puppet('a')]), true);
      stage.tell({ kind: 'start' });
      const moves: readonly Move[] = [[0, 0], [10, 69], [0, 1], [14, 0], [11, 83], ...(again[0] === 12 ? [[6, 0] as const] : []), again];
      for (const move of moves) happen(stage, move, true);
      calmDown(stage);
      expect(stage.statuses).to.deep.equal(['running', 'running']);
      expect(stage.lives.map(({ id }) => id)).to.deep.equal(['a', 'g', 'a', 'g']);
    });
  }
});

for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one', 'dynamic'] as const) {
  describe(`a ${strategy} supervisor, whatever happens in whatever order`, () => {
    it('keeps to one life a child, its order and its budget, ends once, and heeds nothing that is late', () => {
      fc.assert(
        fc.property(stories, (story) => {
          const stage = play(strategy, story, false);
          const times = stage.restarts;
          // The children of a dynamic supervisor have a budget each.
          if (strategy !== 'dynamic') {
            for (let first = 0; first + story.intensity < times.length; first++) {
              expect(times[first + story.intensity]! - times[first]!, 'more restarts in the period than allowed').to.be.greaterThan(PERIOD_MS);
            }
          }
          if (stage.exits === 0) bringToAnEnd(stage);
        }),
        { numRuns: 2_000 },
      );
    });

    it('keeps to one life a child, ends once and answers each question once, also when an operator starts, stops, restarts and deletes children and changes the rules meanwhile', () => {
      fc.assert(
        fc.property(stories, (story) => {
          const stage = play(strategy, story, true);
          calmDown(stage);
          if (stage.exits === 0) bringToAnEnd(stage);
          expect(stage.answers.every((count) => count === 1), 'each question is answered once').to.equal(true);
        }),
        { numRuns: 2_000 },
      );
    });

    it('starts its children in the order of their specs and stops them in reverse', () => {
      fc.assert(
        fc.property(children, (specs) => {
          const stage = new Stage(familyOf(strategy, specs), false);
          const ids = strategy === 'dynamic' ? [] : specs.map(({ id }) => id);
          stage.tell({ kind: 'start' });
          for (const id of ids) {
            expect(stage.living.filter(({ state }) => state === 'starting').map((life) => life.id)).to.deep.equal([id]);
            stage.up(stage.living.at(-1)!, false);
          }
          stage.tell({ kind: 'stop', reason: { kind: 'shutdown' } });
          const stopped: string[] = [];
          for (let life = stage.living.at(-1); life !== undefined; life = stage.living.at(-1)) {
            expect(stage.living.filter(({ isAsked, ended }) => isAsked || ended !== undefined)).to.deep.equal([life]);
            stopped.push(life.id);
            stage.end(life, { kind: 'shutdown' });
          }
          expect(stopped).to.deep.equal(ids.toReversed());
          expect(stage.exits).to.equal(1);
        }),
        { numRuns: 200 },
      );
    });
  });
}
