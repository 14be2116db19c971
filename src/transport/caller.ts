/** Who is at the other end of a connection, as its certificate proves. */
import type { X509Certificate } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { MeshError } from '../errors.ts';
import { roleIn } from '../trust/admin-role.ts';
import type { AdminRole } from '../trust/authority.ts';
import { issuingPin, type Bundle } from '../trust/bundle.ts';
import type { SpiffeId } from '../trust/spiffe-id.ts';
import { validity, verifyChain } from '../trust/svid.ts';

export interface Caller {
  readonly id: SpiffeId;
  /** Of an admin only. */
  readonly role: AdminRole | undefined;
  /** Of its certificate, hex. */
  readonly serial: string;
  /** Which of those that are believed issued that, by its pin. */
  readonly authority: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The group of the key exchange, such as X25519MLKEM768; undefined where the runtime does not tell. */
  readonly tlsGroup: string | undefined;
}

/** @throws MeshError as `verifyChain`, NO_IDENTITY when there is no certificate */
export function callerOf(chain: readonly X509Certificate[], bundle: Bundle, nowMs: number, tlsGroup: string | undefined): Caller {
  const [leaf] = chain;
  if (leaf === undefined) {
    throw new MeshError('NO_IDENTITY', 'nobody is served here without a certificate', {
      expected: `an X.509-SVID of the trust domain ${bundle.trustDomain}`,
      todo: 'get one with `mesh token create` at a node of the mesh, and `mesh join` here',
    });
  }
  const id = verifyChain(chain, bundle, nowMs);
  return { id, role: id.kind === 'admin' ? roleIn(leaf) : undefined, serial: leaf.serialNumber, authority: issuingPin(chain, bundle) ?? '', ...validity(leaf), tlsGroup };
}

/** How trails and audits name somebody who is no member but asks as an admin. */
export function adminShown({ id, role }: Pick<Caller, 'id' | 'role'>): string {
  return `admin/${id.name} (${role ?? 'no role'})`;
}

/** The gate knows who calls, and the handler must: the metadata is what both have in their hands. */
const CALLERS = new WeakMap<Metadata, Caller>();

export function noteCaller(metadata: Metadata, caller: Caller): void {
  CALLERS.set(metadata, caller);
}

/** Undefined on the unix socket, where who calls is the owner of the node. */
export function callerBy(metadata: Metadata): Caller | undefined {
  return CALLERS.get(metadata);
}
