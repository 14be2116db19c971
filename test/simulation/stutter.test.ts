import { expect } from 'chai';
import { MeshSimulation } from './mesh-simulation.ts';
import { stutter, WITHOUT_LIFEGUARD } from './stutter.ts';

const MESH = { nodes: 16, forMs: 60_000 };

describe('a mesh of which a quarter stands still again and again', () => {
  for (const seed of [1, 2]) {
    it(`calls nobody dead who is not, and who is within seconds (seed ${seed})`, () => {
      const { falseDeaths, firstMs, allMs } = stutter({ ...MESH, seed, tuning: {} });
      expect(falseDeaths).to.deep.equal([]);
      expect(firstMs).to.be.below(15_000);
      expect(allMs).to.be.below(20_000);
    });
  }

  it('is hard on the same nodes without Lifeguard', () => {
    expect(stutter({ ...MESH, seed: 1, tuning: WITHOUT_LIFEGUARD }).falseDeaths.length).to.be.above(5);
  });
});

describe('a node of a simulation that stands still', () => {
  it('says nothing, and has heard everything once it goes on', () => {
    const simulation = new MeshSimulation({ seed: 1, nodes: 3 });
    simulation.startAll();
    simulation.run(10_000);
    simulation.pause('n2');
    simulation.run(4_000);
    const about = (): string[] => simulation.history().beliefs.filter(({ atMs, event }) => atMs > 10_000 && event.member === 'n2').map(({ observer, event }) => `${observer} ${event.type}`);
    expect(about()).to.include.members(['n0 suspect', 'n1 suspect']).and.to.not.include('n0 dead');
    expect(simulation.history().beliefs.filter(({ atMs, observer }) => atMs > 10_000 && observer === 'n2')).to.deep.equal([]);
    simulation.resume('n2');
    simulation.run(2_000);
    expect(about()).to.include.members(['n0 refuted', 'n1 refuted', 'n2 refuted']);
  });

  it('may be killed as any other', () => {
    const simulation = new MeshSimulation({ seed: 1, nodes: 3 });
    simulation.startAll();
    simulation.run(10_000);
    simulation.pause('n2');
    simulation.run(1_000);
    simulation.crash('n2');
    simulation.start('n2');
    simulation.resume('n2');
    simulation.run(10_000);
    expect(simulation.membersOf('n0').map(({ status }) => status)).to.deep.equal(['alive', 'alive', 'alive']);
    expect(simulation.history().facts.slice(-3).map(({ type }) => type)).to.deep.equal(['paused', 'crashed', 'started']);
  });
});
