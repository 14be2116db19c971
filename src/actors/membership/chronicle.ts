/** What happened to each member of late, so that people can ask why it is as it is. Kept also for members that are forgotten. */
import type { Happening, MemberEvent } from './member-events.ts';

/** A suspicion with its confirmations, its end and the way back takes about eight. */
const HAPPENINGS_MAX = 32;
/** Members with a record: those to whom something happened last. At its worst 13 MiB, and a few hundred KiB in a calm mesh. */
const RECORDS_MAX = 2_048;

export class Chronicle {
  /** The one to whom nothing has happened for the longest time first. */
  readonly #records = new Map<string, readonly Happening[]>();

  note(event: MemberEvent, atMs: number): void {
    const record = this.#records.get(event.member) ?? [];
    this.#records.delete(event.member);
    this.#records.set(event.member, record.slice(1 - HAPPENINGS_MAX).concat({ atMs, event }));
    if (this.#records.size <= RECORDS_MAX) return;
    const [stalest] = this.#records.keys();
    this.#records.delete(stalest!);
  }

  /** Oldest first; undefined when nothing is known to have happened. */
  of(member: string): readonly Happening[] | undefined {
    return this.#records.get(member);
  }

  get names(): string[] {
    return [...this.#records.keys()];
  }
}
