/**
 * A storm in a running system: faults at a steady rate, chosen from a seed, within guard rails; then calm, until all is as it
 * was or it is clear that it will not be; then a verdict. On a clock that is moved by hand it is the same storm.
 */
import type { Timer } from '../../clock.ts';
import type { ActorSystem } from '../system.ts';
import { Probes } from './probes.ts';
import { StormChoice } from './storm-choice.ts';
import type { Choice, Target } from './storm-choice.ts';
import { StormLedger } from './storm-ledger.ts';
import { leavesTooFew, minRunningOf, sparedFrom } from './storm-rails.ts';
import type { MinRunning, Spared } from './storm-rails.ts';
import { surveyOf } from './survey.ts';
import type { Survey } from './survey.ts';
import { isSettled, verdictOf } from './verdict.ts';
import type { Evidence, Verdict } from './verdict.ts';

/** What a storm breaks things with. */
export interface Arsenal<F extends string> {
  readonly faults: readonly F[];
  suits(fault: F, target: Target): boolean;
  /** ends: the life, now. stills: it is of no use meanwhile. bears: it works on. */
  effectOf(fault: F): 'ends' | 'stills' | 'bears';
  strike(choice: Choice<F>): 'inflicted' | 'no-life' | 'occupied';
  /** Paths that are of no use now, and those in which a fault goes on. */
  readonly stilled: ReadonlySet<string>;
  readonly afflicted: ReadonlySet<string>;
  /** Takes back all that goes on. */
  revert(): void;
}

export interface StormSpec {
  readonly seed: number;
  readonly forMs: number;
  readonly ratePerS: number;
  readonly minRunning: MinRunning;
  isTarget(path: string): boolean;
  /** Paths that must not end, for they carry the storm. */
  readonly doors: readonly string[];
  /** Also what would end the node, the operator's connection or a supervisor. */
  readonly isForced: boolean;
  /** How long after the storm everything may take to be as it was. */
  readonly settleMs: number;
  /** Timers of the process. */
  timers(): number;
}

export interface StormProgress {
  readonly phase: 'storm' | 'calm';
  readonly elapsedMs: number;
  readonly injected: number;
  readonly spared: number;
  readonly restarts: number;
  /** Permanent children. */
  readonly running: number;
  readonly standing: number;
}

export interface StormListener {
  progress(now: StormProgress): void;
  /** Once, unless the storm is stopped before. */
  over(verdict: Verdict): void;
}

const PROGRESS_MS = 500;
/** After the storm it is looked this often whether all is well. */
const LOOK_MS = 50;

export class Storm<F extends string> {
  readonly #system: ActorSystem;
  readonly #arsenal: Arsenal<F>;
  readonly #spec: StormSpec;
  readonly #listener: StormListener;
  readonly #choice: StormChoice<F>;
  readonly #ledger = new StormLedger();
  readonly #probes: Probes;
  readonly #before: Survey;
  readonly #min: number;
  readonly #timersBefore: number;
  readonly #startedAt: number;
  readonly #steps: number;
  readonly #injected = new Map<F, number>();
  readonly #spared = new Map<Spared, number>();
  readonly #unsubscribe: () => void;
  readonly #lettersBefore: number;
  #lettersSeen: number;
  #messagesLost = 0;
  #step = 0;
  #calmAt = Infinity;
  #toldAt = -Infinity;
  #timer: Timer | undefined;

  constructor(system: ActorSystem, arsenal: Arsenal<F>, spec: StormSpec, listener: StormListener) {
    this.#system = system;
    this.#arsenal = arsenal;
    this.#spec = spec;
    this.#listener = listener;
    this.#choice = new StormChoice(spec.seed, arsenal.faults);
    this.#probes = new Probes(system);
    this.#before = this.#survey();
    this.#min = minRunningOf(spec.minRunning, this.#before.running.size);
    this.#timersBefore = spec.timers();
    this.#startedAt = system.clock.now();
    this.#steps = Math.max(1, Math.round((spec.forMs * spec.ratePerS) / 1_000));
    this.#lettersBefore = this.#lettersSeen = system.deadLetters.total;
    this.#unsubscribe = system.events.subscribe((event) => this.#ledger.heard(event, system.clock.now()));
    this.#later(0, () => this.#blow());
  }

  /** Ends it now and takes back what goes on; there is no verdict. */
  stop(): void {
    this.#timer?.cancel();
    this.#unsubscribe();
    this.#arsenal.revert();
  }

  #blow(): void {
    const survey = this.#survey();
    this.#count(this.#next(survey));
    this.#countLetters();
    this.#tell('storm', survey);
    this.#step++;
    if (this.#step < this.#steps) return this.#later(this.#startedAt + (this.#step * 1_000) / this.#spec.ratePerS - this.#now, () => this.#blow());
    // What lasts beyond the last fault is over with the storm.
    this.#later(this.#startedAt + this.#spec.forMs - this.#now, () => {
      this.#arsenal.revert();
      this.#calmAt = this.#now;
      this.#calm();
    });
  }

  #calm(): void {
    this.#countLetters();
    const evidence = this.#evidence();
    this.#tell('calm', evidence.after);
    if (!isSettled(evidence) && this.#now - this.#calmAt < this.#spec.settleMs) return this.#later(LOOK_MS, () => this.#calm());
    this.stop();
    this.#listener.over(verdictOf(evidence));
  }

  #next(survey: Survey): F | Spared {
    const { isForced, doors, isTarget } = this.#spec;
    const targets = survey.actors.filter(({ path }) => isTarget(path) && (isForced || !doors.includes(path)));
    const choice = this.#choice.next(targets, (fault, target) => this.#arsenal.suits(fault, target));
    if (choice === undefined) return 'no-target';
    const { path, fault } = choice;
    const spared = this.#sparedFrom(choice, survey);
    if (spared !== undefined) return spared;
    if (this.#arsenal.effectOf(fault) === 'ends') this.#probes.send(path);
    const outcome = this.#arsenal.strike(choice);
    return outcome === 'inflicted' ? fault : outcome;
  }

  #sparedFrom({ path, fault }: Choice<F>, survey: Survey): Spared | undefined {
    switch (this.#arsenal.effectOf(fault)) {
      case 'bears':
        return undefined;
      case 'stills':
        return leavesTooFew([path], survey, this.#min) ? 'min-running' : undefined;
      case 'ends': {
        const foresight = this.#system.whatIfKilled(path, 'a storm');
        return foresight === undefined ? 'no-life' : sparedFrom(foresight, survey, this.#min, this.#spec.doors, this.#spec.isForced);
      }
    }
  }

  #count(outcome: F | Spared): void {
    const counts: Map<string, number> = this.#arsenal.faults.includes(outcome as F) ? this.#injected : this.#spared;
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }

  /** The newest thousand are kept: what more came between two looks was lost too. */
  #countLetters(): void {
    const { total } = this.#system.deadLetters;
    const fresh = total - this.#lettersSeen;
    this.#lettersSeen = total;
    if (fresh === 0) return;
    const answers = this.#system.deadLetters.latest().slice(-fresh).filter(({ reason }) => reason === 'late_reply');
    this.#messagesLost += fresh - answers.length;
  }

  #tell(phase: StormProgress['phase'], { running }: Survey): void {
    if (this.#now - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = this.#now;
    const [injected, spared] = [sum(this.#injected), sum(this.#spared)];
    this.#listener.progress({ phase, elapsedMs: this.#now - this.#startedAt, injected, spared, restarts: this.#ledger.restarts, running: running.size, standing: this.#before.running.size });
  }

  #evidence(): Evidence {
    const injected = Object.fromEntries(this.#injected);
    const spared = Object.fromEntries(this.#spared);
    return {
      seed: this.#spec.seed,
      elapsedMs: this.#now - this.#startedAt,
      tally: { injected, spared, deadLetters: this.#lettersSeen - this.#lettersBefore, messagesLost: this.#messagesLost },
      ledger: this.#ledger,
      probes: this.#probes,
      before: this.#before,
      after: this.#survey(),
      afflicted: this.#arsenal.afflicted.size,
      timers: { before: this.#timersBefore, after: this.#spec.timers() },
    };
  }

  #survey(): Survey {
    const { stilled } = this.#arsenal;
    const root = this.#system.tree();
    if (root === undefined) throw new Error('a storm needs a tree');
    return surveyOf(root, (path) => !stilled.has(path));
  }

  get #now(): number {
    return this.#system.clock.now();
  }

  #later(delayMs: number, goOn: () => void): void {
    this.#timer = this.#system.clock.setTimer(delayMs, goOn);
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}
