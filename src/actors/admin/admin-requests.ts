/** Answers to an operator's single questions: the owner is asked by message, the answer is shaped for showing. */
import type { Clock } from '../../clock.ts';
import { COMMAND_TIMEOUT_MAX_MS, COMMAND_TIMEOUT_MS } from '../../command-timeout.ts';
import { MeshError } from '../../errors.ts';
import type { ActorRef, Reply } from '../../supervision/behavior.ts';
import type { AdminHandler } from '../../transport/admin-service.ts';
import type { OpenSession } from '../../transport/open-sessions.ts';
import type { StatusReply } from '../../transport/generated/omega/mesh/v1/StatusReply.ts';
import type { AgentsRequest, AgentView, CommandOutcome } from '../agents/agent-messages.ts';
import type { Happening, MemberEvent } from '../membership/member-events.ts';
import type { MemberRecord, MembershipRequest, MembershipView } from '../membership/membership-messages.ts';
import type { PeersRequest, SessionView } from '../peers/peer-messages.ts';
import type { RegistryEntryView, RegistryRequest, RegistryStatus } from '../registry/registry-messages.ts';
import { actorRequests } from './actor-requests.ts';
import type { ActorRequestsOptions } from './actor-requests.ts';
import { actorVerbs } from './actor-verbs.ts';
import { actorCount, agent, openSession, registryEntry } from './admin-views.ts';
import { member, memberHappening, unknownMember, wholeStory } from './member-views.ts';
import { answered, answeredOr, ROOM_TIMEOUT_MS } from './room-answer.ts';

/** What a node says about itself and does not change while it runs, and what only the process knows. */
type NodeFacts = Pick<Required<StatusReply>, 'node' | 'version' | 'pid' | 'gossipAddress' | 'grpcAddress' | 'adminSocket' | 'dataDir' | 'profile' | 'refusedCalls'>;

export interface AdminRequestsOptions extends ActorRequestsOptions {
  readonly facts: () => NodeFacts;
  readonly memoryBytes: () => number;
  /** The connections over TLS that stand. */
  readonly openSessions: () => readonly OpenSession[];
  readonly clock: Clock;
  /** Outlives this room's lives too. */
  readonly memberTrail: MemberTrail;
  readonly membership: ActorRef<MembershipRequest>;
  readonly peers: ActorRef<PeersRequest>;
  readonly agents: ActorRef<AgentsRequest>;
  readonly registry: ActorRef<RegistryRequest>;
}

/** What membership has told of members, in all its lives. */
interface MemberTrail {
  note(event: MemberEvent, atMs: number): void;
  /** Oldest first; undefined when nothing is known to have happened. */
  of(member: string): readonly Happening[] | undefined;
  readonly names: readonly string[];
}

/** Answers must arrive after the room's own deadline has had its chance. */
const MARGIN_MS = 1_000;

type Requests = Omit<AdminHandler, 'watchMembers' | 'listEvents' | 'traceActor' | 'tailAgent' | 'registryWatch'>;

export function adminRequests(options: AdminRequestsOptions): Requests {
  return { ...nodeRequests(options), ...actorRequests(options), ...actorVerbs(options.operator), ...agentRequests(options), ...registryRequests(options.registry) };
}

function nodeRequests(options: AdminRequestsOptions): Pick<Requests, 'getStatus' | 'listSessions' | 'listMembers' | 'getMemberRecord'> {
  const { operator, clock } = options;
  const startedAt = clock.now();

  return {
    async getStatus() {
      const [view, sessions, agentsConnected, registry] = await Promise.all([
        answeredOr<MembershipView | undefined>(options.membership.ask((reply: Reply<MembershipView>) => ({ kind: 'view', reply }), ROOM_TIMEOUT_MS), undefined),
        answeredOr(options.peers.ask((reply: Reply<readonly SessionView[]>) => ({ kind: 'sessions', reply }), ROOM_TIMEOUT_MS), []),
        answeredOr(options.agents.ask((reply: Reply<number>) => ({ kind: 'count', reply }), ROOM_TIMEOUT_MS), 0),
        answeredOr(options.registry.ask((reply: Reply<RegistryStatus>) => ({ kind: 'status', reply }), ROOM_TIMEOUT_MS), { entries: 0, notSaved: undefined }),
      ]);
      const root = operator.tree('/');
      const members = view?.members ?? [];
      return {
        ...options.facts(),
        uptimeMs: clock.now() - startedAt,
        incarnation: members.find(({ isSelf }) => isSelf)?.incarnation ?? 0,
        membersAlive: members.filter(({ status }) => status === 'alive').length,
        membersTotal: members.length,
        sessionsOpen: sessions.filter(({ state }) => state === 'open').length,
        agentsConnected,
        registryEntries: registry.entries,
        registryNotSaved: registry.notSaved ?? null,
        actors: root === undefined ? 0 : actorCount(root),
        restarts: operator.restarts(),
        crashes: operator.crashes(),
        deadLetters: operator.deadLetters.total,
        memoryBytes: options.memoryBytes(),
        unreachedSeeds: [...(view?.unreachedSeeds ?? [])],
        packetsDropped: { ...view?.dropped },
        localHealth: view?.localHealth ?? null,
        udpLost: members.filter(({ isUdpLost }) => isUdpLost).map(({ name }) => name),
      };
    },

    listSessions: () => Promise.resolve({ sessions: options.openSessions().map(openSession) }),

    async listMembers() {
      const [{ members }, sessions] = await Promise.all([
        answered(options.membership.ask((reply: Reply<MembershipView>) => ({ kind: 'view', reply }), ROOM_TIMEOUT_MS)),
        answeredOr(options.peers.ask((reply: Reply<readonly SessionView[]>) => ({ kind: 'sessions', reply }), ROOM_TIMEOUT_MS), []),
      ]);
      const sessionOf = new Map(sessions.map((session) => [session.node, session]));
      const sorted = [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
      return { members: sorted.map((view) => member(view, sessionOf.get(view.name), clock.now())) };
    },

    async getMemberRecord({ name }) {
      const [record, sessions] = await Promise.all([
        answered(options.membership.ask((reply: Reply<MemberRecord>) => ({ kind: 'record', member: name, reply }), ROOM_TIMEOUT_MS)),
        answeredOr(options.peers.ask((reply: Reply<readonly SessionView[]>) => ({ kind: 'sessions', reply }), ROOM_TIMEOUT_MS), []),
      ]);
      const heard = options.memberTrail.of(name);
      if (record.kind === 'unknown' && heard === undefined) throw unknownMember(name, [...record.names, ...options.memberTrail.names]);
      const { member: found, happenings } = record.kind === 'known' ? record : { member: undefined, happenings: [] };
      const session = sessions.find(({ node }) => node === name);
      return {
        name,
        member: found === undefined ? null : member(found, session, clock.now()),
        happenings: wholeStory(heard ?? [], happenings).map(memberHappening),
      };
    },
  };
}

function agentRequests({ agents, clock }: AdminRequestsOptions): Pick<Requests, 'listAgents' | 'sendCommand'> {
  return {
    async listAgents() {
      const views = await answered(agents.ask((reply: Reply<readonly AgentView[]>) => ({ kind: 'list', reply }), ROOM_TIMEOUT_MS));
      return { agents: [...views].sort((a, b) => (a.id < b.id ? -1 : 1)).map(agent) };
    },

    async sendCommand({ agent: id, name, arguments: given, timeoutMs: wanted }) {
      const timeoutMs = Math.min(wanted === 0 ? COMMAND_TIMEOUT_MS : wanted, COMMAND_TIMEOUT_MAX_MS);
      const sentAt = clock.now();
      const outcome = await answered(
        agents.ask(
          (reply: Reply<CommandOutcome | MeshError>) => ({ kind: 'command', agent: id, name, arguments: given, timeoutMs, reply }),
          timeoutMs + MARGIN_MS,
        ),
      );
      return { agent: id, ...outcome, tookMs: clock.now() - sentAt };
    },
  };
}

function registryRequests(registry: ActorRef<RegistryRequest>): Pick<Requests, 'registryPut' | 'registryGet' | 'registryDelete' | 'registryList'> {
  return {
    registryPut({ key, value }) {
      return answered(registry.ask((reply: Reply<{ readonly created: boolean } | MeshError>) => ({ kind: 'put', key, value, reply }), ROOM_TIMEOUT_MS));
    },

    async registryGet({ key }) {
      const entry = await answered(registry.ask((reply: Reply<RegistryEntryView | undefined>) => ({ kind: 'get', key, reply }), ROOM_TIMEOUT_MS));
      if (entry === undefined) throw new MeshError('NOT_FOUND', `nothing is stored under ${JSON.stringify(key)}`, { given: key, todo: 'see `mesh registry list`' });
      return registryEntry(entry);
    },

    registryDelete({ key }) {
      return answered(registry.ask((reply: Reply<{ readonly deleted: boolean } | MeshError>) => ({ kind: 'delete', key, reply }), ROOM_TIMEOUT_MS));
    },

    async registryList({ prefix }) {
      const entries = await answered(registry.ask((reply: Reply<readonly RegistryEntryView[]>) => ({ kind: 'list', prefix, reply }), ROOM_TIMEOUT_MS));
      return { entries: entries.map(registryEntry) };
    },
  };
}
