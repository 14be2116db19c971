/** Which protocol versions a member understands and speaks: of memberlist, then of the application on top. */

interface Versions {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

const PROTOCOL: Versions = { min: 1, max: 5, current: 2 };
/** Serf's: one node with other numbers would make every push/pull of a Serf cluster fail that lists it. */
const DELEGATE: Versions = { min: 2, max: 5, current: 5 };

/** Ours. Always six bytes: peers up to memberlist 0.6.0 crash on fewer. */
export const VSN: Uint8Array = Uint8Array.of(PROTOCOL.min, PROTOCOL.max, PROTOCOL.current, DELEGATE.min, DELEGATE.max, DELEGATE.current);

/**
 * Whether each side speaks what the other understands. Peers check this over whole member lists and refuse all of a
 * push/pull for one bad entry; we refuse the entry, at every door, so that it is never passed on.
 */
export function isCompatible(vsn: Uint8Array): boolean {
  if (vsn.length < VSN.length) return false;
  const [protocolMin = 0, protocolMax = 0, protocolCurrent = 0, delegateMin = 0, delegateMax = 0, delegateCurrent = 0] = vsn;
  // Zero is what a Go peer makes of a version it was not given.
  return (
    protocolMin > 0 &&
    understand(PROTOCOL, { min: protocolMin, max: protocolMax, current: protocolCurrent }) &&
    understand(DELEGATE, { min: delegateMin, max: delegateMax, current: delegateCurrent })
  );
}

function understand(a: Versions, b: Versions): boolean {
  return a.min <= b.current && b.current <= a.max && b.min <= a.current && a.current <= b.max;
}
