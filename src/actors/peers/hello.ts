/** The first frame in both directions of a session, and what is wrong with one. Pure. */
import { MeshError } from '../../errors.ts';
import type { PeerFrame, PeerFrame__Output } from '../../transport/generated/omega/mesh/v1/PeerFrame.ts';

/** The session protocol spoken here; raised by changes that an older node would misunderstand. */
const PROTOCOL = 1;
/** No node has a longer name; what a fault quotes of a stranger's frame is cut here. */
const NAME_CHARS_MAX = 128;

/** One of the two must dial, and only one may: the names decide, the same on both sides. */
export function dials(self: string, node: string): boolean {
  return self < node;
}

export function helloTo(self: string, node: string): PeerFrame {
  return { hello: { node: self, target: node, protocol: PROTOCOL } };
}

/** The name of the node that says hello to `self`, or what is wrong with its frame: MALFORMED, REFUSED. */
export function readHello(frame: PeerFrame__Output, self: string): string | MeshError {
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
    const given = hello.target.slice(0, NAME_CHARS_MAX);
    return new MeshError('REFUSED', `this is node ${self}, not ${given}`, { given, expected: self });
  }
  return hello.node.slice(0, NAME_CHARS_MAX);
}
