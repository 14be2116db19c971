import { expect } from 'chai';
import { encodeConflictResponse } from '../../../../src/actors/membership/serf/serf-messages.ts';
import { ipBytes } from '../../../../src/actors/membership/wire/ip-address.ts';
import { encodeMessage } from '../../../../src/actors/membership/wire/messages.ts';
import { ping } from '../brain-under-test.ts';
import { SerfUnderTest } from './serf-under-test.ts';

const MINE = '10.0.0.1';
const OTHER = '10.0.0.66';

/** Another of this node's name asks for it; the others see that name there. */
function vote(...seen: readonly string[]): SerfUnderTest {
  const serf = new SerfUnderTest(5);
  serf.brain.request(encodeMessage(ping(7, 'me', { sourceNode: 'me', sourceAddr: ipBytes(OTHER), sourcePort: 7946 })));
  serf.brain.pass(300);
  const [asked] = serf.said('query');
  expect([asked!.name, Buffer.from(asked!.payload).toString()]).to.deep.equal(['_serf_conflict', 'me']);
  for (const [i, host] of seen.entries()) {
    const payload = host === '' ? Buffer.from([6, 0xc0]) : encodeConflictResponse({ name: 'me', addr: ipBytes(host), port: 7946 });
    serf.hear({ type: 'queryResponse', lTime: asked!.lTime, id: asked!.id, from: 'bcdef'[i]!, flags: 0, payload });
  }
  serf.brain.pass(10_000);
  return serf;
}

describe('a node whose name another one has', () => {
  it('goes when more of the others see the name there', () => {
    expect(vote(OTHER, OTHER, MINE).brain.news).to.deep.equal([{ type: 'outvoted', forMe: 1, against: 2 }]);
  });

  it('stays when as many see it here, when nobody votes, and when nobody knows the name', () => {
    for (const seen of [[OTHER, MINE], [MINE, MINE, OTHER], [], ['', '']]) expect(vote(...seen).brain.news, seen.join()).to.deep.equal([]);
  });
});
