/** A schedule of faults that grows from a seed: crashes, false accusations, restarts, goodbyes, partitions, again and again. */
import { sample, type Random } from '../../src/random.ts';
import { boundsOf } from './laws.ts';
import { MeshSimulation, type SimulationOptions } from './mesh-simulation.ts';

/** All have found each other by then. */
const CALM_MS = 5_000;

export interface StormOptions extends SimulationOptions {
  readonly forMs: number;
  /** Called when a second of virtual time has passed. */
  readonly onSecond?: (second: number) => void;
}

/** Runs a mesh through a storm. */
export function storm({ forMs, onSecond, ...options }: StormOptions): MeshSimulation {
  const simulation = new MeshSimulation(options);
  simulation.startAll();
  for (let atMs = CALM_MS; atMs < forMs; ) atMs = scheduleRound(simulation, options.nodes, atMs);
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
  const few = Math.max(1, Math.floor(nodes / 15));
  const victims = pick(random, simulation.names, few);
  const others = simulation.names.filter((name) => !victims.includes(name));
  let atMs = startMs + random.next() * 1_000;

  simulation.at(atMs, () => victims.forEach((name) => simulation.crash(name)));
  simulation.at(atMs + 1_000, () => accuseSome(simulation, others, few));
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

/** Short ones are not noticed, longer ones bury the other side. Gives how long it lasts. */
function schedulePartition(simulation: MeshSimulation, atMs: number): number {
  const { random, names } = simulation;
  const lastsMs = 2_000 + random.next() * 30_000;
  const kind = random.next();
  const side = pick(random, names, kind < 0.5 ? Math.floor(names.length / 2) : 1);
  simulation.at(atMs, () => (kind < 0.8 ? simulation.partition(side) : simulation.mute(side)));
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
