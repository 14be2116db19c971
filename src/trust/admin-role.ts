/** What an admin may do, as its certificate says. */
import type { X509Certificate } from 'node:crypto';
import { ADMIN_ROLES, type AdminRole } from './authority.ts';
import type { IdentityKind } from './spiffe-id.ts';

/** The authority writes the role as the unit of the subject; an admin without one may look. */
export function roleIn(leaf: X509Certificate): AdminRole {
  const units = leaf.subject.split('\n').filter((line) => line.startsWith('OU='));
  return ADMIN_ROLES.find((role) => units.length === 1 && units[0] === `OU=${role}`) ?? 'viewer';
}

/** Nodes and agents renew at any hour; a person does while he works: twelve hours, where the others have one. */
const ADMIN_LIVES = 12;

export function ttlOf(kind: IdentityKind, ttlMs: number): number {
  return kind === 'admin' ? ADMIN_LIVES * ttlMs : ttlMs;
}

export function includesRole(role: AdminRole, needed: AdminRole): boolean {
  return ADMIN_ROLES.indexOf(role) >= ADMIN_ROLES.indexOf(needed);
}
