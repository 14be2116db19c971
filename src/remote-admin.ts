/** A node that runs elsewhere, asked over TLS: as which admin, and with which certificate. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatAddress } from './address.ts';
import { systemClock } from './clock.ts';
import { nameFromHost } from './config/config.ts';
import { adminTrustDir, authorityDir } from './config/home-path.ts';
import { releaseLock, takeLock, thisProcess } from './data-dir/lock-file.ts';
import { MeshError } from './errors.ts';
import type { RemoteNode } from './transport/admin-channel.ts';
import { adminShown } from './transport/caller.ts';
import { connectRemoteAdmin } from './transport/grpc-client.ts';
import type { AdminClient } from './transport/grpc-client.ts';
import { OpenSessions } from './transport/open-sessions.ts';
import { renewJoined } from './transport/renew.ts';
import { roleIn, ttlOf } from './trust/admin-role.ts';
import { SVID_TTL_MS } from './trust/authority.ts';
import { readAuthorities } from './trust/authority-files.ts';
import { activeOf, bundleOfSet } from './trust/authority-set.ts';
import { openBundles } from './trust/bundle-file.ts';
import { readIdentity, writeIdentity } from './trust/identity-files.ts';
import { holdIdentity } from './trust/identity-source.ts';
import type { Identity } from './trust/identity-source.ts';
import { isOf, issueOwn } from './trust/own-identity.ts';
import { verifyChain } from './trust/svid.ts';

export interface RemoteAsking {
  readonly node: RemoteNode;
  /** Undefined: the only one who has an identity here. */
  readonly admin: string | undefined;
  readonly home: string;
  /** For whom the authority here issues an identity where nobody has one. */
  readonly user: string;
  /** Whether a node has refused the identity, or does not hold by its bundle: then there must be another. */
  readonly isOutdated: boolean;
  /** Hears which node answers, for people; the same again at each connection. */
  readonly remark: (text: string) => void;
}

const JOIN = 'where the authority is: `mesh token create --admin <name> --role <role>`; then here: `mesh join --token <token> --seed <host>`';

/** A command does not wait for longer: what it has still holds. */
const RENEW_PATIENCE_MS = 2_000;

/** @throws MeshError NO_IDENTITY, SVID_EXPIRED, what keeps an identity that is outdated from being renewed, and as `readIdentity`, `readAuthority` and `verifyChain` */
export async function connectRemote({ node, admin, home, user, isOutdated, remark }: RemoteAsking): Promise<AdminClient> {
  const nowMs = systemClock.wallNow();
  const name = admin ?? onlyAdmin(home);
  const identity = name === undefined ? await issuedHere(home, user, nowMs) : await keptOf(home, name, isOutdated, nowMs);
  const { svid } = identity;
  return connectRemoteAdmin(node, { identity: holdIdentity(identity), pq: 'prefer', sessions: new OpenSessions() }, ({ id }) => {
    const as = adminShown({ id: svid.id, role: roleIn(svid.certificates[0]!) });
    remark(`asking ${id.name} at ${formatAddress(node.address)} as ${as}${name === undefined ? ', whom the authority here vouches for' : ''}`);
  });
}

/** Undefined where nobody has an identity. @throws MeshError NO_IDENTITY where several have */
function onlyAdmin(home: string): string | undefined {
  const names = adminsOf(home);
  if (names.length < 2) return names[0];
  throw new MeshError('NO_IDENTITY', `${names.length} admins have an identity here: ${names.join(', ')}`, { expected: 'one of them', todo: 'choose with --as <name> or MESH_ADMIN' });
}

/** A join that came to nothing leaves a directory. */
function adminsOf(home: string): string[] {
  const dir = dirname(adminTrustDir(home, 'any'));
  return existsSync(dir) ? readdirSync(dir).filter((name) => existsSync(join(dir, name, 'svid.crt'))).sort() : [];
}

/** Whoever holds the authority can be anybody; this says so at least. It is kept nowhere. */
async function issuedHere(home: string, user: string, nowMs: number): Promise<Identity> {
  const authorities = readAuthorities(authorityDir(home));
  if (authorities !== undefined) return issueOwn(activeOf(authorities), { kind: 'admin', name: nameFromHost(user), role: 'admin', ttlMs: ttlOf('admin', SVID_TTL_MS), nowMs }, bundleOfSet(authorities));
  throw noIdentity('there is no identity of an admin here, and no authority that could issue one');
}

async function keptOf(home: string, name: string, isOutdated: boolean, nowMs: number): Promise<Identity> {
  const dir = adminTrustDir(home, name);
  const kept = readIdentity(dir);
  if (kept === undefined) {
    const known = adminsOf(home);
    throw noIdentity(`the admin ${name} has no identity here${known.length === 0 ? '' : `; ${known.join(', ')} ${known.length === 1 ? 'has' : 'have'}`}`);
  }
  const identity = await (isOutdated ? renewed : renewedInTime)(dir, kept, home, nowMs);
  const { notAfterMs } = identity.svid;
  if (nowMs > notAfterMs) throw new MeshError('SVID_EXPIRED', `the identity of the admin ${name} expired at ${new Date(notAfterMs).toISOString()}`, { todo: JOIN });
  verifyChain(identity.svid.certificates, identity.bundle, nowMs);
  return identity;
}

/** In its second half, as those of nodes and agents; but nobody runs here who would do it when its time comes. */
async function renewedInTime(dir: string, kept: Identity, home: string, nowMs: number): Promise<Identity> {
  const { notBeforeMs, notAfterMs } = kept.svid;
  if (nowMs < (notBeforeMs + notAfterMs) / 2) return kept;
  const patience = new Promise<Identity>((resolve) => systemClock.setTimer(RENEW_PATIENCE_MS, () => resolve(kept)));
  // Why it was not renewed is no matter yet; that it has expired is told by who looks at it next.
  return Promise.race([renewed(dir, kept, home, nowMs).catch(() => kept), patience]);
}

async function renewed(dir: string, kept: Identity, home: string, nowMs: number): Promise<Identity> {
  const lock = join(dir, 'renewing.lock');
  // Commands that run side by side would mix the files of two identities.
  if (takeLock(lock, { ...thisProcess() }) !== undefined) return kept;
  try {
    const authorities = readAuthorities(authorityDir(home));
    const { id, certificates } = kept.svid;
    if (authorities !== undefined && isOf(kept, authorities)) {
      const issue = { kind: 'admin', name: id.name, role: roleIn(certificates[0]!), ttlMs: ttlOf('admin', SVID_TTL_MS), nowMs } as const;
      const issued = await issueOwn(activeOf(authorities), issue, bundleOfSet(authorities));
      writeIdentity(dir, issued);
      return issued;
    }
    const held = holdIdentity(kept);
    const { svid } = await renewJoined(dir, held, openBundles(dir, held, undefined, true, () => undefined));
    const identity = { svid, bundle: held.current().bundle };
    writeIdentity(dir, identity);
    return identity;
  } finally {
    releaseLock(lock, thisProcess());
  }
}

function noIdentity(message: string): MeshError {
  return new MeshError('NO_IDENTITY', message, {
    expected: 'an identity in ~/.omega-mesh/.admins',
    todo: JOIN,
  });
}
