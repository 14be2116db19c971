import { expect } from 'chai';
import { assert, property, uint8Array } from 'fast-check';
import { decodeCall, encodeCall, type Call } from '../../../src/transport/discovery/announcement.ts';
import { CANDIDATES_MAX } from '../../../src/transport/discovery/discovery.ts';
import { RollCall } from '../../../src/transport/discovery/roll-call.ts';

const SECRET = Buffer.from('sixteen bytes and more');
const NOW = 1_700_000_000_000;
const NODE: Call = { from: { host: '127.0.0.2', port: 7_946 }, sender: 7n, atMs: NOW };

describe('a call to the group', () => {
  it('says where its sender is, or asks', () => {
    expect(decodeCall(encodeCall(NODE, SECRET), SECRET)).to.deep.equal(NODE);
    const question = { from: undefined, sender: 2n ** 64n - 1n, atMs: 1 };
    expect(decodeCall(encodeCall(question, SECRET), SECRET)).to.deep.equal(question);
  });

  it('is nothing when one byte of it is another, whichever', () => {
    const packet = encodeCall(NODE, SECRET);
    for (let at = 0; at < packet.length; at++) {
      const changed = Buffer.from(packet);
      changed[at]! ^= 1;
      expect(decodeCall(changed, SECRET)).to.equal(at < 4 ? 'foreign' : 'forged');
    }
    expect(decodeCall(packet, Buffer.from('another secret of theirs'))).to.equal('forged');
    expect(decodeCall(packet.subarray(0, -1), SECRET)).to.equal('forged');
    expect(decodeCall(packet.subarray(0, 40), SECRET)).to.equal('foreign');
  });

  it('is not looked into when it is longer than any can be', () => {
    expect(decodeCall(Buffer.alloc(101), SECRET)).to.equal('too-large');
    expect(decodeCall(Buffer.alloc(64 * 1024), SECRET)).to.equal('too-large');
  });

  it('is never thrown over, whatever comes', () => {
    assert(property(uint8Array({ maxLength: 200 }), (bytes) => typeof decodeCall(bytes, SECRET) === 'string'));
  });
});

describe('a roll call', () => {
  const roll = (): RollCall => new RollCall(SECRET, 35_000);
  const call = (parts: Partial<Call>): Buffer => encodeCall({ ...NODE, ...parts }, SECRET);

  it('counts each packet once, and none that is older than the last of its sender', () => {
    const each = roll();
    expect(each.hear(call({}), NOW)).to.equal('new');
    expect(each.hear(call({}), NOW)).to.equal('refused');
    expect(each.hear(call({ atMs: NOW - 1 }), NOW)).to.equal('refused');
    expect(each.hear(call({ atMs: NOW + 1 }), NOW)).to.equal('known');
    expect(each.hear(call({ from: undefined, atMs: NOW + 1 }), NOW)).to.equal('refused');
    expect(each.hear(call({ from: undefined, atMs: NOW + 2 }), NOW)).to.equal('question');
    expect(each.trouble(NOW)).to.equal('packets were refused: sent before');
  });

  it('takes what is up to half a minute from its clock, on either side', () => {
    for (const [offMs, heard] of [[-30_000, 'new'], [30_000, 'new'], [-30_001, 'refused'], [30_001, 'refused']] as const) {
      expect(roll().hear(call({ atMs: NOW + offMs }), NOW), `${offMs}`).to.equal(heard);
    }
  });

  it('forgets who is silent, and at a time also what it refused', () => {
    const each = roll();
    each.hear(call({}), NOW);
    each.hear(call({}), NOW);
    expect(each.forget(NOW + 35_000)).to.equal(false);
    expect(each.forget(NOW + 35_001)).to.equal(true);
    expect(each.present).to.deep.equal([]);
    expect(each.trouble(NOW + 60_000)).to.equal('packets were refused: sent before');
    expect(each.trouble(NOW + 60_001)).to.equal(undefined);
  });

  it('has a limit for nodes and for senders', () => {
    const each = roll();
    for (let node = 0; node < CANDIDATES_MAX; node++) expect(each.hear(call({ from: { host: '127.0.0.2', port: node + 1 }, sender: BigInt(node) }), NOW)).to.equal('new');
    expect(each.hear(call({ from: { host: '127.0.0.3', port: 1 }, sender: 9_999n }), NOW)).to.equal('refused');
    for (let sender = CANDIDATES_MAX; sender < 4_096; sender++) each.hear(call({ from: undefined, sender: BigInt(sender) }), NOW);
    expect(each.hear(call({ from: undefined, sender: 99_999n }), NOW)).to.equal('refused');
    // Their last packets are stale by themselves now.
    expect(each.hear(call({ from: undefined, sender: 99_999n, atMs: NOW + 30_001 }), NOW + 30_001)).to.equal('question');
  });
});
