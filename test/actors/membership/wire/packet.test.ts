import { expect } from 'chai';
import * as fc from 'fast-check';
import { compress } from '../../../../src/actors/membership/wire/compression.ts';
import { META_BYTES_MAX, NAME_BYTES_MAX, encodeMessage, type Message } from '../../../../src/actors/membership/wire/messages.ts';
import { PARTS_MAX, pack, unpack } from '../../../../src/actors/membership/wire/packet.ts';
import { memberlist, ourFields, readable, vector } from './memberlist-vectors.ts';

/** Real peers write an empty slice that is not nil as a0; we write every empty one as nil. */
const NOT_OURS_TO_WRITE = new Set(['ack_emptyPayload', 'alive_v4_emptymeta']);

describe('packets', () => {
  for (const { name, hex, fields } of memberlist.vectors.filter(({ kind, name: n }) => kind === 'packet' && !/^(compound|crc|label)/.test(n))) {
    it(`${name} of real peers is read`, () => {
      const { messages, drops } = unpack(Buffer.from(hex, 'hex'));
      expect(drops).to.deep.equal([]);
      expect(messages.map(readable)).to.deep.equal([ourFields(fields)]);
    });
    if (NOT_OURS_TO_WRITE.has(name)) continue;
    it(`${name} is written byte for byte as real peers write it`, () => {
      const [message] = unpack(Buffer.from(hex, 'hex')).messages;
      expect(Buffer.from(encodeMessage(message!)).toString('hex')).to.equal(hex);
    });
  }

  for (const { note, hex, decoded } of memberlist.captured) {
    it(`captured on a network: ${note}`, () => {
      const { messages, drops } = unpack(Buffer.from(hex, 'hex'));
      expect(drops).to.deep.equal([]);
      expect(messages.map((message) => message.type)).to.deep.equal(decoded.map((fields) => fields['type']));
      expect(messages.map(readable)).to.deep.equal(decoded.map(ourFields));
    });
  }

  it('a compound of real peers is taken apart and put together again to the same bytes', () => {
    const bytes = vector('compound_ping_suspect_alive');
    const { messages } = unpack(bytes);
    expect(messages.map((message) => message.type)).to.deep.equal(['ping', 'suspect', 'alive']);
    expect(Buffer.from(pack(messages.map(encodeMessage), false)).equals(bytes)).to.equal(true);
  });

  it('a checksum is written as real peers write it', () => {
    const bytes = vector('crc_alive');
    expect(Buffer.from(pack([bytes.subarray(5)], true)).equals(bytes)).to.equal(true);
  });

  it('a packet whose checksum is wrong is dropped', () => {
    const bytes = vector('crc_alive');
    bytes[20]! ^= 1;
    expect(unpack(bytes)).to.deep.equal({ messages: [], drops: ['crc-mismatch'] });
  });

  it('a checksum inside a compound is unknown, and the rest of the compound is used', () => {
    const { messages, drops } = unpack(pack([vector('crc_alive'), vector('nack')], false));
    expect(messages.map((message) => message.type)).to.deep.equal(['nack']);
    expect(drops).to.deep.equal(['unknown-type']);
  });

  for (const [name, reason] of [['label_packet_plain', 'labelled']] as const) {
    it(`${name} is dropped as ${reason}`, () => {
      expect(unpack(vector(name)).drops).to.deep.equal([reason]);
    });
  }

  it('a stream error has no business in a packet', () => {
    expect(unpack(vector('err')).drops).to.deep.equal(['unexpected-type']);
  });

  it('a packet of nothing is dropped', () => {
    expect(unpack(new Uint8Array(0)).drops).to.deep.equal(['empty']);
  });

  it('of a compound that ends early the parts that fit are used', () => {
    const bytes = pack([vector('nack'), vector('suspect')], false);
    const { messages, drops } = unpack(bytes.subarray(0, bytes.length - 1));
    expect(messages.map((message) => message.type)).to.deep.equal(['nack']);
    expect(drops).to.deep.equal(['truncated']);
  });

  it('compounds in compounds are read to a depth and no further', () => {
    let bytes: Uint8Array = vector('nack');
    const depths = [0, 1, 2, 3, 4, 5].map(() => {
      const { messages, drops } = unpack(bytes);
      bytes = pack([bytes, bytes], false);
      return [messages.length > 0, drops.includes('nested-too-deep')];
    });
    expect(depths).to.deep.equal([[true, false], [true, false], [true, false], [true, false], [false, true], [false, true]]);
  });

  it('a compound holds at most 127 messages, for old peers misread more', () => {
    const nacks = Array.from({ length: PARTS_MAX }, () => vector('nack'));
    expect(unpack(pack(nacks, false)).messages).to.have.length(PARTS_MAX);
    expect(() => pack([...nacks, vector('nack')], false)).to.throw(RangeError);
  });

  it('compressed messages in compounds and compounds in compressed messages are read', () => {
    const inner = pack([vector('compress_alive'), vector('nack')], false);
    expect(unpack(compress(inner)).messages.map(({ type }) => type)).to.deep.equal(['alive', 'nack']);
    expect(unpack(compress(compress(compress(vector('nack'))))).messages).to.have.length(1);
    expect(unpack(compress(compress(compress(compress(vector('nack')))))).drops).to.deep.equal(['nested-too-deep']);
  });

  it('what the parts of one packet become when decompressed has one limit for all', () => {
    const large = compress(Buffer.concat([Uint8Array.of(8), Buffer.alloc(20_000)]));
    const { messages, drops } = unpack(pack(Array.from({ length: 100 }, () => large), false));
    expect(messages).to.have.length(3);
    expect(drops).to.deep.equal(Array.from({ length: 97 }, () => 'oversized'));
  });

  it('a packet is no more than 255 messages, however they are nested', () => {
    const many = Array.from({ length: 127 }, () => vector('nack'));
    const { messages, drops } = unpack(pack(Array.from({ length: 127 }, () => pack(many, false)), false));
    expect(messages).to.have.length(255);
    expect(new Set(drops)).to.deep.equal(new Set(['oversized']));
  });

  it('arbitrary bytes are never thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => unpack(bytes).messages.length >= 0));
  });

  it('packets of real peers with a few bytes changed are never thrown at', () => {
    const originals = memberlist.vectors.map(({ hex }) => Buffer.from(hex, 'hex'));
    const damage = fc.array(fc.tuple(fc.nat(99), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...originals), damage, (original, changes) => {
        const bytes = Buffer.from(original);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        unpack(bytes);
      }),
    );
  });

  it('every message that can be written is read back the same', () => {
    const uint32 = fc.integer({ min: 0, max: 0xffffffff });
    const name = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => Buffer.byteLength(text) <= NAME_BYTES_MAX);
    const addr = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));
    const port = fc.integer({ min: 0, max: 0xffff });
    const message: fc.Arbitrary<Message> = fc.oneof(
      fc.record({ type: fc.constant('ping' as const), seqNo: uint32, node: name, sourceAddr: addr, sourcePort: port, sourceNode: name }),
      fc.record({ type: fc.constant('alive' as const), incarnation: uint32, node: name, addr, port, meta: fc.uint8Array({ maxLength: META_BYTES_MAX }), vsn: fc.uint8Array({ minLength: 6, maxLength: 6 }) }),
      fc.record({ type: fc.constantFrom('suspect' as const, 'dead' as const), incarnation: uint32, node: name, from: name }),
      fc.record({ type: fc.constant('user' as const), payload: fc.uint8Array({ maxLength: 400 }) }),
    );
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: PARTS_MAX }), fc.boolean(), (messages, withCrc) => {
        const back = unpack(pack(messages.map(encodeMessage), withCrc));
        expect(back.drops).to.deep.equal([]);
        expect(back.messages.map(readable)).to.deep.equal(messages.map(readable));
      }),
    );
  });
});

describe('what peers accept in an alive message', () => {
  for (const { case: title, aliveBodyHex, peers } of memberlist.decodeAcceptance) {
    it(`${title}: ${peers.startsWith('ERROR') ? 'refused' : 'accepted'}, as Go peers do`, () => {
      const { messages, drops } = unpack(Buffer.from(`04${aliveBodyHex}`, 'hex'));
      if (peers.startsWith('ERROR')) {
        expect(drops).to.deep.equal(['malformed']);
        return;
      }
      const [message] = messages;
      if (message?.type !== 'alive') throw new Error(`dropped: ${drops.join()}`);
      const [, inc, node, addr, port, vsn] = /^inc=(\d+) node="(.*)" addr=(\w*) port=(\d+) meta=\S* vsn=(\w*)\(/.exec(peers)!;
      expect(readable(message)).to.deep.equal({ incarnation: Number(inc), node, addr, port: Number(port), meta: '', vsn });
    });
  }
});
