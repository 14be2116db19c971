/** Reads what was typed after an option. Pure. */
import { MeshError } from '../errors.ts';
import { nearestWord } from '../nearest-word.ts';

/** @throws MeshError BAD_ARGUMENT */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new MeshError('BAD_ARGUMENT', `${option} is "${text}"`, { given: text, expected: `a whole number from ${min} to ${max}` });
}

/** @throws MeshError BAD_ARGUMENT */
export function choice<T extends string>(option: string, text: string, known: readonly T[]): T {
  const found = known.find((each) => each === text);
  if (found !== undefined) return found;
  const nearest = nearestWord(text, known);
  throw new MeshError('BAD_ARGUMENT', `${option} is "${text}"`, { given: text, expected: known.join(', '), ...(nearest === undefined ? {} : { todo: `did you mean ${nearest}?` }) });
}

/** `k=v` pairs; the last of a key counts. @throws MeshError BAD_ARGUMENT */
export function labels(option: string, texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
    throw new MeshError('BAD_ARGUMENT', `${option} is "${text}"`, { given: text, expected: 'key=value, such as rack=r1' });
  });
  return Object.fromEntries(pairs);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `30s`, `5m`, `1h`. @returns milliseconds. @throws MeshError BAD_ARGUMENT */
export function span(option: string, text: string, minMs: number, maxMs: number): number {
  const [, number = '', unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  const valueMs = Number(number) * (UNIT_MS[unit] ?? Number.NaN);
  if (valueMs >= minMs && valueMs <= maxMs) return valueMs;
  throw new MeshError('BAD_ARGUMENT', `${option} is "${text}"`, { given: text, expected: `a time such as 500ms, 30s, 5m or 1h, from ${minMs}ms to ${maxMs}ms` });
}
