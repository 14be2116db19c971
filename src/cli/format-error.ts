/** Errors for people and for scripts. Pure. */
import { findMeshError, MeshError } from '../errors.ts';
import { printable, type Paint } from './paint.ts';

/** What a user may be told: a fault as it is, a bug without its insides. */
export function faultOf(error: unknown): MeshError {
  const message = error instanceof Error ? error.message : String(error);
  return (
    findMeshError(error) ??
    new MeshError('INTERNAL', `a bug in mesh: ${message}`, { todo: 'set MESH_DEBUG=1 to see where, and tell its authors' })
  );
}

export function formatError(fault: MeshError, paint: Paint): string[] {
  const [first = '', ...more] = fault.message.split('\n').map(printable);
  return [
    `${paint.red('mesh:')} ${first}`,
    ...more,
    ...(fault.expected === undefined ? [] : [`  expected ${printable(fault.expected)}`]),
    ...(fault.todo === undefined ? [] : fault.todo.split('\n').map((line) => `  ${printable(line)}`)),
  ];
}

export function errorView({ code, message, given, expected, todo }: MeshError): unknown {
  return { error: { code, message, given: given ?? null, expected: expected ?? null, todo: todo ?? null } };
}

/** The stack of an error and of its causes, for MESH_DEBUG=1 only. */
export function formatStacks(error: unknown): string[] {
  const stacks: string[] = [];
  for (let current = error; current instanceof Error && stacks.length < 16; current = current.cause) {
    stacks.push(current.stack ?? String(current));
  }
  return stacks;
}
