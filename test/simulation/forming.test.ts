import { expect } from 'chai';
import { form } from './forming.ts';
import { MeshSimulation } from './mesh-simulation.ts';
import { pauseAgainAndAgain } from './stutter.ts';

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
const NODES = 20;

/** Whom each sees alive is everybody, and nobody was ever called dead. */
function expectOneMesh(simulation: MeshSimulation, seed: number): void {
  const partial = simulation.names.filter((name) => simulation.membersOf(name).filter(({ status }) => status === 'alive').length !== simulation.names.length);
  expect(partial, `seed ${seed}: see not all`).to.deep.equal([]);
  const { beliefs } = simulation.history();
  expect(beliefs.filter(({ event }) => event.type === 'dead').map(({ atMs, observer, event }) => `${atMs} ${observer} ${event.member}`), `seed ${seed}`).to.deep.equal([]);
}

describe('twenty nodes that start at the same moment, each with the list of all', () => {
  it('are one mesh within three seconds, twenty times of twenty', () => {
    for (const seed of SEEDS) expectOneMesh(form({ seed, nodes: NODES, weather: { loss: 0.02 } }, 3_000), seed);
  });

  it('are one mesh also when all of them are starved of CPU all the while, and bury nobody for it', function () {
    this.timeout(60_000);
    for (const seed of SEEDS) {
      const simulation = form({ seed, nodes: NODES, weather: { loss: 0.02 } }, 60_000, (mesh) => {
        for (const name of mesh.names) mesh.at(500, () => pauseAgainAndAgain(mesh, name, { pauseMs: [100, 4_000], runMs: [50, 500] }, 50_000));
      });
      expectOneMesh(simulation, seed);
    }
  });
});

describe('thirty-two nodes that join through one', () => {
  for (const [when, apartMs] of [['at once', 0], ['one after the other', 50]] as const) {
    it(`${when} all know all within three seconds of the last, fifty times of fifty`, function () {
      this.timeout(60_000);
      for (let seed = 1; seed <= 50; seed++) {
        const simulation = new MeshSimulation({ seed, nodes: 32, seeds: 1, weather: { loss: 0.05 } });
        simulation.names.forEach((name, number) => simulation.at(number * apartMs, () => simulation.start(name)));
        simulation.run(31 * apartMs + 3_000);
        expectOneMesh(simulation, seed);
      }
    });
  }
});
