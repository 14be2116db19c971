/**
 * Where every agent of the mesh is: lets agents in, tells the other nodes, finds the way for commands. Pure.
 *
 * 1. Each node speaks for the agents connected to it, and only for those. Changes are told at once; besides, every node
 *    goes round its own agents, one range a second, which repairs whatever was lost.
 * 2. Of two connections of one agent the newer wins, the same on every node (agent-table.ts); the node that holds the
 *    older sends the agent away.
 * 3. Agents of a node that is dead or has left are offline. What a node that is not alive says is not believed.
 * 4. Every command is answered exactly once, within its time.
 */
import { MeshError } from '../../errors.ts';
import type { LogFields, LogLevel } from '../../log.ts';
import { sample, type Random } from '../../random.ts';
import type { AgentFrame__Output } from '../../transport/generated/omega/mesh/v1/AgentFrame.ts';
import type { MemberView } from '../membership/membership-messages.ts';
import { KnownNodes } from '../peers/known-nodes.ts';
import type { AgentView, CommandOutcome } from './agent-messages.ts';
import type { AgentConnection, AgentSessionStatus, CommandAnswer, CommandOrder } from './agent-session.ts';
import { AgentTable, type Sighting } from './agent-table.ts';
import { Arrivals, type ArrivalEffect } from './arrivals.ts';
import { Commands, orderFault } from './commands.ts';
import { AGENTS_PER_MESSAGE, decodeDirectoryMessage, encodeDirectoryMessage, type DirectoryMessage, type WireAgent } from './directory-wire.ts';

export interface DirectoryOptions {
  readonly self: string;
  readonly random: Random;
  readonly startedAtMs: number;
}

/** The same instant twice: monotonic, and as people write it. */
export interface Moment {
  readonly now: number;
  readonly wallNow: number;
}

export type DirectoryInput =
  | { readonly kind: 'members'; readonly members: readonly MemberView[] }
  /** `proved`: the id in the certificate of who opened the stream. */
  | { readonly kind: 'incoming'; readonly arrival: number; readonly proved: string }
  | { readonly kind: 'arrival-frame'; readonly arrival: number; readonly frame: AgentFrame__Output }
  | { readonly kind: 'arrival-closed'; readonly arrival: number }
  /** The agent's session has taken the stream. */
  | { readonly kind: 'attached'; readonly arrival: number }
  | { readonly kind: 'session-started'; readonly agent: string }
  | { readonly kind: 'session-refused'; readonly agent: string; readonly reason: string }
  | { readonly kind: 'session-report'; readonly agent: string; readonly status: AgentSessionStatus }
  | { readonly kind: 'session-ended'; readonly agent: string }
  | { readonly kind: 'session-answered'; readonly command: string; readonly origin: string; readonly answer: CommandAnswer }
  | { readonly kind: 'command'; readonly agent: string; readonly order: CommandOrder }
  | { readonly kind: 'command-late'; readonly command: string }
  | { readonly kind: 'bus-message'; readonly from: string; readonly payload: Uint8Array }
  | { readonly kind: 'announce' }
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' };

export type DirectoryEffect =
  | Exclude<ArrivalEffect, { kind: 'hand-over' }>
  | { readonly kind: 'hand-over'; readonly arrival: number; readonly agent: string; readonly connection: AgentConnection; readonly alternatives: readonly string[] }
  | { readonly kind: 'drain-session'; readonly agent: string; readonly connectedAtMs: number; readonly reason: string }
  | { readonly kind: 'order-session'; readonly agent: string; readonly origin: string; readonly order: CommandOrder }
  | { readonly kind: 'answer'; readonly command: string; readonly answer: CommandOutcome | MeshError }
  | { readonly kind: 'publish'; readonly payload: Uint8Array }
  | { readonly kind: 'publish-to'; readonly node: string; readonly payload: Uint8Array }
  /** `command-late` must come back after the delay. */
  | { readonly kind: 'schedule-late'; readonly command: string; readonly delayMs: number }
  /** `announce` must come back after the delay. */
  | { readonly kind: 'schedule-announce'; readonly delayMs: number }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

export const PULSE_MS = 1_000;
/** Agents that come together are told of together. */
const ANNOUNCE_DELAY_MS = 100;
/** A directory that restarts hears from all its sessions before it says which agents it has. */
const SWEEP_QUIET_MS = 2_500;
/** Where else an agent may go. More would not make it safer; a random choice spreads the agents of a node that dies. */
const ALTERNATIVES_MAX = 16;

export class Directory {
  readonly #self: string;
  readonly #random: Random;
  readonly #startedAtMs: number;
  readonly #table = new AgentTable();
  readonly #arrivals = new Arrivals();
  readonly #commands = new Commands();
  readonly #nodes = new KnownNodes();
  /** Agents of this node whose change has not been told yet. */
  readonly #changed = new Set<string>();
  /** Where the last sweep ended; empty before a new round. */
  #sweptUpTo = '';
  #malformed = 0;

  constructor(options: DirectoryOptions) {
    this.#self = options.self;
    this.#random = options.random;
    this.#startedAtMs = options.startedAtMs;
  }

  list(now: number): readonly AgentView[] {
    return this.#table.list(now);
  }

  /** How many agents are connected to this node. */
  get countHere(): number {
    return this.#table.countConnectedTo(this.#self);
  }

  /** The agent where it is connected, or why it cannot be reached: AGENT_UNKNOWN, AGENT_OFFLINE. */
  whereIs(agent: string, now: number): Sighting | MeshError {
    const known = this.#table.get(agent);
    if (known === undefined) return this.#unknown(agent);
    if (known.isConnected) return known;
    const forS = Math.round((now - (this.#table.offlineSinceMs(agent) ?? now)) / 1_000);
    return new MeshError('AGENT_OFFLINE', `agent ${agent} has been offline for ${forS} s; it was last connected to ${known.node}`, {
      given: agent,
      expected: 'an agent that is connected',
      todo: 'see `mesh agents`',
    });
  }

  get counts(): { readonly known: number; readonly unlisted: number; readonly arrivals: number; readonly commands: number; readonly malformed: number } {
    return {
      known: this.#table.size,
      unlisted: this.#table.unlisted,
      arrivals: this.#arrivals.size,
      commands: this.#commands.size,
      malformed: this.#malformed,
    };
  }

  handle(input: DirectoryInput, at: Moment): readonly DirectoryEffect[] {
    switch (input.kind) {
      case 'members':
        this.#nodes.learn(input.members, at.now);
        this.#keepNodes(at.now);
        return [];
      case 'incoming':
        return this.#letIn(this.#arrivals.arrived(input.arrival, input.proved, at.now), at);
      case 'arrival-frame':
        return this.#letIn(this.#arrivals.greeted(input.arrival, input.frame), at);
      case 'arrival-closed':
      case 'attached':
        this.#arrivals.gone(input.arrival);
        return [];
      case 'session-started':
        return this.#letIn(this.#arrivals.reachable(input.agent), at);
      case 'session-refused':
        return [
          { kind: 'log', level: 'warn', event: 'agent-session-refused', fields: { agent: input.agent, reason: input.reason } },
          ...this.#letIn(this.#arrivals.refused(input.agent, input.reason), at),
        ];
      case 'session-report':
        return [...this.#reported(input.agent, input.status, at), ...this.#letIn(this.#arrivals.reachable(input.agent), at)];
      case 'session-ended':
        return [...this.#left(input.agent, at), ...this.#letIn(this.#arrivals.sessionEnded(input.agent), at)];
      case 'session-answered':
        return this.#sessionAnswered(input.command, input.origin, input.answer);
      case 'command':
        return this.#command(input.agent, input.order, at);
      case 'command-late': {
        const fault = this.#commands.late(input.command);
        return fault === undefined ? [] : [{ kind: 'answer', command: input.command, answer: fault }];
      }
      case 'bus-message':
        return this.#hear(input.from, input.payload, at);
      case 'announce':
        return this.#announce(at);
      case 'pulse':
        return this.#pulse(at);
    }
  }

  // Agents that come

  #letIn(effects: readonly ArrivalEffect[], at: Moment): readonly DirectoryEffect[] {
    return effects.map((effect) => {
      if (effect.kind !== 'hand-over') return effect;
      const { arrival, agent, program } = effect;
      const before = this.#table.get(agent)?.connectedAtMs ?? 0;
      const connection = { connectedAtMs: Math.max(Math.floor(at.wallNow), before + 1), program };
      return { kind: 'hand-over', arrival, agent, connection, alternatives: this.#alternatives() };
    });
  }

  #alternatives(): readonly string[] {
    const addresses = this.#nodes.dialable.map(([, address]) => address);
    return sample(this.#random, addresses, ALTERNATIVES_MAX);
  }

  // What is known

  #keepNodes(now: number): void {
    if (this.#nodes.isTold) this.#table.keepNodes((node) => node === this.#self || this.#nodes.has(node), now);
  }

  #reported(agent: string, status: AgentSessionStatus, at: Moment): readonly DirectoryEffect[] {
    const { isConnected, connection, ratePerS, records, lastSeenAtMs } = status;
    // A life that has had no stream yet: whatever connection there was ended with the life before.
    if (connection === undefined) return this.#left(agent, at);
    const before = this.#table.get(agent);
    const outcome = this.#table.learn({ id: agent, node: this.#self, ...connection, isConnected, ratePerS, records, lastSeenAtMs }, at.now);
    if (outcome === 'outdated') return isConnected && before !== undefined ? [this.#drain(agent, connection.connectedAtMs, before.node)] : [];
    const isNews = before?.connectedAtMs !== connection.connectedAtMs || before.isConnected !== isConnected;
    return outcome === 'learnt' && isNews ? this.#change(agent) : [];
  }

  #left(agent: string, at: Moment): readonly DirectoryEffect[] {
    return this.#table.disconnected(agent, this.#self, at.now) ? this.#change(agent) : [];
  }

  #drain(agent: string, connectedAtMs: number, node: string): DirectoryEffect {
    return { kind: 'drain-session', agent, connectedAtMs, reason: `the agent has connected to ${node}` };
  }

  #change(agent: string): readonly DirectoryEffect[] {
    this.#changed.add(agent);
    return this.#changed.size === 1 ? [{ kind: 'schedule-announce', delayMs: ANNOUNCE_DELAY_MS }] : [];
  }

  #announce(at: Moment): readonly DirectoryEffect[] {
    const sightings = [...this.#changed].flatMap((agent) => this.#table.get(agent) ?? []);
    this.#changed.clear();
    const own = sightings.filter(({ node }) => node === this.#self).map((sighting) => toWire(sighting, at));
    const effects: DirectoryEffect[] = [];
    for (let from = 0; from < own.length; from += AGENTS_PER_MESSAGE) {
      effects.push(publish({ kind: 'changes', agents: own.slice(from, from + AGENTS_PER_MESSAGE) }));
    }
    return effects;
  }

  #pulse(at: Moment): readonly DirectoryEffect[] {
    this.#nodes.expire(at.now);
    this.#keepNodes(at.now);
    this.#table.forgetOld(at.now);
    const effects: DirectoryEffect[] = [...this.#letIn(this.#arrivals.expire(at.now), at)];
    if (at.now - this.#startedAtMs >= SWEEP_QUIET_MS) effects.push(this.#sweep(at));
    return effects;
  }

  #sweep(at: Moment): DirectoryEffect {
    const after = this.#sweptUpTo;
    const rest = this.#table.connectedTo(this.#self, after);
    const swept = rest.slice(0, AGENTS_PER_MESSAGE);
    const upTo = rest.length > swept.length ? (swept.at(-1)?.id ?? null) : null;
    this.#sweptUpTo = upTo ?? '';
    return publish({ kind: 'sweep', after, upTo, agents: swept.map((sighting) => toWire(sighting, at)) });
  }

  // What other directories say

  #hear(from: string, payload: Uint8Array, at: Moment): readonly DirectoryEffect[] {
    if (from === this.#self || !this.#nodes.has(from)) return [];
    const message = decodeDirectoryMessage(payload, at.wallNow);
    if (message === undefined) {
      this.#malformed++;
      return [];
    }
    switch (message.kind) {
      case 'changes':
        return this.#learn(from, message.agents, at);
      case 'sweep': {
        const ids = new Set(message.agents.map(({ id }) => id));
        this.#table.keepSwept(from, { after: message.after, upTo: message.upTo ?? undefined }, ids, at.now);
        return this.#learn(from, message.agents, at);
      }
      case 'command':
        return this.#commanded(from, message.agent, message.order, at);
      case 'answer':
        return this.#answered(message.command, from, message.answer);
    }
  }

  #learn(node: string, agents: readonly WireAgent[], at: Moment): readonly DirectoryEffect[] {
    return agents.flatMap(({ seenAgoMs, ...agent }) => {
      const before = this.#table.get(agent.id);
      const outcome = this.#table.learn({ ...agent, node, lastSeenAtMs: at.now - seenAgoMs }, at.now);
      const isMoved = outcome === 'learnt' && before?.node === this.#self && before.isConnected;
      return isMoved ? [this.#drain(agent.id, before.connectedAtMs, node)] : [];
    });
  }

  // Commands

  #command(agent: string, order: CommandOrder, at: Moment): readonly DirectoryEffect[] {
    const { command, timeoutMs } = order;
    const known = this.whereIs(agent, at.now);
    if (known instanceof MeshError) return [{ kind: 'answer', command, answer: known }];
    const fault = this.#commands.begin(order, agent, known.node);
    if (fault !== undefined) return [{ kind: 'answer', command, answer: fault }];
    const late: DirectoryEffect = { kind: 'schedule-late', command, delayMs: timeoutMs };
    if (known.node === this.#self) return [late, { kind: 'order-session', agent, origin: this.#self, order }];
    return [late, publishTo(known.node, { kind: 'command', agent, order })];
  }

  /** Another node believes that the agent is connected here. */
  #commanded(origin: string, agent: string, order: CommandOrder, at: Moment): readonly DirectoryEffect[] {
    const fault = orderFault(order) ?? this.#notHere(agent, at);
    if (fault === undefined) return [{ kind: 'order-session', agent, origin, order }];
    return [publishTo(origin, { kind: 'answer', command: order.command, answer: fault })];
  }

  #sessionAnswered(command: string, origin: string, answer: CommandAnswer): readonly DirectoryEffect[] {
    if (origin === this.#self) return this.#answered(command, this.#self, answer);
    return [publishTo(origin, { kind: 'answer', command, answer })];
  }

  #answered(command: string, node: string, answer: CommandAnswer): readonly DirectoryEffect[] {
    if (!this.#commands.answered(command, node)) return [];
    return [{ kind: 'answer', command, answer: answer instanceof MeshError ? answer : { node, ...answer } }];
  }

  #notHere(agent: string, at: Moment): MeshError | undefined {
    const known = this.whereIs(agent, at.now);
    if (known instanceof MeshError) return known;
    if (known.node === this.#self) return undefined;
    return new MeshError('AGENT_OFFLINE', `agent ${agent} has just moved from ${this.#self} to ${known.node}`, { given: agent, todo: 'try again' });
  }

  #unknown(agent: string): MeshError {
    const nearest = this.#table.nearest(agent);
    return new MeshError('AGENT_UNKNOWN', `no agent ${agent} was seen in this mesh`, {
      given: agent,
      todo: `${nearest === undefined ? '' : `did you mean ${nearest}? `}see \`mesh agents\``,
    });
  }
}

function toWire({ id, program, connectedAtMs, isConnected, ratePerS, records, lastSeenAtMs }: Sighting, at: Moment): WireAgent {
  return { id, program, connectedAtMs, isConnected, ratePerS, records, seenAgoMs: Math.max(0, Math.round(at.now - lastSeenAtMs)) };
}

function publish(message: DirectoryMessage): DirectoryEffect {
  return { kind: 'publish', payload: encodeDirectoryMessage(message) };
}

function publishTo(node: string, message: DirectoryMessage): DirectoryEffect {
  return { kind: 'publish-to', node, payload: encodeDirectoryMessage(message) };
}
