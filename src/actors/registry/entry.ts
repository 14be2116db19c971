/** What a key and a value may be, how an entry is written into the document, and which of several entries wins. */
import { MeshError } from '../../errors.ts';
import type { RegistryEntryView } from './registry-messages.ts';

/** A name, not a document: it is repeated in the history of every write to it. */
export const KEY_BYTES_MAX = 256;
/** Larger things belong in a store of files; every node holds every value, and every write to it, in memory. */
export const VALUE_BYTES_MAX = 64 * 1024;
/**
 * The entry as JSON. A change has to fit one frame (`CHANGE_BYTES_MAX`), and JSON writes control characters with six
 * bytes: only a value made of them gets here before `VALUE_BYTES_MAX`.
 */
export const ENTRY_BYTES_MAX = 160 * 1024;

/** What one write says; `t` is the writer's wall clock in milliseconds. */
export interface Entry {
  readonly v: string;
  readonly w: string;
  readonly t: number;
}

const NOT_IN_KEYS = /[\p{Cc}\p{Cs}]/u;
const LONE_SURROGATE = /\p{Cs}/u;

/** The fault of a key, if it has one: BAD_ARGUMENT or TOO_LARGE. */
export function keyFault(key: string): MeshError | undefined {
  if (key === '') {
    return new MeshError('BAD_ARGUMENT', 'the key is empty', { given: '""', expected: `a key of 1 to ${KEY_BYTES_MAX} bytes`, todo: 'give the entry a name' });
  }
  const bytes = Buffer.byteLength(key);
  if (bytes > KEY_BYTES_MAX) {
    return new MeshError('TOO_LARGE', `the key is ${bytes} bytes long`, {
      given: `${bytes} bytes`,
      expected: `at most ${KEY_BYTES_MAX} bytes of UTF-8`,
      todo: 'use a shorter key and put the rest into the value',
    });
  }
  if (NOT_IN_KEYS.test(key)) {
    return new MeshError('BAD_ARGUMENT', 'the key holds a control character or half of a surrogate pair', {
      given: JSON.stringify(key),
      expected: 'well-formed text without control characters',
      todo: 'escape such characters before they become part of a key',
    });
  }
  return undefined;
}

/** The entry as the document holds it: canonical JSON, so that equal entries are equal bytes. Faults as `keyFault`. */
export function encodeEntry(entry: Entry): string | MeshError {
  const bytes = Buffer.byteLength(entry.v);
  const json = JSON.stringify({ v: entry.v, w: entry.w, t: entry.t });
  if (bytes > VALUE_BYTES_MAX || Buffer.byteLength(json) > ENTRY_BYTES_MAX) {
    return new MeshError('TOO_LARGE', `the value is ${bytes} bytes long`, {
      given: `${bytes} bytes, ${Buffer.byteLength(json)} as JSON`,
      expected: `at most ${VALUE_BYTES_MAX} bytes of UTF-8, ${ENTRY_BYTES_MAX} as JSON`,
      todo: 'store the data elsewhere and register where it is',
    });
  }
  if (LONE_SURROGATE.test(entry.v)) {
    return new MeshError('BAD_ARGUMENT', 'the value holds half of a surrogate pair', {
      expected: 'well-formed text',
      todo: 'encode bytes as text, for instance as base64',
    });
  }
  return json;
}

/** Reads what `encodeEntry` wrote, on any node; undefined when it is something else. Unknown fields are ignored. */
export function parseEntry(json: string): Entry | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { v, w, t } = parsed as Partial<Record<keyof Entry, unknown>>;
  if (typeof v !== 'string' || typeof w !== 'string' || !Number.isSafeInteger(t)) return undefined;
  return { v, w, t: t as number };
}

/**
 * What a reader sees of the concurrent values of one key: the entry with the greatest (t, w, v), the same on every
 * node because it depends on nothing else. Automerge's own winner would be the busier node's.
 */
export function viewOf(key: string, values: readonly string[]): RegistryEntryView | undefined {
  let winner: Entry | undefined;
  for (const value of values) {
    const entry = parseEntry(value);
    if (entry !== undefined && (winner === undefined || isGreater(entry, winner))) winner = entry;
  }
  if (winner === undefined || keyFault(key) !== undefined) return undefined;
  return { key, value: winner.v, writer: winner.w, writtenAtMs: winner.t, conflict: values.length > 1 };
}

function isGreater(a: Entry, b: Entry): boolean {
  if (a.t !== b.t) return a.t > b.t;
  return a.w === b.w ? a.v > b.v : a.w > b.w;
}

export function isSameEntry(a: RegistryEntryView | undefined, b: RegistryEntryView | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.value === b.value && a.writer === b.writer && a.writtenAtMs === b.writtenAtMs && a.conflict === b.conflict;
}
