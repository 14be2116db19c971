import { expect } from 'chai';
import * as fc from 'fast-check';
import { KeyRotation, PULSE_MS, type KeyFrame, type KeyRotationEffect, type KeyRotationInput } from '../../../src/actors/trust/key-rotation.ts';
import { seededRandom, type Random } from '../../../src/random.ts';
import { firstRing, keyFingerprint, ringDigest, usedKey, type Ring } from '../../../src/trust/gossip-ring.ts';

const START = Date.UTC(2026, 10, 23);
const DAY = 86_400_000;

interface Node {
  readonly name: string;
  brain: KeyRotation;
  readonly peers: Set<string>;
  asked: number;
}

/** Nodes with sessions between all, in virtual time; frames take a moment, and some are lost. */
class KeyMesh {
  nowMs = START;
  readonly random: Random;
  readonly first: Ring;
  readonly nodes: Node[];
  readonly #loss: number;
  #under: { readonly from: Node; readonly to: Node; readonly frame: KeyFrame }[] = [];
  /** When a node used a key for the first time that an open peer did not hold. */
  misses = 0;

  constructor(count: number, { seed = 1, loss = 0, authorities = 1 } = {}) {
    this.random = seededRandom(seed);
    this.#loss = loss;
    this.first = firstRing(START);
    this.nodes = Array.from({ length: count }, (_, at) => ({ name: `n${at}`, brain: this.born(`n${at}`, this.first, at < authorities), peers: new Set<string>(), asked: 0 }));
    for (const a of this.nodes) for (const b of this.nodes) if (a !== b) this.up(a, b);
    this.pass(3_000);
  }

  born(self: string, ring: Ring, holdsAuthority: boolean): KeyRotation {
    return new KeyRotation({ self, holdsAuthority, everyMs: DAY, ring, random: this.random, nowMs: this.nowMs });
  }

  up(node: Node, peer: Node): void {
    node.peers.add(peer.name);
    this.say(node, { kind: 'peer-up', node: peer.name });
  }

  apart(a: Node, b: Node): void {
    for (const [node, peer] of [[a, b], [b, a]] as const) {
      node.peers.delete(peer.name);
      this.say(node, { kind: 'peer-down', node: peer.name });
    }
  }

  say(node: Node, input: KeyRotationInput): readonly KeyRotationEffect[] {
    const before = usedKey(node.brain.ring)!.key;
    const effects = node.brain.handle(input, this.nowMs);
    const used = usedKey(node.brain.ring)!.key;
    if (used !== before) this.misses += this.nodes.filter((peer) => node.peers.has(peer.name) && peer.brain.ring.every(({ key }) => key !== used)).length;
    for (const effect of effects) {
      if (effect.kind === 'ask-fabric') node.asked++;
      if (effect.kind !== 'send') continue;
      const to = this.nodes.find(({ name }) => name === effect.node)!;
      if (this.random.next() >= this.#loss) this.#under.push({ from: node, to, frame: effect.frame });
    }
    return effects;
  }

  pass(ms: number): void {
    for (const until = this.nowMs + ms; this.nowMs < until; this.nowMs += PULSE_MS / 4) {
      const now = this.#under;
      this.#under = [];
      for (const { from, to, frame } of now) if (from.peers.has(to.name) && to.peers.has(from.name)) this.say(to, { kind: 'heard', node: from.name, frame });
      if ((this.nowMs - START) % PULSE_MS === 0) for (const node of this.nodes) this.say(node, { kind: 'pulse' });
    }
  }

  get used(): ReadonlySet<string> {
    return new Set(this.nodes.map(({ brain }) => usedKey(brain.ring)!.key));
  }
}

describe('the keys of gossip', () => {
  const firstOf = (mesh: KeyMesh): string => mesh.first[0]!.key;

  it('change without a moment in which somebody gets what it cannot read, and the old one is let go of after its time', () => {
    const mesh = new KeyMesh(8);
    mesh.say(mesh.nodes[0]!, { kind: 'rotate' });
    expect([...mesh.used]).to.deep.equal([firstOf(mesh)]);
    mesh.pass(5_000);
    expect(mesh.used.size).to.equal(1);
    expect([...mesh.used][0]).not.to.equal(firstOf(mesh));
    expect(mesh.misses).to.equal(0);
    for (const { brain } of mesh.nodes) expect(brain.ring.map(({ key }) => key)).to.include(firstOf(mesh));
    mesh.nowMs += 3_600_000;
    mesh.pass(1_000);
    for (const { brain } of mesh.nodes) expect(brain.ring).to.have.length(1);
  });

  it('come to be the same everywhere whatever is lost, as long as not all is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0, max: 0.6, noNaN: true }), fc.integer({ min: 2, max: 7 }), (seed, loss, count) => {
        const mesh = new KeyMesh(count, { seed, loss });
        mesh.say(mesh.nodes[0]!, { kind: 'rotate' });
        mesh.pass(60_000);
        expect(new Set(mesh.nodes.map(({ brain }) => ringDigest(brain.ring))).size).to.equal(1);
        expect(mesh.used.has(firstOf(mesh))).to.equal(false);
      }),
      { numRuns: 60 },
    );
  });

  it('are changed by the first of those who hold the authority, on a schedule', () => {
    const mesh = new KeyMesh(5, { authorities: 3 });
    mesh.nowMs += DAY;
    mesh.pass(10_000);
    const [used] = [...mesh.used];
    expect(used).not.to.equal(firstOf(mesh));
    expect(mesh.nodes[0]!.brain.ring).to.have.length(2);
    // The first is away, so the next of them does it.
    for (const node of mesh.nodes.slice(1)) mesh.apart(mesh.nodes[0]!, node);
    mesh.nowMs += DAY;
    mesh.pass(10_000);
    expect(usedKey(mesh.nodes[4]!.brain.ring)!.key).not.to.equal(used);
  });

  it('are changed for a ban, when all have heard of it, and the banned one gets none', () => {
    const mesh = new KeyMesh(6);
    const banned = mesh.nodes[5]!;
    for (const node of mesh.nodes.slice(0, 5)) {
      mesh.say(node, { kind: 'node-banned', epochMs: mesh.nowMs });
      mesh.apart(node, banned);
    }
    mesh.pass(1_500);
    expect(mesh.used.size).to.equal(1);
    mesh.pass(4_000);
    const used = usedKey(mesh.nodes[0]!.brain.ring)!;
    expect(mesh.nodes.slice(0, 5).map(({ brain }) => usedKey(brain.ring)!.key)).to.deep.equal(Array.from({ length: 5 }, () => used.key));
    expect(banned.brain.ring.map(({ key }) => key)).to.deep.equal([firstOf(mesh)]);
    mesh.pass(16_000);
    for (const { brain } of mesh.nodes.slice(0, 5)) expect(brain.ring.map(({ key }) => key)).to.deep.equal([used.key]);
    // Told of the same ban again and again, it changes them once.
    mesh.say(mesh.nodes[0]!, { kind: 'node-banned', epochMs: used.epochMs - 1 });
    mesh.pass(10_000);
    expect(usedKey(mesh.nodes[0]!.brain.ring)!.key).to.equal(used.key);
  });

  it('are changed for a ban also where the banned one has handed round a key dated ahead', () => {
    const mesh = new KeyMesh(3);
    const ahead = { key: Buffer.alloc(32, 1).toString('base64'), epochMs: mesh.nowMs + 60_000, isUsed: true, oldKeptMs: 0 };
    mesh.say(mesh.nodes[0]!, { kind: 'heard', node: 'n2', frame: { holdsAuthority: false, digest: '', keys: [ahead] } });
    mesh.say(mesh.nodes[0]!, { kind: 'node-banned', epochMs: mesh.nowMs });
    mesh.pass(10_000);
    expect(usedKey(mesh.nodes[0]!.brain.ring)!.key).not.to.equal(ahead.key);
    const far = { ...ahead, key: Buffer.alloc(32, 2).toString('base64'), epochMs: mesh.nowMs + DAY };
    mesh.say(mesh.nodes[0]!, { kind: 'heard', node: 'n2', frame: { holdsAuthority: false, digest: '', keys: [far] } });
    expect(mesh.nodes[0]!.brain.ring.map(({ key }) => key)).not.to.include(far.key);
  });

  it('do not wait for ever for one that holds its peace', () => {
    const mesh = new KeyMesh(3);
    mesh.nodes[0]!.brain.handle({ kind: 'peer-up', node: 'silent' }, mesh.nowMs);
    mesh.nodes.push({ name: 'silent', brain: mesh.born('silent', mesh.first, false), peers: new Set(), asked: 0 });
    mesh.pass(3_000);
    mesh.say(mesh.nodes[0]!, { kind: 'rotate' });
    mesh.pass(4_000);
    expect(usedKey(mesh.nodes[0]!.brain.ring)!.key).to.equal(firstOf(mesh));
    mesh.pass(3_000);
    expect(usedKey(mesh.nodes[0]!.brain.ring)!.key).not.to.equal(firstOf(mesh));
  });

  it('go to nobody whose session has not stood for a moment', () => {
    const mesh = new KeyMesh(2);
    const [n0, n1] = mesh.nodes as [Node, Node];
    mesh.apart(n0, n1);
    mesh.say(n0, { kind: 'rotate' });
    mesh.pass(2_000);
    mesh.up(n0, n1);
    mesh.up(n1, n0);
    mesh.pass(1_750);
    expect(n1.brain.ring).to.have.length(1);
    mesh.pass(3_000);
    expect(n1.brain.ring).to.have.length(2);
  });

  it('are asked for at a Trust Fabric when a node starts, and more and more seldom while it knows nobody who holds the authority', () => {
    const mesh = new KeyMesh(3);
    const [n0, n1, n2] = mesh.nodes as [Node, Node, Node];
    const asked = (): readonly number[] => mesh.nodes.map((node) => node.asked);
    mesh.pass(600_000);
    expect(asked()).to.deep.equal([0, 1, 1]);
    mesh.apart(n0, n2);
    mesh.pass(600_000);
    expect([n0.asked, n1.asked]).to.deep.equal([0, 1]);
    // After one minute, two more, four more.
    expect(n2.asked).to.be.within(4, 5);
  });

  it('are asked for within five minutes of an unban, however long the ban was', () => {
    const alone = new KeyRotation({ self: 'n1', holdsAuthority: false, everyMs: DAY, ring: firstRing(START), random: seededRandom(1), nowMs: START });
    const askedMs = Array.from({ length: 3_600 }, (_, at) => at * PULSE_MS).filter((ms) => alone.handle({ kind: 'pulse' }, START + ms).some(({ kind }) => kind === 'ask-fabric'));
    const pauses = askedMs.slice(1).map((ms, at) => ms - askedMs[at]!);
    expect(pauses.slice(0, 3)).to.deep.equal([60_000, 120_000, 240_000]);
    expect(new Set(pauses.slice(3))).to.deep.equal(new Set([300_000]));
  });

  it('that a Trust Fabric has handed to a node are told to nobody before a peer is found who holds them: there may be one who is banned', () => {
    const mesh = new KeyMesh(3);
    const [n0, away, banned] = mesh.nodes as [Node, Node, Node];
    for (const [a, b] of [[n0, away], [n0, banned]] as const) mesh.apart(a, b);
    mesh.say(n0, { kind: 'rotate' });
    mesh.pass(2_000);
    mesh.say(away, { kind: 'handed', ring: n0.brain.ring });
    expect(usedKey(away.brain.ring)).to.deep.equal(usedKey(n0.brain.ring));
    mesh.pass(30_000);
    expect(banned.brain.ring).to.have.length(1);
    mesh.up(n0, away);
    mesh.up(away, n0);
    mesh.pass(5_000);
    // By now it has heard of the ban, had there been one.
    expect(banned.brain.ring).to.have.length(2);
  });

  it('that were let go of do not come back from one who was away', () => {
    const mesh = new KeyMesh(3);
    const [n0, , away] = mesh.nodes as [Node, Node, Node];
    for (const node of mesh.nodes.slice(0, 2)) mesh.apart(node, away);
    mesh.say(n0, { kind: 'rotate' });
    mesh.pass(10_000);
    mesh.nowMs += 3_600_000;
    mesh.pass(1_000);
    for (const node of mesh.nodes.slice(0, 2)) {
      mesh.up(node, away);
      mesh.up(away, node);
    }
    mesh.pass(10_000);
    expect(n0.brain.ring).to.have.length(1);
    expect(keyFingerprint(usedKey(away.brain.ring)!)).to.equal(keyFingerprint(n0.brain.ring[0]!));
  });
});
