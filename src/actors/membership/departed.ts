/**
 * Members that are gone for so long that gossip has forgotten them: they count for nothing, and nobody is told of them. But
 * people come in the morning and ask who was here last night, so they stay in the list, as long as Serf's agents list
 * theirs (`reconnect_timeout` and `tombstone_timeout`, a day both).
 */
import type { Member } from './member-table.ts';

const LISTED_MS = 24 * 60 * 60_000;
/** Some hundred bytes each. A mesh whose nodes take a new name with each start has this many in a day, and more is nobody's list to read. */
const DEPARTED_MAX = 2_048;

export class Departed {
  /** Who was forgotten first comes first. */
  readonly #members = new Map<string, Member>();

  get(name: string): Member | undefined {
    return this.#members.get(name);
  }

  all(): IterableIterator<Member> {
    return this.#members.values();
  }

  /** Adds one, or says something else about it. */
  set(member: Member): void {
    this.#members.set(member.name, member);
  }

  /** @returns whether it was there */
  delete(name: string): boolean {
    return this.#members.delete(name);
  }

  /** Those whose day is over, and those that there is no room for. */
  takeExpired(now: number): Member[] {
    const expired: Member[] = [];
    for (const member of this.#members.values()) {
      const isExpired = now - member.statusSinceMs > LISTED_MS || this.#members.size > DEPARTED_MAX;
      if (isExpired && this.#members.delete(member.name)) expired.push(member);
    }
    return expired;
  }
}
