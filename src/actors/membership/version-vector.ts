/** Which protocol versions a member understands and speaks: of memberlist, then of the application on top. */

interface Versions {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

/** What the members of a mesh are to each other beside being members: they must all be the same. */
export type Application = 'serf' | 'none';

const PROTOCOL: Versions = { min: 1, max: 5, current: 2 };
const APPLICATION: Readonly<Record<Application, Versions>> = {
  /** One node with other numbers would make every push/pull of a Serf cluster fail that lists it. */
  serf: { min: 2, max: 5, current: 5 },
  /** What a program on memberlist says that does not say anything, and most do not. */
  none: { min: 0, max: 0, current: 0 },
};

/** A node's own. Always six bytes: peers up to memberlist 0.6.0 crash on fewer. */
const OWN: Readonly<Record<Application, Uint8Array>> = { serf: bytesOf(APPLICATION.serf), none: bytesOf(APPLICATION.none) };

/** Of a node in a mesh of Serf's. */
export const VSN: Uint8Array = OWN.serf;

export function versionsOf(application: Application): Uint8Array {
  return OWN[application];
}

/**
 * Whether each side speaks what the other understands. Peers check this over whole member lists and refuse all of a
 * push/pull for one bad entry; we refuse the entry, at every door, so that it is never passed on.
 */
export function isCompatible(application: Application, vsn: Uint8Array): boolean {
  if (vsn.length < VSN.length) return false;
  const [protocolMin = 0, protocolMax = 0, protocolCurrent = 0, delegateMin = 0, delegateMax = 0, delegateCurrent = 0] = vsn;
  // Zero is what a Go peer makes of a version it was not given.
  return (
    protocolMin > 0 &&
    understand(PROTOCOL, { min: protocolMin, max: protocolMax, current: protocolCurrent }) &&
    understand(APPLICATION[application], { min: delegateMin, max: delegateMax, current: delegateCurrent })
  );
}

function bytesOf(application: Versions): Uint8Array {
  return Uint8Array.of(PROTOCOL.min, PROTOCOL.max, PROTOCOL.current, application.min, application.max, application.current);
}

function understand(a: Versions, b: Versions): boolean {
  return a.min <= b.current && b.current <= a.max && b.min <= a.current && a.current <= b.max;
}
