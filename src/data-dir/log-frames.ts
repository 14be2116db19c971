/**
 * Bytes on disk: a header, then frames of length (4 bytes, little endian), CRC-32 of the content, content.
 * What a crash tore off is told from what was damaged, and what is whole is found, without looking inside. Pure.
 */
import { crc32 } from 'node:zlib';

/** Names the format and its version. */
export const LOG_HEADER = Buffer.from('OMEGLOG1');
const FRAME_HEADER_BYTES = 8;
/** In a log of changes, five times the largest there are: a length beyond this is damage, not a frame cut short. */
const CONTENT_BYTES_MAX = 1024 * 1024;

export interface LogContents {
  /** In order; those behind a damaged place included. */
  readonly frames: readonly Uint8Array[];
  /** Where the first run of whole frames ends. */
  readonly wholeBytes: number;
  /** `torn`: the last write did not get to its end. `damaged`: what was once whole is not. */
  readonly state: 'whole' | 'torn' | 'damaged';
}

export function encodeFrames(contents: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    contents.flatMap((content) => {
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      header.writeUInt32LE(content.length, 0);
      header.writeUInt32LE(crc32(content), 4);
      return [header, content];
    }),
  );
}

export function readLog(bytes: Buffer): LogContents {
  const isHeaded = bytes.subarray(0, LOG_HEADER.length).equals(LOG_HEADER.subarray(0, bytes.length));
  // A crash may have torn the header itself: then nothing was written after it.
  if (isHeaded && bytes.length < LOG_HEADER.length) return { frames: [], wholeBytes: 0, state: 'torn' };
  const whole = readRun(bytes, isHeaded ? LOG_HEADER.length : 0);
  if (isHeaded && whole.end === bytes.length) return { frames: whole.frames, wholeBytes: whole.end, state: 'whole' };
  const later = framesAfter(bytes, whole.end);
  const isTorn = isHeaded && later.length === 0 && isCutShort(bytes, whole.end);
  return { frames: [...whole.frames, ...later], wholeBytes: whole.end, state: isTorn ? 'torn' : 'damaged' };
}

/** The content of a file that holds one frame of any size; undefined when it is anything else. */
export function readSingleFrame(bytes: Buffer): Uint8Array | undefined {
  const start = LOG_HEADER.length + FRAME_HEADER_BYTES;
  if (bytes.length <= start || !bytes.subarray(0, LOG_HEADER.length).equals(LOG_HEADER)) return undefined;
  const content = bytes.subarray(start);
  const isWhole = bytes.readUInt32LE(LOG_HEADER.length) === content.length && bytes.readUInt32LE(LOG_HEADER.length + 4) === crc32(content);
  return isWhole ? content : undefined;
}

function readRun(bytes: Buffer, start: number): { readonly frames: Uint8Array[]; readonly end: number } {
  const frames: Uint8Array[] = [];
  let end = start;
  for (let content = frameAt(bytes, end); content !== undefined; content = frameAt(bytes, end)) {
    frames.push(content);
    end += FRAME_HEADER_BYTES + content.length;
  }
  return { frames, end };
}

/** Whole frames behind a place where there is none, wherever they begin: the damage may be in a length. */
function framesAfter(bytes: Buffer, damagedAt: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = damagedAt; at + FRAME_HEADER_BYTES < bytes.length; ) {
    const run = readRun(bytes, at);
    found.push(...run.frames);
    at = Math.max(run.end, at + 1);
  }
  return found;
}

function frameAt(bytes: Buffer, at: number): Uint8Array | undefined {
  if (at + FRAME_HEADER_BYTES > bytes.length) return undefined;
  const length = bytes.readUInt32LE(at);
  const start = at + FRAME_HEADER_BYTES;
  // Nothing of ours is empty, but a file system may leave zeros behind: length 0 with the right checksum.
  if (length === 0 || length > CONTENT_BYTES_MAX || start + length > bytes.length) return undefined;
  const content = bytes.subarray(start, start + length);
  return crc32(content) === bytes.readUInt32LE(at + 4) ? content : undefined;
}

/** Whether the last write ends early, counting out the zeros of blocks that a file system had not filled yet. */
function isCutShort(bytes: Buffer, at: number): boolean {
  let written = bytes.length;
  while (written > at && bytes[written - 1] === 0) written--;
  if (written < at + FRAME_HEADER_BYTES) return true;
  const length = bytes.readUInt32LE(at);
  return length > 0 && length <= CONTENT_BYTES_MAX && at + FRAME_HEADER_BYTES + length > written;
}
