/** What a storm must not break, held against the trail of supervision as it grows. Pure. */
import { parentPath, ROOT_PATH } from '../child-spec.ts';
import type { SupervisionEvent } from '../trail/event-log.ts';

/** Durations in milliseconds. */
export interface Recovery {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Breaches beyond this say nothing new. */
const BREACHES_MAX = 20;

export class StormLedger {
  /** Lives that are up or were the last to be, by path. */
  readonly #lives = new Map<string, number>();
  /** Since when somebody is to come back who has not yet. */
  readonly #owed = new Map<string, number>();
  /**
   * How many starts of an actor and of all below it are accounted for: one for its own end. One that is taken along while it
   * comes up comes up, is stopped and comes up again.
   */
  readonly #granted = new Map<string, number>();
  readonly #recoveries: number[] = [];
  readonly breaches = { lives: [] as string[], budgets: [] as string[], restarts: [] as string[] };
  restarts = 0;
  crashes = 0;
  escalations = 0;

  /** @param now monotonic milliseconds */
  heard(event: SupervisionEvent, now: number): void {
    switch (event.type) {
      case 'start':
      case 'restart':
        return this.#started(event, now);
      case 'crash':
      case 'exit':
      case 'shutdown_error':
        if (event.type === 'crash') this.crashes++;
        return this.#ended(event, now);
      case 'escalate':
        this.escalations++;
        return;
      case 'admin':
        // What a person restarts or starts comes up without an end of its own.
        if (!this.#owed.has(event.path) && /restart|start/.test(event.reason)) this.#granted.set(event.path, 1);
        return;
      case 'loop_lag':
    }
  }

  /** Who is to come back and has not, of those who are still known. */
  owed(isListed: (path: string) => boolean): readonly string[] {
    return [...this.#owed.keys()].filter(isListed);
  }

  recovery(): Recovery {
    const sorted = this.#recoveries.toSorted((a, b) => a - b);
    // Nearest rank.
    const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
  }

  #started({ path, life, type }: SupervisionEvent, now: number): void {
    const before = this.#lives.get(path);
    // A dynamic child that was forgotten and is started anew counts from 1 again.
    if (before !== undefined && life <= before && type === 'restart') note(this.breaches.lives, `life ${life} of ${path} came after life ${before}`);
    this.#lives.set(path, life);
    const since = this.#owed.get(path);
    if (since !== undefined) this.#recoveries.push(now - since);
    if (type === 'restart') {
      this.restarts++;
      if (!this.#isGranted(path)) note(this.breaches.restarts, `${path} was restarted, and nothing had ended it`);
    }
    this.#owed.delete(path);
    this.#spend(path);
  }

  #ended({ path, decision, budget, supervisor, takenAlong }: SupervisionEvent, now: number): void {
    if (budget !== undefined && decision !== undefined) {
      const { used, usedBefore, intensity } = budget;
      const isGranted = decision === 'restart' || decision === 'backoff';
      if (usedBefore < 0 || used < usedBefore || (isGranted && used > intensity)) note(this.breaches.budgets, `${path}: ${usedBefore} → ${used} of ${intensity}, ${decision}`);
    }
    if (decision !== 'restart' && decision !== 'backoff') return;
    this.#owe(path, 1, now);
    if (takenAlong === undefined) return;
    for (const sibling of takenAlong.first) this.#owe(sibling, Math.min(2, (this.#granted.get(sibling) ?? 0) + 1), now);
    // Of many siblings not all are named.
    if (takenAlong.count > takenAlong.first.length && supervisor !== undefined) this.#granted.set(supervisor, 1);
  }

  #owe(path: string, starts: number, now: number): void {
    if (!this.#owed.has(path)) this.#owed.set(path, now);
    this.#granted.set(path, starts);
  }

  #spend(path: string): void {
    const left = (this.#granted.get(path) ?? 0) - 1;
    if (left > 0) this.#granted.set(path, left);
    else this.#granted.delete(path);
  }

  #isGranted(path: string): boolean {
    for (let at = path; ; at = parentPath(at)) {
      if (this.#granted.has(at)) return true;
      if (at === ROOT_PATH) return false;
    }
  }
}

function note(breaches: string[], breach: string): void {
  if (breaches.length < BREACHES_MAX) breaches.push(breach);
}
