/**
 * Of several events of one name that come together only the last counts, where their senders say so: a deployment that is
 * called off and on again within a second is one. Those that are of one time came from nodes that knew nothing of each
 * other, and all of them count. The rule and its times are those of Serf's agents.
 */
import type { SerfEffect, SerfNews } from './serf-effects.ts';

/** Told when none came for so long … */
const QUIET_MS = 1_000;
/** … and after this at the latest. */
const HELD_MS = 3_000;
/** Somebody who makes up names is not waited for. */
const NAMES_MAX = 1_024;

type EventNews = Extract<SerfNews, { readonly type: 'event' }>;

export class Coalescing {
  /** By name. */
  readonly #latest = new Map<string, EventNews[]>();
  #window = 0;
  #quietAtMs = 0;
  #endsAtMs = 0;

  hold(news: EventNews, now: number): readonly SerfEffect[] {
    const isFirst = this.#latest.size === 0;
    const held = this.#latest.get(news.name);
    if (held === undefined || held[0]!.lTime < news.lTime) this.#latest.set(news.name, [news]);
    else if (held[0]!.lTime === news.lTime) held.push(news);
    if (this.#latest.size > NAMES_MAX) return this.#release();
    this.#quietAtMs = now + QUIET_MS;
    if (!isFirst) return [];
    this.#endsAtMs = now + HELD_MS;
    return [this.#wait(QUIET_MS)];
  }

  onDue(window: number, now: number): readonly SerfEffect[] {
    if (window !== this.#window) return [];
    const dueMs = Math.min(this.#quietAtMs, this.#endsAtMs);
    return now < dueMs ? [this.#wait(dueMs - now)] : this.#release();
  }

  #wait(afterMs: number): SerfEffect {
    return { kind: 'schedule', afterMs, timer: { kind: 'events-due', window: this.#window } };
  }

  #release(): SerfEffect[] {
    const released = [...this.#latest.values()].flat();
    this.#latest.clear();
    this.#window++;
    return released.map((news) => ({ kind: 'tell', news }));
  }
}
