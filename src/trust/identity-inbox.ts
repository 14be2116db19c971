/** Where an identity that is pushed waits for whoever puts it in the place of the present one. */
import { isSameBundle } from './bundle.ts';
import type { Identity } from './identity-source.ts';

export interface IdentityInbox {
  put(identity: Identity): void;
  /** The newest one that was put and is another than this; waits for it, for ever if need be. */
  next(present: Identity): Promise<Identity>;
}

export function identityInbox(): IdentityInbox {
  let newest: Identity | undefined;
  const waiting = new Set<(identity: Identity) => boolean>();
  return {
    put(identity) {
      newest = identity;
      for (const take of waiting) if (take(identity)) waiting.delete(take);
    },
    next(present) {
      const isOther = ({ svid, bundle }: Identity): boolean => svid.serial !== present.svid.serial || !isSameBundle(bundle, present.bundle);
      if (newest !== undefined && isOther(newest)) return Promise.resolve(newest);
      return new Promise((resolve) => {
        waiting.add((identity) => {
          if (!isOther(identity)) return false;
          resolve(identity);
          return true;
        });
      });
    },
  };
}
