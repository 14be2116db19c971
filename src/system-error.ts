/** What the operating system said, in words. Pure. */
import { getSystemErrorMap } from 'node:util';

/** Whether it is, or was caused by, the word of a machine that nobody listens there. */
export function isConnectionRefused(error: unknown): boolean {
  return error instanceof Error && ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED' || isConnectionRefused(error.cause));
}

/** `permission denied (EACCES)`; nothing when the error did not come from the system. */
export function systemErrorMeaning(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errno, code } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  return known === undefined ? undefined : `${known[1]} (${code ?? known[0]})`;
}
