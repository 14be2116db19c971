/** With which identity a node or an agent of this machine starts: one it has, or one that the authority here issues. */
import { MeshError } from '../errors.ts';
import { BACKDATE_MS, bundleOf, issueSvid, makeAuthority, makeRequest, SVID_TTL_MS, type Authority, type Issue } from './authority.ts';
import { keepAuthority, readAuthorities } from './authority-files.ts';
import { activeOf, bundleOfSet, soleAuthority, type AuthoritySet } from './authority-set.ts';
import { keyPin } from './bundle.ts';
import { readIdentity, writeIdentity } from './identity-files.ts';
import type { Identity } from './identity-source.ts';
import { formatSpiffeId, type IdentityKind } from './spiffe-id.ts';
import { pairSvid, verifyChain } from './svid.ts';

export interface OwnIdentityOptions {
  readonly kind: IdentityKind;
  readonly name: string;
  /** Where its identity is kept. */
  readonly trustDir: string;
  /** Where this user's authority is, or would be. */
  readonly authorityDir: string;
  /** The trust domain of an authority that is made when there is none; undefined: none is made. */
  readonly makeAuthorityFor: string | undefined;
  /** Of what is issued here. */
  readonly ttlMs?: number;
  /** Undefined: the authority here, unless what is kept is of another. */
  readonly source?: 'embedded' | 'fabric' | undefined;
  readonly nowMs: number;
}

export interface OwnIdentity {
  readonly identity: Identity;
  /** The authorities that it comes from, where they are kept here; else a Trust Fabric renews it. */
  readonly authorities: AuthoritySet | undefined;
  readonly hasMadeAuthority: boolean;
}

/** A host name made fit to be the trust domain of what this user starts on this machine. */
export function localTrustDomain(hostName: string): string {
  const host = hostName.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, '-').replace(/\.local$/, '').slice(0, 200);
  return `${host === '' ? 'localhost' : host}.local`;
}

/** A new key and its certificate, from an authority that is kept here. */
export async function issueOwn(
  authority: Authority,
  { kind, name, role, nowMs, ttlMs }: Pick<OwnIdentityOptions, 'kind' | 'name' | 'ttlMs' | 'nowMs'> & Pick<Issue, 'role'>,
  bundle = bundleOf(authority),
): Promise<Identity> {
  const { key, request } = await makeRequest();
  const id = { trustDomain: authority.trustDomain, kind, name };
  const certificate = await issueSvid(authority, request, { id, ...(role === undefined ? {} : { role }), ...(ttlMs === undefined ? {} : { ttlMs }) }, nowMs);
  return { svid: pairSvid([certificate], key), bundle };
}

/** Whether the authorities here are those that vouch for the identity, or did; one of another mesh may be here as well. */
export function isOf({ bundle }: Identity, { authorities, past }: AuthoritySet): boolean {
  const pins = new Set([...authorities.map(({ certificate }) => keyPin(certificate)), ...past]);
  return bundle.authorities.some((known) => pins.has(keyPin(known)));
}

function checkName({ svid: { id } }: Identity, { kind, name, trustDir }: OwnIdentityOptions): void {
  if (id.kind === kind && id.name === name) return;
  throw new MeshError('NO_IDENTITY', `the identity in ${trustDir} is that of ${formatSpiffeId(id)}, not of the ${kind} ${name}`, {
    given: formatSpiffeId(id),
    expected: `an identity of the ${kind} ${name}`,
    todo: `start it as ${id.name}, or with another data directory, or join again as ${name} with a token`,
  });
}

/**
 * Whether it may be used on: the one that was asked for, for no longer than would be issued now, by the authority that issues now,
 * and not yet as old as those that are renewed. Another costs a fifth of a second and fifteen MB, for the library that makes certificates.
 */
function isFresh({ svid }: Identity, set: AuthoritySet, { kind, name, nowMs, ttlMs = SVID_TTL_MS }: OwnIdentityOptions): boolean {
  const { id, notBeforeMs, notAfterMs, certificates } = svid;
  const lifeMs = notAfterMs - notBeforeMs - BACKDATE_MS;
  if (id.kind !== kind || id.name !== name || id.trustDomain !== set.trustDomain || lifeMs > ttlMs || notAfterMs - nowMs <= lifeMs / 2) return false;
  try {
    verifyChain(certificates, bundleOf(activeOf(set)), nowMs);
    return true;
  } catch (error) {
    if (error instanceof MeshError) return false;
    throw error;
  }
}

/**
 * @throws MeshError NO_IDENTITY where there is none and none can be had; what `readIdentity`, `readAuthority` and `verifyChain` throw
 */
export async function ownIdentity(options: OwnIdentityOptions): Promise<OwnIdentity> {
  const { source } = options;
  const kept = readIdentity(options.trustDir);
  const present = source === 'fabric' ? undefined : readAuthorities(options.authorityDir);
  if (kept !== undefined && source !== 'embedded' && (present === undefined || !isOf(kept, present))) {
    checkName(kept, options);
    verifyChain(kept.svid.certificates, kept.bundle, options.nowMs);
    return { identity: kept, authorities: undefined, hasMadeAuthority: false };
  }
  const authorities = present ?? soleAuthority(await madeFor(options));
  const bundle = bundleOfSet(authorities);
  if (kept !== undefined && isFresh(kept, authorities, options)) return { identity: { svid: kept.svid, bundle }, authorities, hasMadeAuthority: false };
  const identity = await issueOwn(activeOf(authorities), options, bundle);
  // What it issues now may be too early or too late for its own certificate.
  verifyChain(identity.svid.certificates, identity.bundle, options.nowMs);
  writeIdentity(options.trustDir, identity);
  return { identity, authorities, hasMadeAuthority: present === undefined };
}

async function madeFor({ authorityDir, makeAuthorityFor, kind, name, source, nowMs }: OwnIdentityOptions): Promise<Authority> {
  if (source === 'fabric') {
    throw new MeshError('NO_IDENTITY', `the ${kind} ${name} has no identity from a Trust Fabric`, { expected: 'an identity in its data directory', todo: 'join the trust domain with `mesh join --token <token> --seed <host>`' });
  }
  if (makeAuthorityFor !== undefined) return keepAuthority(authorityDir, await makeAuthority(makeAuthorityFor, nowMs));
  throw new MeshError('NO_IDENTITY', `the ${kind} ${name} has no identity, and there is no authority here that could issue one`, {
    expected: 'an identity in its data directory',
    todo: 'found a trust domain here with `mesh init --trust-domain <name>`, or join one with `mesh join --token <token> --seed <host>`',
  });
}
