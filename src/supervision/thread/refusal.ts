/** What becomes of a message that cannot cross to the thread of its actor. */
import type { Logger } from '../../log.ts';
import { refuseAsk } from '../asks.ts';
import type { DeadLetterReason } from '../trail/dead-letters.ts';
import { survey } from './crossing.ts';

export interface RefusalHost {
  readonly log: Logger;
  deadLetter(path: string, reason: DeadLetterReason, message: unknown): void;
}

/** Whether the message to the actor at `path` can cross. If not, whoever asked is told why, and the log, and it is a dead letter. */
export function admits(path: string, message: unknown, host: RefusalHost): boolean {
  const { fault } = survey(message, 'message');
  if (fault !== undefined) refuse(path, message, fault, host);
  return fault === undefined;
}

export function refuse(path: string, message: unknown, fault: string, host: RefusalHost): void {
  for (const reply of survey(message, 'message').replies) refuseAsk(reply, fault);
  host.deadLetter(path, 'refused', message);
  // Each is told: such a message is a mistake in a program, not something that the world sends.
  host.log.log('warn', 'message-refused', { actor: path, fault });
}
