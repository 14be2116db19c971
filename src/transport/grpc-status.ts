/** MeshError and gRPC status: one table, read both ways. Pure. */
import { Metadata, status as Status } from '@grpc/grpc-js';
import { isErrorCode, MeshError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

interface Row {
  readonly status: Status;
  /** What the status means when it comes from grpc itself or from a program that knows no MeshError. */
  readonly bare: ErrorCode;
  /** The same in words, behind the name of the other end: what grpc says itself is for its authors. */
  readonly says: string;
  readonly todo: string;
  /** The codes that travel as this status. */
  readonly carries: readonly ErrorCode[];
}

const AGAIN = 'try again; its log may say more';
const RELEASES = 'see that both are of the same release of mesh';

const TABLE: readonly Row[] = [
  { status: Status.CANCELLED, bare: 'SESSION_CLOSED', says: 'ended the call', todo: 'it may be stopping: see whether it still runs', carries: ['SESSION_CLOSED'] },
  { status: Status.UNKNOWN, bare: 'INTERNAL', says: 'failed, and did not say why', todo: AGAIN, carries: [] },
  {
    status: Status.INVALID_ARGUMENT,
    bare: 'BAD_ARGUMENT',
    says: 'does not take what it was sent',
    todo: RELEASES,
    carries: ['BAD_ARGUMENT', 'BAD_CONFIG', 'BAD_ADDRESS', 'BAD_IDENTITY', 'TOKEN_MALFORMED', 'NODE_AMBIGUOUS', 'MALFORMED'],
  },
  { status: Status.DEADLINE_EXCEEDED, bare: 'NODE_UNREACHABLE', says: 'did not answer in time', todo: 'it is stopped or very busy: see its log, or try again', carries: ['AGENT_LATE'] },
  { status: Status.NOT_FOUND, bare: 'NOT_FOUND', says: 'has nothing of that name', todo: 'see what it has', carries: ['NOT_FOUND', 'UNKNOWN_PATH', 'AGENT_UNKNOWN'] },
  { status: Status.ALREADY_EXISTS, bare: 'REFUSED', says: 'has that already', todo: 'choose another name', carries: ['ALREADY_RUNNING', 'NAME_TAKEN', 'PORT_IN_USE'] },
  { status: Status.PERMISSION_DENIED, bare: 'REFUSED', says: 'does not permit that', todo: 'ask as who may', carries: ['BANNED', 'EVICTED', 'NOT_PERMITTED', 'ROLE_TOO_LOW', 'WRONG_IDENTITY'] },
  { status: Status.RESOURCE_EXHAUSTED, bare: 'OVERLOADED', says: 'has reached a limit', todo: 'try again later', carries: ['OVERLOADED', 'TOO_LARGE'] },
  {
    status: Status.FAILED_PRECONDITION,
    bare: 'REFUSED',
    says: 'cannot do that as it is now',
    todo: AGAIN,
    carries: ['REFUSED', 'AGENT_OFFLINE', 'DATA_DIR_UNUSABLE', 'OUTPUT_LOST', 'PQ_REQUIRED', 'PQ_UNAVAILABLE', 'KEY_EXPOSED', 'KEY_MISMATCH', 'TRUST_FILE_DAMAGED'],
  },
  { status: Status.ABORTED, bare: 'SESSION_CLOSED', says: 'broke the call off', todo: AGAIN, carries: [] },
  { status: Status.OUT_OF_RANGE, bare: 'BAD_ARGUMENT', says: 'does not take so large or small a value', todo: 'send another', carries: [] },
  { status: Status.UNIMPLEMENTED, bare: 'REFUSED', says: 'does not know this call', todo: RELEASES, carries: [] },
  { status: Status.INTERNAL, bare: 'INTERNAL', says: 'could not answer because of a fault in it', todo: AGAIN, carries: ['INTERNAL'] },
  { status: Status.UNAVAILABLE, bare: 'NODE_UNREACHABLE', says: 'does not answer', todo: 'see that a node runs there', carries: ['NODE_UNREACHABLE'] },
  { status: Status.DATA_LOSS, bare: 'MALFORMED', says: 'sent what does not follow the protocol', todo: RELEASES, carries: [] },
  {
    status: Status.UNAUTHENTICATED,
    bare: 'REFUSED',
    says: 'does not know who asks',
    todo: 'ask as who may',
    carries: [
      'NO_IDENTITY',
      'SVID_NOT_ONE_ID',
      'SVID_EXPIRED',
      'SVID_NOT_YET_VALID',
      'CLOCK_SKEW',
      'WRONG_TRUST_DOMAIN',
      'SVID_WRONG_USAGE',
      'SVID_SELF_SIGNED',
      'UNKNOWN_AUTHORITY',
      'SVID_TAMPERED',
      'SVID_REFUSED',
      'BAD_SIGNATURE',
      'TOKEN_UNKNOWN',
      'TOKEN_EXPIRED',
      'TOKEN_USED',
      'FOREIGN_AUTHORITY',
    ],
  },
];

const STATUS_OF = new Map(TABLE.flatMap((row) => row.carries.map((code) => [code, row.status] as const)));
const BARE = new Map(TABLE.map((row) => [row.status, row]));

/** Binary metadata: its value may hold any text, and grpc escapes it. */
const ERROR_KEY = 'mesh-error-bin';
/** Trailers share one HTTP/2 header block of 64 KiB at most; five texts of this size, escaped, stay well below. */
const TEXT_LENGTH_MAX = 1_024;
/** What grpc-js says (1.14) when a frame exceeds the receiver's limit; it has no status of its own for that. */
const TOO_LARGE = /larger than/i;
/** Likewise, for a host name that DNS does not know. */
const UNRESOLVED = /^Name resolution failed/;

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
 * @param from the other end, for people, to begin a sentence with: `127.0.0.1:7947`, `the node on /d/admin.sock`
 */
export function errorFromStatus(status: { code: Status; details: string; metadata?: Metadata }, from: string): MeshError {
  const told = readParts(status.metadata?.get(ERROR_KEY)[0]);
  if (told !== undefined) return told;
  const name = Status[status.code] ?? `status ${String(status.code)}`;
  const cause = new Error(`${name}: ${status.details}`);
  if (status.code === Status.RESOURCE_EXHAUSTED && TOO_LARGE.test(status.details)) {
    return new MeshError('TOO_LARGE', `${from}: a message is larger than its receiver takes`, { given: from, todo: 'ask for less at once', cause });
  }
  if (status.code === Status.UNAVAILABLE && UNRESOLVED.test(status.details)) {
    return new MeshError('NODE_UNREACHABLE', `${from} does not answer: its host name cannot be resolved`, { given: from, todo: 'check the name', cause });
  }
  const { bare, says, todo } = BARE.get(status.code) ?? BARE.get(Status.UNKNOWN)!;
  return new MeshError(bare, `${from} ${says}`, { given: from, todo, cause });
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
