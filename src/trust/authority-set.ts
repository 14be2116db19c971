/**
 * The authorities of a trust domain, in the order in which one takes the place of another. Pure. Before a new one issues anything
 * all must believe it; before the old one is believed no more nobody must need it. Hence four steps, and each says what it waits for:
 *
 *     prepare:  + prepared            everyone learns to believe it
 *     activate: prepared → active     it issues; the one before is `old`, and believed
 *     taint:    old → tainted         whoever has a certificate of it gets another now
 *     revoke:   tainted →             it is believed no more
 */
import { MeshError } from '../errors.ts';
import type { Authority } from './authority.ts';
import type { HeldBan } from './ban-entry.ts';
import { issuingPin, keyPin, type Bundle } from './bundle.ts';
import { readCertificates } from './svid.ts';
import { ENDORSED_MAX, type AuthorityState, type BundleClaim, type StatedAuthority } from './signed-bundle.ts';

export interface KeptAuthority extends Authority {
  readonly state: AuthorityState;
  /** Of its files: `<file>.key` and `<file>.crt`. */
  readonly file: string;
}

export interface AuthoritySet {
  readonly trustDomain: string;
  /** Of the bundle that says this. */
  readonly sequence: number;
  /** One of them is active. */
  readonly authorities: readonly KeptAuthority[];
  /** Pins of those that were revoked, the last ones: who has an identity of one of them is one of us. */
  readonly past: readonly string[];
  readonly endorsed: readonly string[];
}

export const AUTHORITY_VERBS = ['prepare', 'activate', 'taint', 'revoke'] as const;
export type AuthorityVerb = (typeof AUTHORITY_VERBS)[number];

/** One a year for as long as anybody keeps an old disk. */
const PAST_MAX = 16;

/** As they are when there never was another. */
export function soleAuthority(authority: Authority): AuthoritySet {
  return { trustDomain: authority.trustDomain, sequence: 1, authorities: [{ ...authority, state: 'active', file: 'ca' }], past: [], endorsed: [] };
}

function inState({ authorities }: Pick<AuthoritySet, 'authorities'>, state: AuthorityState): KeptAuthority | undefined {
  return authorities.find((authority) => authority.state === state);
}

export function activeOf(set: AuthoritySet): KeptAuthority {
  return inState(set, 'active')!;
}

/**
 * The one that issues, unless it was replaced where a copy of it is kept: what it issues then is believed by nobody, or not for long.
 * @param present what is believed here
 * @throws MeshError REFUSED
 */
export function issuerOf(set: AuthoritySet, present: BundleClaim | undefined): Authority {
  const active = activeOf(set);
  const pin = keyPin(active.certificate);
  const state = present === undefined ? 'active' : present.authorities.find((each) => each.pin === pin)?.state;
  if (state === 'active' || state === 'old' || state === 'prepared') return active;
  throw new MeshError('REFUSED', 'the authority here was replaced on another machine, and issues no more', { given: pin, todo: 'copy the directory of the authority from that machine, or have identities from there: `mesh join`' });
}

export function bundleOfSet({ trustDomain, authorities }: AuthoritySet): Bundle {
  return { trustDomain, authorities: authorities.map(({ certificate }) => certificate) };
}

export function statesOf({ authorities }: AuthoritySet): readonly StatedAuthority[] {
  return authorities.map(({ certificate, state }) => ({ certificate, pin: keyPin(certificate), state }));
}

/** Whether the step has been taken already, may be taken, or makes no sense now. @throws MeshError REFUSED */
export function stepFrom(set: AuthoritySet, verb: AuthorityVerb): 'done' | 'due' {
  const is = (state: AuthorityState): boolean => inState(set, state) !== undefined;
  switch (verb) {
    case 'prepare':
      if (is('prepared')) return 'done';
      if (is('old') || is('tainted')) throw refused('the last change is not over: an authority is on its way out', `mesh trust authority ${is('old') ? 'taint' : 'revoke'}`);
      return 'due';
    case 'activate':
      if (is('prepared')) return 'due';
      if (is('old') || is('tainted')) return 'done';
      throw refused('there is no other authority that could be activated', 'mesh trust authority prepare');
    case 'taint':
      if (is('old')) return 'due';
      if (is('tainted')) return 'done';
      throw refused('there is no authority that has been replaced', is('prepared') ? 'mesh trust authority activate' : 'mesh trust authority prepare');
    case 'revoke':
      if (is('tainted')) return 'due';
      if (is('old')) throw refused('what the old authority issued is not being replaced yet', 'mesh trust authority taint');
      return 'done';
  }
}

/** @param made what `prepare` adds */
export function withPrepared(set: AuthoritySet, made: Authority): AuthoritySet {
  const sequence = set.sequence + 1;
  return { ...set, sequence, authorities: [...set.authorities, { ...made, state: 'prepared', file: `ca-${sequence}` }] };
}

export function withActivated(set: AuthoritySet): AuthoritySet {
  const next: Partial<Record<AuthorityState, AuthorityState>> = { prepared: 'active', active: 'old' };
  return { ...set, sequence: set.sequence + 1, authorities: set.authorities.map((each) => ({ ...each, state: next[each.state] ?? each.state })) };
}

export function withTainted(set: AuthoritySet): AuthoritySet {
  return { ...set, sequence: set.sequence + 1, authorities: set.authorities.map((each) => ({ ...each, state: each.state === 'old' ? 'tainted' : each.state })) };
}

/** Ids of those whose signers had no certificate of an authority that is left when the tainted one has gone. */
export function orphanedBy({ authorities }: AuthoritySet, bans: readonly HeldBan[]): readonly string[] {
  const left = authorities.filter(({ state }) => state !== 'tainted').map(({ certificate }) => certificate);
  return bans.filter(({ entry }) => issuingPin(readCertificates(entry.chain), { trustDomain: '', authorities: left }) === undefined).map(({ id }) => id);
}

/** @param endorsed ids of entries of the ban list that must outlive it. @throws MeshError OVERLOADED */
export function withRevoked(set: AuthoritySet, endorsed: readonly string[]): AuthoritySet {
  if (endorsed.length > ENDORSED_MAX) throw new MeshError('OVERLOADED', `${endorsed.length} entries of the ban list would have to be signed for`, { expected: `at most ${ENDORSED_MAX}`, todo: 'take back what is not needed any more: `mesh trust unban`' });
  const gone = inState(set, 'tainted')!;
  return {
    ...set,
    sequence: set.sequence + 1,
    authorities: set.authorities.filter((each) => each !== gone),
    past: [keyPin(gone.certificate), ...set.past].slice(0, PAST_MAX),
    endorsed: [...endorsed].sort(),
  };
}

function refused(message: string, todo: string): MeshError {
  return new MeshError('REFUSED', message, { expected: 'prepare, activate, taint, revoke, in this order', todo: `first: \`${todo}\`` });
}
