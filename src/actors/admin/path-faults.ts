/** What an operator is told who names an actor that is not there, or not to be touched lightly. Pure. */
import { MeshError } from '../../errors.ts';
import { nearestWord } from '../../nearest-word.ts';

/** The actor that operators are served by. */
export const DOOR = '/edge/admin';

/** Without these an operator cannot see or mend anything: to end or suspend one must be meant. */
export const GUARDED: ReadonlySet<string> = new Set(['/', '/edge', DOOR]);

export function unknownPath(path: string, known: readonly string[]): MeshError {
  const nearest = nearestWord(path, known);
  return new MeshError('UNKNOWN_PATH', `there is no actor at ${path}`, {
    given: path,
    todo: `${nearest === undefined ? '' : `did you mean ${nearest}? `}see \`mesh tree\``,
  });
}

/** @param what it would need a life for: `to end`, `to show` */
export function notRunning(path: string, what: string): MeshError {
  return new MeshError('REFUSED', `${path} has no life ${what} just now`, { given: path, todo: `see \`mesh info ${path}\`` });
}

/** What serves those who ask from elsewhere. */
const FAR_DOOR = '/edge/grpc';

/**
 * @param isRemote whether the operator asks from elsewhere
 * @throws MeshError REFUSED when `path` is guarded and the operator has not said that it is meant
 */
export function mustBeMeant(path: string, force: boolean, what: string, isRemote = false): void {
  if (force || !(GUARDED.has(path) || (isRemote && path === FAR_DOOR))) return;
  throw new MeshError('REFUSED', `${what} ${path} takes this command's own connection along`, { given: path, todo: 'say --force if that is meant' });
}

/** Who asks, as it is written into the trail: one short line, whatever was sent. */
export function askerShown(by: string): string {
  // oxlint-disable-next-line no-control-regex
  return by.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ').slice(0, ASKER_CHARS_MAX).trim() || 'operator';
}

/** A name of 32, as Linux has them, and a pid. */
const ASKER_CHARS_MAX = 64;
