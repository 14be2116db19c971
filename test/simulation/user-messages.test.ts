import { expect } from 'chai';
import { MeshSimulation } from './mesh-simulation.ts';

const NODES = 50;

/** When the event has reached how many, in a mesh whose every member says something else about itself five times a second. */
function heardUnderChurn(seed: number): { readonly nodes: number; readonly lastMs: number } {
  const simulation = new MeshSimulation({ seed, nodes: NODES, weather: { loss: 0.05 } });
  simulation.startAll();
  simulation.run(20_000);
  for (let at = 20_000; at < 30_000; at += 200) {
    simulation.at(at, () => simulation.names.forEach((name) => simulation.retag(name, { role: 'simulated', says: `${at} ${'x'.repeat(100)}` })));
  }
  simulation.at(25_000, () => simulation.order('n7', { kind: 'send-event', name: 'deploy', payload: new Uint8Array(300), coalesce: false }));
  simulation.run(10_000);
  const heard = simulation.heard.filter(({ news }) => news.type === 'event');
  return { nodes: new Set(heard.map(({ node }) => node)).size, lastMs: Math.max(...heard.map(({ atMs }) => atMs)) - 25_000 };
}

describe('an event, in a mesh whose members change all the time', () => {
  it('reaches all of fifty within two seconds: what is said of members does not push it aside', function () {
    this.timeout(120_000);
    for (const seed of [1, 2]) {
      const { nodes, lastMs } = heardUnderChurn(seed);
      expect(nodes, `nodes, seed ${seed}`).to.equal(NODES);
      expect(lastMs, `until the last, seed ${seed}`).to.be.at.most(2_000);
    }
  });

  it('reaches each once', () => {
    const simulation = new MeshSimulation({ seed: 4, nodes: 20, weather: { loss: 0.2, duplication: 0.2 } });
    simulation.startAll();
    simulation.run(5_000);
    simulation.order('n3', { kind: 'send-event', name: 'deploy', payload: new Uint8Array(0), coalesce: false });
    simulation.run(60_000);
    const heard = simulation.heard.filter(({ news }) => news.type === 'event').map(({ node }) => node);
    expect(heard.toSorted()).to.deep.equal(simulation.names.toSorted());
  });
});
