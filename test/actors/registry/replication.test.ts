import { expect } from 'chai';
import { RegistryDocument } from '../../../src/actors/registry/document.ts';
import { Replication } from '../../../src/actors/registry/replication.ts';
import { randomInt, seededRandom } from '../../../src/random.ts';
import { received, SimulatedMesh } from './simulated-mesh.ts';

const NAMES = ['ash', 'birch', 'cedar', 'elm', 'fir'];

function expectAgreement(mesh: SimulatedMesh, about: string): void {
  const [first, ...others] = [...mesh.nodes.values()];
  for (const node of others) {
    expect(node.entries(), `${about}: ${node.name} against ${first!.name}`).to.deep.equal(first!.entries());
    expect(node.document.heads(), `${about}: heads`).to.have.members(first!.document.heads());
  }
  for (const node of mesh.nodes.values()) {
    const watched = [...node.watched.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(watched, `${about}: news on ${node.name}`).to.deep.equal(node.entries());
  }
}

/** Random writes on random nodes, with clocks that are seconds apart. */
function scribble(mesh: SimulatedMesh, writes: number): void {
  const names = [...mesh.nodes.keys()];
  for (let i = 0; i < writes; i++) {
    const name = names[randomInt(mesh.random, names.length)]!;
    const key = `key/${randomInt(mesh.random, 12)}`;
    const skewMs = names.indexOf(name) * 2_000;
    if (mesh.random.next() < 0.25) mesh.delete(name, key);
    else mesh.put(name, key, `value ${i}`, mesh.clock.wallNow() + skewMs);
    mesh.pass(randomInt(mesh.random, 40));
  }
}

describe('replication of the registry', () => {
  it('a write reaches every peer by one message each', () => {
    const mesh = new SimulatedMesh(NAMES, 1);
    mesh.connectAll();
    mesh.pass(50);
    mesh.sent.length = 0;
    mesh.put('ash', 'service/web', '10.0.0.1:80');
    mesh.pass(20);
    expect(mesh.sent.filter(({ frame }) => frame.changes).length).to.equal(NAMES.length - 1);
    expect(mesh.node('fir').document.get('service/web')?.value).to.equal('10.0.0.1:80');
    expectAgreement(mesh, 'push');
  });

  it('applies a frame of many changes a slice at a time, and then has them all', () => {
    const author = new RegistryDocument('aa'.repeat(16));
    const changes = Array.from({ length: 200 }, (_, i) => author.put(`key/${i}`, 'v', 'ash', 0)).flatMap((write) => ('bytes' in write && write.bytes ? [write.bytes] : []));
    const document = new RegistryDocument('bb'.repeat(16));
    const replication = new Replication(document, seededRandom(1));
    replication.handle({ kind: 'peer-up', node: 'ash' }, 0);
    let effects = replication.handle({ kind: 'frame', node: 'ash', frame: received({ changes: { changes } }) }, 0);
    const counts = [document.count];
    while (effects.some((effect) => effect.kind === 'later' && effect.input.kind === 'apply-on')) {
      effects = replication.handle({ kind: 'apply-on' }, 0);
      counts.push(document.count);
    }
    expect(counts).to.deep.equal([64, 128, 192, 200]);
  });

  it('refuses a frame that is larger than any node sends', () => {
    const replication = new Replication(new RegistryDocument('bb'.repeat(16)), seededRandom(1));
    replication.handle({ kind: 'peer-up', node: 'ash' }, 0);
    const changes = [Buffer.alloc(130 * 1024), Buffer.alloc(130 * 1024)];
    const effects = replication.handle({ kind: 'frame', node: 'ash', frame: received({ changes: { changes } }) }, 0);
    expect(effects).to.deep.equal([{ kind: 'refused', from: 'ash', refused: { frame: 1 } }]);
  });

  for (let seed = 1; seed <= 12; seed++) {
    it(`nodes agree after a storm of loss, doubling, reordering and broken sessions (seed ${seed})`, () => {
      const mesh = new SimulatedMesh(NAMES, seed);
      mesh.faults = { loss: 0.2, duplication: 0.1, jitterMs: 60 };
      mesh.connectAll();
      for (let round = 0; round < 8; round++) {
        const cut = 1 + randomInt(mesh.random, NAMES.length - 1);
        if (mesh.random.next() < 0.5) mesh.split(NAMES.slice(0, cut), NAMES.slice(cut));
        else mesh.connectAll();
        scribble(mesh, 12);
        if (mesh.random.next() < 0.4) {
          const name = NAMES[randomInt(mesh.random, NAMES.length)]!;
          const { stored } = mesh.node(name);
          mesh.stop(name);
          const back = mesh.start(name, stored);
          back.stored = stored;
        }
      }
      mesh.connectAll();
      mesh.pass(20_000);
      expectAgreement(mesh, `seed ${seed}`);
    });
  }

  it('two sides that wrote apart agree on the later write soon after they meet, and flag it', () => {
    const mesh = new SimulatedMesh(NAMES, 3);
    mesh.connectAll();
    mesh.put('ash', 'leader', 'none');
    mesh.pass(100);
    mesh.split(['ash', 'birch'], ['cedar', 'elm', 'fir']);
    // The side that writes more often would be Automerge's winner.
    for (let i = 0; i < 5; i++) mesh.put('fir', 'leader', `fir ${i}`, 1_000 + i);
    mesh.put('ash', 'leader', 'ash', 5_000);
    mesh.pass(3_000);
    mesh.connectAll();
    mesh.pass(2_000);
    expectAgreement(mesh, 'heal');
    expect(mesh.node('fir').document.get('leader')).to.deep.include({ value: 'ash', writer: 'ash', conflict: true });
    mesh.put('elm', 'leader', 'elm');
    mesh.pass(50);
    expect(mesh.node('ash').document.get('leader')).to.deep.include({ value: 'elm', conflict: false });
  });

  it('a key deleted on one side and put on the other is there after they meet', () => {
    const mesh = new SimulatedMesh(['ash', 'birch'], 4);
    mesh.connectAll();
    mesh.put('ash', 'job', 'waiting');
    mesh.pass(100);
    mesh.cut('ash', 'birch');
    mesh.put('ash', 'job', 'running');
    mesh.pass(1_000);
    mesh.delete('birch', 'job');
    mesh.connectAll();
    mesh.pass(2_000);
    expectAgreement(mesh, 'delete against put');
    expect(mesh.node('birch').document.get('job')?.value).to.equal('running');
  });

  it('a change crosses a partial partition within two seconds', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const mesh = new SimulatedMesh(['ash', 'birch', 'cedar'], seed);
      mesh.connect('ash', 'cedar');
      mesh.connect('cedar', 'birch');
      mesh.pass(3_000);
      mesh.put('ash', 'route', 'over cedar');
      mesh.pass(2_000);
      expect(mesh.node('birch').document.get('route')?.value, `seed ${seed}`).to.equal('over cedar');
    }
  });

  it('nodes in step exchange nothing but their heads', () => {
    const mesh = new SimulatedMesh(NAMES, 5);
    mesh.connectAll();
    scribble(mesh, 20);
    mesh.pass(3_000);
    mesh.sent.length = 0;
    mesh.pass(5_000);
    expect(mesh.sent.length).to.be.within(20, 35);
    expect(mesh.sent.every(({ frame }) => frame.heads)).to.equal(true);
  });

  it('a newcomer far behind is sent one snapshot, also when parts of it are lost', () => {
    const mesh = new SimulatedMesh(['ash', 'birch', 'cedar'], 6);
    mesh.connectAll();
    const noise = (i: number): string => Array.from({ length: 40 }, () => mesh.random.next().toString(36)).join(`${i}`);
    for (let i = 0; i < 2_200; i++) {
      mesh.put('ash', `key/${i}`, noise(i));
      if (i % 200 === 0) mesh.pass(20);
    }
    mesh.pass(2_000);
    mesh.start('dogwood');
    let secondParts = 0;
    mesh.filter = (frame) => frame.snapshot?.index !== 1 || ++secondParts > 1;
    mesh.sent.length = 0;
    mesh.connectAll();
    mesh.pass(6_000);
    expectAgreement(mesh, 'join');
    const parts = mesh.sent.filter(({ frame }) => frame.snapshot);
    expect(secondParts, 'one was lost, one came').to.equal(2);
    expect(parts.length).to.equal(2 * parts[0]!.frame.snapshot!.total! - 1);
    expect(parts[0]!.frame.snapshot!.total).to.be.greaterThan(1);
  });

  it('two far apart that both wrote send what is new since they last agreed, not everything', () => {
    const mesh = new SimulatedMesh(['ash', 'birch'], 7);
    mesh.connectAll();
    for (let i = 0; i < 2_100; i++) mesh.put('ash', `key/${i}`, 'x');
    mesh.pass(3_000);
    mesh.split(['ash'], ['birch']);
    for (let i = 0; i < 50; i++) {
      mesh.put('ash', `a/${i}`, 'x');
      mesh.put('birch', `b/${i}`, 'x');
    }
    mesh.sent.length = 0;
    mesh.connectAll();
    mesh.pass(2_000);
    expectAgreement(mesh, 'heal');
    expect(mesh.sent.some(({ frame }) => frame.snapshot)).to.equal(false);
    const changes = mesh.sent.flatMap(({ frame }) => frame.changes?.changes ?? []);
    expect(changes.length).to.be.lessThan(400);
  });

  it('a node that restarts has what it stored before it meets anyone', () => {
    const mesh = new SimulatedMesh(['ash', 'birch'], 8);
    mesh.connectAll();
    scribble(mesh, 60);
    mesh.pass(3_000);
    const { stored } = mesh.node('ash');
    const before = mesh.node('ash').entries();
    mesh.stop('ash');
    mesh.start('ash', stored);
    expect(mesh.node('ash').entries()).to.deep.equal(before);
  });

  it('a stored snapshot that arrives late is merged with what was written meanwhile', () => {
    const mesh = new SimulatedMesh(['ash'], 9);
    mesh.put('ash', 'old', '1');
    const snapshot = mesh.node('ash').document.snapshot();
    mesh.stop('ash');
    const { document, replication } = mesh.start('ash');
    document.put('new', '2', 'ash', 1);
    const effects = replication.handle({ kind: 'stored', stored: { snapshot, changes: [] } }, 0);
    expect(effects.map((effect) => effect.kind)).to.deep.equal(['news']);
    expect(document.list('').map((entry) => entry.key)).to.deep.equal(['new', 'old']);
    expect(document.put('newer', '3', 'ash', 2)).to.include({ existed: false });
  });

  it('a peer whose snapshots are refused is left alone for a while', () => {
    const mesh = new SimulatedMesh(['ash', 'birch'], 10);
    mesh.connectAll();
    mesh.pass(100);
    const lie = { heads: { hashes: [Buffer.alloc(32, 7)] } };
    mesh.inject('ash', 'birch', lie);
    mesh.inject('ash', 'birch', { snapshot: { id: 1, index: 0, total: 1, data: Buffer.from('not a document') } });
    expect(mesh.node('ash').replication.refused).to.deep.equal({ 'snapshot-unreadable': 1 });
    mesh.sent.length = 0;
    mesh.inject('ash', 'birch', lie);
    mesh.pass(5_000);
    expect(mesh.sent.some(({ frame }) => frame.pull)).to.equal(false);
  });

  it('parts of a snapshot that nobody asked for, and heads that are no hashes, change nothing', () => {
    const mesh = new SimulatedMesh(['ash', 'birch'], 11);
    mesh.connectAll();
    mesh.pass(100);
    mesh.inject('ash', 'birch', { snapshot: { id: 1, index: 0, total: 1, data: Buffer.from('x') } });
    mesh.inject('ash', 'birch', { heads: { hashes: [Buffer.from('short')] } });
    expect(mesh.node('ash').replication.refused).to.deep.equal({ frame: 1 });
    mesh.put('birch', 'still', 'works');
    mesh.pass(50);
    expectAgreement(mesh, 'after nonsense');
  });
});
