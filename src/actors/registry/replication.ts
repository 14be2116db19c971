/**
 * How the registry's document stays the same on every node. One door: `handle(input, now)` gives effects.
 *
 * 1. A write is pushed to every open peer once, and not passed on by those who get it: N - 1 messages in a mesh of N.
 * 2. What a push missed is repaired by anti-entropy: about once a second a node tells one random peer its heads. A peer
 *    that has more sends it; a peer that has less pulls. So a change crosses a partial partition in about a second.
 * 3. A pull says what the puller has (`haves`); the answer is the changes since, or a snapshot when they are many.
 * 4. One pull is under way at a time, so that a newcomer is sent one snapshot and not one by every peer. It expires.
 * 5. A frame of many changes is applied a slice at a time, so that gossip is answered in between.
 * 6. Frames may be lost, doubled and reordered; nothing here waits for one of them for ever.
 */
import { Admission, type Refusal } from './admission.ts';
import { HASH_BYTES } from './change-chunk.ts';
import type { DocumentNews, RegistryDocument } from './document.ts';
import { GENESIS } from './layout.ts';
import type { StoredDocument } from './storage-messages.ts';
import {
  CHANGES_FRAME_BYTES_MAX,
  changesFrameBytes,
  changesFrames,
  SnapshotAssembly,
  snapshotFrames,
  SNAPSHOT_BYTES_MAX,
  type FrameIn,
  type FrameOut,
} from './transfer.ts';
import { randomInt, type Random } from '../../random.ts';

export type ReplicationInput =
  | { readonly kind: 'stored'; readonly stored: StoredDocument }
  /** This node changed the document. */
  | { readonly kind: 'written'; readonly bytes: Uint8Array }
  | { readonly kind: 'peer-up'; readonly node: string }
  | { readonly kind: 'peer-down'; readonly node: string }
  | { readonly kind: 'frame'; readonly node: string; readonly frame: FrameIn }
  | { readonly kind: 'anti-entropy' }
  /** The next changes of those that wait are due. */
  | { readonly kind: 'apply-on' }
  /** The next frames of a transfer are due. */
  | { readonly kind: 'send-on'; readonly node: string; readonly transfer: number };

export type ReplicationEffect =
  | { readonly kind: 'send'; readonly node: string; readonly frame: FrameOut }
  | { readonly kind: 'news'; readonly news: readonly DocumentNews[] }
  /** New in the document; `isOwn` for a write of this node. */
  | { readonly kind: 'keep'; readonly changes: readonly Uint8Array[]; readonly isOwn: boolean }
  /** New in the document, and more than single changes. */
  | { readonly kind: 'keep-whole' }
  /** The stored snapshot is of no use. */
  | { readonly kind: 'set-aside' }
  | { readonly kind: 'later'; readonly delayMs: number; readonly input: ReplicationInput }
  /** `from` is a node, or undefined for the disk. */
  | { readonly kind: 'refused'; readonly from: string | undefined; readonly refused: Readonly<Partial<Record<Refusal, number>>> };

const ANTI_ENTROPY_MS = 1_000;
/** Of the period, so that nodes started together do not speak together. */
const ANTI_ENTROPY_JITTER = 0.2;
/** A pull without an answer, or a snapshot without another part, for this long is over. */
const PULL_EXPIRES_MS = 1_000;
/** Between two pulls from one peer: should both refuse what the other sends, they do so no faster than this. */
const PULL_GAP_MS = 200;
/** A peer whose snapshot was refused is not pulled from for this long; loading one costs a second. */
const SHUN_MS = 60_000;
/** More changes than this are slower to apply than a snapshot is to load. */
const CHANGES_MAX = 2_000;
const CHANGES_BYTES_MAX = 1024 * 1024;
/** At 0.3 ms each 20 ms, far below the 500 ms in which a probe wants its ack. */
const CHANGES_PER_SLICE = 64;
/** Frames that wait while another is applied: 16 MiB. One more is dropped; anti-entropy brings it again. */
const FRAMES_WAITING_MAX = 64;
/** 2 MiB in flight every 50 ms: 40 MiB/s and room for other frames in the session. */
const TRANSFER_WINDOW_FRAMES = 8;
const TRANSFER_PERIOD_MS = 50;

interface Transfer {
  readonly id: number;
  readonly frames: readonly FrameOut[];
  next: number;
}

interface Peer {
  transfer: Transfer | undefined;
  pullAfterMs: number;
}

interface Pull {
  readonly node: string;
  readonly assembly: SnapshotAssembly;
  atMs: number;
}

interface WaitingFrame {
  readonly node: string;
  readonly changes: readonly Uint8Array[];
  applied: number;
}

export class Replication {
  readonly #document: RegistryDocument;
  readonly #random: Random;
  readonly #admission = new Admission();
  readonly #peers = new Map<string, Peer>();
  #pull: Pull | undefined;
  /** The first is being applied. */
  readonly #waiting: WaitingFrame[] = [];
  #transferCount = 0;
  #effects: ReplicationEffect[] = [];

  constructor(document: RegistryDocument, random: Random) {
    this.#document = document;
    this.#random = random;
  }

  get refused(): Readonly<Partial<Record<Refusal, number>>> {
    return this.#admission.refused;
  }

  get orphanCount(): number {
    return this.#admission.orphanCount;
  }

  /** @param nowMs monotonic */
  handle(input: ReplicationInput, nowMs: number): ReplicationEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case 'stored':
        this.#onStored(input.stored);
        break;
      case 'written':
        this.#onWritten(input.bytes);
        break;
      case 'peer-up':
        this.#peers.set(input.node, { transfer: undefined, pullAfterMs: -Infinity });
        this.#sendHeads(input.node);
        break;
      case 'peer-down':
        this.#peers.delete(input.node);
        if (this.#pull?.node === input.node) this.#pull = undefined;
        break;
      case 'frame':
        this.#onFrame(input.node, input.frame, nowMs);
        break;
      case 'anti-entropy':
        this.#onAntiEntropy();
        break;
      case 'apply-on':
        this.#applyOn();
        break;
      case 'send-on':
        this.#sendOn(input.node, input.transfer);
        break;
    }
    return this.#effects;
  }

  #onStored({ snapshot, changes }: StoredDocument): void {
    if (snapshot !== undefined) {
      const outcome = this.#document.absorb(snapshot);
      if (typeof outcome === 'string') {
        this.#admission.refuse(outcome);
        this.#effects.push({ kind: 'set-aside' }, { kind: 'keep-whole' }, { kind: 'refused', from: undefined, refused: { [outcome]: 1 } });
      } else {
        this.#tell(outcome);
      }
    }
    this.#apply(changes, undefined);
  }

  #onWritten(bytes: Uint8Array): void {
    this.#effects.push({ kind: 'keep', changes: [bytes], isOwn: true });
    for (const node of this.#peers.keys()) this.#send(node, { changes: { changes: [bytes] } });
  }

  #onAntiEntropy(): void {
    const nodes = [...this.#peers.keys()];
    if (nodes.length > 0) this.#sendHeads(nodes[randomInt(this.#random, nodes.length)]!);
    const jitter = 1 + ANTI_ENTROPY_JITTER * (2 * this.#random.next() - 1);
    this.#effects.push({ kind: 'later', delayMs: ANTI_ENTROPY_MS * jitter, input: { kind: 'anti-entropy' } });
  }

  /** Frames of a node without an open session are late: there is nobody to answer. */
  #onFrame(node: string, frame: FrameIn, nowMs: number): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    if (frame.heads) this.#onHeads(node, peer, frame.heads.hashes, nowMs);
    else if (frame.pull) this.#onPull(node, peer, frame.pull.hashes, nowMs);
    else if (frame.changes) this.#onChanges(node, frame.changes.changes);
    else if (frame.snapshot) this.#onSnapshotPart(node, peer, frame.snapshot, nowMs);
    else this.#refuse('frame', node);
  }

  #onHeads(node: string, peer: Peer, hashes: readonly Buffer[], nowMs: number): void {
    const theirs = this.#readHashes(hashes, node);
    if (theirs === undefined) return;
    if (!theirs.every((hash) => this.#document.isKnown(hash))) {
      this.#startPull(node, peer, nowMs);
      return;
    }
    const ours = this.#document.heads();
    if (ours.length === theirs.length && ours.every((hash) => theirs.includes(hash))) return;
    const frames = this.#isFarBehind(theirs) ? [] : changesFrames(this.#document.changesSince([...theirs, GENESIS.hash]));
    // What takes more than a frame is left for them to pull, from one of the peers that could send it.
    if (frames.length === 1) this.#send(node, frames[0]!);
    else this.#sendHeads(node);
  }

  #onPull(node: string, peer: Peer, hashes: readonly Buffer[], nowMs: number): void {
    const haves = this.#readHashes(hashes, node);
    if (haves === undefined) return;
    const known = haves.filter((hash) => this.#document.isKnown(hash));
    if (peer.transfer === undefined) this.#startTransfer(node, peer, this.#answer([...known, GENESIS.hash]));
    if (known.length < haves.length) this.#startPull(node, peer, nowMs);
  }

  #answer(known: readonly string[]): FrameOut[] {
    const changes = this.#isFarBehind(known) ? undefined : this.#document.changesSince(known);
    const isFew = changes !== undefined && changes.length <= CHANGES_MAX && bytesOf(changes) <= CHANGES_BYTES_MAX;
    if (isFew) return changesFrames(changes);
    const snapshot = this.#document.snapshot();
    if (snapshot.length <= SNAPSHOT_BYTES_MAX) return snapshotFrames(this.#transferCount + 1, snapshot);
    return changesFrames(changes ?? this.#document.changesSince(known));
  }

  #isFarBehind(known: readonly string[]): boolean {
    return this.#document.changeCount > CHANGES_MAX && known.every((hash) => hash === GENESIS.hash);
  }

  #onChanges(node: string, changes: readonly Uint8Array[]): void {
    if (this.#pull?.node === node) this.#pull = undefined;
    if (changesFrameBytes(changes) > CHANGES_FRAME_BYTES_MAX) {
      this.#refuse('frame', node);
      return;
    }
    if (this.#waiting.length >= FRAMES_WAITING_MAX) return;
    this.#waiting.push({ node, changes, applied: 0 });
    if (this.#waiting.length === 1) this.#applyOn();
  }

  #applyOn(): void {
    const frame = this.#waiting[0];
    if (frame === undefined) return;
    const slice = frame.changes.slice(frame.applied, frame.applied + CHANGES_PER_SLICE);
    frame.applied += slice.length;
    this.#keep(this.#apply(slice, frame.node));
    if (frame.applied >= frame.changes.length) this.#waiting.shift();
    if (this.#waiting.length > 0) this.#effects.push({ kind: 'later', delayMs: 0, input: { kind: 'apply-on' } });
  }

  #onSnapshotPart(node: string, peer: Peer, part: NonNullable<FrameIn['snapshot']>, nowMs: number): void {
    // Parts that nobody asked for, or of a pull that is over, would only take memory.
    if (this.#pull?.node !== node) return;
    const whole = this.#pull.assembly.add(part);
    if (whole === 'refused') {
      this.#refuse('frame', node);
      return;
    }
    this.#pull.atMs = nowMs;
    if (whole === 'more') return;
    this.#pull = undefined;
    const outcome = this.#document.absorb(whole);
    if (typeof outcome === 'string') {
      peer.pullAfterMs = nowMs + SHUN_MS;
      this.#refuse(outcome, node);
      return;
    }
    this.#effects.push({ kind: 'keep-whole' });
    this.#tell(outcome);
    // What they wait for may have come. Those from a damaged log are nowhere else, so none is thrown away.
    this.#keep(this.#apply(this.#admission.takeOrphans(), undefined));
  }

  #startPull(node: string, peer: Peer, nowMs: number): void {
    const isBusy = this.#pull !== undefined && nowMs - this.#pull.atMs < PULL_EXPIRES_MS;
    // What waits to be applied may be what is missing.
    if (isBusy || this.#waiting.length > 0 || nowMs < peer.pullAfterMs) return;
    peer.pullAfterMs = nowMs + PULL_GAP_MS;
    this.#pull = { node, assembly: new SnapshotAssembly(), atMs: nowMs };
    this.#send(node, { pull: { hashes: toBytes(this.#document.haves()) } });
  }

  #startTransfer(node: string, peer: Peer, frames: readonly FrameOut[]): void {
    peer.transfer = { id: ++this.#transferCount, frames, next: 0 };
    this.#sendOn(node, peer.transfer.id);
  }

  #sendOn(node: string, id: number): void {
    const peer = this.#peers.get(node);
    const transfer = peer?.transfer;
    if (peer === undefined || transfer?.id !== id) return;
    const end = transfer.next + TRANSFER_WINDOW_FRAMES;
    for (const frame of transfer.frames.slice(transfer.next, end)) this.#send(node, frame);
    transfer.next = end;
    if (end < transfer.frames.length) {
      this.#effects.push({ kind: 'later', delayMs: TRANSFER_PERIOD_MS, input: { kind: 'send-on', node, transfer: id } });
    } else {
      peer.transfer = undefined;
    }
  }

  /** Returns the changes that were new. */
  #apply(changes: readonly Uint8Array[], from: string | undefined): Uint8Array[] {
    const before = { ...this.#admission.refused };
    const { applied, failed, news } = this.#document.apply(this.#admission.admit(changes, this.#document));
    for (const change of failed) this.#admission.markBad(change.hash);
    const refused = difference(this.#admission.refused, before);
    if (Object.keys(refused).length > 0) this.#effects.push({ kind: 'refused', from, refused });
    this.#tell(news);
    return applied.map((change) => change.bytes);
  }

  #keep(changes: readonly Uint8Array[]): void {
    if (changes.length > 0) this.#effects.push({ kind: 'keep', changes, isOwn: false });
  }

  #tell(news: readonly DocumentNews[]): void {
    if (news.length > 0) this.#effects.push({ kind: 'news', news });
  }

  #refuse(reason: Refusal, from: string): void {
    this.#admission.refuse(reason);
    this.#effects.push({ kind: 'refused', from, refused: { [reason]: 1 } });
  }

  #readHashes(hashes: readonly Buffer[], node: string): string[] | undefined {
    if (hashes.length > 0 && hashes.every((hash) => hash.length === HASH_BYTES)) return hashes.map((hash) => hash.toString('hex'));
    this.#refuse('frame', node);
    return undefined;
  }

  #sendHeads(node: string): void {
    this.#send(node, { heads: { hashes: toBytes(this.#document.heads()) } });
  }

  #send(node: string, frame: FrameOut): void {
    this.#effects.push({ kind: 'send', node, frame });
  }
}

function toBytes(hashes: readonly string[]): Buffer[] {
  return hashes.map((hash) => Buffer.from(hash, 'hex'));
}

function bytesOf(changes: readonly Uint8Array[]): number {
  return changes.reduce((sum, change) => sum + change.length, 0);
}

type Counts = Readonly<Partial<Record<Refusal, number>>>;

function difference(after: Counts, before: Counts): Counts {
  const grown = (Object.entries(after) as [Refusal, number][]).map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const);
  return Object.fromEntries(grown.filter(([, count]) => count > 0));
}
