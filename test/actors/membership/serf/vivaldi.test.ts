import { expect } from 'chai';
import { ORIGIN, decodeCoordinate, distance, encodeCoordinate } from '../../../../src/actors/membership/serf/coordinate.ts';
import { Vivaldi } from '../../../../src/actors/membership/serf/vivaldi.ts';
import { randomInt, seededRandom } from '../../../../src/random.ts';
import { brainKnowing, ping } from '../brain-under-test.ts';

describe('coordinates', () => {
  it('come to say how far nodes are apart, also of two that never measured each other', () => {
    const random = seededRandom(3);
    // Two sites, 2 ms inside each and 40 ms between them.
    const nodes = Array.from({ length: 10 }, (_, i) => ({ name: `n${i}`, site: i % 2, vivaldi: new Vivaldi(random) }));
    const rttS = (a: { site: number }, b: { site: number }): number => (a.site === b.site ? 0.002 : 0.04);
    for (let round = 0; round < 5_000; round++) {
      const [a, b] = [nodes[randomInt(random, 10)]!, nodes[randomInt(random, 10)]!];
      const neverMet = Math.abs(nodes.indexOf(a) - nodes.indexOf(b)) === 9;
      if (a !== b && !neverMet) a.vivaldi.measure(b.name, b.vivaldi.own, rttS(a, b) * (0.95 + 0.1 * random.next()));
    }
    for (const a of nodes) {
      for (const b of nodes) if (a !== b) expect(distance(a.vivaldi.own, b.vivaldi.own), `${a.name} to ${b.name}`).to.be.closeTo(rttS(a, b), 0.3 * rttS(a, b) + 0.002);
    }
  });

  it('are moved little by one round trip that took long', () => {
    const vivaldi = new Vivaldi(seededRandom(1));
    for (let i = 0; i < 50; i++) vivaldi.measure('b', ORIGIN, 0.01);
    const before = distance(vivaldi.own, ORIGIN);
    vivaldi.measure('b', ORIGIN, 5);
    expect(distance(vivaldi.own, ORIGIN)).to.be.closeTo(before, 0.005);
  });

  it('do not believe what is no round trip, nor what is no coordinate', () => {
    const vivaldi = new Vivaldi(seededRandom(1));
    vivaldi.measure('b', ORIGIN, 11);
    vivaldi.measure('b', ORIGIN, -1);
    expect([vivaldi.own, vivaldi.of('b')]).to.deep.equal([ORIGIN, undefined]);
    expect(decodeCoordinate(encodeCoordinate({ ...ORIGIN, height: Number.NaN }))).to.equal('malformed');
    expect(decodeCoordinate(encodeCoordinate({ ...ORIGIN, vec: [0, 0] }))).to.equal('malformed');
  });

  it('go with the ack to a member, and not to a stranger', () => {
    const brain = brainKnowing(1);
    brain.hear(ping(1, 'me'));
    brain.tell({ kind: 'packet', packet: Buffer.from('0082a44e6f6465a26d65a55365714e6f02', 'hex'), from: { host: '10.0.0.2', port: 7946 } });
    expect(brain.sentOf('ack').map(({ payload }) => payload.length)).to.deep.equal([0, 130]);
  });
});
