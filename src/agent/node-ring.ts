/** The nodes an agent may turn to, in a ring: those it was given, then those a node told it of. Pure. */
import { formatAddress, parseAddress } from '../address.ts';
import type { Address } from '../address.ts';
import { MeshError } from '../errors.ts';

/** Enough to find the mesh again; a node names no more than it must. */
const LEARNED_MAX = 16;

export class NodeRing {
  readonly #given: readonly Address[];
  #learned: readonly Address[] = [];
  #current: Address;

  constructor(given: readonly [Address, ...Address[]]) {
    this.#given = given;
    this.#current = given[0];
  }

  /** How many nodes there are to turn to. */
  get size(): number {
    return this.#given.length + this.#learned.length;
  }

  get current(): Address {
    return this.#current;
  }

  /** The next one round the ring; the same again when there is only one. */
  advance(): Address {
    const ring = [...this.#given, ...this.#learned];
    // A current one that is no longer told of is at -1: the ring begins anew.
    const at = ring.findIndex((address) => isSame(address, this.#current));
    this.#current = ring[(at + 1) % ring.length]!;
    return this.#current;
  }

  /** Replaces what was learned before. A text that is no address is passed over: nodes come from the network. */
  learn(alternatives: readonly string[]): void {
    const learned = new Map(alternatives.slice(0, LEARNED_MAX).flatMap(readAddress));
    this.#learned = [...learned.values()].filter((address) => !this.#given.some((given) => isSame(given, address)));
  }
}

function readAddress(text: string): readonly (readonly [string, Address])[] {
  try {
    // Nodes tell whole addresses: port 0 stands for one that is missing.
    const address = parseAddress(text, 0);
    return address.port === 0 ? [] : [[formatAddress(address), address]];
  } catch (error) {
    if (error instanceof MeshError) return [];
    throw error;
  }
}

function isSame(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host;
}
