/** Who is kept out, for those who must know at once whether somebody may speak. Outlives the actor that tells it. */
import { MeshError } from '../errors.ts';
import { issuedAtMs, type HeldBan } from './ban-entry.ts';
import { formatSpiffeId, type SpiffeId } from './spiffe-id.ts';

export interface BanGate {
  /** Why this identity may not speak; undefined when it may. */
  fault(id: SpiffeId, notBeforeMs: number): MeshError | undefined;
  /** @param restrictions by subject: those who are kept out */
  replace(restrictions: ReadonlyMap<string, HeldBan>): void;
  /** Tells of every later change; the answer ends that. */
  onChange(heard: () => void): () => void;
}

export function banGate(): BanGate {
  let present: ReadonlyMap<string, HeldBan> = new Map();
  const listeners = new Set<() => void>();
  return {
    fault(id, notBeforeMs) {
      const subject = formatSpiffeId(id);
      const held = present.get(subject);
      if (held === undefined) return undefined;
      const { kind, reason, by, epochMs } = held.claim;
      if (kind === 'evict' && issuedAtMs(notBeforeMs) > epochMs) return undefined;
      const when = new Date(epochMs).toISOString();
      return new MeshError('BANNED', `${subject} was ${kind === 'ban' ? 'banned' : 'evicted'} at ${when} by ${by}: ${reason}`, {
        given: subject,
        todo: kind === 'ban' ? 'an admin takes that back with `mesh trust unban`' : 'attest again: `mesh token create` at a node of the mesh, and `mesh join` here',
      });
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
