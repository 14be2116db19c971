/** A schedule of faults that grows from a seed: crashes, pauses, false accusations, restarts, goodbyes, partitions, again and again. */
import { sample, seededRandom, type Random } from '../../src/random.ts';
import type { Weather } from '../../src/transport/memory-network.ts';
import { boundsOf, spreadMs, STRUCK_MESH_MAX, type Bounds } from './laws.ts';
import { MeshSimulation, type SimulationOptions } from './mesh-simulation.ts';

export interface StormOptions extends SimulationOptions {
  readonly forMs: number;
  /** Called when a second of virtual time has passed. */
  readonly onSecond?: (second: number) => void;
}

/** A storm's own: a little of everything, more in some than in others. */
export function weatherOf(seed: number): Weather {
  const random = seededRandom(seed + 0.25 * 2 ** 32);
  return { loss: 0.05 * random.next(), duplication: 0.02 * random.next(), stragglers: 0.02 * random.next(), delayMinMs: 0.2, delayMaxMs: 2 + 98 * random.next() };
}

/** Runs a mesh through a storm. */
export function storm({ forMs, onSecond, ...options }: StormOptions): MeshSimulation {
  const simulation = new MeshSimulation({ weather: weatherOf(options.seed), ...options });
  simulation.startAll();
  // All have found each other by then.
  for (let atMs = spreadMs(simulation.profile, options.nodes, options.nodes); atMs < forMs; ) atMs = scheduleRound(simulation, options.nodes, atMs);
  for (let second = 1; second * 1_000 <= forMs; second++) {
    simulation.run(1_000);
    onSecond?.(second);
  }
  return simulation;
}

/** One round of everything; gives the time when the next may begin. Faults wait for the last one's promises. */
function scheduleRound(simulation: MeshSimulation, nodes: number, startMs: number): number {
  const { random, profile } = simulation;
  const bounds = boundsOf({ profile, nodes });
  const few = Math.max(1, Math.floor(Math.min(nodes, STRUCK_MESH_MAX) / 15));
  const victims = pick(random, simulation.names, few);
  const others = simulation.names.filter((name) => !victims.includes(name));
  let atMs = startMs + random.next() * 1_000;

  simulation.at(atMs, () => victims.forEach((name) => simulation.crash(name)));
  simulation.at(atMs + 1_000, () => accuseSome(simulation, others, few));
  schedulePauses(simulation, others, atMs, bounds);
  atMs += bounds.completenessMs + 1_000;
  simulation.at(atMs, () => simulation.names.forEach((name) => simulation.start(name)));
  atMs += bounds.restartMs + random.next() * 1_000;

  const quick = pick(random, others, few);
  simulation.at(atMs, () => quick.forEach((name) => simulation.crash(name)));
  // Sooner than anyone notices, or just when they have begun to suspect.
  simulation.at(atMs + random.next() * 4_000, () => quick.forEach((name) => simulation.start(name)));
  atMs += 4_000 + bounds.restartMs + random.next() * 1_000;

  const leavers = pick(random, others, Math.min(few, nodes - 2));
  simulation.at(atMs, () => leavers.forEach((name) => simulation.leave(name)));
  atMs += bounds.leaveMs + 1_000 + random.next() * 2_000;
  simulation.at(atMs, () => leavers.forEach((name) => simulation.start(name)));
  atMs += bounds.restartMs + random.next() * 1_000;

  return atMs + schedulePartition(simulation, atMs) + bounds.convergenceMs;
}

/** While the crashes are found, a few stand still again and again, each time for too short to be called dead; one for so long that it is. */
function schedulePauses(simulation: MeshSimulation, names: readonly string[], startMs: number, { completenessMs, harmlessPauseMs }: Bounds): void {
  const { random } = simulation;
  const [long = '', ...short] = pick(random, names, Math.ceil(Math.min(names.length, STRUCK_MESH_MAX) / 4));
  if (names.length > 1) scheduleStandstill(simulation, long, startMs + random.next() * 1_000, (1 + 2 * random.next()) * harmlessPauseMs);
  for (const name of short) {
    let atMs = startMs + random.next() * 5_000;
    while (atMs < startMs + completenessMs / 2) atMs = scheduleStandstill(simulation, name, atMs, (0.1 + 0.85 * random.next()) * harmlessPauseMs) + 100 + random.next() * 1_000;
  }
}

/** Gives the time when it goes on. */
function scheduleStandstill(simulation: MeshSimulation, name: string, atMs: number, lastsMs: number): number {
  simulation.at(atMs, () => simulation.pause(name));
  simulation.at(atMs + lastsMs, () => simulation.resume(name));
  return atMs + lastsMs;
}

/** Short ones are not noticed, longer ones bury the other side. Gives how long it lasts. */
function schedulePartition(simulation: MeshSimulation, atMs: number): number {
  const { random, names } = simulation;
  const lastsMs = 2_000 + random.next() * 30_000;
  const side = pick(random, names, random.next() < 0.5 ? Math.floor(names.length / 2) : 1);
  const kind = random.next();
  simulation.at(atMs, () => (kind < 0.5 ? simulation.partition(side) : kind < 0.75 ? simulation.mute(side) : simulation.deafen(side)));
  simulation.at(atMs + lastsMs, () => simulation.heal());
  return lastsMs;
}

function accuseSome(simulation: MeshSimulation, names: readonly string[], count: number): void {
  for (const name of pick(simulation.random, names, count)) {
    const [accuser = name, hearer = name] = pick(simulation.random, names.filter((other) => other !== name), 2);
    simulation.accuseFalsely(name, accuser, hearer);
  }
}

function pick(random: Random, names: readonly string[], count: number): string[] {
  return sample(random, names, Math.max(1, count));
}
