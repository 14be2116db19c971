/** Whole nodes, as far as registry, peers, bus and agents go, side by side in one virtual-time world and joined by memory streams. */
import { agentStreams, peerStreams, type MemoryStream } from '../../support/memory-streams.ts';
import { startWorld, type ActorWorld } from '../../support/actor-world.ts';
import type { AgentsRequest, AgentView, CommandOutcome } from '../../../src/actors/agents/agent-messages.ts';
import { directoryActor } from '../../../src/actors/agents/directory-actor.ts';
import { busActor } from '../../../src/actors/bus/bus-actor.ts';
import type { BusDelivery, BusRequest } from '../../../src/actors/bus/bus-messages.ts';
import type { MembershipNews, MembershipRequest, MemberStatus, MemberView } from '../../../src/actors/membership/membership-messages.ts';
import type { PeersRequest, SessionView } from '../../../src/actors/peers/peer-messages.ts';
import { rosterActor } from '../../../src/actors/peers/roster-actor.ts';
import { storageActor, type StoredFiles } from '../../../src/actors/registry/storage-actor.ts';
import { registryActor, type RegistryMessage } from '../../../src/actors/registry/registry-actor.ts';
import type { RegistryEntryView, RegistryRequest } from '../../../src/actors/registry/registry-messages.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import type { ActorRef, Behavior } from '../../../src/supervision/behavior.ts';
import type { SupervisorSpec } from '../../../src/supervision/child-spec.ts';
import type { StartChildOutcome } from '../../../src/supervision/supervisor-messages.ts';
import { encodeTelemetryBatch } from '../../../src/transport/telemetry-codec.ts';
import type { AgentFrame } from '../../../src/transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { NodeFrame__Output } from '../../../src/transport/generated/omega/mesh/v1/NodeFrame.ts';

/** Where the first node takes sessions; the others follow. */
const FIRST_PORT = 8_000;

/** A disk that says yes to everything. */
const NO_FILES: StoredFiles = {
  load: () => Promise.resolve({ snapshot: undefined, changes: [], setAside: [], tornBytes: 0 }),
  append: () => Promise.resolve(),
  replace: () => Promise.resolve(),
  setAside: () => Promise.resolve([]),
};

type SetMembers = { readonly kind: 'set'; readonly members: readonly MemberView[] };

/** An agent at the other end of a stream, and what it heard. */
export class TestAgent {
  readonly heard: NodeFrame__Output[] = [];
  readonly stream: MemoryStream<AgentFrame, NodeFrame__Output>;

  constructor(stream: MemoryStream<AgentFrame, NodeFrame__Output>, id: string) {
    this.stream = stream;
    stream.onFrame((frame) => {
      this.heard.push(frame);
      if (frame.command) stream.send({ result: { id: frame.command.id, ok: true, output: `${id}: ${frame.command.name}` } });
    });
    stream.send({ hello: { id, program: 'test', labels: {} } });
  }
}

export class Nodes {
  readonly world: ActorWorld;
  readonly names: readonly string[];
  /** What the registry of each node heard of its peers: up and down. */
  readonly registryHeard = new Map<string, string[]>();
  /** Which nodes' frames it was given. */
  readonly registryFrames = new Map<string, string[]>();
  /** The sessions of this moment and all before, newest last, from the dialer's side. */
  readonly dialled: MemoryStream<unknown, unknown>[] = [];
  /** While true, whoever dials finds nobody. */
  isUnreachable = false;
  /** While true, what is asked of membership is lost. */
  isMembershipDeaf = false;
  readonly #down = new Map<string, MemberStatus>();

  constructor(world: ActorWorld, names: readonly string[]) {
    this.world = world;
    this.names = names;
  }

  ref<M>(path: string): ActorRef<M> {
    return this.world.ref(path);
  }

  kill(path: string): void {
    if (this.world.system.kill(path, 'test') === undefined) throw new Error(`nothing lives at ${path}`);
  }

  /** How every node sees `name` from now on. */
  async become(name: string, status: MemberStatus): Promise<void> {
    this.#down.set(name, status);
    for (const self of this.names) this.ref<SetMembers>(`/${self}/membership`).send({ kind: 'set', members: this.members(self) });
    await this.world.settle();
  }

  members(self: string): readonly MemberView[] {
    return this.names.map((name, index) => ({
      name,
      host: '127.0.0.1',
      port: 7946,
      tags: { grpc: `127.0.0.1:${FIRST_PORT + index}` },
      status: this.#down.get(name) ?? 'alive',
      incarnation: 1,
      isSelf: name === self,
      statusSinceMs: 0,
    }));
  }

  sessions(self: string): Promise<readonly SessionView[]> {
    return this.world.outcome(this.ref<PeersRequest>(`/${self}/peers/roster`).ask<readonly SessionView[]>((reply) => ({ kind: 'sessions', reply }), 1_000));
  }

  agents(self: string): Promise<readonly AgentView[]> {
    return this.world.outcome(this.ref<AgentsRequest>(`/${self}/agents/directory`).ask<readonly AgentView[]>((reply) => ({ kind: 'list', reply }), 1_000));
  }

  command(self: string, agent: string, timeoutMs = 1_000): Promise<CommandOutcome | MeshError> {
    const directory = this.ref<AgentsRequest>(`/${self}/agents/directory`);
    return this.world.outcome(
      directory.ask<CommandOutcome | MeshError>((reply) => ({ kind: 'command', agent, name: 'ping', arguments: [], timeoutMs, reply }), 20_000),
    );
  }

  put(self: string, key: string, value: string): Promise<unknown> {
    return this.world.outcome(this.ref<RegistryRequest>(`/${self}/registry`).ask((reply) => ({ kind: 'put', key, value, reply }), 1_000));
  }

  async entries(self: string): Promise<readonly string[]> {
    const registry = this.ref<RegistryRequest>(`/${self}/registry`);
    const entries = await this.world.outcome(registry.ask<readonly RegistryEntryView[]>((reply) => ({ kind: 'list', prefix: '', reply }), 1_000));
    return entries.map(({ key, value }) => `${key}=${value}`);
  }

  async connectAgent(self: string, id: string): Promise<TestAgent> {
    const { client, server } = agentStreams(id, self);
    this.ref<AgentsRequest>(`/${self}/agents/directory`).send({ kind: 'incoming', stream: server });
    const agent = new TestAgent(client, id);
    await this.world.settle();
    return agent;
  }

  /** Starts an actor that subscribes; returns what it is delivered. */
  async subscribe(self: string, subject: string): Promise<BusDelivery[]> {
    const delivered: BusDelivery[] = [];
    const bus = this.ref<BusRequest>(`/${self}/bus`);
    const behavior: Behavior<undefined, BusDelivery> = {
      init: (context) => void bus.send({ kind: 'subscribe', subject, subscriber: context.self }),
      receive: (_state, delivery) => void delivered.push(delivery),
    };
    const ask = this.world.supervisor().ask<StartChildOutcome>(
      (reply) => ({ kind: 'start-child', spec: { type: 'worker', id: `subscriber-${self}-${subject}`, start: () => behavior }, reply }),
      1_000,
    );
    await this.world.outcome(ask);
    return delivered;
  }

  spec(self: string): SupervisorSpec {
    const at = <M>(path: string): ActorRef<M> => this.ref(`/${self}/${path}`);
    const random = seededRandom(7);
    const roster = () =>
      rosterActor({ self, selfAddress: `127.0.0.1:${FIRST_PORT + this.names.indexOf(self)}`, random, dial: (address, node) => this.#dial(address, self, node), registry: at('registry'), bus: at('bus'), bans: at('bans'), bundles: at('bundles'), peerKeys: at('keys'), gossipKeys: at('gossip-keys'), sessions: at('peers/sessions'), membership: at('membership'), identity: at('identity') });
    const directory = () =>
      directoryActor({ self, random, membership: at('membership'), bus: at('bus'), sessions: at('agents/sessions'), encodeBatch: encodeTelemetryBatch, bundle: () => undefined });
    return {
      type: 'supervisor',
      id: self,
      strategy: 'one_for_one',
      children: [
        { type: 'worker', id: 'membership', start: () => this.#membership(self, [at('peers/roster'), at('agents/directory')]) },
        { type: 'worker', id: 'storage', start: () => storageActor(NO_FILES) },
        { type: 'worker', id: 'registry', start: () => this.#registry(self) },
        { type: 'worker', id: 'bus', start: () => busActor({ self, peers: at('peers/roster') }) },
        room('peers', { type: 'worker', id: 'roster', start: roster }),
        room('agents', { type: 'worker', id: 'directory', start: directory }),
      ],
    };
  }

  #dial(address: string, from: string, to: string): MemoryStream<never, never> {
    const { client, server } = peerStreams(from, to);
    this.dialled.push(client as never);
    const roster = this.ref<PeersRequest>(`/${this.names[Number(address.split(':')[1]) - FIRST_PORT]!}/peers/roster`);
    const isTaken = !this.isUnreachable && roster.send({ kind: 'incoming', stream: server }) === 'accepted';
    if (!isTaken) client.close(new MeshError('NODE_UNREACHABLE', `no node answers on ${address}`));
    return client as never;
  }

  #membership(self: string, listeners: readonly ActorRef<MembershipNews>[]): Behavior<void, MembershipRequest | SetMembers | { readonly kind: 'repeat' }> {
    return {
      init: (context) => context.setInterval('repeat-news', 5_000, { kind: 'repeat' }),
      receive: (_state, message) => {
        if (message.kind === 'repeat') for (const listener of listeners) listener.send({ kind: 'membership-news', members: this.members(self) });
        if (message.kind === 'announce' && !this.isMembershipDeaf) message.to.send({ kind: 'membership-news', members: this.members(self) });
        if (message.kind === 'set') for (const listener of listeners) listener.send({ kind: 'membership-news', members: message.members });
      },
    };
  }

  /** The real one, overheard. */
  #registry(self: string): ReturnType<typeof registryActor> {
    const heard: string[] = [];
    const frames: string[] = [];
    this.registryHeard.set(self, heard);
    this.registryFrames.set(self, frames);
    const registry = registryActor({ node: self, storage: this.ref(`/${self}/storage`), peers: this.ref(`/${self}/peers/roster`), random: seededRandom(8) });
    return {
      ...registry,
      receive(state, message: RegistryMessage, context) {
        if (message.kind === 'registry-frame') frames.push(message.node);
        if (message.kind === 'peer-up' || message.kind === 'peer-down') heard.push(`${message.kind} ${message.node}`);
        return registry.receive(state, message, context);
      },
      signal(state, signal, context) {
        if (signal.kind === 'down') heard.push(`down ${signal.path}`);
        return registry.signal!(state, signal, context);
      },
    };
  }
}

/** Nodes of these names, all knowing each other. */
export async function startNodes(...names: string[]): Promise<Nodes> {
  const world = await startWorld({ strategy: 'one_for_one' });
  const nodes = new Nodes(world, names);
  for (const name of names) {
    const start = world.supervisor().ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec: nodes.spec(name), reply }), 1_000);
    const { outcome } = await world.outcome(start);
    if (outcome !== 'started') throw new Error(`${name}: ${outcome}`);
  }
  // Two pulses: one to ask for members and dial, one for whatever came too early.
  await world.advance(2_000);
  return nodes;
}

function room(id: string, keeper: NonNullable<SupervisorSpec['children']>[number]): SupervisorSpec {
  return { type: 'supervisor', id, strategy: 'rest_for_one', children: [{ type: 'supervisor', id: 'sessions', strategy: 'dynamic', budget: 'child' }, keeper] };
}
