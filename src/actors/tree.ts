/**
 * The run-time house as data: every permanent actor in start order. Read this first.
 *
 * Layers start from the state upward and stop from the edge downward. When a layer's supervisor gives up, everything
 * above it is rebuilt with it (rest_for_one at the root); a single actor that fails takes only its own room along.
 */
import type { ActorRef } from '../supervision/behavior.ts';
import type { SupervisorSpec, WorkerSpec } from '../supervision/child-spec.ts';
import type { ThreadSpec } from '../supervision/thread/thread-spec.ts';
import type { SupervisorMessage } from '../supervision/supervisor-messages.ts';
import { adminActor } from './admin/admin-actor.ts';
import type { AdminActorOptions } from './admin/admin-actor.ts';
import { serfDeskActor } from './admin/serf-desk-actor.ts';
import type { SerfDeskMessage } from './admin/serf-desk-actor.ts';
import { directoryActor } from './agents/directory-actor.ts';
import type { DirectoryActorMessage, DirectoryActorOptions } from './agents/directory-actor.ts';
import { busActor } from './bus/bus-actor.ts';
import type { BusMessage } from './bus/bus-actor.ts';
import { listenerActor } from './edge/listener-actor.ts';
import type { Listener } from './edge/listener-actor.ts';
import { Chronicle } from './membership/chronicle.ts';
import type { MembershipActorOptions, membershipActor, MembershipMessage } from './membership/membership-actor.ts';
import type { MemberEventsNews } from './membership/membership-messages.ts';
import type { FormationMessage } from './formation/formation-messages.ts';
import { reconcilerActor } from './formation/reconciler-actor.ts';
import type { ReconcilerOptions } from './formation/reconciler-actor.ts';
import { sourceActor } from './formation/source-actor.ts';
import type { SourceOptions } from './formation/source-actor.ts';
import { rosterActor } from './peers/roster-actor.ts';
import type { RosterActorOptions, RosterMessage } from './peers/roster-actor.ts';
import { registryActor } from './registry/registry-actor.ts';
import type { RegistryMessage, RegistryOptions } from './registry/registry-actor.ts';
import { identityActor } from './trust/identity-actor.ts';
import type { IdentityActorOptions, IdentityMessage } from './trust/identity-actor.ts';
import { svidWatchActor } from './trust/svid-watch-actor.ts';
import type { SvidWatchOptions } from './trust/svid-watch-actor.ts';
import { storageActor } from './registry/storage-actor.ts';
import type { StoredFiles } from './registry/storage-actor.ts';
import type { StorageRequest } from './registry/storage-messages.ts';
import { bundleActor } from './trust/bundle-actor.ts';
import type { BundleActorOptions, BundleMessage } from './trust/bundle-actor.ts';
import { peerKeysActor } from './trust/peer-keys-actor.ts';
import type { PeerKeysActorOptions, PeerKeysMessage } from './trust/peer-keys-actor.ts';
import { bansActor } from './trust/bans-actor.ts';
import type { BansActorOptions, BansMessage } from './trust/bans-actor.ts';
import { gossipKeysActor } from './trust/gossip-keys-actor.ts';
import type { GossipKeysActorOptions, GossipKeysMessage } from './trust/gossip-keys-actor.ts';
import { workloadsActor } from './workloads/workloads-actor.ts';
import type { WorkloadsActorOptions, WorkloadsMessage } from './workloads/workloads-actor.ts';
import { WORKLOADS_MAX } from '../trust/workload-entry.ts';

/** Addresses of the actors that others speak to. */
export interface MeshRefs {
  readonly storage: ActorRef<StorageRequest>;
  readonly registry: ActorRef<RegistryMessage>;
  readonly membership: ActorRef<MembershipMessage>;
  readonly bus: ActorRef<BusMessage>;
  readonly bans: ActorRef<BansMessage>;
  readonly bundles: ActorRef<BundleMessage>;
  readonly peerKeys: ActorRef<PeerKeysMessage>;
  readonly gossipKeys: ActorRef<GossipKeysMessage>;
  readonly identity: ActorRef<IdentityMessage>;
  readonly peerSessions: ActorRef<SupervisorMessage>;
  readonly roster: ActorRef<RosterMessage>;
  readonly agentSessions: ActorRef<SupervisorMessage>;
  readonly directory: ActorRef<DirectoryActorMessage>;
  readonly admin: ActorRef<MemberEventsNews>;
  readonly serfDesk: ActorRef<SerfDeskMessage>;
  readonly workloadSockets: ActorRef<SupervisorMessage>;
  readonly workloads: ActorRef<WorkloadsMessage>;
  readonly reconciler: ActorRef<FormationMessage>;
}

export function meshRefs(ref: <M>(path: string) => ActorRef<M>): MeshRefs {
  return {
    storage: ref('/registry/storage'),
    registry: ref('/registry/document'),
    membership: ref('/membership/swim'),
    bus: ref('/bus/subjects'),
    bans: ref('/trust/bans'),
    bundles: ref('/trust/bundle'),
    peerKeys: ref('/trust/keys'),
    gossipKeys: ref('/trust/gossip-keys'),
    identity: ref('/identity/renewal'),
    peerSessions: ref('/peers/sessions'),
    roster: ref('/peers/roster'),
    agentSessions: ref('/agents/sessions'),
    directory: ref('/agents/directory'),
    admin: ref('/edge/admin'),
    serfDesk: ref('/edge/serf'),
    workloadSockets: ref('/workloads/sockets'),
    workloads: ref('/workloads/list'),
    reconciler: ref('/formation/reconciler'),
  };
}

/** What the world outside gives the rooms, made by the composition root. */
export interface MeshParts {
  readonly node: string;
  readonly registryFiles: StoredFiles;
  readonly registry: Pick<RegistryOptions, 'random'>;
  /** On the main thread or in one of its own. */
  readonly membership: (audience: Pick<MembershipActorOptions, 'listeners' | 'hearers' | 'serfListeners' | 'identities'>) => ThreadSpec | { readonly start: () => ReturnType<typeof membershipActor> };
  readonly peerKeys: Omit<PeerKeysActorOptions, 'self' | 'peers' | 'membership'>;
  readonly bans: Omit<BansActorOptions, 'peers' | 'membership' | 'identity' | 'gossipKeys'>;
  readonly bundles: Omit<BundleActorOptions, 'peers' | 'membership' | 'bans' | 'renewal'>;
  readonly gossipKeys: Omit<GossipKeysActorOptions, 'peers' | 'membership' | 'identity'>;
  readonly peers: Pick<RosterActorOptions, 'selfAddress' | 'dial' | 'random'>;
  readonly agents: Pick<DirectoryActorOptions, 'encodeBatch' | 'bundle' | 'random'>;
  readonly openGrpc: () => Promise<Listener>;
  readonly admin: Omit<AdminActorOptions, 'membership' | 'peers' | 'agents' | 'registry' | 'bus' | 'memberTrail'>;
  readonly formation: FormationParts;
  readonly identity: IdentityParts;
  readonly workloads: Omit<WorkloadsActorOptions, 'sockets'>;
}

interface IdentityParts {
  readonly renewal: IdentityActorOptions;
  /** Where a Workload API pushes it. */
  readonly watch: Pick<SvidWatchOptions, 'open' | 'put'> | undefined;
  /** Where the authority is kept here. */
  readonly openFabric: (() => Promise<Listener | undefined>) | undefined;
}

interface FormationParts extends Omit<ReconcilerOptions, 'membership'> {
  /** Without any there is no such room. */
  readonly sources: readonly Omit<SourceOptions, 'reconciler'>[];
}

export function meshTree(parts: MeshParts, refs: MeshRefs): SupervisorSpec {
  const { node } = parts;
  const memberTrail = new Chronicle();
  const isDiscovering = parts.formation.sources.length > 0;
  const listeners = [refs.roster, refs.directory, ...(isDiscovering ? [refs.reconciler] : [])];
  return supervisor('root', 'rest_for_one', [
    supervisor('registry', 'one_for_one', [
      worker('storage', () => storageActor(parts.registryFiles)),
      worker('document', () => registryActor({ node, ...parts.registry, storage: refs.storage, peers: refs.roster })),
    ]),
    supervisor('membership', 'one_for_one', [
      { type: 'worker', id: 'swim', ...STARTING, ...LEAVING, ...parts.membership({ listeners, hearers: [refs.admin, refs.peerKeys], serfListeners: [refs.serfDesk], identities: refs.peerKeys }) },
    ]),
    supervisor('bus', 'one_for_one', [worker('subjects', () => busActor({ self: node, peers: refs.roster }))]),
    supervisor('trust', 'one_for_one', [
      worker('bans', () => bansActor({ ...parts.bans, peers: refs.roster, membership: refs.membership, identity: refs.identity, gossipKeys: refs.gossipKeys })),
      worker('bundle', () => bundleActor({ ...parts.bundles, peers: refs.roster, membership: refs.membership, bans: refs.bans, renewal: refs.identity })),
      worker('keys', () => peerKeysActor({ self: node, ...parts.peerKeys, peers: refs.roster, membership: refs.membership })),
      worker('gossip-keys', () => gossipKeysActor({ ...parts.gossipKeys, peers: refs.roster, membership: refs.membership, identity: refs.identity })),
    ]),
    supervisor('peers', 'rest_for_one', [
      dynamic('sessions', PEERS_MAX),
      worker('roster', () =>
        rosterActor({ self: node, ...parts.peers, sessions: refs.peerSessions, membership: refs.membership, registry: refs.registry, bus: refs.bus, bans: refs.bans, bundles: refs.bundles, peerKeys: refs.peerKeys, gossipKeys: refs.gossipKeys, identity: refs.identity }),
      ),
    ]),
    supervisor('agents', 'rest_for_one', [
      dynamic('sessions', AGENTS_MAX),
      worker('directory', () => directoryActor({ self: node, ...parts.agents, sessions: refs.agentSessions, bus: refs.bus, membership: refs.membership }), HEARS_ALL_AGENTS),
    ]),
    supervisor('edge', 'one_for_one', [
      worker('grpc', () => listenerActor(parts.openGrpc)),
      worker('serf', () => serfDeskActor({ membership: refs.membership, stopNode: (by) => parts.admin.operator.stopNode(by) })),
      worker('admin', () =>
        adminActor({ ...parts.admin, memberTrail, membership: refs.membership, peers: refs.roster, agents: refs.directory, registry: refs.registry, bus: refs.bus }),
      ),
    ]),
    identity(parts.identity, refs),
    supervisor('workloads', 'rest_for_one', [dynamic('sockets', WORKLOADS_MAX), worker('list', () => workloadsActor({ ...parts.workloads, sockets: refs.workloadSockets }))]),
    ...(isDiscovering ? [formation(parts.formation, refs)] : []),
  ]);
}

/** Behind all others, who rest on nothing here: the identity is held outside, and a Trust Fabric may be away. */
function identity({ renewal, watch, openFabric }: IdentityParts, { identity: renewer }: MeshRefs): SupervisorSpec {
  return supervisor('identity', 'one_for_one', [
    worker('renewal', () => identityActor(renewal)),
    ...(watch === undefined ? [] : [worker('watch', () => svidWatchActor({ ...watch, random: renewal.random, identity: renewer }))]),
    ...(openFabric === undefined ? [] : [worker('fabric', () => listenerActor(openFabric))]),
  ]);
}

/** Last: when it fails as a whole, nothing else is rebuilt with it. */
function formation({ sources, ...parts }: FormationParts, { membership, reconciler }: MeshRefs): SupervisorSpec {
  return supervisor('formation', 'one_for_one', [
    worker('reconciler', () => reconcilerActor({ ...parts, membership })),
    {
      type: 'supervisor',
      id: 'sources',
      strategy: 'one_for_one',
      ...SOURCES_BUDGET,
      children: sources.map((options) => ({ ...worker(options.source, () => sourceActor({ ...options, reconciler })), backoff: SOURCE_BACKOFF })),
    },
  ]);
}

/** Sessions join all nodes pairwise; beyond a thousand nodes another topology comes first. */
const PEERS_MAX = 1_024;
/** What one node serves; each session costs the process about 40 kB with its stream. */
const AGENTS_MAX = 20_000;
/** Twenty nodes that are started at once on two cores share them: code that loads in a moment then takes ten seconds. */
const STARTING = { startTimeoutMs: 30_000 } as const;
/** Leaving waits until the goodbye has spread; then a socket has to close. */
const LEAVING = { shutdown: 8_000 } as const;

/** Every agent's session reports to the directory each second. */
const HEARS_ALL_AGENTS = { mailbox: { max: 2.5 * AGENTS_MAX } } as const;
/** Sessions back off up to 30 s: one that crashes for the eleventh time in five minutes is let go; who wants it starts it anew. */
const SESSIONS_BUDGET = { intensity: 10, periodMs: 300_000 } as const;

/** A source that cannot be had is tried for ever, and costs nothing but that: at this delay it never comes to its budget. */
const SOURCE_BACKOFF = { baseMs: 1_000, maxMs: 60_000, consecutiveMax: Number.MAX_SAFE_INTEGER } as const;
const SOURCES_BUDGET = { budget: 'child', intensity: 20, periodMs: 60_000 } as const;

type Flags = Partial<Pick<WorkerSpec<unknown, never>, 'shutdown' | 'mailbox'>>;

/** A worker of any message type is a child like another; refs carry the types. */
function worker<S, M>(id: string, start: WorkerSpec<S, M>['start'], flags: Flags = {}): WorkerSpec<S, M> {
  return { type: 'worker', id, start, ...STARTING, ...flags };
}

function supervisor(id: string, strategy: SupervisorSpec['strategy'], children: NonNullable<SupervisorSpec['children']>): SupervisorSpec {
  return { type: 'supervisor', id, strategy, children };
}

function dynamic(id: string, childrenMax: number): SupervisorSpec {
  return { type: 'supervisor', id, strategy: 'dynamic', childrenMax, ...SESSIONS_BUDGET };
}
