/** The trail of supervision on disk, in `<data-dir>/log/events.jsonl`: it outlives the process. One event a line. */
import { join } from 'node:path';

export function eventFileOf(dataDir: string): string {
  return join(dataDir, 'log', 'events.jsonl');
}

/** A report with a stack and a state fills some screens. */
const LINE_CHARS_MAX = 32_768;
/** No character takes more than four bytes: what is longer was not written here. */
export const EVENT_BYTES_MAX = 4 * LINE_CHARS_MAX;

/**
 * Whether an event goes to disk. First starts are no news, nor are children that come and go in order: thousands of agents
 * that reconnect must not push the one crash out that explains it.
 */
export function isForDisk({ type, strategy }: { readonly type: string; readonly strategy?: string }): boolean {
  return type !== 'start' && !(type === 'exit' && strategy === 'dynamic');
}

interface Cause {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: Cause;
}

/** An event as JSON. Of one that is too large the stacks of its error are left out, then its state and all but the error's head. */
export function eventLine(event: { readonly [field: string]: unknown; readonly error?: Cause; readonly state?: string }): string {
  const whole = JSON.stringify(event);
  if (whole.length <= LINE_CHARS_MAX) return whole;
  const { error } = event;
  const unstacked = JSON.stringify({ ...event, error: withoutStacks(error) });
  if (unstacked.length <= LINE_CHARS_MAX) return unstacked;
  return JSON.stringify({ ...event, state: undefined, error: error && { name: error.name, message: error.message } });
}

function withoutStacks(error: Cause | undefined): Cause | undefined {
  if (error === undefined) return undefined;
  const { stack: _stack, cause, ...rest } = error;
  return cause === undefined ? rest : { ...rest, cause: withoutStacks(cause)! };
}
