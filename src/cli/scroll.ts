/** Where one stands in a list that is longer than the screen. Pure. */
import type { Key } from './keys.ts';

/** @param room lines that are shown at once. @returns the first line that is shown then */
export function scrolled(first: number, key: Key, length: number, room: number): number {
  return within(first + stepOf(first, key, length, room), length, room);
}

/** The same place, as far as there is one after the list or the screen has become smaller. */
export function within(first: number, length: number, room: number): number {
  return Math.max(0, Math.min(first, length - room));
}

function stepOf(first: number, key: Key, length: number, room: number): number {
  if (typeof key === 'object') return 0;
  switch (key) {
    case 'up':
      return -1;
    case 'down':
      return 1;
    case 'page-up':
      return -room;
    case 'page-down':
      return room;
    case 'home':
      return -first;
    case 'end':
      return length;
    case 'quit':
      return 0;
  }
}
