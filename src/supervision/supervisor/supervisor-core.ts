/**
 * A supervisor as a state machine: what happened goes in, what to do comes out. Pure; the rules are supervisor(3)'s.
 *
 * Invariants:
 * 1. A child has at most one life that is neither ended nor asked to stop. Lives are told apart by their epoch; news of
 *    an earlier epoch is ignored, so late timers and exits are harmless.
 * 2. Children start in start order and stop in reverse of it, at the first start, in a group restart and at shutdown.
 * 3. Every restart is entered in a budget before it is made; a budget exceeded ends the supervisor.
 * 4. Nothing here waits: what takes time is an effect now and an input later, so requests are answered throughout.
 */
import type { Random } from '../../random.ts';
import { childExited, childStarted, childStartTimeout, childStopTimeout } from './child-news.ts';
import type { Child } from './child-record.ts';
import { changeSpec, countChildren, deleteChild, restartChild, restartOne, startChild, terminateChild } from './child-requests.ts';
import type { BudgetView, Family } from './family.ts';
import { advance, shutDown, walkUpFirst } from './family-walks.ts';
import type { SupervisorEffect, SupervisorInput } from './supervisor-effects.ts';

type ChildNews = Extract<SupervisorInput, { id: string; epoch: number }>;

export class SupervisorCore {
  readonly #family: Family;

  constructor(family: Family) {
    this.#family = family;
  }

  /** A copy that goes its own way from here. Who waits for an answer waits for that of the original. */
  fork(random: Random): SupervisorCore {
    return new SupervisorCore(this.#family.fork(random));
  }

  /** In start order. */
  children(): Iterable<Readonly<Child>> {
    return this.#family.children.values();
  }

  childAt(id: string): Readonly<Child> | undefined {
    return this.#family.children.get(id);
  }

  /** What restarts of the child draw on; without an id, what all of them share. @param now monotonic milliseconds */
  budget(id: string | undefined, now: number): BudgetView {
    return this.#family.budgetOf(id === undefined ? undefined : this.#family.children.get(id), now);
  }

  /** @param now monotonic milliseconds */
  handle(input: SupervisorInput, now: number): readonly SupervisorEffect[] {
    this.#take(input, now);
    advance(this.#family);
    return this.#family.takeEffects();
  }

  #take(input: SupervisorInput, now: number): void {
    const family = this.#family;
    switch (input.kind) {
      case 'start':
        return walkUpFirst(family);
      case 'stop':
        return shutDown(family, input.reason);
      case 'child-started':
      case 'child-ignored':
      case 'child-exited':
      case 'start-timeout':
      case 'stop-timeout':
      case 'backoff-over': {
        const child = family.current(input.id, input.epoch);
        return child === undefined ? undefined : this.#hear(child, input, now);
      }
      case 'group-backoff-over':
        if (family.walk?.epoch === input.epoch && family.walk.phase === 'waiting') family.walk.phase = 'up';
        return;
      case 'start-child':
        return startChild(family, input);
      case 'restart-child':
        return restartChild(family, input);
      case 'restart-one':
        return restartOne(family, input);
      case 'change-spec':
        return changeSpec(family, input);
      case 'terminate-child':
        return terminateChild(family, input);
      case 'delete-child':
        return deleteChild(family, input);
      case 'count-children':
        return family.answer(input.reply, countChildren(family));
    }
  }

  #hear(child: Child, news: ChildNews, now: number): void {
    switch (news.kind) {
      case 'child-started':
      case 'child-ignored':
        return childStarted(this.#family, child, news.kind === 'child-started', now);
      case 'child-exited':
        return childExited(this.#family, child, news, now);
      case 'start-timeout':
        return childStartTimeout(this.#family, child);
      case 'stop-timeout':
        return childStopTimeout(this.#family, child);
      case 'backoff-over':
        return child.status === 'restarting' ? this.#family.start(child) : undefined;
    }
  }
}
