/** The composition root: configuration becomes clock, random, log, transport and tree. The only place that knows everyone. */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import { meshRefs, meshTree } from './actors/tree.ts';
import type { MeshParts, MeshRefs } from './actors/tree.ts';
import { formatAddress, parseAddress } from './address.ts';
import { systemClock } from './clock.ts';
import type { Clock, Timer } from './clock.ts';
import type { Config } from './config/config.ts';
import { MeshError } from './errors.ts';
import type { LogFields, Logger, LogLevel, NodeLog } from './log.ts';
import { eventFileOf, eventLine } from './data-dir/event-file.ts';
import { LineFile } from './data-dir/line-file.ts';
import { RegistryFiles } from './data-dir/registry-files.ts';
import { rememberedPeers } from './data-dir/remembered-peers.ts';
import { systemRandom } from './random.ts';
import { attributeFailures } from './supervision/attribution.ts';
import type { ExitReason } from './supervision/behavior.ts';
import { ROOT_PATH } from './supervision/child-spec.ts';
import { EVENTS_MAX } from './supervision/event-log.ts';
import type { SupervisionEvent } from './supervision/event-log.ts';
import { reasonLine, toErrorInfo } from './supervision/exit-reason.ts';
import { ActorSystem } from './supervision/system.ts';
import { watchLoop } from './supervision/watchdog.ts';
import type { LoopLag } from './supervision/watchdog-messages.ts';
import { adminService } from './transport/admin-service.ts';
import { agentService } from './transport/agent-service.ts';
import { freePort } from './transport/free-port.ts';
import { openGossipSocket } from './transport/gossip-socket.ts';
import type { GossipTransport } from './transport/gossip-transport.ts';
import { dialPeer } from './transport/grpc-client.ts';
import { createAdminServer, createMeshServer } from './transport/grpc-server.ts';
import type { MeshServer } from './transport/grpc-server.ts';
import { peerService } from './transport/peer-service.ts';
import { checkSocketPath } from './transport/unix-socket.ts';
import { decodeTelemetryBatch, decodeTelemetryRecord, encodeTelemetryBatch } from './transport/telemetry-codec.ts';

export interface NodeOptions {
  readonly config: Config;
  readonly log: NodeLog;
  /** Of this release, for people. */
  readonly version: string;
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

export interface NodeEnd {
  readonly exitCode: number;
  /** Why it ended without being asked to, or not in order; one line. */
  readonly why?: string;
}

/** From sysexits.h and its neighbourhood; each names who is to blame. */
export const NODE_EXIT = { ok: 0, ownerlessError: 70, gaveUp: 70, startFailed: 71, shutdownDeadline: 72 } as const;

/** A stop takes a second or two. What hangs has limits of its own, which sum to more than anybody waits for. */
const SHUTDOWN_DEADLINE_MS = 20_000;
/** Membership answers after two seconds at the latest. */
const JOIN_TIMEOUT_MS = 5_000;

/** @throws MeshError when a listener or the data directory cannot be had, or another node has the name; what was already up is down again by then */
export async function startNode({ config, log, version }: NodeOptions): Promise<RunningNode> {
  const adminSocket = join(config.dataDir, 'admin.sock');
  checkSocketPath(adminSocket);
  const registryFiles = new RegistryFiles(join(config.dataDir, 'registry'));
  // Trouble with the disk that comes later is lived with; a node that began with it would show an empty registry.
  await registryFiles.check();
  const clock = systemClock;
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
  const parts = meshParts({ config, version, system, refs, ports, adminSocket, node, registryFiles, boot });
  try {
    await node.start(parts, refs);
  } catch (error) {
    stopWatch();
    await trail.close();
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
      return end;
    }),
  };
}

/** That the loop stood still is told of the actor in whose turn it did; of the root when it was nobody's. */
function lagEvent({ stalledMs, turn }: LoopLag, clock: Clock): Omit<SupervisionEvent, 'sequence'> {
  return { atMs: clock.wallNow(), type: 'loop_lag', path: turn?.path ?? ROOT_PATH, life: turn?.life ?? 0, reason: `the loop stood still for ${stalledMs} ms` };
}

/** What supervision sees goes to disk as it happens: it is what is left of a node that was killed. First starts are no news. */
function keepTrail(system: ActorSystem, { dataDir, name }: Config, boot: string, log: Logger): LineFile {
  const file = eventFileOf(dataDir);
  const lines = new LineFile(file, (error) => log.log('warn', 'events-lost', { file, error: toErrorInfo(error).message }));
  system.events.subscribe((event) => {
    if (event.type !== 'start') lines.write(eventLine({ boot, node: name, ...event }));
  });
  return lines;
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
  readonly #config: Config;
  readonly #grpcPort: number;
  #gossipPort: number;

  constructor(config: Config, grpcPort: number) {
    this.#config = config;
    this.#grpcPort = grpcPort;
    this.#gossipPort = config.gossipPort;
  }

  get grpcAddress(): string {
    return formatAddress({ host: this.#config.bind, port: this.#grpcPort });
  }

  get gossipAddress(): string {
    return formatAddress({ host: this.#config.bind, port: this.#gossipPort });
  }

  async openGossip(): Promise<GossipTransport> {
    const transport = await openGossipSocket({ host: this.#config.bind, port: this.#gossipPort });
    this.#gossipPort = transport.local.port;
    return transport;
  }
}

/** One run of the tree: up, down, and with which exit code. */
class NodeProcess {
  readonly done: Promise<NodeEnd>;
  readonly #system: ActorSystem;
  readonly #log: NodeLog;
  readonly #clock: Clock;
  #resolveDone: (end: NodeEnd) => void = () => undefined;
  #detach: () => void = () => undefined;
  #deadline: Timer | undefined;
  #isStopping = false;
  #end: NodeEnd = { exitCode: NODE_EXIT.ok };
  /** Faults of the listeners, as they were thrown; the tree only passes on what they say. */
  #openFault: MeshError | undefined;

  constructor(system: ActorSystem, log: NodeLog, clock: Clock) {
    this.#system = system;
    this.#log = log;
    this.#clock = clock;
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
  }

  async start(parts: MeshParts, refs: MeshRefs): Promise<void> {
    this.#detach = attributeFailures((error) => this.#failOwnerless(error));
    try {
      await this.#system.start(meshTree(parts, refs), (reason) => this.#ended(reason));
      this.#openFault = undefined;
    } catch (error) {
      throw this.#openFault ?? error;
    }
    await this.#join(refs);
  }

  /** When all is up: who hears of a node wants to open a session with it. */
  async #join(refs: MeshRefs): Promise<void> {
    const answer = refs.membership.ask<MeshError | undefined>((reply) => ({ kind: 'join', reply }), JOIN_TIMEOUT_MS);
    // A life of membership that ends before it answers is followed by one that joins by itself.
    const fault = await answer.catch(() => undefined);
    if (fault === undefined) return;
    this.stop();
    await this.done;
    throw fault;
  }

  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#deadline = this.#clock.setTimer(SHUTDOWN_DEADLINE_MS, () => this.#leaveBehind());
    this.#system.stop();
  }

  /** Opens a listener, and remembers why it could not. */
  async opening<T>(open: () => Promise<T>): Promise<T> {
    try {
      return await open();
    } catch (error) {
      if (error instanceof MeshError) this.#openFault ??= error;
      throw error;
    }
  }

  /** A question that could not be answered for a reason of ours. */
  noteBug(error: unknown): void {
    const { name, message, stack } = toErrorInfo(error);
    this.#log.log('error', 'admin-bug', { actor: '/edge/admin', error: `${name}: ${message}`, stack });
  }

  #ended(reason: ExitReason): void {
    this.#detach();
    this.#deadline?.cancel();
    if (!this.#isStopping) {
      const exitCode = reason.kind === 'start_failed' ? NODE_EXIT.startFailed : NODE_EXIT.gaveUp;
      this.#end = { exitCode, why: `the node gave up: ${this.#lastStraw() ?? reasonLine(reason)}` };
    }
    this.#resolveDone(this.#end);
  }

  /** The failure that was one too many, at the actor that failed. */
  #lastStraw(): string | undefined {
    const straw = this.#system.events.latest('/', EVENTS_MAX).findLast(({ type, decision }) => type === 'crash' && decision === 'escalate');
    return straw && `${straw.path} failed more often than its supervisor allows, at last with: ${straw.reason}`;
  }

  /** Nobody's failure: what it left behind in memory is unknown, so the node goes, in good order. */
  #failOwnerless(error: unknown): void {
    const { name, message, stack } = toErrorInfo(error);
    this.#log.log('error', 'ownerless-error', { error: `${name}: ${message}`, stack });
    this.#end = { exitCode: NODE_EXIT.ownerlessError, why: `the node stopped over a failure that belongs to none of its actors: ${name}: ${message}` };
    this.stop();
  }

  #leaveBehind(): void {
    const stuck = this.#system.paths().filter((path) => this.#system.tree(path)?.status === 'stopping');
    this.#log.log('error', 'shutdown-deadline', { afterMs: SHUTDOWN_DEADLINE_MS, stuck });
    const why = `the node did not stop within ${SHUTDOWN_DEADLINE_MS / 1_000} s: ${stuck.join(', ')} did not end`;
    this.#resolveDone({ exitCode: NODE_EXIT.shutdownDeadline, why });
  }
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
}

function meshParts({ config, version, system, refs, ports, adminSocket, node, registryFiles, boot }: Makings): MeshParts {
  const grpcListen = parseAddress(ports.grpcAddress, config.grpcPort);
  return {
    node: config.name,
    registryFiles,
    registry: { random: systemRandom },
    membership: {
      name: config.name,
      tags: { grpc: ports.grpcAddress },
      openTransport: () => node.opening(() => ports.openGossip()),
      seeds: config.join,
      resolve: async (host) => (await lookup(host)).address,
      profile: config.profile,
      random: systemRandom,
      memory: rememberedPeers(join(config.dataDir, 'peers.json')),
    },
    peers: { selfAddress: ports.grpcAddress, dial: (address) => dialPeer(parseAddress(address, config.grpcPort)), random: systemRandom },
    agents: { encodeBatch: encodeTelemetryBatch, random: systemRandom },
    openGrpc: () => node.opening(() => openGrpc(grpcListen, refs)),
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
      }),
      boot,
      memoryBytes: () => process.memoryUsage().rss,
      operator: {
        tree: (path) => system.tree(path),
        paths: () => system.paths(),
        events: (path, limit) => system.events.latest(path, limit),
        trail: system.events,
        onEvent: (heard) => system.events.subscribe(heard),
        crashes: () => system.events.crashes,
        deadLetters: () => system.deadLetters.total,
        lifeOf: (path) => system.livingLife(path),
      },
      openServer: (handler) => node.opening(() => createAdminServer(adminSocket, [adminService(handler, (error) => node.noteBug(error))])),
      kill: (path) => void system.kill(path, 'operator'),
      decodeBatch: (bytes) => orUndefined(() => decodeTelemetryBatch(bytes)),
      decodeRecord: (bytes) => orUndefined(() => decodeTelemetryRecord(bytes)),
    },
  };
}

function openGrpc(listen: ReturnType<typeof parseAddress>, refs: MeshRefs): Promise<MeshServer> {
  const busy = new MeshError('OVERLOADED', 'this node cannot take sessions at the moment', { todo: 'try again shortly' });
  return createMeshServer(listen, [
    peerService((stream) => void (refs.roster.send({ kind: 'incoming', stream }) === 'accepted' || stream.close(busy))),
    agentService((stream) => void (refs.directory.send({ kind: 'incoming', stream }) === 'accepted' || stream.close(busy))),
  ]);
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
