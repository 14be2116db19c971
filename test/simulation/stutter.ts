/**
 * The experiment of the Lifeguard paper (section V): a quarter of a mesh stands still for a moment, again and again, and
 * nobody dies; in the end one node does.
 */
import type { Profile } from '../../src/actors/membership/profile.ts';
import { boundsOf } from './laws.ts';
import { MeshSimulation, type Belief } from './mesh-simulation.ts';

const PAUSED_SHARE = 0.25;
const STUTTER: Pace = {
  pauseMs: [500, 5_000],
  // Between two pauses they hardly come to themselves.
  runMs: [100, 1_000],
};
/** All have found each other by then. */
const CALM_MS = 10_000;

/** SWIM as it was before Lifeguard: no scores, no wait for confirmations, no eye on the own loop. */
export const WITHOUT_LIFEGUARD: Partial<Profile> = { awarenessMultiplierMax: 1, suspicionMaxMult: 1, lateAfterMs: Infinity };

/** From the least to the most. */
interface Pace {
  readonly pauseMs: readonly [number, number];
  readonly runMs: readonly [number, number];
}

export interface Stutter {
  /** Nodes called dead that were not, once for each node that came to believe it. */
  readonly falseDeaths: readonly Belief[];
  /** A node's own probes that ended in a false accusation. */
  readonly accusations: readonly Belief[];
  /** Nodes that never stood still. */
  readonly steady: ReadonlySet<string>;
  /** From the true death until the first and the last of the steady knew of it. */
  readonly firstMs: number;
  readonly allMs: number;
}

export function stutter({ seed, nodes, forMs, tuning }: { readonly seed: number; readonly nodes: number; readonly forMs: number; readonly tuning: Partial<Profile> }): Stutter {
  const simulation = new MeshSimulation({ seed, nodes, tuning });
  const paused = simulation.names.slice(-Math.max(1, Math.floor(nodes * PAUSED_SHARE)));
  const steady = new Set(simulation.names.slice(0, -paused.length));
  const [victim = ''] = steady;
  simulation.startAll();
  simulation.run(CALM_MS);
  const crashMs = CALM_MS + forMs;
  const endMs = crashMs + 2 * boundsOf({ profile: simulation.profile, nodes }).completenessMs;
  for (const name of paused) pauseAgainAndAgain(simulation, name, STUTTER, endMs);
  simulation.run(forMs);
  simulation.crash(victim);
  simulation.run(endMs - crashMs);

  const isTrue = ({ atMs, event }: Belief): boolean => event.member === victim && atMs >= crashMs;
  const { beliefs } = simulation.history();
  const heardMs = [...steady].filter((name) => name !== victim).map((name) => beliefs.find((belief) => belief.observer === name && belief.event.type === 'dead' && isTrue(belief))?.atMs ?? Infinity);
  return {
    falseDeaths: beliefs.filter((belief) => belief.event.type === 'dead' && !isTrue(belief)),
    accusations: beliefs.filter((belief) => belief.event.type === 'suspect' && belief.event.accuser === belief.observer && !isTrue(belief)),
    steady,
    firstMs: Math.min(...heardMs) - crashMs,
    allMs: Math.max(...heardMs) - crashMs,
  };
}

export function pauseAgainAndAgain(simulation: MeshSimulation, name: string, pace: Pace, endMs: number): void {
  const pauseMs = simulation.clock.now() + between(simulation, pace.runMs);
  const resumeMs = pauseMs + between(simulation, pace.pauseMs);
  if (resumeMs > endMs) return;
  simulation.at(pauseMs, () => simulation.pause(name));
  simulation.at(resumeMs, () => {
    simulation.resume(name);
    pauseAgainAndAgain(simulation, name, pace, endMs);
  });
}

function between({ random }: MeshSimulation, [min, max]: readonly [number, number]): number {
  return min + random.next() * (max - min);
}
