import { expect } from 'chai';
import { fromBundleFrame, toBundleFrame } from '../../../src/actors/trust/bundle-frames.ts';
import { BundleSpread, type BundleSpreadInput, type Standing } from '../../../src/actors/trust/bundle-spread.ts';
import { seededRandom, type Random } from '../../../src/random.ts';
import type { BundleFrame__Output } from '../../../src/transport/generated/omega/mesh/v1/BundleFrame.ts';
import type { SignedBundle } from '../../../src/trust/signed-bundle.ts';

/** What it says is its number; the brain looks into none. */
const documentOf = (sequence: number): SignedBundle => ({ body: Buffer.from([sequence]), signatures: [] });
const standingOf = (sequence: number, outgoing: readonly string[] = []): Standing => ({ sequence, id: `0${sequence}`, outgoing, outgoingCount: outgoing.length });

/** Nodes that are all connected, each of which believes whatever has a greater number. */
class Mesh {
  readonly nodes = new Map<string, { readonly spread: BundleSpread; sequence: number }>();
  readonly #random: Random;
  readonly #lossShare: number;
  sent = 0;

  constructor(count: number, lossShare: number, seed: number) {
    this.#random = seededRandom(seed);
    this.#lossShare = lossShare;
    for (let i = 0; i < count; i++) this.nodes.set(`n${i}`, { spread: new BundleSpread(this.#random), sequence: 1 });
    for (const name of this.nodes.keys()) this.hold(name, 1);
    for (const name of this.nodes.keys()) for (const peer of this.nodes.keys()) if (peer !== name) this.tell(name, { kind: 'peer-up', node: peer });
  }

  hold(name: string, sequence: number, from?: string): void {
    this.nodes.get(name)!.sequence = sequence;
    this.tell(name, { kind: 'stands', standing: standingOf(sequence), document: documentOf(sequence), from });
  }

  tell(name: string, input: BundleSpreadInput): void {
    const node = this.nodes.get(name)!;
    for (const effect of node.spread.handle(input)) {
      if (effect.kind === 'offer') {
        const offered = effect.document.body[0]!;
        if (offered > node.sequence) this.hold(name, offered, effect.node);
      } else {
        this.sent++;
        if (this.#random.next() < this.#lossShare) continue;
        const talk = fromBundleFrame(toBundleFrame(effect.talk) as BundleFrame__Output);
        if (this.nodes.has(effect.node)) this.tell(effect.node, { kind: 'heard', node: name, talk });
      }
    }
  }

  pulse(): void {
    for (const name of this.nodes.keys()) this.tell(name, { kind: 'pulse' });
  }
}

describe('how all nodes come to believe the same', () => {
  it('is told to all at once, and then each knows it of each', () => {
    const mesh = new Mesh(20, 0, 1);
    mesh.hold('n3', 2);
    for (const { spread, sequence } of mesh.nodes.values()) {
      expect([sequence, spread.lagging([...mesh.nodes.keys()].filter((name) => mesh.nodes.get(name)!.spread !== spread))]).to.deep.equal([2, []]);
    }
  });

  it('comes about in the end also where half of all frames are lost', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const mesh = new Mesh(20, 0.5, seed);
      mesh.hold('n3', 2);
      for (let i = 0; i < 300; i++) mesh.pulse();
      const behind = [...mesh.nodes].filter(([, { sequence, spread }]) => sequence !== 2 || spread.lagging([...mesh.nodes.keys()].filter((name) => mesh.nodes.get(name)!.spread !== spread)).length > 0);
      expect(behind.map(([name]) => name), `seed ${seed}`).to.deep.equal([]);
    }
  });

  it('costs next to nothing while nothing changes', () => {
    const mesh = new Mesh(20, 0, 1);
    mesh.sent = 0;
    for (let i = 0; i < 10; i++) mesh.pulse();
    expect(mesh.sent).to.equal(20 * 3 * 10);
  });

  it('reaches who was away when its session opens, whoever of the two was away', () => {
    for (const away of ['n0', 'n1']) {
      const mesh = new Mesh(2, 0, 1);
      for (const name of mesh.nodes.keys()) mesh.tell(name, { kind: 'peer-down', node: name === 'n0' ? 'n1' : 'n0' });
      mesh.hold(away === 'n0' ? 'n1' : 'n0', 3);
      expect(mesh.nodes.get(away)!.sequence).to.equal(1);
      for (const name of mesh.nodes.keys()) mesh.tell(name, { kind: 'peer-up', node: name === 'n0' ? 'n1' : 'n0' });
      expect(mesh.nodes.get(away)!.sequence).to.equal(3);
    }
  });

  it('takes nobody for ready who has not said so, or whose session has ended', () => {
    const spread = new BundleSpread(seededRandom(1));
    spread.handle({ kind: 'stands', standing: standingOf(2), document: documentOf(2), from: undefined });
    spread.handle({ kind: 'peer-up', node: 'b' });
    expect(spread.lagging(['b', 'c'])).to.deep.equal(['b', 'c']);
    spread.handle({ kind: 'heard', node: 'b', talk: { standing: standingOf(2) } });
    spread.handle({ kind: 'heard', node: 'c', talk: { standing: standingOf(2) } });
    expect(spread.lagging(['b', 'c'])).to.deep.equal(['c']);
    spread.handle({ kind: 'peer-down', node: 'b' });
    expect(spread.lagging(['b'])).to.deep.equal(['b']);
  });

  it('says who anywhere still speaks with what is on its way out, and asks nobody who speaks of another bundle', () => {
    const spread = new BundleSpread(seededRandom(1));
    for (const node of ['b', 'c', 'd']) spread.handle({ kind: 'peer-up', node });
    spread.handle({ kind: 'stands', standing: standingOf(4, ['agent/a1']), document: documentOf(4), from: undefined });
    spread.handle({ kind: 'heard', node: 'b', talk: { standing: standingOf(4, ['agent/a1', 'node/b']) } });
    spread.handle({ kind: 'heard', node: 'c', talk: { standing: standingOf(3, ['node/c']) } });
    spread.handle({ kind: 'heard', node: 'd', talk: { standing: { ...standingOf(4, ['agent/a2']), outgoingCount: 500 } } });
    expect(spread.outgoing()).to.deep.equal({ ids: ['agent/a1', 'agent/a2', 'node/b'], count: 500 });
  });

  it('answers a peer once a pulse, however often that says the same', () => {
    const spread = new BundleSpread(seededRandom(1));
    spread.handle({ kind: 'stands', standing: standingOf(2), document: documentOf(2), from: undefined });
    spread.handle({ kind: 'peer-up', node: 'b' });
    const behind = { kind: 'heard', node: 'b', talk: { standing: standingOf(1) } } as const;
    expect(spread.handle(behind).map((effect) => effect.kind)).to.deep.equal(['send']);
    expect(spread.handle(behind)).to.deep.equal([]);
    spread.handle({ kind: 'pulse' });
    expect(spread.handle(behind)).to.have.length(1);
  });
});
