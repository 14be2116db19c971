/** Chance as an argument: a seed gives the same run every time. */

export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

export const systemRandom: Random = { next: () => Math.random() };

/** sfc32 (Chris Doty-Humphrey, PractRand): small, fast, long period; not for secrets. */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  let b = (seed / 2 ** 32) | 0;
  let c = 0x9e3779b9 | 0;
  let counter = 1;
  const nextUint32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) nextUint32();
  return { next: () => nextUint32() / 2 ** 32 };
}

/** A whole number in [0, bound). */
export function randomInt(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

/** Fisher and Yates, in place. */
export function shuffle<T>(random: Random, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomInt(random, i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

/** Up to `count` different items, each as likely as another. */
export function sample<T>(random: Random, items: readonly T[], count: number): T[] {
  const taken: T[] = [];
  for (const item of count > 0 ? shuffled(random, items) : []) if (taken.push(item) >= count) break;
  return taken;
}

/**
 * The items in an order of chance, for as long as somebody asks: Fisher and Yates, with only the places written down that
 * changed. Of a thousand mostly three are wanted.
 */
export function* shuffled<T>(random: Random, items: readonly T[]): Generator<T> {
  const moved = new Map<number, number>();
  for (let i = 0; i < items.length; i++) {
    const j = i + randomInt(random, items.length - i);
    yield items[moved.get(j) ?? j]!;
    moved.set(j, moved.get(i) ?? i);
  }
}
