/** Which release this is. */
import { readFileSync } from 'node:fs';

/** From package.json, two folders up in the sources and in the built form alike. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
