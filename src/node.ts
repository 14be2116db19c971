/** The composition root: configuration becomes clock, random, log, transport and tree. The only place that knows everyone. */
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { authorityRequests } from './actors/admin/authority-requests.ts';
import { banEntries, banRequests } from './actors/admin/ban-requests.ts';
import { chaosRequests } from './actors/admin/chaos-requests.ts';
import { operatorOf } from './actors/admin/operator.ts';
import { serfRequests } from './actors/admin/serf-requests.ts';
import { workloadRequests } from './actors/admin/workload-requests.ts';
import { meshRefs, meshTree } from './actors/tree.ts';
import type { MeshParts, MeshRefs } from './actors/tree.ts';
import { formatAddress, parseAddress } from './address.ts';
import type { Address } from './address.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import { MeshError } from './errors.ts';
import type { LogFields, Logger, LogLevel, NodeLog } from './log.ts';
import { AuditLog, auditFileOf } from './data-dir/audit-log.ts';
import { GossipPort, gossipTravel, membershipThread } from './membership-spec.ts';
import type { MembershipAudience, MembershipStart } from './membership-spec.ts';
import type { startMembership } from './membership-start.ts';
import { eventFileOf, eventLine, isForDisk } from './data-dir/event-file.ts';
import { LineFile } from './line-file.ts';
import { readKeyring } from './data-dir/keyring-file.ts';
import { RegistryFiles } from './data-dir/registry-files.ts';
import { NodeProcess } from './node-process.ts';
import { bundleForAgents, bundleParts, followBundles } from './node-bundles.ts';
import { banParts, nodeTrust, openFabric, peerKeyParts, tellOfAlarms, workloadParts } from './node-trust.ts';
import { keyParts, withHandedKeyring } from './node-keys.ts';
import type { NodeTrust } from './node-trust.ts';
import type { NodeEnd } from './node-process.ts';
import { operatorServices } from './operator-services.ts';
import type { OperatorServices } from './operator-services.ts';
import { systemRandom } from './random.ts';
import { ROOT_PATH } from './supervision/child-spec.ts';
import type { SupervisionEvent } from './supervision/trail/event-log.ts';
import { toErrorInfo } from './supervision/exit-reason.ts';
import { ActorSystem } from './supervision/system.ts';
import { watchLoop } from './supervision/watchdog/watchdog.ts';
import type { LoopLag } from './supervision/watchdog/watchdog-messages.ts';
import { agentService } from './transport/agent-service.ts';
import { authorityService } from './transport/authority-service.ts';
import { banService } from './transport/ban-service.ts';
import { chaosService } from './transport/chaos-service.ts';
import { serfService } from './transport/serf-service.ts';
import { freePort } from './transport/free-port.ts';
import { dialPeer } from './transport/grpc-client.ts';
import { createMeshServer } from './transport/grpc-server.ts';
import type { MeshServer } from './transport/grpc-server.ts';
import { peerService } from './transport/peer-service.ts';
import type { MeshService } from './transport/session-service.ts';
import type { MeshTls } from './transport/tls.ts';
import type * as strategies from './transport/discovery/strategies.ts';
import { ADMIN_SOCKET, checkSocketPath } from './transport/unix-socket.ts';
import { workloadDeskService } from './transport/workload-desk-service.ts';
import { decodeTelemetryBatch, decodeTelemetryRecord, encodeTelemetryBatch } from './transport/telemetry-codec.ts';

export interface NodeOptions {
  readonly config: Config;
  readonly log: NodeLog;
  /** Of this release, for people. */
  readonly version: string;
  /** Ends the start when it is under way: a node that looks for others need not be waited for. */
  readonly signal?: AbortSignal;
}

export interface RunningNode {
  readonly name: string;
  readonly gossipAddress: string;
  readonly grpcAddress: string;
  readonly adminSocket: string;
  /** Leaves the mesh and stops the tree in reverse start order. */
  stop(): void;
  /** Resolves once all is down, whether asked to or not. */
  readonly done: Promise<NodeEnd>;
}

/** Membership answers after two seconds at the latest. */
const JOIN_TIMEOUT_MS = 5_000;

/** @throws MeshError when a listener or the data directory cannot be had, or another node has the name; what was already up is down again by then */
export async function startNode({ config: given, log, version, signal }: NodeOptions): Promise<RunningNode> {
  const config = withHandedKeyring(given);
  const adminSocket = join(config.dataDir, 'admin.sock');
  checkSocketPath(adminSocket, ADMIN_SOCKET);
  // Read for each life of membership; what is wrong with it is better known before anything runs.
  if (config.gossipKeyring !== undefined) readKeyring(config.gossipKeyring);
  const registryFiles = new RegistryFiles(join(config.dataDir, 'registry'));
  // Trouble with the disk that comes later is lived with; a node that began with it would show an empty registry.
  await registryFiles.check();
  const clock = systemClock;
  const audit = keepAudit(config, log);
  const trust = await nodeTrust(config, log, clock).catch((error: unknown) => refuseStart(error, config, audit, clock));
  const startLog = new StartLog(log);
  const system = new ActorSystem({ clock, random: systemRandom, log: startLog });
  const refs = meshRefs((path) => system.ref(path));
  const ports = new Ports(config, config.grpcPort === 0 ? await freePort(config.bind) : config.grpcPort);
  const node = new NodeProcess(system, log, clock);
  const stopWatch = watchLoop({
    log,
    degradedMs: config.degradedMs,
    stallLimitMs: config.stallLimitMs,
    reportFile: join(config.dataDir, 'stall.json'),
    onLag: (lag) => system.events.record(lagEvent(lag, clock)),
  });
  const boot = randomBytes(4).toString('hex');
  const trail = keepTrail(system, config, boot, log);
  audit.record({ what: 'node-start', who: NODE_ITSELF, outcome: 'begun', subject: config.name, detail: `pid ${process.pid}, run ${boot}, mesh ${version}` }, clock.wallNow());
  tellOfAlarms(trust.tls.sessions, log, audit, clock);
  followBundles({ trust, log, audit, clock });
  trust.tls.sessions.onAlarm((alarm) => {
    if (alarm.kind === 'refused' && alarm.fault.code === 'UNKNOWN_AUTHORITY') refs.bundles.send({ kind: 'refresh' });
  });
  const rooms = await loadRooms(config);
  const parts = meshParts({ config, version, system, refs, ports, adminSocket, node, registryFiles, boot, audit, log: startLog, trust, rooms });
  try {
    await node.start(meshTree(parts, refs));
    signal?.addEventListener('abort', () => node.stop(), { once: true });
    if (signal?.aborted === true) node.stop();
    else await joinMesh(node, refs);
  } catch (error) {
    stopWatch();
    await trail.close();
    audit.close();
    throw error;
  }
  startLog.isUp = true;
  return {
    name: config.name,
    gossipAddress: ports.gossipAddress,
    grpcAddress: ports.grpcAddress,
    adminSocket,
    stop: () => node.stop(),
    done: node.done.then(async (end) => {
      stopWatch();
      await trail.close();
      audit.record({ what: 'node-stop', who: NODE_ITSELF, outcome: 'done', subject: config.name }, clock.wallNow());
      audit.close();
      return end;
    }),
  };
}

/** When all is up: who hears of a node wants to open a session with it. */
async function joinMesh(node: NodeProcess, refs: MeshRefs): Promise<void> {
  const answer = refs.membership.ask<MeshError | undefined>((reply) => ({ kind: 'join', reply }), JOIN_TIMEOUT_MS);
  // A life of membership that ends before it answers is followed by one that joins by itself.
  const fault = await answer.catch(() => undefined);
  if (fault === undefined) return;
  node.stop();
  await node.done;
  throw fault;
}

/** That the loop stood still is told of the actor in whose turn it did; of the root when it was nobody's. */
function lagEvent({ stalledMs, turn }: LoopLag, clock: Clock): Omit<SupervisionEvent, 'sequence'> {
  return { atMs: clock.wallNow(), type: 'loop_lag', path: turn?.path ?? ROOT_PATH, life: turn?.life ?? 0, reason: `the loop stood still for ${stalledMs} ms` };
}

/** What supervision sees goes to disk as it happens: it is what is left of a node that was killed. */
function keepTrail(system: ActorSystem, { dataDir, name }: Config, boot: string, log: Logger): LineFile {
  const file = eventFileOf(dataDir);
  const lines = new LineFile(file, (error) => log.log('warn', 'events-lost', { file, error: toErrorInfo(error).message }));
  system.events.subscribe((event) => {
    if (isForDisk(event)) lines.write(eventLine({ boot, node: name, ...event }));
  });
  return lines;
}

const NODE_ITSELF = 'this node';

function keepAudit({ dataDir }: Config, log: Logger): AuditLog {
  const file = auditFileOf(dataDir);
  return new AuditLog(file, {
    lost: (error) => log.log('error', 'audit-lost', { file, error: toErrorInfo(error).message }),
    changed: (expected, found) => log.log('error', 'audit-changed', { file, expected: expected.sequence, expectedHash: expected.hash, found: found.sequence }),
  });
}

/** A key that others can read, a file that was changed: whoever looks into the audit later finds that too. */
function refuseStart(error: unknown, { name }: Config, audit: AuditLog, clock: Clock): never {
  if (error instanceof MeshError) audit.record({ what: 'node-start', who: NODE_ITSELF, outcome: 'refused', subject: name, detail: `${error.code}: ${error.message}` }, clock.wallNow());
  audit.close();
  throw error;
}

/** Until the node is up, whoever starts it tells people why it is not: how the tree came down again is for the file. */
class StartLog implements Logger {
  isUp = false;
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  log(level: LogLevel, event: string, fields: LogFields = {}): void {
    this.#log.log(level, event, this.isUp || !event.startsWith('actor-') ? fields : { ...fields, isForFile: true });
  }
}

/** Ports that were free to choose are chosen once: a listener that restarts comes back where its peers know it. */
class Ports {
  readonly gossip: GossipPort;
  readonly grpcAddress: string;
  readonly #bind: string;

  constructor({ bind, gossipPort }: Config, grpcPort: number) {
    this.gossip = GossipPort.of(gossipPort);
    this.grpcAddress = formatAddress({ host: bind, port: grpcPort });
    this.#bind = bind;
  }

  get gossipAddress(): string {
    return formatAddress({ host: this.#bind, port: this.gossip.number });
  }
}

/** What not every node needs, and no node should load for nothing. */
interface Rooms {
  /** Undefined where it is loaded by its own thread. */
  readonly startMembership: typeof startMembership | undefined;
  /** Undefined where no source is configured. */
  readonly discovery: Pick<typeof strategies, 'discoverBy' | 'processWorld'> | undefined;
}

async function loadRooms({ gossipThread, discover }: Config): Promise<Rooms> {
  return {
    startMembership: gossipThread === 'on' ? undefined : (await import('./membership-start.ts')).startMembership,
    discovery: discover.length === 0 ? undefined : await import('./transport/discovery/strategies.ts'),
  };
}

interface Makings {
  readonly config: Config;
  readonly version: string;
  readonly system: ActorSystem;
  readonly refs: MeshRefs;
  readonly ports: Ports;
  readonly adminSocket: string;
  readonly node: NodeProcess;
  readonly registryFiles: RegistryFiles;
  readonly boot: string;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly trust: NodeTrust;
  readonly rooms: Rooms;
}

function meshParts(makings: Makings): MeshParts {
  const { config, version, system, refs, ports, adminSocket, node, registryFiles, boot, audit, log, trust, rooms } = makings;
  const operators = forOperators(makings);
  const { tls, gate, held, renew, keep, watch, authorities } = trust;
  const grpcListen = parseAddress(ports.grpcAddress, config.grpcPort);
  const peerTls: MeshTls = { ...tls, onEvicted: () => void refs.identity.send({ kind: 'renew' }) };
  return {
    node: config.name,
    registryFiles,
    registry: { random: systemRandom },
    membership: (audience) => membershipChild(config, ports, audience, rooms, trust.ringDir),
    bans: banParts({ config, tls, gate, log, audit, clock: systemClock }),
    bundles: bundleParts({ trust, log, audit, clock: systemClock }),
    peerKeys: peerKeyParts({ tls, gate, log, audit, clock: systemClock }),
    gossipKeys: keyParts({ config, trust, audit, clock: systemClock }),
    peers: { selfAddress: ports.grpcAddress, dial: (address, peer) => dialPeer(parseAddress(address, config.grpcPort), peer, { tls: peerTls }), random: systemRandom },
    agents: { encodeBatch: encodeTelemetryBatch, bundle: bundleForAgents(trust.bundles), random: systemRandom },
    openGrpc: () => openGrpc(grpcListen, refs, tls, operators.forAdmins),
    identity: {
      renewal: { held, renew: () => renew((ring) => void refs.gossipKeys.send({ kind: 'handed', ring })), keep, isRefused: () => gate.fault(held.current().svid.id, held.current().svid.notBeforeMs) !== undefined, random: systemRandom },
      watch,
      openFabric: authorities && (() => openFabric({ config, authorities, trust, gossipAddress: () => ports.gossipAddress, bans: () => banEntries(refs.bans), audit, log, clock: systemClock, onBug: (error) => node.noteBug(error) })),
    },
    workloads: workloadParts(config, trust, audit, systemClock),
    formation: {
      self: () => parseAddress(ports.gossipAddress, config.gossipPort),
      random: systemRandom,
      sources: rooms.discovery === undefined ? [] : sourcesOf(config, ports, rooms.discovery),
    },
    admin: {
      facts: () => ({
        node: config.name,
        version,
        pid: process.pid,
        gossipAddress: ports.gossipAddress,
        grpcAddress: ports.grpcAddress,
        adminSocket,
        dataDir: config.dataDir,
        profile: config.profile,
        refusedCalls: Object.fromEntries(tls.sessions.refusals),
      }),
      boot,
      memoryBytes: () => process.memoryUsage().rss,
      openSessions: () => tls.sessions.list(),
      operator: operatorOf(system, () => node.stop()),
      openServer: (handler) => operators.openSocket(handler),
      kill: (path, by) => void system.kill(path, by),
      decodeBatch: (bytes) => orUndefined(() => decodeTelemetryBatch(bytes)),
      decodeRecord: (bytes) => orUndefined(() => decodeTelemetryRecord(bytes)),
    },
  };
}

function sourcesOf({ discover, bind, gossipPort }: Config, ports: Ports, { discoverBy, processWorld }: NonNullable<Rooms['discovery']>): MeshParts['formation']['sources'] {
  return discover.map((spec, at) => ({
    source: `${spec.strategy}-${at + 1}`,
    spec: spec.text,
    open: () => discoverBy(spec, processWorld({ self: parseAddress(ports.gossipAddress, gossipPort), bind, home: homedir(), env: process.env })),
  }));
}

function membershipChild(config: Config, ports: Ports, audience: MembershipAudience, { startMembership: begin }: Rooms, ringDir: string | undefined): ReturnType<MeshParts['membership']> {
  const { name, tag, join: seeds, discover, profile, bind, dataDir } = config;
  const start: MembershipStart & MembershipAudience = {
    name,
    tags: { ...tag, grpc: ports.grpcAddress },
    seeds,
    isDiscovering: discover.length > 0,
    profile,
    bind,
    port: ports.gossip.memory,
    peersFile: join(dataDir, 'peers.json'),
    incarnationFile: join(dataDir, 'incarnation'),
    clocksFile: join(dataDir, 'clocks.json'),
    tagsFile: join(dataDir, 'tags.json'),
    travel: gossipTravel(config, ringDir),
    application: config.gossipApplication,
    ...audience,
  };
  return begin === undefined ? membershipThread(start) : { start: () => begin(start) };
}

function forOperators({ adminSocket, system, node, refs, config, audit }: Makings): OperatorServices {
  const onBug = (error: unknown): void => node.noteBug(error);
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const serf = serfRequests({ node: config.name, membership: refs.membership, desk: refs.serfDesk, keys: refs.gossipKeys });
  const others = [chaosService(chaosRequests({ system, timers }), onBug), serfService(serf, onBug), banService(banRequests(refs.bans), onBug), authorityService(authorityRequests(refs.bundles), onBug), workloadDeskService(workloadRequests(refs.workloads), onBug)];
  return operatorServices({ adminSocket, others, audit, clock: systemClock, onBug });
}

function openGrpc(listen: Address, refs: MeshRefs, tls: MeshTls, forAdmins: readonly MeshService[]): Promise<MeshServer> {
  const busy = new MeshError('OVERLOADED', 'this node cannot take sessions at the moment', { todo: 'try again shortly' });
  const services = [
    peerService((stream) => void (refs.roster.send({ kind: 'incoming', stream }) === 'accepted' || stream.close(busy))),
    agentService((stream) => void (refs.directory.send({ kind: 'incoming', stream }) === 'accepted' || stream.close(busy))),
    ...forAdmins,
  ];
  return createMeshServer(listen, services, tls);
}

/** Bytes from a peer that are not what they should be are nothing, not a crash. */
function orUndefined<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MeshError) return undefined;
    throw error;
  }
}
