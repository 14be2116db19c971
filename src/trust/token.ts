/**
 * A join token: what a person carries from an authority to a new member. It says which authority to believe, and it is worth
 * one identity. Pure.
 */
import { createHash, randomBytes } from 'node:crypto';
import { MeshError } from '../errors.ts';
import { ADMIN_ROLES, type AdminRole } from './authority.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts';

export interface Token {
  /** Whose identity it is worth. */
  readonly id: SpiffeId;
  /** Of an admin. */
  readonly role: AdminRole | undefined;
  /** `keyPin` of the authority: whoever answers must be that one. */
  readonly pin: string;
  readonly secret: Buffer;
  readonly expiresAtMs: number;
}

const PREFIX = 'omt1.';
/** Nobody guesses 128 bits. */
const SECRET_BYTES = 16;
/** As long as all parts together can be, and then some. */
const LENGTH_MAX = 2_048;

export function makeToken(token: Omit<Token, 'secret'>): Token {
  return { ...token, secret: randomBytes(SECRET_BYTES) };
}

/** How an authority calls a token, and keeps it: whoever reads its files learns no secret. */
export function tokenName(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 32);
}

export function formatToken({ id, role, pin, secret, expiresAtMs }: Token): string {
  const parts = [formatSpiffeId(id), role ?? '', pin, secret.toString('base64url'), expiresAtMs];
  return `${PREFIX}${Buffer.from(JSON.stringify(parts)).toString('base64url')}`;
}

/** @throws MeshError TOKEN_MALFORMED, which shows nothing of the token */
export function parseToken(text: string): Token {
  const parts = text.startsWith(PREFIX) && text.length <= LENGTH_MAX ? jsonIn(text.slice(PREFIX.length)) : undefined;
  if (Array.isArray(parts) && parts.length === 5) {
    const [uri, role, pin, secretText, expiresAtMs] = parts as readonly unknown[];
    const secret = typeof secretText === 'string' ? Buffer.from(secretText, 'base64url') : Buffer.alloc(0);
    const isRole = role === '' || ADMIN_ROLES.some((known) => known === role);
    if (typeof uri === 'string' && isRole && typeof pin === 'string' && /^[\w-]{43}$/.test(pin) && secret.length === SECRET_BYTES && Number.isSafeInteger(expiresAtMs)) {
      return { id: parseSpiffeId(uri), role: role === '' ? undefined : (role as AdminRole), pin, secret, expiresAtMs: expiresAtMs as number };
    }
  }
  throw new MeshError('TOKEN_MALFORMED', 'the token is not whole', {
    expected: `${PREFIX} and some 250 characters without a space or a line break, as \`mesh token create\` prints them`,
    todo: 'copy all of it, or make another one',
  });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
