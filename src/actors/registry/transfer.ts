/** Documents and changes cut into frames that a session takes, and put together again within bounds. */
import type { RegistryFrameArrived, SessionSend } from '../peers/peer-messages.ts';

export type FrameOut = Extract<SessionSend, { readonly kind: 'send-registry' }>['frame'];
export type FrameIn = RegistryFrameArrived['frame'];
type SnapshotPart = NonNullable<FrameIn['snapshot']>;

/** 256 KiB a frame with what wraps it: long enough to be cheap, short enough not to hold up a ping behind it. */
const PAYLOAD_BYTES_MAX = 248 * 1024;
/** A hundred thousand small entries take 2 MB; 20 times that is still loaded in seconds. */
export const SNAPSHOT_BYTES_MAX = 32 * 1024 * 1024;
/** Tag and length of a bytes field of up to 2 MiB. */
const FIELD_BYTES = 4;
const PARTS_MAX = Math.ceil(SNAPSHOT_BYTES_MAX / PAYLOAD_BYTES_MAX);

/** Of the changes of a frame, with what wraps each; `changesFrames` makes none larger. */
export const CHANGES_FRAME_BYTES_MAX = PAYLOAD_BYTES_MAX + FIELD_BYTES;

export function changesFrameBytes(changes: readonly Uint8Array[]): number {
  return changes.reduce((sum, change) => sum + change.length + FIELD_BYTES, 0);
}

/** As few frames as hold the changes, each change whole (it is smaller than a frame); one empty frame for none. */
export function changesFrames(changes: readonly Uint8Array[]): FrameOut[] {
  const frames: FrameOut[] = [];
  let batch: Uint8Array[] = [];
  let bytes = 0;
  for (const change of changes) {
    if (bytes + change.length > PAYLOAD_BYTES_MAX && batch.length > 0) {
      frames.push({ changes: { changes: batch } });
      batch = [];
      bytes = 0;
    }
    batch.push(change);
    bytes += change.length + FIELD_BYTES;
  }
  frames.push({ changes: { changes: batch } });
  return frames;
}

export function snapshotFrames(id: number, snapshot: Uint8Array): FrameOut[] {
  const total = Math.ceil(snapshot.length / PAYLOAD_BYTES_MAX);
  return Array.from({ length: total }, (_, index) => {
    const data = snapshot.subarray(index * PAYLOAD_BYTES_MAX, (index + 1) * PAYLOAD_BYTES_MAX);
    return { snapshot: { id, index, total, data } };
  });
}

/** One snapshot on its way in. A later id takes the place of an earlier one; parts may come twice and in any order. */
export class SnapshotAssembly {
  #id = -1;
  #parts: (Uint8Array | undefined)[] = [];
  #missing = 0;

  /** The whole document once its last part is there; `refused` for what `snapshotFrames` would not send. */
  add(part: SnapshotPart): Uint8Array | 'more' | 'refused' {
    const { id, index, total, data } = part;
    if (total < 1 || total > PARTS_MAX || index >= total || data.length < 1 || data.length > PAYLOAD_BYTES_MAX) return 'refused';
    if (id > this.#id) {
      this.#id = id;
      this.#parts = Array.from({ length: total }, () => undefined);
      this.#missing = total;
    }
    if (id < this.#id) return 'more';
    if (this.#parts.length !== total) return 'refused';
    if (this.#parts[index] === undefined) {
      this.#parts[index] = data;
      this.#missing--;
    }
    return this.#missing === 0 ? Buffer.concat(this.#parts.map((held) => held!)) : 'more';
  }
}
