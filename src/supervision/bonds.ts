/** Who hears of the end of one life, and of whose end it hears: monitors go one way, links both. Source: erlang(3), link/1. */
import type { ExitReason } from './behavior.ts';

/** An actor as its bonds see it: its present life. */
export interface Bonded {
  readonly bonds: Bonds;
  hearDown(of: Bonded, reason: ExitReason): void;
  hearExit(of: Bonded, reason: ExitReason): void;
}

export interface BondCounts {
  readonly watchers: number;
  readonly watched: number;
  readonly links: number;
}

export class Bonds {
  // Most lives have none of these.
  #watchers: Set<Bonded> | undefined;
  #watched: Set<Bonded> | undefined;
  #linked: Set<Bonded> | undefined;

  /** Who watches this life, how many it watches, and to how many it is linked. */
  get counts(): BondCounts {
    return { watchers: this.#watchers?.size ?? 0, watched: this.#watched?.size ?? 0, links: this.#linked?.size ?? 0 };
  }

  static monitor(watcher: Bonded, target: Bonded): void {
    (watcher.bonds.#watched ??= new Set()).add(target);
    (target.bonds.#watchers ??= new Set()).add(watcher);
  }

  static demonitor(watcher: Bonded, target: Bonded): void {
    watcher.bonds.#watched?.delete(target);
    target.bonds.#watchers?.delete(watcher);
  }

  static link(one: Bonded, other: Bonded): void {
    (one.bonds.#linked ??= new Set()).add(other);
    (other.bonds.#linked ??= new Set()).add(one);
  }

  static unlink(one: Bonded, other: Bonded): void {
    one.bonds.#linked?.delete(other);
    other.bonds.#linked?.delete(one);
  }

  /** The life of `ended` is over: all its bonds are, and the others hear of it. */
  tell(ended: Bonded, reason: ExitReason): void {
    for (const target of this.#watched ?? []) target.bonds.#watchers?.delete(ended);
    for (const watcher of this.#watchers ?? []) {
      watcher.bonds.#watched?.delete(ended);
      watcher.hearDown(ended, reason);
    }
    for (const linked of this.#linked ?? []) {
      linked.bonds.#linked?.delete(ended);
      inTurn(() => linked.hearExit(ended, reason));
    }
  }
}

const waiting: (() => void)[] = [];
let isTelling = false;

/** One exit ends the next: told one after the other, so that a chain of any length does not run out of stack. */
function inTurn(tell: () => void): void {
  waiting.push(tell);
  if (isTelling) return;
  isTelling = true;
  try {
    for (let at = 0; at < waiting.length; at++) waiting[at]!();
  } finally {
    waiting.length = 0;
    isTelling = false;
  }
}
