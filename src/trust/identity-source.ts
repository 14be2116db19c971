/** Where the present identity is had, by whoever opens or takes a connection, and heard of when it is renewed. */
import type { Bundle } from './bundle.ts';
import type { Svid } from './svid.ts';

export interface Identity {
  readonly svid: Svid;
  readonly bundle: Bundle;
}

export interface IdentitySource {
  current(): Identity;
  /** Tells of every later identity; the answer ends that. */
  onChange(heard: (identity: Identity) => void): () => void;
}

/** Keeps the last identity whatever becomes of who renews it. */
export interface HeldIdentity extends IdentitySource {
  replace(identity: Identity): void;
}

/** For who renews the certificate: the bundle is another's to change. */
export function holdSvid(held: HeldIdentity): HeldIdentity {
  return { ...held, replace: ({ svid }) => held.replace({ svid, bundle: held.current().bundle }) };
}

export function holdIdentity(first: Identity): HeldIdentity {
  let present = first;
  const listeners = new Set<(identity: Identity) => void>();
  return {
    current: () => present,
    onChange(heard) {
      listeners.add(heard);
      return () => void listeners.delete(heard);
    },
    replace(identity) {
      present = identity;
      for (const heard of listeners) heard(identity);
    },
  };
}
