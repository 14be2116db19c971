/**
 * Every agent of the mesh that this node has heard of, and where it is. Pure.
 *
 * 1. A node speaks for itself: what it says of its own connection to an agent replaces what it said before.
 * 2. Between nodes, one that has the agent connected is right against one that had it.
 * 3. Between two that both have it, or both had it, the connection made last is right: by the wall clock of the node that
 *    took it, then by the node's name. A node that takes a connection and knows of an earlier one dates its own after it,
 *    so that a clock that runs ahead cannot hold an agent fast.
 *
 * So all nodes that have heard the same agree, in whatever order they heard it.
 */
import { nearestWord } from '../../nearest-word.ts';
import type { AgentView } from './agent-messages.ts';

/** What a node says about an agent that is or was connected to it. */
export interface Sighting {
  readonly id: string;
  readonly node: string;
  readonly program: string;
  /** Milliseconds since the Unix epoch. */
  readonly connectedAtMs: number;
  readonly isConnected: boolean;
  readonly ratePerS: number;
  readonly records: number;
  /** Monotonic time of this node. */
  readonly lastSeenAtMs: number;
}

/** A day: long enough to be missed at the next shift. */
const OFFLINE_KEPT_MS = 24 * 60 * 60 * 1_000;
/** Agents with a new id at each start must not fill a node; at 0.3 kB each these are 6 MB. The oldest are forgotten first. */
const OFFLINE_MAX = 20_000;
/** Some 30 MB. Beyond this, agents of other nodes are not listed here. */
const KNOWN_MAX = 100_000;

export class AgentTable {
  readonly #known = new Map<string, Sighting>();
  /** Ids of the agents connected to each node. */
  readonly #connected = new Map<string, Set<string>>();
  /** Since when each agent that is not connected is so; in order of time, because entries are only ever added at the end. */
  readonly #offlineSinceMs = new Map<string, number>();
  #unlisted = 0;

  get size(): number {
    return this.#known.size;
  }

  /** Sightings that found no room. */
  get unlisted(): number {
    return this.#unlisted;
  }

  get(id: string): Sighting | undefined {
    return this.#known.get(id);
  }

  offlineSinceMs(id: string): number | undefined {
    return this.#offlineSinceMs.get(id);
  }

  /** `outdated`: another node is right about where this agent is. */
  learn(sighting: Sighting, now: number): 'learnt' | 'outdated' | 'full' {
    const known = this.#known.get(sighting.id);
    if (known !== undefined && isRightAgainst(known, sighting)) return 'outdated';
    if (known === undefined && this.#known.size >= KNOWN_MAX) {
      this.#unlisted++;
      return 'full';
    }
    this.#known.set(sighting.id, sighting);
    if (known?.isConnected === true) this.#connected.get(known.node)?.delete(known.id);
    if (sighting.isConnected) this.#online(sighting);
    else this.#offline(sighting.id, now);
    return 'learnt';
  }

  /** Whether it was connected there until now. */
  disconnected(id: string, node: string, now: number): boolean {
    const known = this.#known.get(id);
    if (known?.node !== node || !known.isConnected) return false;
    this.#known.set(id, { ...known, isConnected: false, ratePerS: 0 });
    this.#connected.get(node)?.delete(id);
    this.#offline(id, now);
    return true;
  }

  /** Agents of nodes that are no more cannot be connected to them. */
  keepNodes(isThere: (node: string) => boolean, now: number): void {
    for (const [node, ids] of this.#connected) {
      if (isThere(node)) continue;
      for (const id of ids) this.disconnected(id, node, now);
      this.#connected.delete(node);
    }
  }

  /** The node has said that of all ids after `after`, up to `upTo`, it has just these connected. */
  keepSwept(node: string, range: { readonly after: string; readonly upTo: string | undefined }, ids: ReadonlySet<string>, now: number): void {
    for (const id of this.#connected.get(node) ?? []) {
      const isInRange = id > range.after && (range.upTo === undefined || id <= range.upTo);
      if (isInRange && !ids.has(id)) this.disconnected(id, node, now);
    }
  }

  forgetOld(now: number): void {
    for (const [id, sinceMs] of this.#offlineSinceMs) {
      if (now - sinceMs < OFFLINE_KEPT_MS) break;
      this.#forget(id);
    }
  }

  countConnectedTo(node: string): number {
    return this.#connected.get(node)?.size ?? 0;
  }

  /** The agents connected to a node whose ids come after `after`, in order of id. */
  connectedTo(node: string, after: string): readonly Sighting[] {
    const ids = [...(this.#connected.get(node) ?? [])].filter((id) => id > after);
    return ids.flatMap((id) => this.#known.get(id) ?? []).sort(byId);
  }

  list(now: number): readonly AgentView[] {
    return [...this.#known.values()].sort(byId).map(({ id, node, program, isConnected, ratePerS, records, lastSeenAtMs }) => {
      return { id, node, isConnected, ratePerS, lastSeenMs: Math.max(0, now - lastSeenAtMs), records, program };
    });
  }

  /** The id that was probably meant. */
  nearest(id: string): string | undefined {
    return nearestWord(id, this.#known.keys());
  }

  #online({ id, node }: Sighting): void {
    this.#offlineSinceMs.delete(id);
    const ids = this.#connected.get(node);
    if (ids === undefined) this.#connected.set(node, new Set([id]));
    else ids.add(id);
  }

  #offline(id: string, now: number): void {
    if (this.#offlineSinceMs.has(id)) return;
    this.#offlineSinceMs.set(id, now);
    const [oldest] = this.#offlineSinceMs.keys();
    if (this.#offlineSinceMs.size > OFFLINE_MAX && oldest !== undefined) this.#forget(oldest);
  }

  #forget(id: string): void {
    this.#offlineSinceMs.delete(id);
    this.#known.delete(id);
  }
}

function isRightAgainst(known: Sighting, sighting: Sighting): boolean {
  if (known.node === sighting.node) return false;
  if (known.isConnected !== sighting.isConnected) return known.isConnected;
  if (known.connectedAtMs !== sighting.connectedAtMs) return known.connectedAtMs > sighting.connectedAtMs;
  return known.node > sighting.node;
}

function byId(a: Sighting, b: Sighting): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
