/**
 * Membership with what it needs of the world. Both are made where it runs, on the main thread or on one of its own: what
 * gets there is data and refs.
 */
import { randomBytes, type KeyObject } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { membershipActor } from './actors/membership/membership-actor.ts';
import type { MembershipActorOptions } from './actors/membership/membership-actor.ts';
import { Envelope, type EnvelopeOptions } from './actors/membership/wire/envelope.ts';
import { Keyring } from './actors/membership/wire/keyring.ts';
import { NONCE_BYTES } from './actors/membership/wire/seal.ts';
import type { GossipConfig } from './config/gossip-keys.ts';
import { MeshError } from './errors.ts';
import { incarnationFile } from './data-dir/incarnation-file.ts';
import { readKeyring, writeKeyring } from './data-dir/keyring-file.ts';
import { rememberedPeers } from './data-dir/remembered-peers.ts';
import { tagFile } from './data-dir/tag-file.ts';
import { systemRandom } from './random.ts';
import type { ThreadSpec } from './supervision/thread/thread-spec.ts';
import { TurnMark, turnMark } from './supervision/watchdog/turn-mark.ts';
import { openGossipSocket } from './transport/gossip-socket.ts';
import type { GossipTransport } from './transport/gossip-transport.ts';

/** Who hears of members. */
export type MembershipAudience = Pick<MembershipActorOptions, 'listeners' | 'hearers' | 'serfListeners'>;

export interface MembershipStart extends Pick<MembershipActorOptions, 'name' | 'tags' | 'seeds' | 'isDiscovering' | 'profile' | 'application'> {
  /** IP address to listen on. */
  readonly bind: string;
  /** Of a `GossipPort`. */
  readonly port: SharedArrayBuffer;
  /** Where members were when this node last ran. */
  readonly peersFile: string;
  /** Tags that were changed while it ran. */
  readonly tagsFile: string;
  /** Which incarnation it may have announced. */
  readonly incarnationFile: string;
  readonly travel: GossipTravel;
  /** The turn mark of the main loop, for a thread beside it. */
  readonly mainLoop?: SharedArrayBuffer;
}

/** What gossip travels in, as data. */
interface GossipTravel extends Pick<EnvelopeOptions, 'label' | 'compresses' | 'verifiesIncoming' | 'verifiesOutgoing'> {
  /** The file is read in each life, for keys are changed while the node runs. */
  readonly keys: { readonly file: string } | { readonly key: string } | undefined;
}

export function gossipTravel(config: GossipConfig): GossipTravel {
  const { gossipLabel: label, gossipKeyring: file, gossipKey: key } = config;
  return {
    label,
    compresses: config.gossipCompression === 'on',
    verifiesIncoming: config.gossipVerifyIncoming === 'on',
    verifiesOutgoing: config.gossipVerifyOutgoing === 'on',
    keys: file === undefined ? key === undefined ? undefined : { key } : { file },
  };
}

/**
 * What gossip may hold at once: two times 64 MiB of exchanges on streams and 8 MiB of packets, beside some 2 KiB for each of
 * 8,192 members and its own code. More is a leak.
 */
const MEMORY_MB_MAX = 256;

const PORT = 0;
const HAS_BEEN_OPEN = 1;

/** The gossip port, seen by the node and by the thread that opens it. One that was free to choose is chosen once: a later life is found where peers know it. */
export class GossipPort {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  static of(port: number): GossipPort {
    const made = new GossipPort(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
    Atomics.store(made.#words, PORT, port);
    return made;
  }

  get number(): number {
    return Atomics.load(this.#words, PORT);
  }

  get hasBeenOpen(): boolean {
    return Atomics.load(this.#words, HAS_BEEN_OPEN) === 1;
  }

  opened(port: number): void {
    Atomics.store(this.#words, PORT, port);
    Atomics.store(this.#words, HAS_BEEN_OPEN, 1);
  }
}

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
    envelope: envelopeOf(start.travel),
    keepKeys: (keys) => keepKeys(start.travel, keys),
  });
}

/** For the spec of a child that runs in a thread. */
export function membershipThread(start: MembershipStart & MembershipAudience): ThreadSpec {
  return { isolation: 'thread', module: import.meta.url, export: startMembership.name, argument: { ...start, mainLoop: turnMark.memory }, memoryMbMax: MEMORY_MB_MAX };
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
  const ring = keys === undefined ? undefined : new Keyring('file' in keys ? readKeyring(keys.file) : [Buffer.from(keys.key, 'base64')]);
  return new Envelope({ ...options, keyring: ring, nonce: () => randomBytes(NONCE_BYTES) });
}

function keepKeys({ keys: origin }: GossipTravel, keys: readonly KeyObject[]): void {
  if (origin === undefined || !('file' in origin)) throw new Error('keys are kept in a keyring only, and none is configured');
  writeKeyring(origin.file, keys.map((key) => key.export()));
}
