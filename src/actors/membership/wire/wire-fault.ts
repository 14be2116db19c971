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
  | 'unknown-compression'
  /** Encrypted, and this node has no key. */
  | 'encrypted'
  /** In plain text, and this node wants it encrypted. */
  | 'not-encrypted'
  /** Encrypted, or no longer what was, in none of this node's keys. */
  | 'wrong-key'
  /** With a label, and this node has none. */
  | 'labelled'
  /** Without a label, and this node has one. */
  | 'label-missing'
  | 'label-mismatch';

/** Reasons that a person can mend, in words that go on from "the answer" or "the request". */
const WORDS: Partial<Record<DropReason, string>> = {
  encrypted: 'is encrypted, and this node has no key',
  'not-encrypted': 'is not encrypted, and this node takes nothing else',
  'wrong-key': 'is not in a key that this node has, or not of its label',
  labelled: 'has a label, and this node has none',
  'label-missing': 'has no label, and this node has one',
  'label-mismatch': 'has another label than this node',
};

export function wordsFor(reason: DropReason): string {
  return WORDS[reason] ?? `cannot be read: ${reason}`;
}

/** Thrown inside wire/ only: the doors of this folder (`unpack`, `decodeStream`, …) turn it into a counted drop. */
export class WireFault extends Error {
  override readonly name = 'WireFault';
  readonly reason: DropReason;
  /** Of a value that is `truncated`: where it begins, and where it would end. */
  readonly cutOff: { readonly start: number; readonly end: number } | undefined;

  constructor(reason: DropReason, detail: string, cutOff?: { readonly start: number; readonly end: number }) {
    super(detail);
    this.reason = reason;
    this.cutOff = cutOff;
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
