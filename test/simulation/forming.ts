/**
 * Nodes that start at the same moment and know of each other from a source of addresses alone, as `mesh start --discover`
 * has them: beside each brain of membership one of formation.
 */
import { Formation, type FormationEffect, type FormationInput } from '../../src/actors/formation/formation.ts';
import { seededRandom } from '../../src/random.ts';
import { MeshSimulation, type SimulationOptions } from './mesh-simulation.ts';

/** An orchestrator starts them together; machines take their time. */
const STARTS_WITHIN_MS = 500;
/** A list is read when a node is up; what others told membership by then is known to formation as soon as in a real one. */
const LOOK_EVERY_MS = 250;

/** They form for so long. @param prepare called before time begins */
export function form(options: SimulationOptions, forMs: number, prepare: (simulation: MeshSimulation) => void = () => undefined): MeshSimulation {
  const simulation = new MeshSimulation(options);
  const found = { candidates: simulation.names.map((name) => ({ given: name, address: simulation.addressOf(name) })) };
  for (const [number, name] of simulation.names.entries()) {
    const brain = new Formation({ self: simulation.addressOf(name), random: seededRandom(options.seed * 10_007 + number) });
    const handle = (input: FormationInput): void => brain.handle(input).forEach(perform);
    const perform = (effect: FormationEffect): void => {
      if (effect.kind === 'seeds') simulation.discover(name, effect.seeds);
      if (effect.kind === 'schedule-round') simulation.at(simulation.clock.now() + effect.afterMs, () => handle({ kind: 'round-due' }));
    };
    const look = (): void => {
      handle({ kind: 'members', members: simulation.membersOf(name) });
      simulation.at(simulation.clock.now() + LOOK_EVERY_MS, look);
    };
    simulation.at(simulation.random.next() * STARTS_WITHIN_MS, () => {
      simulation.start(name, true);
      handle({ kind: 'started' });
      handle({ kind: 'found', source: 'list', found });
      look();
    });
  }
  prepare(simulation);
  simulation.run(forMs);
  return simulation;
}
