/** Registries of several nodes in one process: virtual time, and a network that loses, doubles and reorders by a seed. */
import { createHash } from 'node:crypto';
import { RegistryDocument } from '../../../src/actors/registry/document.ts';
import { Persistence, type PersistenceInput } from '../../../src/actors/registry/persistence.ts';
import type { RegistryEntryView } from '../../../src/actors/registry/registry-messages.ts';
import { Replication, type ReplicationInput } from '../../../src/actors/registry/replication.ts';
import type { StoredDocument } from '../../../src/actors/registry/storage-messages.ts';
import type { FrameIn, FrameOut } from '../../../src/actors/registry/transfer.ts';
import { VirtualClock } from '../../../src/clock.ts';
import { MeshError } from '../../../src/errors.ts';
import { randomInt, seededRandom, type Random } from '../../../src/random.ts';

export interface NetworkFaults {
  readonly loss: number;
  readonly duplication: number;
  /** Frames of one session may overtake each other by this much. */
  readonly jitterMs: number;
}

const CALM: NetworkFaults = { loss: 0, duplication: 0, jitterMs: 0 };
const LATENCY_MS = 5;

export function actorId(seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, 32);
}

/** As a frame looks after it went over the wire. */
export function received(frame: FrameOut): FrameIn {
  const copies = (list: readonly (Uint8Array | string)[] | undefined): Buffer[] => (list ?? []).map((bytes) => Buffer.from(bytes as Uint8Array));
  if (frame.heads) return { heads: { hashes: copies(frame.heads.hashes) }, body: 'heads' };
  if (frame.pull) return { pull: { hashes: copies(frame.pull.hashes) }, body: 'pull' };
  if (frame.changes) return { changes: { changes: copies(frame.changes.changes) }, body: 'changes' };
  const { id, index, total, data } = frame.snapshot!;
  return { snapshot: { id: Number(id), index: index!, total: total!, data: Buffer.from(data as Uint8Array) }, body: 'snapshot' };
}

export class SimulatedNode {
  readonly name: string;
  readonly document: RegistryDocument;
  readonly replication: Replication;
  readonly persistence: Persistence;
  /** What a watcher of everything would hold, from the news alone. */
  readonly watched = new Map<string, RegistryEntryView>();
  /** What was appended since the last snapshot, and that snapshot. */
  stored: { snapshot: Uint8Array | undefined; changes: Uint8Array[] } = { snapshot: undefined, changes: [] };
  isRunning = true;

  constructor(name: string, life: number, random: Random) {
    this.name = name;
    this.document = new RegistryDocument(actorId(`${name} ${life}`));
    this.replication = new Replication(this.document, random);
    this.persistence = new Persistence(this.document);
  }

  entries(): readonly RegistryEntryView[] {
    return this.document.list('');
  }
}

export class SimulatedMesh {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly nodes = new Map<string, SimulatedNode>();
  readonly sent: { readonly from: string; readonly to: string; readonly frame: FrameOut }[] = [];
  faults: NetworkFaults = CALM;
  /** Sees every frame before it is sent; false drops it. */
  filter: (frame: FrameOut, from: string, to: string) => boolean = () => true;
  readonly #sessions = new Map<string, number>();
  #sessionCount = 0;
  #lives = 0;

  constructor(names: readonly string[], seed: number) {
    this.random = seededRandom(seed);
    for (const name of names) this.start(name);
  }

  node(name: string): SimulatedNode {
    return this.nodes.get(name)!;
  }

  start(name: string, stored: StoredDocument = { snapshot: undefined, changes: [] }): SimulatedNode {
    const node = new SimulatedNode(name, ++this.#lives, this.random);
    this.nodes.set(name, node);
    this.#handle(node, { kind: 'stored', stored });
    this.#persist(node, { kind: 'loaded', changes: stored.changes, isDamaged: false });
    this.#handle(node, { kind: 'anti-entropy' });
    return node;
  }

  stop(name: string): void {
    for (const other of this.nodes.keys()) if (other !== name) this.cut(name, other);
    this.node(name).isRunning = false;
    this.node(name).document.close();
    this.nodes.delete(name);
  }

  connect(a: string, b: string): void {
    if (this.#sessions.has(pair(a, b))) return;
    this.#sessions.set(pair(a, b), ++this.#sessionCount);
    this.#handle(this.node(a), { kind: 'peer-up', node: b });
    this.#handle(this.node(b), { kind: 'peer-up', node: a });
  }

  cut(a: string, b: string): void {
    if (!this.#sessions.delete(pair(a, b))) return;
    this.#handle(this.node(a), { kind: 'peer-down', node: b });
    this.#handle(this.node(b), { kind: 'peer-down', node: a });
  }

  connectAll(): void {
    this.#eachPair((a, b) => this.connect(a, b));
  }

  /** Sessions only inside each group. */
  split(...groups: readonly (readonly string[])[]): void {
    this.#eachPair((a, b) => {
      if (groups.some((group) => group.includes(a) && group.includes(b))) this.connect(a, b);
      else this.cut(a, b);
    });
  }

  /** At this wall time, as the node's clock shows it; by default the simulation's. */
  put(name: string, key: string, value: string, wallMs = this.clock.wallNow()): void {
    const node = this.node(name);
    const write = node.document.put(key, value, name, wallMs);
    if (write instanceof MeshError) throw write;
    this.#written(node, write);
  }

  delete(name: string, key: string): void {
    const node = this.node(name);
    const write = node.document.delete(key);
    if (write instanceof MeshError) throw write;
    this.#written(node, write);
  }

  pass(ms: number): void {
    this.clock.advance(ms);
  }

  inject(name: string, from: string, frame: FrameOut): void {
    this.#handle(this.node(name), { kind: 'frame', node: from, frame: received(frame) });
  }

  #written(node: SimulatedNode, write: Exclude<ReturnType<RegistryDocument['put']>, MeshError>): void {
    this.#watch(node, write.news);
    if (write.bytes !== undefined) this.#handle(node, { kind: 'written', bytes: write.bytes });
  }

  #watch(node: SimulatedNode, news: Exclude<ReturnType<RegistryDocument['put']>, MeshError>['news']): void {
    for (const change of news) {
      if (change.type === 'put') node.watched.set(change.entry.key, change.entry);
      else node.watched.delete(change.key);
    }
  }

  #handle(node: SimulatedNode, input: ReplicationInput): void {
    if (!node.isRunning) return;
    for (const effect of node.replication.handle(input, this.clock.now())) {
      if (effect.kind === 'send') this.#send(node.name, effect.node, effect.frame);
      if (effect.kind === 'news') this.#watch(node, effect.news);
      if (effect.kind === 'later') this.clock.setTimer(effect.delayMs, () => this.#handle(node, effect.input));
      if (effect.kind === 'keep') this.#persist(node, { kind: 'changed', changes: effect.changes, isAwaited: effect.isOwn });
      if (effect.kind === 'keep-whole') this.#persist(node, { kind: 'snapshot-wanted' });
    }
  }

  /** On a disk that takes a millisecond. */
  #persist(node: SimulatedNode, input: PersistenceInput): void {
    if (!node.isRunning) return;
    for (const effect of node.persistence.handle(input, this.clock.wallNow())) {
      if (effect.kind === 'later') this.clock.setTimer(effect.delayMs, () => this.#persist(node, effect.input));
      if (effect.kind === 'append') node.stored.changes.push(...effect.changes);
      if (effect.kind === 'replace') node.stored = { snapshot: effect.snapshot, changes: [] };
      if (effect.kind === 'append' || effect.kind === 'replace') this.clock.setTimer(1, () => this.#persist(node, { kind: 'settled', outcome: 'saved' }));
    }
  }

  #send(from: string, to: string, frame: FrameOut): void {
    const session = this.#sessions.get(pair(from, to));
    if (session === undefined || !this.filter(frame, from, to)) return;
    this.sent.push({ from, to, frame });
    const copies = this.random.next() < this.faults.duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.next() < this.faults.loss) continue;
      const frameIn = received(frame);
      this.clock.setTimer(LATENCY_MS + randomInt(this.random, this.faults.jitterMs + 1), () => {
        const isSameSession = this.#sessions.get(pair(from, to)) === session;
        if (isSameSession) this.#handle(this.node(to), { kind: 'frame', node: from, frame: frameIn });
      });
    }
  }

  #eachPair(act: (a: string, b: string) => void): void {
    const names = [...this.nodes.keys()];
    for (const [i, a] of names.entries()) for (const b of names.slice(i + 1)) act(a, b);
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}
