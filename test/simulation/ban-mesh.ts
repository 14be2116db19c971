/** A mesh of many nodes that hold a ban list, in virtual time: sessions that are slow, lose frames, and can be cut. */
import { BanSpread, PULSE_MS, type BanFrame, type BanSpreadEffect } from '../../src/actors/trust/ban-spread.ts';
import { randomInt, seededRandom, type Random } from '../../src/random.ts';
import { banId, type BanEntry, type HeldBan } from '../../src/trust/ban-entry.ts';
import { idOf, madeBan, readMade } from '../actors/trust/made-bans.ts';

export interface BanMeshOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Share of frames that are lost. A session loses none by itself, but one whose queue is full does. */
  readonly loss: number;
  /** Of each frame: from a machine in the same rack to one across an ocean. */
  readonly latencyMs: readonly [from: number, to: number];
}

interface Node {
  readonly name: string;
  readonly spread: BanSpread;
  /** Nodes of different sides hear nothing of each other. */
  side: number;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export const BANNED = 'n0';

export class BanMesh {
  readonly nodes: Node[];
  readonly #options: BanMeshOptions;
  readonly #random: Random;
  /** A heap by time. */
  readonly #due: Due[] = [];
  readonly #knowing = new Set<string>();
  #orders = 0;
  nowMs = 0;
  frames = 0;

  constructor(options: BanMeshOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const read = remembering();
    this.nodes = Array.from({ length: options.nodes }, (_, at) => ({ name: `n${at}`, side: 0, spread: new BanSpread({ random: this.#random, read }) }));
    for (const node of this.nodes) {
      // Sessions were there before; what nodes say to each other when they open them is nothing new.
      for (const { name } of this.nodes) if (name !== node.name) node.spread.handle({ kind: 'peer-up', node: name }, 0);
      this.#at(randomInt(this.#random, PULSE_MS), () => this.#pulse(node));
    }
  }

  /** Nodes from `first` on are cut off from the others. */
  cut(first: number): void {
    this.nodes.forEach((node, at) => (node.side = at < first ? 0 : 1));
  }

  heal(): void {
    for (const node of this.nodes) node.side = 0;
  }

  ban(by: number): void {
    const node = this.nodes[by]!;
    this.#perform(node, node.spread.handle({ kind: 'issued', ban: madeBan({ subject: idOf(BANNED), epochMs: 1, issuer: node.name }) }, this.nowMs));
  }

  /** How many know that BANNED is banned, itself left out. */
  get knowing(): number {
    return this.#knowing.size;
  }

  get all(): number {
    return this.nodes.length - 1;
  }

  /** Goes on until `wanted` know, or for so long. @returns how long that took; undefined when it was too long */
  until(wanted: number, withinMs: number): number | undefined {
    const startMs = this.nowMs;
    while (this.knowing < wanted) {
      const next = this.#pop();
      if (next === undefined || next.atMs > startMs + withinMs) return undefined;
      this.nowMs = next.atMs;
      next.run();
    }
    return this.nowMs - startMs;
  }

  run(forMs: number): void {
    this.until(Number.POSITIVE_INFINITY, forMs);
  }

  #pulse(node: Node): void {
    this.#perform(node, node.spread.handle({ kind: 'pulse' }, this.nowMs));
    this.#at(this.nowMs + PULSE_MS, () => this.#pulse(node));
  }

  #perform(from: Node, effects: readonly BanSpreadEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'send') this.#send(from, this.nodes[Number(effect.node.slice(1))]!, effect.frame);
      if (effect.kind === 'changed') this.#sever(from, effect);
    }
  }

  /** As a node does: the sessions of the banned end. */
  #sever(at: Node, { restricted }: Extract<BanSpreadEffect, { kind: 'changed' }>): void {
    if (at.name !== BANNED) this.#knowing.add(at.name);
    for (const { claim } of restricted) at.spread.handle({ kind: 'peer-down', node: claim.subject.slice(claim.subject.lastIndexOf('/') + 1) }, this.nowMs);
  }

  #send(from: Node, to: Node, frame: BanFrame): void {
    this.frames++;
    const [least, most] = this.#options.latencyMs;
    if (this.#random.next() < this.#options.loss) return;
    this.#at(this.nowMs + least + this.#random.next() * (most - least), () => {
      if (from.side !== to.side) return;
      // Either end has hung up on the banned one.
      if ((from.name === BANNED && this.#knowing.has(to.name)) || (to.name === BANNED && this.#knowing.has(from.name))) return;
      this.#perform(to, to.spread.handle({ kind: 'heard', node: from.name, frame }, this.nowMs));
    });
  }

  #at(atMs: number, run: () => void): void {
    const due = { atMs, order: this.#orders++, run };
    let at = this.#due.length;
    this.#due.push(due);
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(due, this.#due[parent]!); at = parent, parent = (at - 1) >> 1) {
      this.#due[at] = this.#due[parent]!;
      this.#due[parent] = due;
    }
  }

  #pop(): Due | undefined {
    const [first] = this.#due;
    const last = this.#due.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      let least = 2 * at + 1;
      if (least >= this.#due.length) break;
      if (least + 1 < this.#due.length && isBefore(this.#due[least + 1]!, this.#due[least]!)) least++;
      if (!isBefore(this.#due[least]!, last)) break;
      this.#due[at] = this.#due[least]!;
      at = least;
    }
    this.#due[at] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
}

/** A thousand nodes read the same few entries. */
function remembering(): (entry: BanEntry) => HeldBan {
  const read = new Map<string, HeldBan>();
  return (entry) => {
    const id = banId(entry);
    const ban = read.get(id) ?? readMade(entry);
    read.set(id, ban);
    return ban;
  };
}
