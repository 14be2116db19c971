/** A signed bundle, as it goes over the wire. */
import type { SignedBundle } from '../trust/signed-bundle.ts';
import type { SignedBundle as Message, SignedBundle__Output } from './generated/omega/mesh/v1/SignedBundle.ts';

export function bundleMessage({ body, signatures }: SignedBundle): Message {
  return { body: Buffer.from(body), signatures: signatures.map(({ pin, signature }) => ({ pin, signature: Buffer.from(signature) })) };
}

/** Looked into by whoever believes it. */
export function bundleFrom({ body, signatures }: SignedBundle__Output): SignedBundle {
  return { body, signatures };
}
