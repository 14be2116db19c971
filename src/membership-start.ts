/**
 * Membership with what it needs of the world. Both are made where it runs, on the main thread or on one of its own: what
 * gets there is data and refs.
 */
import { randomBytes, type KeyObject } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { membershipActor } from './actors/membership/membership-actor.ts';
import { Envelope } from './actors/membership/wire/envelope.ts';
import { Keyring } from './actors/membership/wire/keyring.ts';
import { NONCE_BYTES } from './actors/membership/wire/seal.ts';
import { MeshError } from './errors.ts';
import { clockFile } from './data-dir/clock-file.ts';
import { incarnationFile } from './data-dir/incarnation-file.ts';
import { readKeyring, writeKeyring } from './data-dir/keyring-file.ts';
import { rememberedPeers } from './data-dir/remembered-peers.ts';
import { tagFile } from './data-dir/tag-file.ts';
import { GossipPort, type GossipTravel, type MembershipAudience, type MembershipStart } from './membership-spec.ts';
import { systemRandom } from './random.ts';
import { TurnMark } from './supervision/watchdog/turn-mark.ts';
import { inOrder } from './trust/gossip-ring.ts';
import { readRing } from './trust/ring-file.ts';
import { openGossipSocket } from './transport/gossip-socket.ts';
import type { GossipTransport } from './transport/gossip-transport.ts';

/** Called in each life, also in a thread of its own. */
export function startMembership(start: MembershipStart & MembershipAudience): ReturnType<typeof membershipActor> {
  const port = new GossipPort(start.port);
  const mainLoop = start.mainLoop && new TurnMark(start.mainLoop);
  return membershipActor({
    ...start,
    ...(mainLoop && { isDegraded: () => mainLoop.isDegraded }),
    openTransport: () => openGossip(start.bind, port),
    resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    random: systemRandom,
    memory: rememberedPeers(start.peersFile),
    tagMemory: tagFile(start.tagsFile),
    incarnation: incarnationFile(start.incarnationFile),
    clocks: clockFile(start.clocksFile),
    envelope: envelopeOf(start.travel),
    keepKeys: (keys) => keepKeys(start.travel, keys),
  });
}

/** A thread that is ended lets its port go when it has come to an end, a moment after its life. */
const PORT_PATIENCE_MS = 3_000;
const PORT_AGAIN_MS = 20;

async function openGossip(bind: string, port: GossipPort): Promise<GossipTransport> {
  const until = performance.now() + (port.hasBeenOpen ? PORT_PATIENCE_MS : 0);
  for (;;) {
    try {
      const transport = await openGossipSocket({ host: bind, port: port.number });
      port.opened(transport.local.port);
      return transport;
    } catch (error) {
      const isHeld = error instanceof MeshError && error.code === 'PORT_IN_USE';
      if (!isHeld || performance.now() >= until) throw error;
      await new Promise((resolve) => setTimeout(resolve, PORT_AGAIN_MS));
    }
  }
}

function envelopeOf({ keys, ...options }: GossipTravel): Envelope {
  return new Envelope({ ...options, keyring: keys && keyringOf(keys), nonce: () => randomBytes(NONCE_BYTES) });
}

function keyringOf(keys: NonNullable<GossipTravel['keys']>): Keyring {
  if ('file' in keys) return new Keyring(readKeyring(keys.file));
  if ('key' in keys) return new Keyring([Buffer.from(keys.key, 'base64')]);
  return new Keyring(inOrder(readRing(keys.ringDir) ?? []), true);
}

function keepKeys({ keys: origin }: GossipTravel, keys: readonly KeyObject[]): void {
  if (origin === undefined || !('file' in origin)) throw new Error('keys are kept in a keyring only, and none is configured');
  writeKeyring(origin.file, keys.map((key) => key.export()));
}
