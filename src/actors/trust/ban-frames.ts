/** What is said about bans, as it goes over a session. Pure. */
import type { TrustFrame, TrustFrame__Output } from '../../transport/generated/omega/mesh/v1/TrustFrame.ts';
import type { BanFrame } from './ban-spread.ts';

const ID_BYTES = 32;

export function toTrustFrame({ digest, ids, wanted, entries }: BanFrame): TrustFrame {
  if (entries !== undefined) return { entries: { entries: entries.map(({ body, chain, signature }) => ({ body: asBuffer(body), chain: chain.map(asBuffer), signature: asBuffer(signature) })) } };
  if (ids !== undefined) return { ids: { ids: ids.map(asId) } };
  if (wanted !== undefined) return { wanted: { ids: wanted.map(asId) } };
  return { digest: asId(digest ?? '') };
}

/** Undefined for a body of a later protocol. */
export function fromTrustFrame({ digest, ids, wanted, entries }: TrustFrame__Output): BanFrame | undefined {
  if (entries) return { entries: entries.entries };
  if (ids) return { ids: idsIn(ids.ids) };
  if (wanted) return { wanted: idsIn(wanted.ids) };
  return digest ? { digest: digest.toString('hex') } : undefined;
}

function idsIn(ids: readonly Buffer[]): readonly string[] {
  return ids.filter(({ length }) => length === ID_BYTES).map((id) => id.toString('hex'));
}

function asId(id: string): Buffer {
  return Buffer.from(id, 'hex');
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
