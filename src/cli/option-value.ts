/** Reads what was typed after an option. Pure. */
import { MeshError } from '../errors.ts';

/** @throws MeshError BAD_ARGUMENT */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new MeshError('BAD_ARGUMENT', `${option} is "${text}"`, { given: text, expected: `a whole number from ${min} to ${max}` });
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
