/**
 * Boundary faults: what a person or a peer gave us that we cannot take. One code each, from this catalogue.
 * Outcomes are return values and bugs are assertions; neither is a MeshError.
 */

/** Every code, with the exit code a command ends with when it fails for this reason. */
export const ERROR_CATALOGUE = {
  BAD_ARGUMENT: { exitCode: 2, meaning: 'a value outside what is allowed' },
  BAD_CONFIG: { exitCode: 2, meaning: 'configuration with an unknown key or a value outside what is allowed' },
  BAD_ADDRESS: { exitCode: 2, meaning: 'text that is not host[:port]' },
  PORT_IN_USE: { exitCode: 1, meaning: 'another process holds the port' },
  DATA_DIR_UNUSABLE: { exitCode: 1, meaning: 'the data directory cannot be read or written' },
  ALREADY_RUNNING: { exitCode: 1, meaning: 'another node holds the data directory' },
  NAME_TAKEN: { exitCode: 1, meaning: 'another node of the mesh has this name' },
  NODE_UNREACHABLE: { exitCode: 3, meaning: 'no node answers' },
  NODE_AMBIGUOUS: { exitCode: 2, meaning: 'several nodes run here and none was chosen' },
  UNKNOWN_PATH: { exitCode: 1, meaning: 'no actor at this path' },
  REFUSED: { exitCode: 1, meaning: 'the node will not do this as asked' },
  NOT_FOUND: { exitCode: 1, meaning: 'nothing is stored under this key' },
  AGENT_UNKNOWN: { exitCode: 4, meaning: 'no agent of this id was seen' },
  AGENT_OFFLINE: { exitCode: 5, meaning: 'the agent is known but not connected' },
  AGENT_LATE: { exitCode: 6, meaning: 'the agent did not answer in time' },
  OVERLOADED: { exitCode: 1, meaning: 'a limit is reached; try again later' },
  TOO_LARGE: { exitCode: 1, meaning: 'larger than the limit' },
  MALFORMED: { exitCode: 1, meaning: 'bytes or frames that do not follow the protocol' },
  SESSION_CLOSED: { exitCode: 3, meaning: 'the other side ended the stream' },
  BAD_IDENTITY: { exitCode: 2, meaning: 'text that is not a SPIFFE ID of a mesh' },
  NO_IDENTITY: { exitCode: 2, meaning: 'no identity where one is needed' },
  SVID_NOT_ONE_ID: { exitCode: 1, meaning: 'a certificate with no SPIFFE ID, or with several' },
  SVID_EXPIRED: { exitCode: 1, meaning: 'a certificate whose time has passed' },
  SVID_NOT_YET_VALID: { exitCode: 1, meaning: 'a certificate whose time has not come' },
  CLOCK_SKEW: { exitCode: 1, meaning: 'two clocks that differ by minutes' },
  WRONG_TRUST_DOMAIN: { exitCode: 1, meaning: 'an identity of another trust domain' },
  SVID_WRONG_USAGE: { exitCode: 1, meaning: 'a certificate that is not for members of a mesh' },
  SVID_SELF_SIGNED: { exitCode: 1, meaning: 'a certificate that only its holder vouches for' },
  UNKNOWN_AUTHORITY: { exitCode: 1, meaning: 'a certificate of an authority that is not in the bundle' },
  SVID_TAMPERED: { exitCode: 1, meaning: 'a certificate that is not what its authority signed' },
  KEY_EXPOSED: { exitCode: 1, meaning: 'a private key that others can read' },
  KEY_MISMATCH: { exitCode: 1, meaning: 'a private key and a certificate that do not belong together' },
  TRUST_FILE_DAMAGED: { exitCode: 1, meaning: 'a file of keys or certificates that is cut off or overwritten' },
  SVID_REFUSED: { exitCode: 1, meaning: 'a certificate in which only OpenSSL finds a fault' },
  WRONG_IDENTITY: { exitCode: 1, meaning: 'somebody other than who was meant, or than who he says he is' },
  NOT_PERMITTED: { exitCode: 1, meaning: 'an identity that may not use this service' },
  ROLE_TOO_LOW: { exitCode: 1, meaning: 'an admin whose role is below the one that this needs' },
  PQ_REQUIRED: { exitCode: 1, meaning: 'no post-quantum key exchange with the other end, where nothing else will do' },
  PQ_UNAVAILABLE: { exitCode: 2, meaning: 'post-quantum key exchange asked for where Node.js has none' },
  BANNED: { exitCode: 1, meaning: 'an identity that the mesh has banned' },
  EVICTED: { exitCode: 1, meaning: 'a certificate that no longer holds, for its identity was evicted: it must attest again' },
  BAD_SIGNATURE: { exitCode: 1, meaning: 'a signature that is not of who should have made it' },
  TOKEN_MALFORMED: { exitCode: 2, meaning: 'text that is not a whole join token' },
  TOKEN_UNKNOWN: { exitCode: 1, meaning: 'a token that this authority did not make, or took back' },
  TOKEN_EXPIRED: { exitCode: 1, meaning: 'a token whose time has passed' },
  TOKEN_USED: { exitCode: 1, meaning: 'a token that was used before' },
  FOREIGN_AUTHORITY: { exitCode: 1, meaning: 'a Trust Fabric of another authority than the one meant' },
  OUTPUT_LOST: { exitCode: 1, meaning: 'standard output cannot be written' },
  INTERNAL: { exitCode: 1, meaning: 'a bug in the node; its log says more' },
} as const satisfies Record<string, { exitCode: number; meaning: string }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export interface MeshErrorParts {
  /** What was given, as it was given. */
  readonly given?: string;
  /** What would have been taken. */
  readonly expected?: string;
  /** What to do next. */
  readonly todo?: string;
  readonly cause?: unknown;
}

/** A fault with a code from the catalogue; its message is one a user can read and act on. */
export class MeshError extends Error {
  override readonly name = 'MeshError';
  readonly code: ErrorCode;
  readonly given: string | undefined;
  readonly expected: string | undefined;
  readonly todo: string | undefined;

  constructor(code: ErrorCode, message: string, parts: MeshErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = code;
    this.given = parts.given;
    this.expected = parts.expected;
    this.todo = parts.todo;
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, text);
}

/** The first MeshError in an error's chain of causes, if there is one. */
export function findMeshError(error: unknown): MeshError | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 16; current = current.cause, depth++) {
    if (current instanceof MeshError) return current;
  }
  return undefined;
}
