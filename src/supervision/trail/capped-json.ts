/** JSON for a person to read: of anything, never longer than asked, and never the work of writing all of it. Pure. */

/** Of a list or an object that is longer, the first are shown and the rest is counted. */
const ENTRIES_MAX = 100;
const STRING_CHARS_MAX = 1_000;

/**
 * @param replace what is shown of the value of that name; of a Map, of the value at that key
 * @returns JSON, cut off with … when it is longer than `charsMax`
 */
export function cappedJson(value: unknown, charsMax: number, replace: Replace): string {
  let left = charsMax;
  const cap = (key: string, at: unknown): unknown => {
    left -= key.length + 4;
    // What does not fit any more is not walked.
    if (left < 0) return '…';
    const shown = shorten(replace(key, at), replace);
    if (typeof shown === 'string') left -= shown.length;
    return shown;
  };
  const json = JSON.stringify(value, cap) ?? String(value);
  return json.length <= charsMax ? json : `${json.slice(0, charsMax)}…`;
}

type Replace = (name: string, value: unknown) => unknown;

function shorten(value: unknown, replace: Replace): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return value.length <= STRING_CHARS_MAX ? value : `${value.slice(0, STRING_CHARS_MAX)}…`;
  if (value instanceof Map) return shorten(Array.from(firstOf(value), ([key, at]) => [key, replace(String(key), at)]), replace);
  if (value instanceof Set) return shorten([...firstOf(value)], replace);
  if (Array.isArray(value)) return value.length <= ENTRIES_MAX ? value : [...value.slice(0, ENTRIES_MAX), `… ${value.length - ENTRIES_MAX} more`];
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value);
  if (keys.length <= ENTRIES_MAX) return value;
  const first = keys.slice(0, ENTRIES_MAX).map((key) => [key, (value as Record<string, unknown>)[key]] as const);
  return { ...Object.fromEntries(first), '…': `${keys.length - ENTRIES_MAX} more` };
}

/** One more than are shown, so that it is seen that there are more. */
function* firstOf<T>(all: Iterable<T>): Iterable<T> {
  let taken = 0;
  for (const one of all) {
    if (taken++ > ENTRIES_MAX) return;
    yield one;
  }
}
