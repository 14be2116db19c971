/** Why bytes from the network were not used. Each is counted under its name; none ends anything. */

export type DropReason =
  | 'empty'
  | 'truncated'
  | 'malformed'
  | 'oversized'
  | 'crc-mismatch'
  | 'nested-too-deep'
  | 'unknown-type'
  | 'unexpected-type'
  | 'compressed'
  | 'encrypted'
  | 'labelled';

/** Thrown inside wire/ only: the doors of this folder (`unpack`, `decodeStream`, …) turn it into a counted drop. */
export class WireFault extends Error {
  override readonly name = 'WireFault';
  readonly reason: DropReason;

  constructor(reason: DropReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** The value of `decode`, or the reason why there is none. Faults other than a WireFault are bugs and go on. */
export function attempt<T>(decode: () => T): T | DropReason {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WireFault) return error.reason;
    throw error;
  }
}
