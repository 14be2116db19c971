/** What is told of identities, as functions for the brain. Keys are made once, though they are told again and again. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { signGossip, verifiesGossip } from '../../trust/gossip-signature.ts';
import type { KnownPeer } from './claim-proofs.ts';
import type { IdentitiesNews } from './membership-messages.ts';
import type { SwimInput } from './swim-effects.ts';

export class PeerKeyring {
  #keys: ReadonlyMap<string, KeyObject> = new Map();

  read({ own, peers }: IdentitiesNews): SwimInput {
    const keys = new Map<string, KeyObject>();
    const known = peers.map(({ name, isOpen, keys: told }): KnownPeer => ({
      name,
      isOpen,
      keys: told.map(({ keyId, spki }) => {
        const key = this.#keys.get(keyId) ?? createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
        keys.set(keyId, key);
        return { keyId, verifies: (statement, signature) => verifiesGossip(statement, key, signature) };
      }),
    }));
    this.#keys = keys;
    return { kind: 'identities', signer: { keyId: own.keyId, sign: (statement) => signGossip(statement, own.key) }, peers: known };
  }
}
