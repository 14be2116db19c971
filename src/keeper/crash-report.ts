/** The last crash of a node, on disk, for whoever looks after the process is gone. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { Crash } from './keeper-core.ts';

/** A stack, what led to it, and V8's own last words fit. */
const LINES_MAX = 50;
/** Longer ones are data, not words. */
const LINE_CHARS_MAX = 2_000;

/** The last lines of a stream of bytes. */
export class LastLines {
  readonly #decoder = new StringDecoder('utf8');
  #lines: string[] = [];
  /** The line that has not ended yet. */
  #open = '';

  add(bytes: Buffer): void {
    const [head = '', ...tail] = this.#decoder.write(bytes).split('\n');
    this.#open = clipped(this.#open + head);
    for (const line of tail) {
      this.#lines.push(this.#open);
      this.#open = clipped(line);
    }
    this.#lines = this.#lines.slice(-LINES_MAX);
  }

  get lines(): readonly string[] {
    return [...this.#lines, ...(this.#open === '' ? [] : [this.#open])].slice(-LINES_MAX);
  }
}

/**
 * Replaces `crash.json` in the data directory.
 * @param at milliseconds since the Unix epoch
 * @throws the system's error when it cannot be written
 */
export function writeCrashReport(dataDir: string, crash: Crash, at: number, stderr: readonly string[]): void {
  const path = join(dataDir, 'crash.json');
  const draft = `${path}.${process.pid}.draft`;
  const report = { at: new Date(at).toISOString(), ...crash, uptimeMs: Math.round(crash.uptimeMs), stderr };
  writeFileSync(draft, `${JSON.stringify(report, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

function clipped(line: string): string {
  return line.length <= LINE_CHARS_MAX ? line : line.slice(0, LINE_CHARS_MAX);
}
