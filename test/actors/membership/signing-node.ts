/** Nodes with identities, for the brain of another: what each says of itself, signed with a key that is a hash and quick. */
import { createHash } from 'node:crypto';
import type { ClaimSigner, KnownPeer } from '../../../src/actors/membership/claim-proofs.ts';
import { PROFILES } from '../../../src/actors/membership/profile.ts';
import { Swim } from '../../../src/actors/membership/swim.ts';
import type { Alive } from '../../../src/actors/membership/wire/messages.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { decodeStream, encodePushPull } from '../../../src/actors/membership/wire/stream.ts';
import type { Tags } from '../../../src/actors/membership/wire/tags.ts';
import { seededRandom } from '../../../src/random.ts';

interface TestKey extends ClaimSigner {
  readonly verifies: (statement: Uint8Array, signature: Uint8Array) => boolean;
}

export function testKey(secret: string): TestKey {
  const sign = (statement: Uint8Array): Uint8Array => createHash('sha512').update(secret).update(statement).digest();
  return {
    keyId: createHash('sha256').update(secret).digest('hex').slice(0, 16),
    sign,
    verifies: (statement, signature) => Buffer.from(sign(statement)).equals(signature),
  };
}

export function peer(name: string, ...keys: readonly TestKey[]): KnownPeer {
  return { name, isOpen: true, keys };
}

interface Said {
  readonly name: string;
  readonly host: string;
  readonly key?: ClaimSigner;
  readonly incarnation?: number;
  readonly tags?: Tags;
}

/** The alive of a node that says this of itself. */
export function said({ name, host, key, incarnation = 1, tags = {} }: Said): Alive {
  const brain = new Swim({ name, address: { host, port: 7946 }, tags, profile: PROFILES.lan, random: seededRandom(1), keptIncarnation: incarnation - 1 });
  brain.handle({ kind: 'started' }, 0);
  if (key !== undefined) brain.handle({ kind: 'identities', signer: key, peers: [] }, 0);
  const [reply] = brain.handle({ kind: 'request', request: encodePushPull({ join: false, states: [], userState: NO_BYTES }) }, 0);
  const list = reply?.kind === 'reply' && reply.reply !== undefined ? decodeStream(reply.reply) : undefined;
  if (typeof list !== 'object' || list.type !== 'pushPull') throw new Error('no list');
  const [state] = list.states;
  return { type: 'alive', node: state!.name, incarnation: state!.incarnation, addr: state!.addr, port: state!.port, meta: state!.meta, vsn: state!.vsn };
}
