/** Who is kept out, for those who must know at once whether somebody may speak. Outlives the actor that tells it. */
import { MeshError } from '../errors.ts';
import { issuedAtMs, type BanClaim, type HeldBan } from './ban-entry.ts';
import { formatSpiffeId, type SpiffeId } from './spiffe-id.ts';

export interface BanGate {
  /** Why this identity may not speak; undefined when it may. */
  fault(id: SpiffeId, notBeforeMs: number): MeshError | undefined;
  /** When it was evicted with this certificate; undefined when it was not. */
  evictedAtMs(id: SpiffeId, notBeforeMs: number): number | undefined;
  /** @param restrictions by subject: those who are kept out */
  replace(restrictions: ReadonlyMap<string, HeldBan>): void;
  /** Tells of every later change; the answer ends that. */
  onChange(heard: () => void): () => void;
}

export function banGate(): BanGate {
  let present: ReadonlyMap<string, HeldBan> = new Map();
  const listeners = new Set<() => void>();
  const claimAgainst = (id: SpiffeId, notBeforeMs: number): BanClaim | undefined => {
    const claim = present.get(formatSpiffeId(id))?.claim;
    return claim?.kind === 'evict' && issuedAtMs(notBeforeMs) > claim.epochMs ? undefined : claim;
  };
  return {
    fault(id, notBeforeMs) {
      const claim = claimAgainst(id, notBeforeMs);
      if (claim === undefined) return undefined;
      const { subject, kind, reason, by, epochMs } = claim;
      const when = new Date(epochMs).toISOString();
      if (kind === 'ban') return new MeshError('BANNED', `${subject} was banned at ${when} by ${by}: ${reason}`, { given: subject, todo: 'an admin takes that back with `mesh trust unban`' });
      return new MeshError('EVICTED', `${subject} was evicted at ${when} by ${by}: ${reason}`, { given: subject, todo: 'it attests again by itself; if it cannot: `mesh token create` at a node of the mesh, and `mesh join` here' });
    },
    evictedAtMs(id, notBeforeMs) {
      const claim = claimAgainst(id, notBeforeMs);
      return claim?.kind === 'evict' ? claim.epochMs : undefined;
    },
    replace(restrictions) {
      present = restrictions;
      for (const heard of listeners) heard();
    },
    onChange(heard) {
      listeners.add(heard);
      return () => void listeners.delete(heard);
    },
  };
}
