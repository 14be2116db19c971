/** What a storm chooses, what it spares, and what it makes of the trail. */
import { expect } from 'chai';
import type { ActorView } from '../../src/supervision/actor-view.ts';
import type { SupervisionEvent } from '../../src/supervision/trail/event-log.ts';
import { isGlob, pathMatcher } from '../../src/supervision/chaos/path-glob.ts';
import { StormChoice } from '../../src/supervision/chaos/storm-choice.ts';
import { StormLedger } from '../../src/supervision/chaos/storm-ledger.ts';
import { leavesTooFew, minRunningOf, sparedFrom } from '../../src/supervision/chaos/storm-rails.ts';
import { surveyOf } from '../../src/supervision/chaos/survey.ts';
import type { Evidence } from '../../src/supervision/chaos/verdict.ts';
import { isSettled, verdictOf } from '../../src/supervision/chaos/verdict.ts';
import type { Foresight } from '../../src/supervision/supervisor/what-if.ts';

function view(path: string, parts: Partial<ActorView> = {}): ActorView {
  return { path, type: 'worker', status: 'running', restart: 'permanent', zombies: 0, children: [], ...parts } as ActorView;
}

const TREE = view('/', {
  type: 'supervisor',
  children: [
    view('/b', { zombies: 1 }),
    view('/a', { status: 'restarting' }),
    view('/d', { type: 'supervisor', strategy: 'dynamic', children: [view('/d/x'), view('/d/y', { restart: 'transient' })] }),
  ],
});

describe('a glob over paths', () => {
  it('stands for part of one segment with one star, for any number of segments with two', () => {
    const paths = ['/', '/agents', '/agents/sessions', '/agents/sessions/a1', '/agents-old', '/agents/sessions.a1'];
    const matched = (glob: string): string[] => paths.filter(pathMatcher(glob));
    expect(matched('/agents/*')).to.deep.equal(['/agents/sessions', '/agents/sessions.a1']);
    expect(matched('/agents/**')).to.deep.equal(['/agents/sessions', '/agents/sessions/a1', '/agents/sessions.a1']);
    expect(matched('/agents/sessions/a*')).to.deep.equal(['/agents/sessions/a1']);
    expect(matched('**')).to.deep.equal(paths);
    expect(matched('/agents/sessions.a1'), 'a dot is a dot').to.deep.equal(['/agents/sessions.a1']);
    expect([isGlob('/a*'), isGlob('/a')]).to.deep.equal([true, false]);
  });
});

describe('the choices of a storm', () => {
  const targets = ['/a', '/b', '/c'].map((path) => ({ path, type: 'worker' as const }));
  const choices = (seed: number, suits = (): boolean => true): string[] => {
    const choice = new StormChoice(seed, ['kill', 'hang']);
    return Array.from({ length: 20 }, () => JSON.stringify(choice.next(targets, suits)));
  };

  it('are the same for the same seed and tree, and others for others', () => {
    expect(choices(7)).to.deep.equal(choices(7));
    expect(choices(7)).to.not.deep.equal(choices(8));
    expect(new Set(choices(7)).size).to.be.greaterThan(5);
  });

  it('go on as they would have when one suits nobody', () => {
    let turn = 0;
    const some = choices(7, () => Math.floor(turn++ / 3) !== 4);
    expect(some.filter((choice, at) => choice !== choices(7)[at])).to.have.length(1);
  });
});

describe('the rails of a storm', () => {
  const survey = surveyOf(TREE);
  const foresee = (parts: Partial<Foresight>): Foresight => ({ order: [], stops: ['/b'], starts: ['/b'], decisions: [], exit: undefined, ...parts });
  const decision = (used: number, what: 'restart' | 'escalate'): Foresight['decisions'][number] => ({ supervisor: '/', child: '/b', decision: what, delayMs: 0, budget: { used, usedBefore: used - 1, intensity: 3, periodMs: 5_000 } });

  it('count who runs, who stands in a spec, who is missing', () => {
    expect([...survey.standing].sort()).to.deep.equal(['/', '/a', '/b', '/d']);
    expect([...survey.running].sort()).to.deep.equal(['/', '/b', '/d', '/d/x']);
    expect([survey.missing, survey.zombies]).to.deep.equal([['/a'], 1]);
    expect(surveyOf(TREE, (path) => path !== '/b').running.has('/b')).to.equal(false);
  });

  it('spare the node, the door, a supervisor and its last restart, unless it is forced', () => {
    const spared = (parts: Partial<Foresight>, isForced = false): unknown => sparedFrom(foresee(parts), survey, 0, ['/edge'], isForced);
    expect(spared({ exit: { kind: 'shutdown' } })).to.equal('node');
    expect(spared({ stops: ['/b', '/edge'] })).to.equal('door');
    expect(spared({ decisions: [decision(4, 'escalate')] })).to.equal('budget');
    expect(spared({ decisions: [decision(3, 'restart')] })).to.equal('budget');
    expect(spared({ decisions: [decision(2, 'restart')] })).to.equal(undefined);
    expect(spared({ exit: { kind: 'shutdown' }, stops: ['/edge'], decisions: [decision(4, 'escalate')] }, true)).to.equal(undefined);
  });

  it('never leave fewer running than was stated, forced or not', () => {
    expect(minRunningOf({ percent: 50 }, 5)).to.equal(3);
    expect(minRunningOf({ children: 2 }, 5)).to.equal(2);
    expect(sparedFrom(foresee({}), survey, 4, [], true)).to.equal('min-running');
    expect(sparedFrom(foresee({}), survey, 3, [], true)).to.equal(undefined);
    expect(leavesTooFew(['/d/y'], survey, 4), 'one that does not count').to.equal(false);
  });
});

describe('the ledger of a storm', () => {
  const budget = { used: 1, usedBefore: 0, intensity: 3, periodMs: 5_000 };
  const event = (type: SupervisionEvent['type'], path: string, life: number, parts: Partial<SupervisionEvent> = {}): SupervisionEvent => ({ sequence: 1, atMs: 0, type, path, life, reason: type, ...parts });
  const crash = (path: string, life: number, parts: Partial<SupervisionEvent> = {}): SupervisionEvent => event('crash', path, life, { supervisor: '/', decision: 'restart', budget, ...parts });
  let ledger: StormLedger;
  beforeEach(() => void (ledger = new StormLedger()));

  it('measures from the end to the next life that is up, over starts that fail', () => {
    ledger.heard(crash('/a', 1), 10);
    ledger.heard(crash('/a', 2), 15);
    ledger.heard(event('restart', '/a', 3), 30);
    expect(ledger.recovery()).to.deep.equal({ count: 1, p50: 20, p99: 20, max: 20 });
    expect([ledger.restarts, ledger.crashes, ledger.owed(() => true)]).to.deep.equal([1, 2, []]);
  });

  it('knows who is owed a life', () => {
    ledger.heard(crash('/a', 1, { takenAlong: { count: 1, first: ['/b'] } }), 0);
    expect(ledger.owed(() => true)).to.deep.equal(['/a', '/b']);
    expect(ledger.owed((path) => path === '/b')).to.deep.equal(['/b']);
  });

  it('finds a restart that nothing asked for', () => {
    ledger.heard(event('restart', '/a', 2), 0);
    expect(ledger.breaches.restarts).to.deep.equal(['/a was restarted, and nothing had ended it']);
  });

  it('takes a restart with its supervisor, of a sibling or on request as asked for', () => {
    ledger.heard(crash('/s', 1), 0);
    ledger.heard(event('restart', '/s/a', 2), 0);
    ledger.heard(event('restart', '/s', 2), 0);
    ledger.heard(crash('/a', 1, { takenAlong: { count: 1, first: ['/b'] } }), 0);
    for (const path of ['/a', '/b']) ledger.heard(event('restart', path, 2), 0);
    ledger.heard(event('admin', '/c', 1, { reason: 'restart asked by somebody' }), 0);
    ledger.heard(event('restart', '/c', 2), 0);
    expect(ledger.breaches.restarts).to.deep.equal([]);
    ledger.heard(event('restart', '/s/a', 3), 0);
    expect(ledger.breaches.restarts).to.have.length(1);
  });

  it('finds a life that comes before an earlier one, and a budget that is overdrawn', () => {
    ledger.heard(crash('/a', 2), 0);
    ledger.heard(event('restart', '/a', 3), 0);
    ledger.heard(crash('/a', 3, { budget: { ...budget, used: 4 } }), 0);
    ledger.heard(event('restart', '/a', 3), 0);
    expect(ledger.breaches).to.deep.include({ lives: ['life 3 of /a came after life 3'], budgets: ['/a: 0 → 4 of 3, restart'] });
  });
});

describe('the verdict of a storm', () => {
  const all = view('/', { type: 'supervisor', children: [view('/a')] });
  const evidence = (parts: Partial<Evidence> = {}): Evidence => ({
    seed: 7,
    elapsedMs: 1_000,
    tally: { injected: {}, spared: {}, deadLetters: 0, messagesLost: 0 },
    ledger: new StormLedger(),
    probes: { monitors: { sent: 2, heard: 2, isHeardTwice: false }, asks: { sent: 2, settled: 2, late: 0 } },
    before: surveyOf(all),
    after: surveyOf(all),
    afflicted: 0,
    timers: { before: 10, after: 12 },
    ...parts,
  });
  const changed = (change: (ledger: StormLedger) => void): StormLedger => {
    const ledger = new StormLedger();
    change(ledger);
    return ledger;
  };
  const after = (child: ActorView): Partial<Evidence> => ({ after: surveyOf(view('/', { type: 'supervisor', children: [child] })) });
  const crash = { sequence: 1, atMs: 0, type: 'crash', path: '/a', life: 1, reason: 'boom', decision: 'restart' } as const;

  it('is that all promises held where nothing speaks against it', () => {
    expect(verdictOf(evidence())).to.include({ held: true, seed: 7 });
    expect(isSettled(evidence())).to.equal(true);
  });

  const ASKED = 'questions fail with the life that was asked';
  const CASES: readonly [string, string, Partial<Evidence>][] = [
    ['a child is gone', 'every permanent child runs again', { after: surveyOf(view('/', { type: 'supervisor' })) }],
    ['a child does not run', 'every permanent child runs again', after(view('/a', { status: 'restarting' }))],
    ['a life came before an earlier one', 'one life per path at a time', { ledger: changed(({ breaches }) => breaches.lives.push('x')) }],
    ['a budget is overdrawn', 'no budget was negative or overdrawn', { ledger: changed(({ breaches }) => breaches.budgets.push('x')) }],
    ['a restart was for nothing', 'restarts are the ends that deserved one', { ledger: changed(({ breaches }) => breaches.restarts.push('x')) }],
    ['an end had no restart', 'restarts are the ends that deserved one', { ledger: changed((ledger) => ledger.heard(crash, 0)) }],
    ['a handler goes on', 'no handler of an ended life goes on', after(view('/a', { zombies: 1 }))],
    ['a monitor heard nothing', 'monitors hear once', { probes: { monitors: { sent: 2, heard: 1, isHeardTwice: false }, asks: { sent: 0, settled: 0, late: 0 } } }],
    ['a monitor heard twice', 'monitors hear once', { probes: { monitors: { sent: 2, heard: 2, isHeardTwice: true }, asks: { sent: 0, settled: 0, late: 0 } } }],
    ['a question waits', ASKED, { probes: { monitors: { sent: 0, heard: 0, isHeardTwice: false }, asks: { sent: 2, settled: 1, late: 0 } } }],
    ['a question waited in vain', ASKED, { probes: { monitors: { sent: 0, heard: 0, isHeardTwice: false }, asks: { sent: 2, settled: 2, late: 1 } } }],
    ['timers are left', 'no stray timers, no fault left', { timers: { before: 10, after: 31 } }],
    ['a fault is left', 'no stray timers, no fault left', { afflicted: 1 }],
  ];
  for (const [what, promise, parts] of CASES) {
    it(`is that "${promise}" was broken when ${what}`, () => {
      const { held, checks } = verdictOf(evidence(parts));
      expect([held, checks.filter((check) => !check.held).map((check) => check.promise)]).to.deep.equal([false, [promise]]);
    });
  }
});
