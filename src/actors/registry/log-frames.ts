/**
 * Bytes on disk: a header, then frames of length (4 bytes, little endian), CRC-32 of the content, content.
 * What was torn off by a crash is told from what is whole without looking inside.
 */
import { crc32 } from 'node:zlib';

/** Names the format and its version. */
export const LOG_HEADER = Buffer.from('OMEGLOG1');
const FRAME_HEADER_BYTES = 8;

export interface LogContents {
  readonly frames: readonly Uint8Array[];
  /** Where the last whole frame ends; what comes after is torn. */
  readonly wholeBytes: number;
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

/** The frames up to the first that is not whole; undefined when the bytes are no log. */
export function readLog(bytes: Buffer): LogContents | undefined {
  // A crash may have torn the header itself: then nothing was written after it.
  if (!bytes.subarray(0, LOG_HEADER.length).equals(LOG_HEADER.subarray(0, bytes.length))) return undefined;
  if (bytes.length < LOG_HEADER.length) return { frames: [], wholeBytes: 0 };
  const frames: Uint8Array[] = [];
  let at = LOG_HEADER.length;
  while (at + FRAME_HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + FRAME_HEADER_BYTES + length;
    // Nothing of ours is empty, but a file system may leave zeros behind: length 0 with the right checksum.
    if (length === 0 || end > bytes.length) break;
    const content = bytes.subarray(at + FRAME_HEADER_BYTES, end);
    if (crc32(content) !== bytes.readUInt32LE(at + 4)) break;
    frames.push(content);
    at = end;
  }
  return { frames, wholeBytes: at };
}
