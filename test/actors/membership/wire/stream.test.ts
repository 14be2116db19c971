import { expect } from 'chai';
import * as fc from 'fast-check';
import { StreamMeasure, decodeStream, encodePushPull, encodeStreamError, encodeStreamUser, type PushPull } from '../../../../src/actors/membership/wire/stream.ts';
import { encodeMessage } from '../../../../src/actors/membership/wire/messages.ts';
import { memberlist, ourFields, readable, vector } from './memberlist-vectors.ts';

const WHOLE = ['err', 'pushpull_plain', 'user_stream', 'ping_full', 'ack_payload'];

describe('streams', () => {
  it('a push/pull of real peers is read', () => {
    const message = decodeStream(vector('pushpull_plain')) as PushPull;
    const { nodes, userState } = memberlist.vectors.find(({ name }) => name === 'pushpull_plain')!.fields as { nodes: Record<string, unknown>[]; userState: string };
    expect(message.join).to.equal(true);
    expect(message.states.map(readable)).to.deep.equal(nodes.map(ourFields));
    expect(Buffer.from(message.userState).toString('hex')).to.equal(userState);
  });

  it('a push/pull is written byte for byte as real peers write it', () => {
    const bytes = vector('pushpull_plain');
    expect(Buffer.from(encodePushPull(decodeStream(bytes) as PushPull)).equals(bytes)).to.equal(true);
  });

  it('an error is written as real peers write it', () => {
    expect(Buffer.from(encodeStreamError('boom')).equals(vector('err'))).to.equal(true);
  });

  it('a user message is read to the length that its header says', () => {
    expect(readable(decodeStream(vector('user_stream')) as object)).to.deep.equal({ payload: Buffer.from('hello').toString('hex') });
  });

  it('a user message is written as real peers write it', () => {
    expect(Buffer.from(encodeStreamUser(Buffer.from('hello'))).equals(vector('user_stream'))).to.equal(true);
  });

  for (const [name, reason] of [['pushpull_compressed', 'unexpected-type'], ['label_packet_plain', 'labelled'], ['suspect', 'unexpected-type']] as const) {
    it(`${name} on a stream is refused as ${reason}`, () => {
      expect(decodeStream(vector(name))).to.equal(reason);
    });
  }

  it('more nodes than any mesh has are refused before one is read', () => {
    const honest = Buffer.from(encodePushPull({ join: false, states: [], userState: new Uint8Array(0) })).toString('hex');
    const claiming = Buffer.from(honest.replace('a54e6f64657300', 'a54e6f646573ce7fffffff'), 'hex');
    expect(decodeStream(claiming)).to.equal('malformed');
    expect(new StreamMeasure().measure(claiming)).to.equal('malformed');
  });
});

describe('the measure of a stream', () => {
  for (const name of WHOLE) {
    it(`${name} that comes byte by byte is whole with its last byte and not before`, () => {
      const bytes = vector(name);
      const measure = new StreamMeasure();
      const verdicts = Array.from(bytes, (_, i) => measure.measure(bytes.subarray(0, i + 1)));
      expect(verdicts.pop()).to.equal('whole');
      expect(new Set(verdicts)).to.deep.equal(new Set(['more']));
    });
  }

  for (const { name, hex, hexFromGoMsgpack05 } of memberlist.vectors.filter(({ name: n }) => n.startsWith('pushpull_header'))) {
    it(`${name} is understood in the integer forms of both generations of peers`, () => {
      for (const form of [hex, hexFromGoMsgpack05 ?? hex]) expect(new StreamMeasure().measure(Buffer.from(form, 'hex'))).to.equal('more');
    });
  }

  it('a node state that never ends is malformed', () => {
    const head = vector('pushpull_header_1_127');
    const state = Buffer.concat([Buffer.from('81a44d657461db00100000', 'hex'), Buffer.alloc(8_000)]);
    expect(new StreamMeasure().measure(Buffer.concat([head, state]))).to.equal('malformed');
  });

  it('does not care how a stream is cut into chunks', () => {
    const bytes = vector('pushpull_plain');
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 })), (cuts) => {
        const measure = new StreamMeasure();
        for (const cut of cuts.toSorted((a, b) => a - b)) expect(measure.measure(bytes.subarray(0, cut))).to.equal('more');
        expect(measure.measure(bytes)).to.equal('whole');
      }),
    );
  });

  it('arbitrary bytes are never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0, 2, 6, 8, 13), (bytes, type) => {
        const stream = Uint8Array.of(type, ...bytes);
        new StreamMeasure().measure(stream);
        decodeStream(stream);
      }),
    );
  });

  it('what is measured as whole can be read', () => {
    const ping = encodeMessage({ type: 'ping', seqNo: 7, node: 'b', sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: '' });
    expect(new StreamMeasure().measure(ping)).to.equal('whole');
    expect(decodeStream(ping)).to.include({ type: 'ping', seqNo: 7, node: 'b' });
  });
});
