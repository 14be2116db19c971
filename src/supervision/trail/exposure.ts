/**
 * What is shown of what an actor holds, in crash reports, traces and to operators; the one place that decides it.
 *
 * 1. A message is shown as its behavior's `describe` puts it, else by its kind alone: never by what it holds.
 * 2. A state is shown as its behavior's `view` puts it, else not at all.
 * 3. Both leave secrets out. Below them is a net: in a view, what has a name that speaks of a secret is `[redacted]`.
 * 4. The message of an error is shown as it was thrown: whoever throws leaves secrets out of it.
 *
 * Nothing here throws, whatever `describe` and `view` do, and nothing shown is longer than its limit.
 */
import { cappedJson } from './capped-json.ts';
import { messageName } from './dead-letters.ts';
import { clip, toErrorInfo } from '../exit-reason.ts';

interface Showing {
  // oxlint-disable-next-line typescript/no-explicit-any
  describe?(message: any): string;
  // oxlint-disable-next-line typescript/no-explicit-any
  view?(state: any): unknown;
}

/** One line of a report; more of a message is its content. */
const MESSAGE_CHARS_MAX = 2_000;
const REDACTED = '[redacted]';
const SECRET_NAME = /pass(word|phrase|wd)|secret|token|credential|(api|private|session).?key|authori[sz]ation|cookie/i;

export function shownMessage(behavior: Showing | undefined, message: unknown): string {
  try {
    const described: unknown = behavior?.describe?.(message);
    return clip(typeof described === 'string' ? described : messageName(message), MESSAGE_CHARS_MAX);
  } catch {
    return nameOf(message);
  }
}

/** @returns JSON; undefined when there is no view */
export function shownState(behavior: Showing | undefined, state: unknown, charsMax: number): string | undefined {
  if (behavior?.view === undefined) return undefined;
  try {
    return cappedJson(behavior.view(state), charsMax, redacted);
  } catch (error) {
    return clip(`its view failed: ${toErrorInfo(error).message}`, charsMax);
  }
}

/** Numbers and booleans stay: how many tokens there are is no secret. */
function redacted(name: string, value: unknown): unknown {
  const isContent = typeof value === 'string' || (typeof value === 'object' && value !== null);
  return isContent && SECRET_NAME.test(name) ? REDACTED : value;
}

/** A message may be a proxy that throws when it is looked at. */
function nameOf(message: unknown): string {
  try {
    return clip(messageName(message), MESSAGE_CHARS_MAX);
  } catch {
    return 'a message that cannot be shown';
  }
}
