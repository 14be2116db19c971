/** What is said about bundles, as it goes over a session. Pure. */
import type { BundleFrame, BundleFrame__Output } from '../../transport/generated/omega/mesh/v1/BundleFrame.ts';
import type { BundleTalk } from './bundle-spread.ts';

/** As many as a person reads. */
export const OUTGOING_SHOWN_MAX = 32;
const ID_CHARS_MAX = 512;

export function toBundleFrame({ standing, document }: BundleTalk): BundleFrame {
  if (document !== undefined) {
    const { body, signatures } = document;
    return { document: { body: asBuffer(body), signatures: signatures.map(({ pin, signature }) => ({ pin, signature: asBuffer(signature) })) } };
  }
  const { sequence = 0, id = '', outgoing = [], outgoingCount = 0 } = standing ?? {};
  return { standing: { sequence, id: Buffer.from(id, 'hex'), outgoing: [...outgoing], outgoingCount } };
}

/** Empty for a body of a later protocol. */
export function fromBundleFrame({ standing, document }: BundleFrame__Output): BundleTalk {
  if (document) return { document };
  if (!standing) return {};
  const { sequence, id, outgoing, outgoingCount } = standing;
  return { standing: { sequence, id: id.toString('hex'), outgoing: outgoing.slice(0, OUTGOING_SHOWN_MAX).map((each) => each.slice(0, ID_CHARS_MAX)), outgoingCount } };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
