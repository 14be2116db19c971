/** What is left to say after a storm. Pure. */
import type { Probes } from './probes.ts';
import type { Recovery, StormLedger } from './storm-ledger.ts';
import type { Spared } from './storm-rails.ts';
import type { Survey } from './survey.ts';

interface Check {
  readonly promise: string;
  readonly held: boolean;
  /** One line: the figures, or what is wrong. */
  readonly detail: string;
}

interface Tally {
  /** Faults carried out, and choices that were not. */
  readonly injected: Readonly<Record<string, number>>;
  readonly spared: Readonly<Partial<Record<Spared, number>>>;
  /** Messages that reached nobody, and how many of them were no answers. */
  readonly deadLetters: number;
  readonly messagesLost: number;
}

export interface Verdict extends Tally {
  readonly held: boolean;
  readonly seed: number;
  readonly elapsedMs: number;
  readonly checks: readonly Check[];
  readonly recovery: Recovery;
  readonly restarts: number;
  readonly crashes: number;
  readonly escalations: number;
}

export interface Evidence {
  readonly seed: number;
  readonly elapsedMs: number;
  readonly tally: Tally;
  readonly ledger: StormLedger;
  readonly probes: Pick<Probes, 'monitors' | 'asks'>;
  /** Who stood there before the storm, and the tree after it. */
  readonly before: Survey;
  readonly after: Survey;
  /** Paths in which a fault goes on. */
  readonly afflicted: number;
  /** Timers of the process. */
  readonly timers: { readonly before: number; readonly after: number };
}

/** Other things go on in the node too, and set timers; lives that each left one behind would leave as many as there were restarts. */
const TIMERS_SLACK = 20;
const TIMERS_PER_RESTART = 0.25;

export function verdictOf(evidence: Evidence): Verdict {
  const { seed, elapsedMs, tally, ledger } = evidence;
  const checks = [running(evidence), lives(evidence), budgets(evidence), restarts(evidence), zombies(evidence), monitors(evidence), asks(evidence), timers(evidence)];
  const { crashes, escalations } = ledger;
  return { held: checks.every(({ held }) => held), seed, elapsedMs, checks, recovery: ledger.recovery(), restarts: ledger.restarts, crashes, escalations, ...tally };
}

/** Whether all that takes time has happened. */
export function isSettled({ before, after, ledger, probes, afflicted }: Pick<Evidence, 'before' | 'after' | 'ledger' | 'probes' | 'afflicted'>): boolean {
  const { monitors: watched, asks: asked } = probes;
  return (
    absent(before, after).length === 0 &&
    owed(ledger, after).length === 0 &&
    after.zombies === 0 &&
    watched.heard === watched.sent &&
    asked.settled === asked.sent &&
    afflicted === 0
  );
}

function running({ before, after }: Evidence): Check {
  const gone = absent(before, after);
  return check('every permanent child runs again', gone, `${after.running.size} run`);
}

function lives({ ledger }: Evidence): Check {
  return check('one life per path at a time', ledger.breaches.lives, 'each life came after the one before it');
}

function budgets({ ledger }: Evidence): Check {
  return check('no budget was negative or overdrawn', ledger.breaches.budgets, `${ledger.escalations} supervisors gave up`);
}

function restarts({ ledger, after }: Evidence): Check {
  const unpaid = owed(ledger, after).map((path) => `${path} did not come back`);
  return check('restarts are the ends that deserved one', [...ledger.breaches.restarts, ...unpaid], `${ledger.restarts} restarts`);
}

function zombies({ after }: Evidence): Check {
  return check('no handler of an ended life goes on', after.zombies === 0 ? [] : [`${after.zombies} go on`], '0 zombies');
}

function monitors({ probes }: Evidence): Check {
  const { sent, heard, isHeardTwice } = probes.monitors;
  const wrong = [...(heard === sent ? [] : [`${sent - heard} of ${sent} heard nothing`]), ...(isHeardTwice ? ['one heard twice'] : [])];
  return check('monitors hear once', wrong, `${heard} of ${sent}`);
}

function asks({ probes }: Evidence): Check {
  const { sent, settled, late } = probes.asks;
  const wrong = [...(settled === sent ? [] : [`${sent - settled} of ${sent} wait still`]), ...(late === 0 ? [] : [`${late} of ${sent} waited in vain`])];
  return check('questions fail with the life that was asked', wrong, `${settled} of ${sent}`);
}

function timers({ timers: { before, after }, afflicted, ledger }: Evidence): Check {
  const most = before + TIMERS_SLACK + Math.ceil(ledger.restarts * TIMERS_PER_RESTART);
  const wrong = [...(after <= most ? [] : [`${before} timers before, ${after} after`]), ...(afflicted === 0 ? [] : [`${afflicted} faults go on`])];
  return check('no stray timers, no fault left', wrong, `${before} timers before, ${after} after`);
}

/** Who is to run and does not: those that stood there before, and all that are there now. */
function absent(before: Survey, after: Survey): string[] {
  return [...new Set([...[...before.standing].filter((path) => !after.running.has(path)), ...after.missing])];
}

function owed(ledger: StormLedger, after: Survey): readonly string[] {
  const listed = new Map(after.actors.map((actor) => [actor.path, actor.status]));
  // Somebody may have been stopped for good since.
  return ledger.owed((path) => listed.has(path) && listed.get(path) !== 'stopped');
}

function check(promise: string, wrong: readonly string[], figures: string): Check {
  return { promise, held: wrong.length === 0, detail: wrong.length === 0 ? figures : wrong.join('; ') };
}
