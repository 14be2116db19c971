import { expect } from 'chai';
import { boundsOf, judge } from './laws.ts';
import { MeshSimulation } from './mesh-simulation.ts';

const NODES = 200;
const CRASHED = ['n7', 'n77', 'n177'];

describe('a mesh of hundreds', () => {
  it('that start at once is whole within fifteen seconds, finds its dead, buries nobody else and keeps every other law', function () {
    this.timeout(120_000);
    const simulation = new MeshSimulation({ seed: 1, nodes: NODES, weather: { loss: 0.02, duplication: 0.01, stragglers: 0.01, delayMaxMs: 20 } });
    simulation.startAll();
    simulation.run(15_000);
    for (const name of simulation.names) expect(simulation.membersOf(name).filter(({ status }) => status === 'alive'), name).to.have.length(NODES);
    for (const name of CRASHED) simulation.crash(name);
    simulation.run(boundsOf({ profile: simulation.profile, nodes: NODES }).completenessMs + 1_000);
    const verdicts = judge(simulation.history());
    expect(verdicts.flatMap(({ violations }) => violations)).to.deep.equal([]);
    const judged = Object.fromEntries(verdicts.map((verdict) => [verdict.law, verdict.judged]));
    expect(judged['completeness']).to.equal(CRASHED.length * (NODES - CRASHED.length));
    expect(judged['convergence']).to.be.at.least((NODES - CRASHED.length) ** 2);
  });
});
