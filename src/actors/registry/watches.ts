/**
 * Who watches what, and what each has still to be told. A subscriber that takes news slower than they come is told the
 * latest of each key: what waits is bounded by the number of keys, and nothing is lost.
 */
import { MeshError } from '../../errors.ts';
import type { ActorRef, SendOutcome } from '../../supervision/behavior.ts';
import type { DocumentNews } from './document.ts';
import type { RegistryChange, RegistryEntryView, RegistryNews } from './registry-messages.ts';

/** Each costs a comparison per change; far more than people and dashboards open. */
const WATCHES_MAX = 1_000;
/** Every entry there may be, twice: only a subscriber that stopped listening gets here, and its watch ends. */
const PENDING_MAX = 200_000;

const SYNCED = Symbol('synced');

interface Watch {
  readonly prefix: string;
  readonly subscriber: ActorRef<RegistryNews>;
  /** By key, in order of their first arrival. */
  readonly pending: Map<string | typeof SYNCED, RegistryChange>;
}

export class Watches {
  readonly #watches = new Map<string, Watch>();
  /** Those with something pending. */
  readonly #due = new Set<string>();

  get size(): number {
    return this.#watches.size;
  }

  get isBehind(): boolean {
    return this.#due.size > 0;
  }

  /** A watch of the same name is replaced. Fault: OVERLOADED. */
  add(watch: string, prefix: string, subscriber: ActorRef<RegistryNews>, entries: readonly RegistryEntryView[]): MeshError | undefined {
    if (this.#watches.size >= WATCHES_MAX && !this.#watches.has(watch)) {
      return new MeshError('OVERLOADED', 'the registry is watched as often as it may be', {
        given: `${this.#watches.size} watches and one more`,
        expected: `at most ${WATCHES_MAX} watches on a node`,
        todo: 'end watches that are no longer needed, or watch on another node',
      });
    }
    const pending: Watch['pending'] = new Map(entries.map((entry) => [entry.key, { type: 'put', entry }]));
    this.#watches.set(watch, { prefix, subscriber, pending: pending.set(SYNCED, { type: 'synced' }) });
    this.#due.add(watch);
    return undefined;
  }

  /** The subscriber, when this was its last watch. */
  remove(watch: string): ActorRef<RegistryNews> | undefined {
    const removed = this.#watches.get(watch)?.subscriber;
    this.#watches.delete(watch);
    this.#due.delete(watch);
    return removed === undefined || this.isSubscriber(removed.path) ? undefined : removed;
  }

  removeSubscriber(path: string): void {
    for (const [watch, { subscriber }] of this.#watches) {
      if (subscriber.path === path) this.remove(watch);
    }
  }

  isSubscriber(path: string): boolean {
    return [...this.#watches.values()].some(({ subscriber }) => subscriber.path === path);
  }

  record(news: readonly DocumentNews[]): void {
    for (const [watch, { prefix, pending }] of this.#watches) {
      for (const change of news) {
        const key = change.type === 'put' ? change.entry.key : change.key;
        if (!key.startsWith(prefix)) continue;
        pending.set(key, change);
        this.#due.add(watch);
      }
    }
  }

  /** Hands out what is pending until a subscriber takes no more; returns the watches that had to end. */
  deliver(send: (subscriber: ActorRef<RegistryNews>, news: RegistryNews) => SendOutcome): string[] {
    const ended: string[] = [];
    for (const watch of this.#due) {
      const { subscriber, pending } = this.#watches.get(watch)!;
      let outcome: SendOutcome = 'accepted';
      for (const [key, change] of pending) {
        outcome = send(subscriber, { kind: 'registry-news', watch, change });
        if (outcome !== 'accepted') break;
        pending.delete(key);
      }
      if (pending.size === 0) this.#due.delete(watch);
      else if (outcome === 'noproc' || pending.size > PENDING_MAX) ended.push(watch);
    }
    for (const watch of ended) this.remove(watch);
    return ended;
  }
}
