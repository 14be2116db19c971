/** What membership is started with, as data and refs that can cross to a thread of its own. Loads nothing of membership itself. */
import type { MembershipActorOptions } from './actors/membership/membership-actor.ts';
import type { EnvelopeOptions } from './actors/membership/wire/envelope.ts';
import type { GossipConfig } from './config/gossip-keys.ts';
import type { ThreadSpec } from './supervision/thread/thread-spec.ts';
import { turnMark } from './supervision/watchdog/turn-mark.ts';

/** Who hears of members. */
export type MembershipAudience = Pick<MembershipActorOptions, 'listeners' | 'hearers' | 'serfListeners' | 'identities'>;

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
  /** What its Lamport clocks showed. */
  readonly clocksFile: string;
  readonly travel: GossipTravel;
  /** The turn mark of the main loop, for a thread beside it. */
  readonly mainLoop?: SharedArrayBuffer;
}

/** What gossip travels in, as data. */
export interface GossipTravel extends Pick<EnvelopeOptions, 'label' | 'compresses' | 'verifiesIncoming' | 'verifiesOutgoing'> {
  /** The file is read in each life, for keys are changed while the node runs. */
  readonly keys: { readonly file: string } | { readonly key: string } | { readonly ringDir: string } | undefined;
}

/** @param ringDir where the keys of the trust domain are kept, for who has no others */
export function gossipTravel(config: GossipConfig, ringDir: string | undefined): GossipTravel {
  const { gossipLabel: label, gossipKeyring: file, gossipKey: key } = config;
  return {
    label,
    compresses: config.gossipCompression === 'on',
    verifiesIncoming: config.gossipVerifyIncoming === 'on',
    verifiesOutgoing: config.gossipVerifyOutgoing === 'on',
    keys: keysOf(file, key, ringDir),
  };
}

function keysOf(file: string | undefined, key: string | undefined, ringDir: string | undefined): GossipTravel['keys'] {
  if (file !== undefined) return { file };
  if (key !== undefined) return { key };
  return ringDir === undefined ? undefined : { ringDir };
}

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

/**
 * What gossip may hold at once: two times 64 MiB of exchanges on streams and 8 MiB of packets, beside some 2 KiB for each of
 * 8,192 members and its own code. More is a leak.
 */
const MEMORY_MB_MAX = 256;

/** Beside this file, with its ending: sources and the built form alike. */
const MODULE = import.meta.url.replace('/membership-spec.', '/membership-start.');

/** For the spec of a child that runs in a thread, where alone membership is then loaded. */
export function membershipThread(start: MembershipStart & MembershipAudience): ThreadSpec {
  return { isolation: 'thread', module: MODULE, export: 'startMembership', argument: { ...start, mainLoop: turnMark.memory }, memoryMbMax: MEMORY_MB_MAX };
}
