/** MeshError and gRPC status: one table, read both ways. Pure. */
import { Metadata, status as Status } from '@grpc/grpc-js';
import { isErrorCode, MeshError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

interface Row {
  readonly status: Status;
  /** What the status means when it comes from grpc itself or from a program that knows no MeshError. */
  readonly bare: ErrorCode;
  /** The codes that travel as this status. */
  readonly carries: readonly ErrorCode[];
}

const TABLE: readonly Row[] = [
  { status: Status.CANCELLED, bare: 'SESSION_CLOSED', carries: ['SESSION_CLOSED'] },
  { status: Status.UNKNOWN, bare: 'INTERNAL', carries: [] },
  {
    status: Status.INVALID_ARGUMENT,
    bare: 'BAD_ARGUMENT',
    carries: ['BAD_ARGUMENT', 'BAD_CONFIG', 'BAD_ADDRESS', 'NODE_AMBIGUOUS', 'MALFORMED'],
  },
  { status: Status.DEADLINE_EXCEEDED, bare: 'NODE_UNREACHABLE', carries: ['AGENT_LATE'] },
  { status: Status.NOT_FOUND, bare: 'NOT_FOUND', carries: ['NOT_FOUND', 'UNKNOWN_PATH', 'AGENT_UNKNOWN'] },
  { status: Status.ALREADY_EXISTS, bare: 'REFUSED', carries: ['ALREADY_RUNNING', 'PORT_IN_USE'] },
  { status: Status.PERMISSION_DENIED, bare: 'REFUSED', carries: ['INSECURE_BIND'] },
  { status: Status.RESOURCE_EXHAUSTED, bare: 'OVERLOADED', carries: ['OVERLOADED', 'TOO_LARGE'] },
  { status: Status.FAILED_PRECONDITION, bare: 'REFUSED', carries: ['REFUSED', 'AGENT_OFFLINE', 'DATA_DIR_UNUSABLE', 'OUTPUT_LOST'] },
  { status: Status.ABORTED, bare: 'SESSION_CLOSED', carries: [] },
  { status: Status.OUT_OF_RANGE, bare: 'BAD_ARGUMENT', carries: [] },
  { status: Status.UNIMPLEMENTED, bare: 'REFUSED', carries: [] },
  { status: Status.INTERNAL, bare: 'INTERNAL', carries: ['INTERNAL'] },
  { status: Status.UNAVAILABLE, bare: 'NODE_UNREACHABLE', carries: ['NODE_UNREACHABLE'] },
  { status: Status.DATA_LOSS, bare: 'MALFORMED', carries: [] },
  { status: Status.UNAUTHENTICATED, bare: 'REFUSED', carries: [] },
];

const STATUS_OF = new Map(TABLE.flatMap((row) => row.carries.map((code) => [code, row.status] as const)));
const BARE_MEANING = new Map(TABLE.map((row) => [row.status, row.bare]));

/** Binary metadata: its value may hold any text, and grpc escapes it. */
const ERROR_KEY = 'mesh-error-bin';
/** Trailers share one HTTP/2 header block of 64 KiB at most; five texts of this size, escaped, stay well below. */
const TEXT_LENGTH_MAX = 1_024;
/** What grpc-js says (1.14) when a frame exceeds the receiver's limit; it has no status of its own for that. */
const TOO_LARGE = /larger than/i;

export interface GrpcStatus {
  readonly code: Status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** The status that tells the other side of `error`. Neither its stack nor its causes cross the wire. */
export function statusFromError(error: MeshError): GrpcStatus {
  const metadata = new Metadata();
  const { code, given, expected, todo } = error;
  const message = wireText(error.message);
  const parts = { code, message, given: wireText(given), expected: wireText(expected), todo: wireText(todo) };
  metadata.set(ERROR_KEY, Buffer.from(JSON.stringify(parts)));
  return { code: STATUS_OF.get(code) ?? Status.INTERNAL, details: message, metadata };
}

/**
 * The error that a status tells of: the very MeshError the other side meant, or the nearest one.
 * @param from the other end, for people: a host:port or a socket path
 */
export function errorFromStatus(status: { code: Status; details: string; metadata?: Metadata }, from: string): MeshError {
  const told = readParts(status.metadata?.get(ERROR_KEY)[0]);
  if (told !== undefined) return told;
  const isTooLarge = status.code === Status.RESOURCE_EXHAUSTED && TOO_LARGE.test(status.details);
  const code = isTooLarge ? 'TOO_LARGE' : (BARE_MEANING.get(status.code) ?? 'INTERNAL');
  const name = Status[status.code] ?? `status ${String(status.code)}`;
  return new MeshError(code, `${from}: ${status.details === '' ? name : `${status.details} (${name})`}`);
}

function wireText(text: string): string;
function wireText(text: string | undefined): string | undefined;
function wireText(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const cut = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
  // Through bytes and back: grpc-js percent-encodes the details and would throw on half a surrogate pair.
  return Buffer.from(cut).toString();
}

function readParts(value: Buffer | string | undefined): MeshError | undefined {
  if (!Buffer.isBuffer(value)) return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(value.toString());
  } catch {
    return undefined;
  }
  if (typeof parts !== 'object' || parts === null) return undefined;
  const { code, message, given, expected, todo } = parts as Record<string, unknown>;
  if (typeof code !== 'string' || !isErrorCode(code) || typeof message !== 'string') return undefined;
  return new MeshError(code, message, {
    ...(typeof given === 'string' ? { given } : {}),
    ...(typeof expected === 'string' ? { expected } : {}),
    ...(typeof todo === 'string' ? { todo } : {}),
  });
}
