import { expect } from 'chai';
import { BANNED, BanMesh } from './ban-mesh.ts';

const NODES = 100;

describe('a ban in a mesh of a hundred', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`is known to all within two seconds though every tenth frame is lost, seed ${seed}`, () => {
      const mesh = new BanMesh({ nodes: NODES, seed, loss: 0.1, latencyMs: [1, 40] });
      mesh.run(1_000);
      mesh.ban(1);
      expect(mesh.until(mesh.all, 60_000)).to.be.below(2_000);
    });

    it(`is known to all when half of the frames are lost, seed ${seed}`, () => {
      const mesh = new BanMesh({ nodes: NODES, seed, loss: 0.5, latencyMs: [1, 200] });
      mesh.ban(1);
      expect(mesh.until(mesh.all, 60_000)).to.not.equal(undefined);
    });

    it(`is known to those who were cut off within two seconds of being back, seed ${seed}`, () => {
      const mesh = new BanMesh({ nodes: NODES, seed, loss: 0.1, latencyMs: [1, 40] });
      mesh.cut(60);
      mesh.ban(1);
      mesh.run(10_000);
      expect(mesh.knowing).to.equal(59);
      mesh.heal();
      expect(mesh.until(mesh.all, 60_000)).to.be.below(2_000);
    });
  }

  it('is never told to the banned node by those who know it', () => {
    const mesh = new BanMesh({ nodes: NODES, seed: 7, loss: 0, latencyMs: [1, 40] });
    mesh.ban(1);
    mesh.run(10_000);
    expect(mesh.knowing).to.equal(mesh.all);
    expect(mesh.nodes.find(({ name }) => name === BANNED)!.spread.list.entries).to.deep.equal([]);
  });
});
