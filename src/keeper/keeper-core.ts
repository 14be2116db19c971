/**
 * Who keeps a node, as a state machine: what happened goes in, what to do comes out. Pure. The rules are those of a
 * supervisor with one transient child; only what is particular to a process stands here.
 *
 * Invariants:
 * 1. At most one life at a time: the next is started only after the end of the last was heard.
 * 2. The keeper ends only when no life is left.
 * 3. Once a signal was heard, nothing is started any more.
 */
import { ERROR_CATALOGUE } from '../errors.ts';
import type { Random } from '../random.ts';
import { backoffDelayMs, isRecovered } from '../supervision/backoff.ts';
import type { Backoff } from '../supervision/backoff.ts';
import type { ExitReason } from '../supervision/behavior.ts';
import { RestartTimes } from '../supervision/intensity.ts';
import type { Intensity } from '../supervision/intensity.ts';
import { isRestarted } from '../supervision/restart.ts';

/** A second of silence costs the mesh nothing, and half a minute is as long as a person waits before looking. */
export const BACKOFF: Backoff = { baseMs: 200, maxMs: 30_000 };
/** With the delays above, a node that cannot live is given up after about two minutes. */
export const BUDGET: Intensity = { intensity: 10, periodMs: 600_000 };
/** A large registry takes seconds to read. What takes longer than this hangs, and is killed. */
export const START_DEADLINE_MS = 60_000;

/** What fails the same way however often it is tried. */
const MISUSED = ERROR_CATALOGUE.BAD_ARGUMENT.exitCode;
/** Codes that a node itself ends with when it gave up; those below are faults in what it was given. */
const NODE_FAULTS = { first: 70, last: 73 } as const;

/** What a person or a service manager sends to end a program; numbers as shells add them to 128. */
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
export type EndSignal = keyof typeof SIGNAL_NUMBERS;
export const END_SIGNALS = Object.keys(SIGNAL_NUMBERS) as EndSignal[];

export type KeeperInput =
  | { readonly kind: 'begin' }
  /** The node is up; `where` says where it is reached. */
  | { readonly kind: 'ready'; readonly where: string }
  /** `exitCode` is 128 + the signal's number when one ended it. */
  | { readonly kind: 'exited'; readonly exitCode: number; readonly signal: string | null }
  | { readonly kind: 'woken'; readonly turn: number }
  | { readonly kind: 'signalled'; readonly signal: EndSignal };

export type KeeperEffect =
  | { readonly kind: 'start'; readonly life: number }
  | { readonly kind: 'pass'; readonly signal: EndSignal | 'SIGKILL' }
  /** Answer with `woken` and this turn. Never cancelled: a late one finds another turn. */
  | { readonly kind: 'wake'; readonly afterMs: number; readonly turn: number }
  /** A life ended in another way than in order. */
  | { readonly kind: 'report'; readonly crash: Crash }
  /** For a service manager. */
  | { readonly kind: 'announce'; readonly state: 'up' | 'restarting' | 'stopping'; readonly status: string }
  | { readonly kind: 'exit'; readonly exitCode: number };

export interface Crash {
  readonly life: number;
  readonly exitCode: number;
  readonly signal: string | null;
  readonly uptimeMs: number;
  readonly wasReady: boolean;
  readonly decision: 'restart' | 'give-up' | 'end';
  /** In words, for people. */
  readonly why: string;
  /** Until the next life; null when there is none. */
  readonly delayMs: number | null;
  readonly restartsInPeriod: number;
}

export class KeeperCore {
  readonly #random: Random;
  #phase: 'idle' | 'starting' | 'up' | 'waiting' | 'over' = 'idle';
  #life = 0;
  #startedAt = 0;
  /** Rises with every change of phase, so that a timer of an earlier one is known as such. */
  #turn = 0;
  #wasEverReady = false;
  #failures = 0;
  readonly #restarts = new RestartTimes();
  readonly #heard: EndSignal[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** @param now monotonic milliseconds */
  handle(input: KeeperInput, now: number): readonly KeeperEffect[] {
    switch (input.kind) {
      case 'begin':
        return this.#start(now);
      case 'ready':
        if (this.#phase !== 'starting') return [];
        this.#enter('up');
        this.#wasEverReady = true;
        return this.#heard.length > 0 ? [] : [{ kind: 'announce', state: 'up', status: `life ${this.#life}: ${input.where}` }];
      case 'exited':
        return this.#exited(input.exitCode, input.signal, now);
      case 'woken':
        return this.#woken(input.turn, now);
      case 'signalled':
        return this.#signalled(input.signal);
    }
  }

  #start(now: number): readonly KeeperEffect[] {
    this.#enter('starting');
    this.#life++;
    this.#startedAt = now;
    return [
      { kind: 'start', life: this.#life },
      { kind: 'wake', afterMs: START_DEADLINE_MS, turn: this.#turn },
    ];
  }

  #woken(turn: number, now: number): readonly KeeperEffect[] {
    if (turn !== this.#turn) return [];
    if (this.#phase === 'waiting') return this.#start(now);
    return this.#phase === 'starting' ? [{ kind: 'pass', signal: 'SIGKILL' }] : [];
  }

  #signalled(signal: EndSignal): readonly KeeperEffect[] {
    if (this.#phase === 'over') return [];
    this.#heard.push(signal);
    if (this.#phase === 'waiting') return this.#end(0);
    // The node leaves in order at the first and at once at the second; at the third it is plain that it hangs.
    if (this.#heard.length > 2) return [{ kind: 'pass', signal: 'SIGKILL' }];
    const pass: KeeperEffect = { kind: 'pass', signal };
    return this.#heard.length > 1 ? [pass] : [{ kind: 'announce', state: 'stopping', status: `stopping after ${signal}` }, pass];
  }

  #exited(exitCode: number, signal: string | null, now: number): readonly KeeperEffect[] {
    if (this.#phase !== 'starting' && this.#phase !== 'up') return [];
    const wasReady = this.#phase === 'up';
    const uptimeMs = now - this.#startedAt;
    const crash = { life: this.#life, exitCode, signal, uptimeMs, wasReady };
    const final = this.#whyFinal(exitCode, signal);
    if (final !== undefined) {
      const report: KeeperEffect = { kind: 'report', crash: { ...crash, decision: 'end', why: final, delayMs: null, restartsInPeriod: this.#restartsAt(now) } };
      return [...(this.#isOrderly(exitCode) ? [] : [report]), ...this.#end(exitCode)];
    }
    const usedBefore = this.#restartsAt(now);
    const budget = `${BUDGET.intensity} restarts in ${BUDGET.periodMs / 60_000} min`;
    if (this.#restarts.add(now, BUDGET)) {
      const why = `more than ${budget}`;
      return [{ kind: 'report', crash: { ...crash, decision: 'give-up', why, delayMs: null, restartsInPeriod: usedBefore } }, ...this.#end(exitCode)];
    }
    this.#failures = wasReady && isRecovered(BACKOFF, uptimeMs) ? 0 : this.#failures;
    const delayMs = Math.round(backoffDelayMs(BACKOFF, this.#failures++, this.#random));
    const used = this.#restartsAt(now);
    this.#enter('waiting');
    return [
      { kind: 'report', crash: { ...crash, decision: 'restart', why: `${used} of ${budget}`, delayMs, restartsInPeriod: used } },
      { kind: 'announce', state: 'restarting', status: `life ${this.#life} ended with ${signal ?? exitCode}; the next starts in ${delayMs} ms` },
      { kind: 'wake', afterMs: delayMs, turn: this.#turn },
    ];
  }

  /** Why no other life follows this end, or undefined when one does. */
  #whyFinal(exitCode: number, signal: string | null): string | undefined {
    if (this.#heard.length > 0) return 'it was told to stop';
    if (!isRestarted('transient', reasonOf(exitCode, signal))) return 'it ended by itself, in order';
    if (signal !== null) return undefined;
    if (exitCode === MISUSED) return 'it was misused, and would be again';
    const isOfNode = exitCode >= NODE_FAULTS.first && exitCode <= NODE_FAULTS.last;
    return this.#wasEverReady || isOfNode ? undefined : 'it never came up, and what is in its way is likely still there';
  }

  /** Ended with 0, or by a signal that it was sent. */
  #isOrderly(exitCode: number): boolean {
    return exitCode === 0 || this.#heard.some((signal) => exitCode === 128 + SIGNAL_NUMBERS[signal]);
  }

  #restartsAt(now: number): number {
    return this.#restarts.used(now, BUDGET);
  }

  #end(exitCode: number): readonly KeeperEffect[] {
    this.#enter('over');
    return [{ kind: 'exit', exitCode }];
  }

  #enter(phase: 'starting' | 'up' | 'waiting' | 'over'): void {
    this.#phase = phase;
    this.#turn++;
  }
}

function reasonOf(exitCode: number, signal: string | null): ExitReason {
  if (signal !== null) return { kind: 'killed', by: signal };
  return exitCode === 0 ? { kind: 'normal' } : { kind: 'error', error: { name: 'ExitCode', message: String(exitCode) } };
}
