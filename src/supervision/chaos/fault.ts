/** What can be broken on purpose, and how much of it at most. Pure. */

/**
 * kill: the life ends, as if killed. crash: it ends as if its own code had thrown. hang: its next handler does not settle.
 * slow: each handler starts late. flood: its mailbox fills with messages that nobody hears. leak: it holds memory and timers.
 */
export const FAULTS = ['kill', 'crash', 'hang', 'slow', 'flood', 'leak'] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultOrder {
  readonly fault: Fault;
  /** How long hang, slow and leak last. */
  readonly forMs: number;
  /** How late each handler starts under slow. */
  readonly delayMs: number;
  /** How many messages a flood is, as far as the mailbox has room. */
  readonly messages: number;
  /** What a leak holds. */
  readonly mebibytes: number;
}

export const FAULT_DEFAULTS = {
  /** Long enough to be looked at from another terminal. */
  forMs: 5_000,
  delayMs: 50,
  /** All that fits. */
  messages: Infinity,
  mebibytes: 16,
} as const;

export const FAULT_LIMITS = {
  /** What somebody forgets is over within the hour. */
  forMs: 3_600_000,
  delayMs: 60_000,
  messages: 1_000_000,
  /** A node has some 100 MiB; three times that is felt, and does not end it. */
  mebibytes: 256,
} as const;

/** Beside its memory a leak holds so many timers. */
export const LEAKED_TIMERS = 1_000;

export function isLasting(fault: Fault): boolean {
  return fault === 'hang' || fault === 'slow' || fault === 'leak';
}

/** As it stands in the event log. */
export function faultLine({ fault, forMs, delayMs, messages, mebibytes }: FaultOrder): string {
  switch (fault) {
    case 'kill':
    case 'crash':
      return fault;
    case 'hang':
      return `hang for ${forMs} ms`;
    case 'slow':
      return `slow by ${delayMs} ms for ${forMs} ms`;
    case 'flood':
      return messages === Infinity ? 'flood' : `flood of ${messages} messages`;
    case 'leak':
      return `leak of ${mebibytes} MiB and ${LEAKED_TIMERS} timers for ${forMs} ms`;
  }
}
