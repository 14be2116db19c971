/** A question to a room, and what an operator is told when the room cannot answer. */
import { MeshError } from '../../errors.ts';
import { AskError } from '../../supervision/behavior.ts';

/** A room answers from memory; one that takes longer is restarting or stuck, and the operator should hear so. */
export const ROOM_TIMEOUT_MS = 2_000;

/** @throws MeshError the fault that the room answered with, or OVERLOADED where it could not answer */
export async function answered<R>(question: Promise<R | MeshError>): Promise<R> {
  let answer: R | MeshError;
  try {
    answer = await question;
  } catch (error) {
    throw error instanceof AskError ? roomFault(error) : error;
  }
  if (answer instanceof MeshError) throw answer;
  return answer;
}

/** For figures that are shown beside others: one room that restarts must not hide the rest. */
export function answeredOr<R>(question: Promise<R>, otherwise: R): Promise<R> {
  return question.catch(() => otherwise);
}

function roomFault(error: AskError): MeshError {
  const why = { noproc: 'is not running', full: 'has a full mailbox', refused: 'cannot take this question', exited: 'ended while it was asked', timeout: 'did not answer in time' }[error.failure];
  return new MeshError('OVERLOADED', `${error.path} ${why}`, { todo: `see \`mesh tree ${error.path}\`, then try again`, cause: error });
}
