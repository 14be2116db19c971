/** What a life was at when it ended otherwise than it should: the actor's half of a crash report. */
import type { ErrorInfo, ExitReason } from '../behavior.ts';
import { reasonError } from '../exit-reason.ts';

export interface LastMoments {
  readonly life: number;
  /** Why it ended, in one line. */
  readonly reason: string;
  /** What it ended with; undefined when it was killed. */
  readonly error: ErrorInfo | undefined;
  /** What it did last, and the message that it did it with: `receive put`. */
  readonly during: string;
  /** What its `view` showed, as JSON. */
  readonly state: string | undefined;
  /** Messages that waited. */
  readonly mailbox: number;
  /** Messages that handlers of this life returned from. */
  readonly processed: number;
  readonly uptimeMs: number;
}

/** Who ends lives in numbers, by rule: of those no report is made, and a view of each would cost more than the end. */
const BY_RULE = /^(brutal_kill|removal|end of )/;

export function isReported(reason: ExitReason): boolean {
  return reasonError(reason) !== undefined || (reason.kind === 'killed' && !BY_RULE.test(reason.by ?? ''));
}
