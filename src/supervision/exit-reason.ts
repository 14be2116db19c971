/** Exit reasons and errors as plain data. Pure. */
import { isErrorCode, MeshError } from '../errors.ts';
import type { ErrorInfo, ExitReason } from './behavior.ts';

export const NORMAL: ExitReason = { kind: 'normal' };
export const SHUTDOWN: ExitReason = { kind: 'shutdown' };
/** What a supervisor that gives up exits with; OTP's word. */
export const INTENSITY_REACHED = 'reached_max_restart_intensity';

/** Whether a transient child is restarted after this. Source: supervisor(3), "restart". */
export function isAbnormal(reason: ExitReason): boolean {
  return reason.kind !== 'normal' && reason.kind !== 'shutdown';
}

/** Chains of causes longer than this say nothing more; the cap also ends cycles. */
const CAUSES_MAX = 8;
/** A stack is for a person: what does not fit a screen is not read. */
const STACK_CHARS_MAX = 4_000;
const MESSAGE_CHARS_MAX = 2_000;
const NAME_CHARS_MAX = 100;

/** Whatever was thrown, also what throws when it is looked at: a report must not fail over what it reports. */
export function toErrorInfo(error: unknown, depth = 0): ErrorInfo {
  try {
    if (!(error instanceof Error)) return { name: 'NonError', message: clip(describeThrown(error), MESSAGE_CHARS_MAX) };
    const code: unknown = 'code' in error ? error.code : undefined;
    // Typed as strings, but anybody can set them.
    const { name, message, stack, cause }: { name: unknown; message: unknown; stack?: unknown; cause?: unknown } = error;
    return {
      name: clip(String(name), NAME_CHARS_MAX),
      message: clip(String(message), MESSAGE_CHARS_MAX),
      ...(typeof code === 'string' ? { code: clip(code, NAME_CHARS_MAX) } : {}),
      ...(typeof stack === 'string' ? { stack: clip(stack, STACK_CHARS_MAX) } : {}),
      ...(cause === undefined || depth >= CAUSES_MAX ? {} : { cause: toErrorInfo(cause, depth + 1) }),
      ...(error instanceof MeshError ? adviceOf(error) : {}),
    };
  } catch {
    return { name: 'Error', message: 'an error that cannot be shown' };
  }
}

function adviceOf({ given, expected, todo }: MeshError): Pick<ErrorInfo, 'given' | 'expected' | 'todo'> {
  return { ...(given === undefined ? {} : { given }), ...(expected === undefined ? {} : { expected }), ...(todo === undefined ? {} : { todo }) };
}

/** An error that reads like the one it was made from, with its stack; a MeshError is one again. */
export function asThrown(info: ErrorInfo): Error {
  const { name, message, stack, code, cause: deeper, ...advice } = info;
  const cause = deeper === undefined ? {} : { cause: asThrown(deeper) };
  const isMeshError = name === 'MeshError' && code !== undefined && isErrorCode(code);
  const error = isMeshError ? new MeshError(code, message, { ...advice, ...cause }) : Object.assign(new Error(message, cause), { name, ...(code === undefined ? {} : { code }) });
  if (stack === undefined) delete error.stack;
  else error.stack = stack;
  return error;
}

/** One line: `TypeError: x is not a function ← caused by …`. */
export function errorLine(error: ErrorInfo): string {
  const own = `${error.name === 'MeshError' || error.name === 'Error' ? '' : `${error.name}: `}${error.message}`;
  return error.cause === undefined ? own : `${own} ← ${errorLine(error.cause)}`;
}

/** One line for people and logs. */
export function reasonLine(reason: ExitReason): string {
  switch (reason.kind) {
    case 'normal':
    case 'noproc':
      return reason.kind;
    case 'shutdown':
      return reason.info === undefined ? 'shutdown' : `shutdown (${reason.info})`;
    case 'killed':
      return reason.by === undefined ? 'killed' : `killed by ${reason.by}`;
    case 'error':
      return errorLine(reason.error);
    case 'start_failed':
      return `start failed: ${errorLine(reason.error)}`;
  }
}

export function reasonError(reason: ExitReason): ErrorInfo | undefined {
  return reason.kind === 'error' || reason.kind === 'start_failed' ? reason.error : undefined;
}

/** What was thrown that is no error. */
export function describeThrown(thrown: unknown): string {
  try {
    return typeof thrown === 'string' ? thrown : `${typeof thrown} ${JSON.stringify(thrown)} was thrown`;
  } catch {
    return `a ${typeof thrown} that cannot be shown was thrown`;
  }
}

export function clip<T extends string | undefined>(text: T, max: number): T | string {
  return text === undefined || text.length <= max ? text : `${text.slice(0, max)}…`;
}
