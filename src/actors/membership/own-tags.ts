/** What this node says about itself: what it was started with, and what was changed since, which outlives it. */
import { fitsOwnMeta, type Tags } from './wire/tags.ts';

/** By tag; null for one that was taken away. */
export type TagChanges = Readonly<Record<string, string | null>>;

export interface TagMemory {
  load(): TagChanges;
  /** @throws when it cannot be kept */
  save(changes: TagChanges): void;
}

export class OwnTags {
  readonly #base: Tags;
  readonly #memory: TagMemory;
  #changes: TagChanges;

  constructor(base: Tags, memory: TagMemory) {
    this.#base = base;
    this.#memory = memory;
    const changes = memory.load();
    // Started with more tags than before, what was changed may not fit any more: what is said now counts.
    this.#changes = fitsOwnMeta(applied(base, changes)) ? changes : {};
  }

  get all(): Tags {
    return applied(this.#base, this.#changes);
  }

  /** @throws when the changes cannot be kept; then nothing has changed */
  change(changes: TagChanges): Tags | 'too-large' {
    const next = { ...this.#changes, ...changes };
    const tags = applied(this.#base, next);
    if (!fitsOwnMeta(tags)) return 'too-large';
    this.#memory.save(next);
    this.#changes = next;
    return tags;
  }
}

function applied(base: Tags, changes: TagChanges): Tags {
  const entries = Object.entries({ ...base, ...changes }).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(entries);
}
