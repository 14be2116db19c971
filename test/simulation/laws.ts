/**
 * What must hold in every mesh, whatever the storm. Each law turns facts into obligations ("all hold it dead by then"),
 * leaves out those that later facts made void, and lists who broke the rest.
 */
import { transmitsMax } from '../../src/actors/membership/dissemination.ts';
import type { Profile } from '../../src/actors/membership/profile.ts';
import { suspicionMinMs } from '../../src/actors/membership/suspicion.ts';
import type { MemberStatus } from '../../src/actors/membership/membership-messages.ts';
import { PACKET_BYTES_MAX } from '../../src/actors/membership/wire/packet.ts';
import type { History } from './mesh-simulation.ts';
import { Timeline } from './timeline.ts';

export interface Verdict {
  readonly law: string;
  readonly promise: string;
  /** Obligations looked at; a law that was never put to the test says nothing. */
  readonly judged: number;
  /** One line each, with the seed. */
  readonly violations: readonly string[];
}

export interface Bounds {
  readonly completenessMs: number;
  readonly refutationMs: number;
  readonly convergenceMs: number;
  readonly leaveMs: number;
  readonly restartMs: number;
  /** Who stands still for less than this is never called dead. */
  readonly harmlessPauseMs: number;
}

/** Detection takes a round of probes at worst, but with many probers one of them comes by much sooner. */
const PROBE_ROUNDS_MAX = 15;
/** Of a change, once one node knows it, while there is room in packets for all that is said. */
const SPREAD_MS = 5_000;
/** An alive with an address and a tag or two, as part of a packet. */
const MESSAGE_BYTES = 80;
/** Of a packet, what is for members in any case: programs have the rest. */
const MEMBERS_SHARE = 3 / 4;
/**
 * In a larger mesh a storm strikes no more than in one of so many: each standstill is some thousand suspicions there, and what a
 * quarter of a thousand nodes cause in half a minute does not fit into four gigabytes.
 */
export const STRUCK_MESH_MAX = 200;
/** Of those the members that a storm changes at once: a fifteenth comes or goes, a quarter stands still and is suspected. */
const CHANGING_SHARE = 1 / 3;

/**
 * How soon news of so many members is everywhere. memberlist sends each of them `retransmitMult * log10(n + 1)` times (util.go) in
 * `GossipNodes` packets of 1,400 bytes each `GossipInterval` (state.go): who has said all that has nothing left to say, and then as
 * good as nobody lacks any of it (SWIM, section 4.1). Up to eighty at once that is no time at all; a thousand take 81 s.
 */
export function spreadMs(profile: Profile, nodes: number, changed: number): number {
  const roundBytes = profile.gossipNodes * PACKET_BYTES_MAX * MEMBERS_SHARE;
  const rounds = (transmitsMax(profile, nodes) * changed * MESSAGE_BYTES) / roundBytes;
  return Math.max(SPREAD_MS, Math.ceil(rounds) * profile.gossipIntervalMs);
}

/** How soon each promise is kept in a mesh of this size. */
export function boundsOf({ profile, nodes }: Pick<History, 'profile' | 'nodes'>): Bounds {
  const suspicionMs = suspicionMinMs(profile, nodes);
  const newsMs = spreadMs(profile, nodes, Math.min(nodes, STRUCK_MESH_MAX) * CHANGING_SHARE);
  // Unconfirmed, a suspicion takes six times as long; where there is nobody left to confirm, none is waited for.
  const detectionMs = Math.min(PROBE_ROUNDS_MAX, 2 * nodes) * profile.probeIntervalMs;
  return {
    completenessMs: detectionMs + 2 * suspicionMs + newsMs,
    // Whom gossip misses, the next ping of the suspected member puts right.
    refutationMs: newsMs,
    // The missing are looked for once in each rejoin interval; the first try may meet one that is down. All may be news to all.
    convergenceMs: 2 * profile.rejoinIntervalMs + spreadMs(profile, nodes, nodes),
    // Whom the goodbye misses, those that heard it correct as soon as it raises a suspicion.
    leaveMs: detectionMs + newsMs,
    restartMs: newsMs,
    // A suspicion lasts as long at least; the refutation takes its way.
    harmlessPauseMs: suspicionMs - profile.probeIntervalMs,
  };
}

export function judge(history: History): Verdict[] {
  const timeline = new Timeline(history);
  const bounds = boundsOf(history);
  return [
    new Law('completeness', 'the dead become known everywhere', history).run((law) => completeness(law, timeline, bounds)),
    new Law('accuracy', 'no living, reachable node is declared dead', history).run((law) => accuracy(law, timeline, bounds)),
    new Law('refutation', 'who is suspected and lives is cleared everywhere', history).run((law) => refutation(law, timeline, bounds)),
    new Law('convergence', 'after a start or a heal all see the same, and the truth', history).run((law) => convergence(law, timeline, bounds)),
    new Law('leave', 'who leaves has left, and is never called dead', history).run((law) => leave(law, timeline, bounds)),
    new Law('restart', 'who restarts under its name is alive everywhere', history).run((law) => restart(law, timeline, bounds)),
  ];
}

class Law {
  readonly #law: string;
  readonly #promise: string;
  readonly #history: History;
  readonly #violations: string[] = [];
  #judged = 0;

  constructor(law: string, promise: string, history: History) {
    this.#law = law;
    this.#promise = promise;
    this.#history = history;
  }

  run(look: (law: Law) => void): Verdict {
    look(this);
    return { law: this.#law, promise: this.#promise, judged: this.#judged, violations: this.#violations };
  }

  expect(holds: boolean, atMs: number, complaint: () => string): void {
    this.#judged++;
    if (!holds) this.#violations.push(`seed ${this.#history.seed}, ${this.#history.nodes} nodes, ${(atMs / 1_000).toFixed(3)} s: ${complaint()}`);
  }
}

function completeness(law: Law, timeline: Timeline, { completenessMs }: Bounds): void {
  for (const { atMs, node } of timeline.history.facts.filter(({ type }) => type === 'crashed')) {
    const dueMs = atMs + completenessMs;
    if (dueMs > timeline.history.endMs || !timeline.wasWhole(atMs, dueMs) || timeline.ranEver(node!, atMs + 1, dueMs)) continue;
    for (const observer of timeline.names.filter((name) => name !== node && timeline.ran(name, atMs, dueMs))) {
      const held = timeline.belief(observer, node!, dueMs);
      law.expect(held === undefined || held === 'dead', dueMs, () => `${observer} holds ${node} ${held}, which crashed at ${atMs / 1_000} s`);
    }
  }
}

function accuracy(law: Law, timeline: Timeline, { completenessMs, harmlessPauseMs }: Bounds): void {
  const { beliefs } = timeline.history;
  // What a cut or an earlier life made others believe may still come to pass for a while.
  const hasExcuse = (member: string, atMs: number): boolean => !timeline.ran(member, atMs - completenessMs, atMs, harmlessPauseMs) || !timeline.wasWhole(atMs - completenessMs, atMs);
  // Every run of every node is a chance to be wrong.
  for (const { type, atMs } of timeline.history.facts) if (type === 'started') law.expect(true, atMs, () => '');
  for (const { atMs, observer, event } of beliefs) {
    if (event.type === 'dead') law.expect(hasExcuse(event.member, atMs), atMs, () => `${observer} declares ${event.member} dead, which runs and is reachable`);
  }
}

function refutation(law: Law, timeline: Timeline, { refutationMs }: Bounds): void {
  for (const { atMs, observer, event } of timeline.history.beliefs.filter((belief) => belief.event.type === 'suspect')) {
    const dueMs = atMs + refutationMs;
    const isInnocent = timeline.ran(event.member, atMs - 1, dueMs) && timeline.wasWhole(atMs - 1, dueMs);
    if (dueMs > timeline.history.endMs || !isInnocent || !timeline.ran(observer, atMs, dueMs)) continue;
    // Cleared at some time until then: a new suspicion has its own term.
    law.expect(timeline.wasHeldAlive(observer, event.member, atMs, dueMs), dueMs, () => `${observer} still suspects ${event.member}, since ${atMs / 1_000} s`);
  }
}

function convergence(law: Law, timeline: Timeline, { convergenceMs }: Bounds): void {
  const { facts, endMs } = timeline.history;
  const changes = facts.filter(({ type }) => type === 'healed' || type === 'started' || type === 'resumed');
  for (const atMs of new Set(changes.map((fact) => fact.atMs))) {
    const dueMs = atMs + convergenceMs;
    if (dueMs > endMs || !timeline.wasWhole(atMs + 0.001, dueMs)) continue;
    const settled = timeline.names.filter((name) => timeline.ran(name, atMs, dueMs));
    const now = changes.filter((fact) => fact.atMs === atMs);
    const isChanged = now.some(({ type }) => type === 'healed') ? new Set(settled) : new Set(now.map(({ node }) => node!));
    const changed = settled.filter((name) => isChanged.has(name));
    expectAllHold(law, timeline, settled, changed, dueMs, 'alive');
    expectAllHold(law, timeline, changed, settled.filter((name) => !isChanged.has(name)), dueMs, 'alive');
  }
  // And in the end all, when the last change is over.
  const calmMs = endMs - convergenceMs;
  const settled = timeline.names.filter((name) => timeline.ran(name, calmMs, endMs));
  if (timeline.wasWhole(calmMs, endMs)) expectAllHold(law, timeline, settled, settled, endMs, 'alive');
}

function leave(law: Law, timeline: Timeline, { leaveMs }: Bounds): void {
  const { facts, beliefs, endMs } = timeline.history;
  for (const { atMs, observer, event } of beliefs.filter((belief) => belief.event.type === 'left')) {
    // The goodbye of an earlier life may go round for a while.
    const saidGoodbye = timeline.saidGoodbye(event.member, atMs - leaveMs, atMs) || !timeline.wasWhole(atMs - leaveMs, atMs);
    law.expect(saidGoodbye, atMs, () => `${observer} says that ${event.member} left, which did not say goodbye`);
  }
  for (const { atMs, node } of facts.filter(({ type }) => type === 'leaving')) {
    const dueMs = atMs + leaveMs;
    if (dueMs > endMs || !timeline.wasWhole(atMs, dueMs) || timeline.ranEver(node!, atMs + 0.001, dueMs)) continue;
    const observers = timeline.names.filter((name) => name !== node && timeline.ran(name, atMs, dueMs));
    expectAllHold(law, timeline, observers, [node!], dueMs, 'left');
    const nextStartMs = facts.find(({ type, node: name, atMs: at }) => type === 'started' && name === node && at > atMs)?.atMs ?? Infinity;
    for (const belief of beliefs.filter(({ event, atMs: at }) => event.member === node && event.type === 'dead' && at > atMs && at < nextStartMs)) {
      law.expect(false, belief.atMs, () => `${belief.observer} calls ${node} dead, which left at ${atMs / 1_000} s`);
    }
  }
}

function restart(law: Law, timeline: Timeline, { restartMs }: Bounds): void {
  const { facts, endMs } = timeline.history;
  const seen = new Set<string>();
  for (const { atMs, node } of facts.filter(({ type }) => type === 'started')) {
    const isRestart = seen.has(node!);
    seen.add(node!);
    const dueMs = atMs + restartMs;
    if (!isRestart || dueMs > endMs || !timeline.wasWhole(atMs, dueMs) || !timeline.ran(node!, atMs, dueMs)) continue;
    const observers = timeline.names.filter((name) => timeline.ran(name, atMs, dueMs));
    expectAllHold(law, timeline, observers, [node!], dueMs, 'alive');
  }
}

function expectAllHold(law: Law, timeline: Timeline, observers: readonly string[], members: readonly string[], atMs: number, status: MemberStatus): void {
  for (const observer of observers) {
    for (const member of members) {
      const held = timeline.belief(observer, member, atMs);
      // A suspicion may be raised at any time; the laws of accuracy and refutation look after it.
      const holds = held === status || (status === 'alive' && held === 'suspect') || (status === 'left' && held === undefined);
      law.expect(holds, atMs, () => `${observer} holds ${member} ${held ?? 'unknown'} instead of ${status}`);
    }
  }
}
