/**
 * The registry's document: an Automerge document under a map of what readers see, kept in step.
 *
 * Rules it keeps:
 * 1. The Automerge value is linear: every change makes the old reference void. It never leaves this class.
 * 2. The same history gives the same entries on every node (`viewOf`). Concurrent delete and put: the put wins.
 * 3. `#base` and `#tail` always hold everything that is in the document, so that it can be rebuilt when the engine
 *    fails on a change and leaves the document unusable.
 * 4. Each life of the document has an actor of its own. One that is used again after its last changes were lost would
 *    be refused by the others for ever.
 */
import * as Automerge from '@automerge/automerge';
import { MeshError } from '../../errors.ts';
import type { AdmittedChange, KnownChanges } from './admission.ts';
import { encodeEntry, isSameEntry, keyFault, viewOf } from './entry.ts';
import { BUCKET_IDS, bucketId, bucketOf, GENESIS, isRegistryContent, markedKey, unmarkedKey, type RegistryContent } from './layout.ts';
import type { RegistryChange, RegistryEntryView } from './registry-messages.ts';
import type { SnapshotRefusal } from './snapshot-refusal.ts';

export interface DocumentLimits {
  readonly entriesMax: number;
  readonly historyChangesMax: number;
  readonly historyBytesMax: number;
}

export const DOCUMENT_LIMITS: DocumentLimits = {
  /** 70 MB of memory, a join of two seconds; measured. */
  entriesMax: 100_000,
  /** The history is kept; at 1 to 1.6 KB a change the engine holds some 700 MB of its 4 GB. */
  historyChangesMax: 500_000,
  /** Saved bytes, of which text takes ten times as many in memory. */
  historyBytesMax: 128 * 1024 * 1024,
};

/** Changes since the base, unless half of the base is more; then the document is saved anew. Some 4,000 writes. */
const TAIL_BYTES_MAX = 1024 * 1024;
/**
 * Changes handed to the engine at once: 0.3 ms each in a document of 100,000 entries. From about 30 on it takes another
 * way, with ten times the time for each and a hundred times the memory; measured with 3.5.0.
 */
const APPLY_SLICE = 16;
/** Changes remembered for `haves`: partitions shorter than this many writes heal without a snapshot. */
const RECENT_MAX = 1_024;

export type DocumentNews = Exclude<RegistryChange, { readonly type: 'synced' }>;

export interface Write {
  /** Whether the key was there before. */
  readonly existed: boolean;
  /** The change to pass on; none when the document already said so. */
  readonly bytes: Uint8Array | undefined;
  readonly news: readonly DocumentNews[];
}

interface Completed {
  readonly doc: Automerge.Doc<RegistryContent>;
  readonly saved: Uint8Array;
}

export class RegistryDocument implements KnownChanges {
  readonly #actor: string;
  readonly #limits: DocumentLimits;
  readonly #entries = new Map<string, RegistryEntryView>();
  #doc: Automerge.Doc<RegistryContent>;
  #base = GENESIS.snapshot;
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #changeCount = 0;
  /** Oldest first. */
  #recent: string[] = [];

  /** @param actor hex of 16 random bytes, never used before */
  constructor(actor: string, limits: DocumentLimits = DOCUMENT_LIMITS) {
    this.#actor = actor;
    this.#limits = limits;
    this.#doc = this.#load(this.#base);
    this.#measure();
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Size of the document as it was last saved. */
  get savedBytes(): number {
    return this.#base.length;
  }

  get changeCount(): number {
    return this.#changeCount;
  }

  get(key: string): RegistryEntryView | undefined {
    return this.#entries.get(key);
  }

  /** In order of their keys. */
  list(prefix: string): RegistryEntryView[] {
    const found = [...this.#entries.values()].filter((entry) => entry.key.startsWith(prefix));
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Faults: BAD_ARGUMENT, TOO_LARGE, OVERLOADED. */
  put(key: string, value: string, writer: string, wallMs: number): Write | MeshError {
    const encoded = encodeEntry({ v: value, w: writer, t: Math.trunc(wallMs) });
    if (encoded instanceof MeshError) return encoded;
    const fault = keyFault(key) ?? this.#roomFault(key);
    if (fault !== undefined) return fault;
    const existed = this.#entries.has(key);
    return this.#write(key, existed, (bucket, marked) => {
      bucket[marked] = new Automerge.ImmutableString(encoded);
    });
  }

  /** Faults: OVERLOADED. */
  delete(key: string): Write | MeshError {
    const existed = this.#entries.has(key);
    if (!existed) return { existed, bytes: undefined, news: [] };
    const fault = this.#historyFault();
    if (fault !== undefined) return fault;
    return this.#write(key, existed, (bucket, marked) => {
      delete bucket[marked];
    });
  }

  heads(): string[] {
    return Automerge.getHeads(this.#doc);
  }

  isKnown(hash: string): boolean {
    return Automerge.getMissingDeps(this.#doc, [hash]).length === 0;
  }

  /** Cheap for recent changes, which is what new ones rest on. */
  maxOpOf(hash: string): number {
    const { startOp, ops } = Automerge.inspectChange(this.#doc, hash)!;
    return startOp + ops.length - 1;
  }

  /** What to tell a peer that shall send what is missing here: heads, then ever older changes, then the genesis. */
  haves(): string[] {
    const haves = new Set(this.heads());
    for (let back = 1; back <= this.#recent.length; back *= 2) haves.add(this.#recent[this.#recent.length - back]!);
    if (this.#recent.length > 0) haves.add(this.#recent[0]!);
    return [...haves.add(GENESIS.hash)];
  }

  /** The changes that are not among `known` or before them. Every one of `known` has to be known here. */
  changesSince(known: readonly string[]): Uint8Array[] {
    return Automerge.getChangesSince(this.#doc, [...known]);
  }

  /** The whole document; saved anew when it has changed since the last time. */
  snapshot(): Uint8Array {
    if (this.#tail.length > 0) this.#rebase(Automerge.save(this.#doc));
    return this.#base;
  }

  /** Applies changes that admission let through, in order; `failed` are those on which the engine failed. */
  apply(changes: readonly AdmittedChange[]): { applied: AdmittedChange[]; failed: AdmittedChange[]; news: DocumentNews[] } {
    const applied: AdmittedChange[] = [];
    const failed: AdmittedChange[] = [];
    for (const slice of slices(changes)) {
      if (this.#tryApply(slice)) {
        applied.push(...slice);
        continue;
      }
      // One of them is bad: find it, so that the others are not refused for its sake.
      for (const change of slice) (this.#tryApply([change]) ? applied : failed).push(change);
    }
    return { applied, failed, news: this.#refresh(applied.flatMap((change) => change.keys)) };
  }

  /**
   * Takes in a whole document from a peer or from disk, which may be older, newer or both.
   * It is loaded and looked at aside, then becomes the document together with what only this node has.
   */
  absorb(snapshot: Uint8Array): readonly DocumentNews[] | SnapshotRefusal {
    let next: Automerge.Doc<RegistryContent>;
    try {
      next = this.#load(snapshot);
    } catch {
      return 'snapshot-unreadable';
    }
    const completed = this.#completed(next, snapshot);
    if (typeof completed === 'string') {
      Automerge.free(next);
      return completed === 'nothing-new' ? [] : completed;
    }
    Automerge.free(this.#doc);
    this.#doc = completed.doc;
    this.#rebase(completed.saved);
    this.#measure();
    return this.#refreshAll();
  }

  /** Gives the engine's memory back. The document is not used afterwards. */
  close(): void {
    Automerge.free(this.#doc);
  }

  #load(snapshot: Uint8Array): Automerge.Doc<RegistryContent> {
    return Automerge.load<RegistryContent>(snapshot, { actor: this.#actor });
  }

  #write(key: string, existed: boolean, edit: (bucket: Record<string, Automerge.ImmutableString>, marked: string) => void): Write {
    const before = this.#doc;
    this.#doc = Automerge.change(before, { time: 0 }, (content) => edit(content.b[bucketOf(key)]!, markedKey(key)));
    if (this.#doc === before) return { existed, bytes: undefined, news: [] };
    const bytes = Automerge.getLastLocalChange(this.#doc)!;
    this.#record(this.heads(), [bytes]);
    return { existed, bytes, news: this.#refresh([key]) };
  }

  #tryApply(changes: readonly AdmittedChange[]): boolean {
    const bytes = changes.map((change) => change.bytes);
    try {
      [this.#doc] = Automerge.applyChanges(this.#doc, bytes);
    } catch {
      this.#rebuild();
      return false;
    }
    if (!changes.every((change) => this.isKnown(change.hash))) {
      this.#rebuild();
      return false;
    }
    this.#record(changes.map((change) => change.hash), bytes);
    return true;
  }

  /** After the engine failed, the document may be unusable in ways that show later. */
  #rebuild(): void {
    try {
      Automerge.free(this.#doc);
    } catch {
      // Its memory is lost until the garbage collector finds it; there is nothing else to lose.
    }
    this.#doc = applySliced(this.#load(this.#base), this.#tail);
  }

  /** `next` with what only this node has; a document that does not go with that is none of the registry's. */
  #completed(next: Automerge.Doc<RegistryContent>, snapshot: Uint8Array): Completed | 'snapshot-schema' | 'nothing-new' {
    try {
      if (!isOwnDocument(next)) return 'snapshot-schema';
      if (Automerge.getHeads(next).every((head) => this.isKnown(head))) return 'nothing-new';
      if (Automerge.getMissingDeps(next, this.heads()).length === 0) return { doc: next, saved: snapshot };
      const doc = applySliced(next, this.#changesMissingIn(next));
      return { doc, saved: Automerge.save(doc) };
    } catch {
      return 'snapshot-schema';
    }
  }

  #changesMissingIn(other: Automerge.Doc<RegistryContent>): Uint8Array[] {
    const isShared = (hash: string): boolean => Automerge.getMissingDeps(other, [hash]).length === 0;
    const changes = this.changesSince(this.haves().filter(isShared));
    return changes.filter((bytes) => !isShared(Automerge.decodeChange(bytes).hash));
  }

  #record(hashes: readonly string[], bytes: readonly Uint8Array[]): void {
    this.#recent.push(...hashes);
    if (this.#recent.length > 2 * RECENT_MAX) this.#recent = this.#recent.slice(-RECENT_MAX);
    this.#changeCount += bytes.length;
    this.#tail.push(...bytes);
    for (const one of bytes) this.#tailBytes += one.length;
    if (this.#tailBytes > Math.max(TAIL_BYTES_MAX, this.#base.length / 2)) this.snapshot();
  }

  #rebase(base: Uint8Array): void {
    this.#base = base;
    this.#tail = [];
    this.#tailBytes = 0;
  }

  #measure(): void {
    this.#changeCount = Automerge.stats(this.#doc).numChanges;
    this.#recent = this.heads();
  }

  #refresh(keys: readonly string[]): DocumentNews[] {
    const news: DocumentNews[] = [];
    for (const key of new Set(keys)) {
      const change = this.#see(key, viewOf(key, this.#valuesOf(key)));
      if (change !== undefined) news.push(change);
    }
    return news;
  }

  #refreshAll(): DocumentNews[] {
    const keys = new Set(this.#entries.keys());
    const engine = Automerge.getBackend(this.#doc);
    for (const bucket of BUCKET_IDS) {
      for (const marked of engine.keys(bucket)) {
        const key = unmarkedKey(marked);
        if (key !== undefined) keys.add(key);
      }
    }
    return this.#refresh([...keys]);
  }

  #see(key: string, entry: RegistryEntryView | undefined): DocumentNews | undefined {
    if (isSameEntry(entry, this.#entries.get(key))) return undefined;
    if (entry === undefined) {
      this.#entries.delete(key);
      return { type: 'delete', key };
    }
    this.#entries.set(key, entry);
    return { type: 'put', entry };
  }

  /**
   * From the engine, not from its view as objects: after a batch that deletes the winner of a conflict and adds a
   * concurrent value, the objects of Automerge 3.5.0 go on showing what was deleted.
   */
  #valuesOf(key: string): string[] {
    const values = Automerge.getBackend(this.#doc).getAll(bucketId(key), markedKey(key));
    return values.flatMap(([type, value]) => (type === 'str' ? [value] : []));
  }

  #roomFault(key: string): MeshError | undefined {
    if (this.#entries.has(key) || this.#entries.size < this.#limits.entriesMax) return this.#historyFault();
    return new MeshError('OVERLOADED', 'the registry holds as many entries as it may', {
      given: `${this.#entries.size} entries and one more`,
      expected: `at most ${this.#limits.entriesMax} entries`,
      todo: 'delete entries that are no longer needed',
    });
  }

  #historyFault(): MeshError | undefined {
    const bytes = this.#base.length + this.#tailBytes;
    if (this.#changeCount < this.#limits.historyChangesMax && bytes < this.#limits.historyBytesMax) return undefined;
    return new MeshError('OVERLOADED', 'the history of the registry is as long as it may be', {
      given: `${this.#changeCount} changes in ${bytes} bytes`,
      expected: `fewer than ${this.#limits.historyChangesMax} changes in ${this.#limits.historyBytesMax} bytes`,
      todo: 'copy the entries, stop every node, move their registry directories away and put the entries again',
    });
  }
}

function* slices<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += APPLY_SLICE) yield items.slice(at, at + APPLY_SLICE);
}

function applySliced(doc: Automerge.Doc<RegistryContent>, changes: readonly Uint8Array[]): Automerge.Doc<RegistryContent> {
  let next = doc;
  for (const slice of slices(changes)) [next] = Automerge.applyChanges(next, [...slice]);
  return next;
}

/** A descendant of the genesis, nothing in it that waits for something else, and only what the registry writes. */
function isOwnDocument(doc: Automerge.Doc<RegistryContent>): boolean {
  return Automerge.getMissingDeps(doc, [GENESIS.hash]).length === 0 && isRegistryContent(doc);
}
