/**
 * The tokens of an authority, in its directory: `tokens/<name>.json` says what one is worth, and `<name>.used`, which can be made
 * only once, says when and by which key it was used. Several processes may hold one authority.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '../errors.ts';
import { ADMIN_ROLES, type AdminRole } from './authority.ts';
import { isUseOf, useAt, useOnce } from './once.ts';
import { makePrivateDir, onDisk, readIfThere, writePrivate } from './private-files.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts';
import { tokenName, type Token } from './token.ts';

export interface KeptToken {
  readonly name: string;
  readonly id: SpiffeId;
  readonly role: AdminRole | undefined;
  readonly expiresAtMs: number;
  readonly usedAtMs: number | undefined;
}

/** Each is three lines on disk; who needs more at a time wants another way to attest. */
const TOKENS_MAX = 10_000;
/** Old ones stay so long, so that who comes late hears why. */
const KEPT_MS = 7 * 86_400_000;

function paths(dir: string, name: string): { readonly record: string; readonly used: string } {
  return { record: join(dir, 'tokens', `${name}.json`), used: join(dir, 'tokens', `${name}.used`) };
}

function recordIn(text: string | undefined): { readonly id: SpiffeId; readonly role: AdminRole | undefined; readonly expiresAtMs: number } | undefined {
  if (text === undefined) return undefined;
  const { id, role, expiresAtMs } = JSON.parse(text) as { readonly id: string; readonly role?: string; readonly expiresAtMs: number };
  return { id: parseSpiffeId(id), role: ADMIN_ROLES.find((known) => known === role), expiresAtMs };
}

export function listTokens(dir: string): KeptToken[] {
  return onDisk(dir, () =>
    namesIn(dir).flatMap((name) => {
      const at = paths(dir, name);
      const record = recordIn(readIfThere(at.record));
      return record === undefined ? [] : [{ name, ...record, usedAtMs: useAt(at.used)?.atMs }];
    }),
  );
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(join(dir, 'tokens')).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** @throws MeshError OVERLOADED */
export function keepToken(dir: string, { id, role, secret, expiresAtMs }: Token, nowMs: number): void {
  const kept = listTokens(dir);
  const old = kept.filter((each) => each.expiresAtMs < nowMs - KEPT_MS);
  for (const { name } of old) forgetToken(dir, name);
  const count = kept.length - old.length;
  if (count >= TOKENS_MAX) {
    throw new MeshError('OVERLOADED', `the authority keeps ${count} tokens`, { expected: `fewer than ${TOKENS_MAX}`, todo: 'take some back with `mesh token revoke`' });
  }
  onDisk(dir, () => {
    makePrivateDir(join(dir, 'tokens'));
    writePrivate(paths(dir, tokenName(secret)).record, `${JSON.stringify({ id: formatSpiffeId(id), role, expiresAtMs })}\n`);
  });
}

function forgetToken(dir: string, name: string): void {
  const at = paths(dir, name);
  onDisk(dir, () => {
    // The record first: without it nobody gets anything.
    rmSync(at.record, { force: true });
    rmSync(at.used, { force: true });
  });
}

/** By its name, or the beginning of it. @throws MeshError NOT_FOUND */
export function revokeToken(dir: string, beginning: string): KeptToken {
  const [found, ...others] = listTokens(dir).filter(({ name }) => beginning !== '' && name.startsWith(beginning));
  if (found === undefined || others.length > 0) {
    throw new MeshError('NOT_FOUND', `${others.length > 0 ? `${others.length + 1} tokens begin` : 'no token begins'} with "${beginning}"`, { given: beginning, expected: 'the name of one, as `mesh token list` shows it' });
  }
  forgetToken(dir, found.name);
  return found;
}

/**
 * What the token is worth, once; and once more for the same key while its answer may have been lost.
 * @param key names the key that is to be certified
 * @throws MeshError TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_USED
 */
export function redeemToken(dir: string, secret: Uint8Array, key: string, nowMs: number): Pick<Token, 'id' | 'role'> {
  const at = paths(dir, tokenName(secret));
  const todo = 'make another one with `mesh token create`';
  return onDisk(dir, () => {
    const record = recordIn(readIfThere(at.record));
    if (record === undefined) {
      throw new MeshError('TOKEN_UNKNOWN', 'this authority did not make the token, or took it back', { expected: 'a token of this authority', todo: `${todo}, on the machine of this authority` });
    }
    const { id, role, expiresAtMs } = record;
    const expired = nowMs > expiresAtMs;
    const used = useAt(at.used) ?? (expired ? undefined : useOnce(at.used, { atMs: nowMs, key }));
    if (used !== undefined && !isUseOf(used, key, nowMs)) {
      throw new MeshError('TOKEN_USED', `the token for ${formatSpiffeId(id)} was used at ${new Date(used.atMs).toISOString()}`, {
        expected: 'a token that was not used yet',
        todo: `${todo}; if it was not you who used it, somebody else is ${id.name} now`,
      });
    }
    if (used === undefined) {
      throw new MeshError('TOKEN_EXPIRED', `the token for ${formatSpiffeId(id)} expired at ${new Date(expiresAtMs).toISOString()}`, { expected: 'a token that has not expired', todo });
    }
    return { id, role };
  });
}
