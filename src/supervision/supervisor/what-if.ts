/**
 * What would follow from the end of a life, found by letting copies of the supervisors decide it. Nothing is touched.
 *
 * Taken for granted: whoever starts comes up, whoever is asked to stop does at once, delays are as long as without jitter,
 * and nothing else happens meanwhile. What waits for a delay of its own already is told of only where it is drawn in.
 */
import type { Random } from '../../random.ts';
import type { ActorRef, ExitReason } from '../behavior.ts';
import { isActive } from './child-record.ts';
import { childPath, parentPath, ROOT_PATH } from '../child-spec.ts';
import type { ChildSpec, SupervisorRules } from '../child-spec.ts';
import { SHUTDOWN } from '../exit-reason.ts';
import { Family } from './family.ts';
import { SupervisorCore } from './supervisor-core.ts';
import type { ChildReport, SupervisorEffect, SupervisorInput } from './supervisor-effects.ts';

export interface ForeseenStep {
  readonly kind: 'stop' | 'start';
  readonly path: string;
  /** Time that passes before it for delays of restarts. */
  readonly afterMs: number;
}

export interface ForeseenDecision extends Pick<ChildReport, 'decision' | 'delayMs' | 'budget'> {
  readonly supervisor: string;
  readonly child: string;
}

export interface Foresight {
  /**
   * Who stops and who starts, in the order in which it happens; a supervisor stops after its children and starts before them.
   * Children of a dynamic supervisor stop side by side: among them the order may be another.
   */
  readonly order: readonly ForeseenStep[];
  readonly stops: readonly string[];
  readonly starts: readonly string[];
  /** From the supervisor of the life upward; `escalate` where one gives up. */
  readonly decisions: readonly ForeseenDecision[];
  /** Why the root would end, and the node with it; undefined when it goes on. */
  readonly exit: ExitReason | undefined;
}

/** What is so now. */
export interface Present {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Of the supervisor whose life at `path` goes on; undefined for others. */
  coreAt(path: string): SupervisorCore | undefined;
  /** What the supervisor that is to start at `path` goes by. */
  rulesAt(path: string, spec: ChildSpec): SupervisorRules | undefined;
  uptimeMs(path: string): number;
  ref(path: string): ActorRef<unknown>;
}

/** Delays as they are without jitter. */
const EVEN: Random = { next: () => 0.5 };

/** What would follow if the life at `path` ended with `reason` now. */
export function whatIfEnded(present: Present, path: string, reason: ExitReason): Foresight {
  return new Rehearsal(present).play(path, reason);
}

interface Due {
  readonly at: number;
  readonly supervisor: string;
  readonly core: SupervisorCore;
  readonly input: SupervisorInput;
}

class Rehearsal {
  readonly #present: Present;
  readonly #order: ForeseenStep[] = [];
  readonly #decisions: ForeseenDecision[] = [];
  /** Supervisors as they are in the rehearsal; undefined for those that have ended in it. */
  readonly #cores = new Map<string, SupervisorCore | undefined>();
  /** What is on its way to a supervisor, first come, first heard. */
  readonly #news: Omit<Due, 'at'>[] = [];
  readonly #timers: Due[] = [];
  /** Who has ended and not started again. */
  readonly #gone = new Set<string>();
  #now: number;
  #exit: ExitReason | undefined;

  constructor(present: Present) {
    this.#present = present;
    this.#now = present.now;
  }

  play(path: string, reason: ExitReason): Foresight {
    if (path !== ROOT_PATH) this.#coreAt(parentPath(path));
    this.#end(path, reason);
    for (let due = this.#next(); due !== undefined; due = this.#next()) {
      if (this.#cores.get(due.supervisor) !== due.core) continue;
      for (const effect of due.core.handle(due.input, this.#now)) this.#perform(due.supervisor, due.core, effect);
    }
    const pathsOf = (kind: ForeseenStep['kind']): string[] => this.#order.filter((step) => step.kind === kind).map((step) => step.path);
    return { order: this.#order, stops: pathsOf('stop'), starts: pathsOf('start'), decisions: this.#decisions, exit: this.#exit };
  }

  /** What is heard next; time moves only when nothing else is left to do. */
  #next(): Omit<Due, 'at'> | undefined {
    const news = this.#news.shift();
    if (news !== undefined) return news;
    const [first] = this.#timers.sort((a, b) => a.at - b.at).splice(0, 1);
    if (first !== undefined) this.#now = Math.max(this.#now, first.at);
    return first;
  }

  #perform(supervisor: string, core: SupervisorCore, effect: SupervisorEffect): void {
    switch (effect.kind) {
      case 'start':
        return this.#start(childPath(supervisor, effect.id), effect.spec);
      case 'stop':
        return this.#stop(childPath(supervisor, effect.id), effect.reason);
      case 'end':
        return this.#end(childPath(supervisor, effect.id), effect.reason);
      case 'schedule':
        // Nobody is late here.
        if (effect.input.kind !== 'backoff-over' && effect.input.kind !== 'group-backoff-over') return;
        return void this.#timers.push({ at: this.#now + effect.delayMs, supervisor, core, input: effect.input });
      case 'report': {
        const { decision, delayMs, budget } = effect.report;
        return void this.#decisions.push({ supervisor, child: childPath(supervisor, effect.id), decision, delayMs, budget });
      }
      case 'started':
        return this.#tellStarted(supervisor);
      case 'exit':
        return this.#ended(supervisor, effect.reason);
      case 'await-restart':
      case 'retire':
      case 'forget':
      case 'reply':
      case 'admin':
      case 'change':
    }
  }

  #start(path: string, spec: ChildSpec): void {
    this.#gone.delete(path);
    this.#note('start', path);
    const rules = this.#present.rulesAt(path, spec);
    if (rules === undefined) return this.#tellStarted(path);
    const core = new SupervisorCore(new Family(rules, path, EVEN, (id) => this.#present.ref(childPath(path, id))));
    this.#cores.set(path, core);
    this.#news.push({ supervisor: path, core, input: { kind: 'start' } });
  }

  #stop(path: string, reason: ExitReason): void {
    if (this.#gone.has(path)) return;
    const core = this.#coreAt(path);
    if (core === undefined) return this.#ended(path, reason);
    this.#news.push({ supervisor: path, core, input: { kind: 'stop', reason } });
  }

  /** The life ends now, and all below it, last first; their supervisors are gone before they could hear of it. */
  #end(path: string, reason: ExitReason): void {
    if (this.#gone.has(path)) return;
    const children = [...(this.#coreAt(path)?.children() ?? [])].filter(isActive);
    this.#cores.set(path, undefined);
    for (const { spec } of children.reverse()) this.#end(childPath(path, spec.id), reason);
    this.#ended(path, reason);
  }

  #ended(path: string, reason: ExitReason): void {
    this.#gone.add(path);
    this.#cores.set(path, undefined);
    this.#note('stop', path);
    if (path === ROOT_PATH) this.#exit = reason;
    else this.#tellParent(path, (id, epoch) => ({ kind: 'child-exited', id, epoch, reason, uptimeMs: this.#present.uptimeMs(path) }));
  }

  #tellStarted(path: string): void {
    if (path !== ROOT_PATH) this.#tellParent(path, (id, epoch) => ({ kind: 'child-started', id, epoch }));
  }

  #tellParent(path: string, make: (id: string, epoch: number) => SupervisorInput): void {
    const supervisor = parentPath(path);
    const core = this.#coreAt(supervisor);
    const id = path.slice(path.lastIndexOf('/') + 1);
    const epoch = core?.childAt(id)?.epoch;
    if (core !== undefined && epoch !== undefined) this.#news.push({ supervisor, core, input: make(id, epoch) });
  }

  /** A copy of the supervisor at `path`, made when it is first needed; what was under way in it goes on. */
  #coreAt(path: string): SupervisorCore | undefined {
    if (this.#cores.has(path)) return this.#cores.get(path);
    const core = this.#present.coreAt(path)?.fork(EVEN);
    if (core === undefined) return undefined;
    this.#cores.set(path, core);
    for (const { spec, status } of core.children()) {
      if (status !== 'starting' && status !== 'stopping') continue;
      const child = childPath(path, spec.id);
      if (this.#coreAt(child) !== undefined) continue;
      if (status === 'starting') this.#tellStarted(child);
      else this.#ended(child, SHUTDOWN);
    }
    return core;
  }

  #note(kind: ForeseenStep['kind'], path: string): void {
    this.#order.push({ kind, path, afterMs: this.#now - this.#present.now });
  }
}
