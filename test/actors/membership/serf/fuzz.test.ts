import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { randomInt, seededRandom } from '../../../../src/random.ts';
import { encodePushPull } from '../../../../src/actors/membership/wire/stream.ts';
import { decodeCoordinate } from '../../../../src/actors/membership/serf/coordinate.ts';
import { decodeConflictResponse, decodeKeyRequest, decodeKeyResponse } from '../../../../src/actors/membership/serf/serf-messages.ts';
import { SerfUnderTest } from './serf-under-test.ts';

const VECTORS = (JSON.parse(readFileSync(new URL('../../../fixtures/serf-vectors.json', import.meta.url), 'utf8')) as { vectors: { hex: string }[] }).vectors.map(({ hex }) => Buffer.from(hex, 'hex'));
const MESSAGES = 5_000;

describe("damaged messages of Serf's", () => {
  it('end nothing, and each that is not used is counted', () => {
    const random = seededRandom(5);
    const damaged = (): Buffer => {
      const bytes = Buffer.from(VECTORS[randomInt(random, VECTORS.length)]!);
      for (let i = randomInt(random, 4); i >= 0; i--) bytes[randomInt(random, bytes.length)] = randomInt(random, 256);
      return bytes.subarray(0, 1 + randomInt(random, bytes.length));
    };
    const serf = new SerfUnderTest();
    for (let i = 0; i < MESSAGES; i++) {
      const bytes = damaged();
      serf.brain.hear({ type: 'user', payload: bytes });
      for (const decode of [decodeCoordinate, decodeKeyRequest, decodeKeyResponse, decodeConflictResponse]) expect(() => decode(bytes)).not.to.throw();
      if (i % 20 === 0) serf.brain.request(encodePushPull({ join: false, states: [], userState: bytes }));
      if (i % 100 === 0) serf.brain.pass(200);
    }
    const { dropped } = serf.brain;
    expect(Object.keys(dropped)).to.include.members(['user-truncated', 'user-malformed', 'user-unknown-type']);
    expect(Object.values(dropped).reduce((sum, count) => sum + count, 0)).to.be.above(MESSAGES / 4);
    expect(serf.brain.status('b')).to.equal('alive');
  }).timeout(60_000);
});
