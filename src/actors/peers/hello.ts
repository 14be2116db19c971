/** The first frame in both directions of a session, and what is wrong with one. Pure. */
import { MeshError } from '../../errors.ts';
import type { PeerFrame, PeerFrame__Output } from '../../transport/generated/omega/mesh/v1/PeerFrame.ts';

/** The session protocol spoken here; raised by changes that an older node would misunderstand. */
const PROTOCOL = 1;
/** No node has a longer name or address; what a fault quotes of a stranger's frame is cut here. */
const QUOTE_CHARS_MAX = 128;

/** One of the two must dial, and only one may: the names decide, the same on both sides. */
export function dials(self: string, node: string): boolean {
  return self < node;
}

/** A node, by its name and by where it takes sessions: two may claim the same name. */
export interface Introduction {
  readonly node: string;
  /** host:port */
  readonly address: string;
}

export function helloTo(node: string, self: Introduction): PeerFrame {
  return { hello: { ...self, target: node, protocol: PROTOCOL } };
}

/** Who says hello to `self`, or what is wrong with its frame: MALFORMED, REFUSED. */
export function readHello(frame: PeerFrame__Output, self: string): Introduction | MeshError {
  const { hello } = frame;
  if (!hello) return new MeshError('MALFORMED', 'the first frame of a session must be a hello', { given: frame.body ?? 'nothing', expected: 'hello' });
  if (hello.protocol !== PROTOCOL) {
    return new MeshError('REFUSED', `session protocol ${hello.protocol} is not spoken here`, {
      given: String(hello.protocol),
      expected: String(PROTOCOL),
      todo: 'run the same version of omega-mesh on both nodes',
    });
  }
  if (hello.target !== self) {
    const given = hello.target.slice(0, QUOTE_CHARS_MAX);
    return new MeshError('REFUSED', `this is node ${self}, not ${given}`, { given, expected: self });
  }
  return { node: hello.node.slice(0, QUOTE_CHARS_MAX), address: hello.address.slice(0, QUOTE_CHARS_MAX) };
}
