/**
 * A file of lines that is rotated: `name.ext`, and its older parts `name1.ext` to `name4.ext`, the oldest last.
 * Made for storms: what is written faster than the disk takes it waits, and rotation loses nothing.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** With five parts 25 MiB: days of a node's log, weeks of its trail, and never a full disk. */
const PART_BYTES_MAX = 5 * 1024 * 1024;
const PARTS_MAX = 5;
/** Lines that wait for the disk; a storm is some thousands at once. */
const WAITING_MAX = 20_000;
/** Written in one go. */
const BATCH_MAX = 1_000;
/** All parts, each of which may be over by a batch. */
const READ_BYTES_MAX = 64 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Writes lines in order, without waiting for the disk. Trouble with the disk costs lines, and nothing else. */
export class LineFile {
  readonly #path: string;
  readonly #onTrouble: (error: unknown) => void;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #part: { readonly handle: FileHandle; bytes: number } | undefined;
  #isInTrouble = false;

  /** @param onTrouble hears once each time that lines begin to be lost */
  constructor(path: string, onTrouble: (error: unknown) => void) {
    this.#path = path;
    this.#onTrouble = onTrouble;
  }

  write(line: string): void {
    if (this.#waiting.length >= WAITING_MAX) return this.#inTrouble(new Error(`the disk is ${WAITING_MAX} lines behind`));
    this.#waiting.push(`${line}\n`);
    this.#writing ??= this.#writeWaiting();
  }

  /** Resolves when all that was taken is written. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#closePart();
  }

  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_MAX).join('');
      try {
        await this.#append(Buffer.from(batch));
        this.#isInTrouble = false;
      } catch (error) {
        this.#inTrouble(error);
        // Opened anew: half a line may stand at its end.
        await this.#closePart();
      }
    }
    this.#writing = undefined;
  }

  #inTrouble(error: unknown): void {
    if (!this.#isInTrouble) this.#onTrouble(error);
    this.#isInTrouble = true;
  }

  async #append(bytes: Buffer): Promise<void> {
    this.#part ??= await this.#openPart();
    await this.#part.handle.appendFile(bytes);
    this.#part.bytes += bytes.length;
    if (this.#part.bytes < PART_BYTES_MAX) return;
    await this.#closePart();
    for (let part = PARTS_MAX - 1; part > 0; part--) await renameIfThere(partOf(this.#path, part - 1), partOf(this.#path, part));
  }

  async #openPart(): Promise<{ handle: FileHandle; bytes: number }> {
    // With its folder, when that is missing; where that cannot be made either, opening says why.
    await mkdir(dirname(this.#path), { mode: 0o700 }).catch(() => undefined);
    const handle = await open(this.#path, 'a+', 0o600);
    try {
      const { size } = await handle.stat();
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
      // A process that was killed may have left half a line, which would spoil the next one.
      if (bytesRead === 1 && buffer[0] !== NEWLINE) await handle.appendFile('\n');
      return { handle, bytes: size };
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
  }

  async #closePart(): Promise<void> {
    const part = this.#part;
    this.#part = undefined;
    await part?.handle.close().catch(() => undefined);
  }
}

/**
 * The lines of all parts, the newest first. Reads as far as it is asked, and never a part as a whole; '' stands for a line
 * of more than `lineBytesMax`. Parts that are not there have no lines.
 */
export function* linesBackwards(path: string, lineBytesMax: number): Generator<string, void> {
  let left = READ_BYTES_MAX;
  for (let part = 0; part < PARTS_MAX; part++) {
    const handle = openIfThere(partOf(path, part));
    if (handle === undefined) continue;
    try {
      left -= yield* linesOf(handle, left, lineBytesMax);
    } finally {
      closeSync(handle);
    }
  }
}

/** @returns how many bytes were read */
function* linesOf(handle: number, bytesMax: number, lineBytesMax: number): Generator<string, number> {
  const asLine = (bytes: Buffer): string => (bytes.length > lineBytesMax ? '' : bytes.toString('utf8'));
  const { size } = fstatSync(handle);
  const stop = Math.max(0, size - bytesMax);
  /** The end of a line whose beginning has not been read yet. */
  let tail: Buffer = Buffer.alloc(0);
  for (let end = size; end > stop; end -= CHUNK_BYTES) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, end - stop));
    const read = readSync(handle, chunk, 0, chunk.length, end - chunk.length);
    let lines = Buffer.concat([chunk.subarray(0, read), tail]);
    for (let at = lines.lastIndexOf(NEWLINE); at !== -1; at = lines.lastIndexOf(NEWLINE)) {
      if (at + 1 < lines.length) yield asLine(lines.subarray(at + 1));
      lines = lines.subarray(0, at);
    }
    // Of a line that is too long its length is all that matters.
    tail = lines.subarray(0, lineBytesMax + 1);
  }
  if (tail.length > 0) yield asLine(tail);
  return size - stop;
}

export function partOf(path: string, part: number): string {
  return part === 0 ? path : path.replace(/(\.\w+)?$/, `${part}$1`);
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}
