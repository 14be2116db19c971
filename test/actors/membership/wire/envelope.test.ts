import { expect } from 'chai';
import * as fc from 'fast-check';
import { Envelope, type EnvelopeOptions } from '../../../../src/actors/membership/wire/envelope.ts';
import { Keyring } from '../../../../src/actors/membership/wire/keyring.ts';
import { PACKET_BYTES_MAX } from '../../../../src/actors/membership/wire/packet.ts';
import { NONCE_BYTES } from '../../../../src/actors/membership/wire/seal.ts';
import { StreamMeasure, encodePushPull, encodeStreamError, type PushPull } from '../../../../src/actors/membership/wire/stream.ts';
import { seededRandom } from '../../../../src/random.ts';
import { memberlist, readable, vector } from './memberlist-vectors.ts';

const KEY = Buffer.from('0123456789abcdef');
const OTHER_KEY = Buffer.from('fedcba9876543210');

function envelope(options: Partial<EnvelopeOptions> & { readonly keys?: readonly Uint8Array[] } = {}): Envelope {
  const { keys, ...others } = options;
  const random = seededRandom(1);
  return new Envelope({
    label: '',
    compresses: true,
    keyring: keys === undefined ? undefined : new Keyring(keys),
    verifiesIncoming: true,
    verifiesOutgoing: true,
    nonce: () => Uint8Array.from({ length: NONCE_BYTES }, () => random.next() * 256),
    ...others,
  });
}

const PLAIN = envelope();
const SEALED = envelope({ keys: [KEY] });
const BLUE = envelope({ label: 'blue' });
const BLUE_SEALED = envelope({ label: 'blue', keys: [KEY] });
const KINDS = { PLAIN, SEALED, BLUE, BLUE_SEALED };
const LIST = vector('pushpull_plain');

describe('an envelope', () => {
  for (const [name, sender] of Object.entries(KINDS)) {
    it(`${name}: packets, requests and replies are read by who has the same`, () => {
      const nack = vector('nack');
      for (const crc of [true, false]) expect(sender.openPacket(sender.packet([nack, vector('suspect')], crc))).to.deep.include({ drops: [] });
      for (const stream of [sender.openRequest(sender.request(LIST)), sender.openReply(sender.reply(LIST))]) expect((stream as PushPull).states).to.have.length(4);
    });

    it(`${name}: streams are measured whole with their last byte and not before`, () => {
      for (const stream of [sender.request(LIST), sender.reply(LIST)]) {
        const measure = new StreamMeasure();
        const verdicts = Array.from(stream, (_, i) => measure.measure(stream.subarray(0, i + 1)));
        expect(verdicts.pop()).to.equal('whole');
        expect(new Set(verdicts)).to.deep.equal(new Set(['more']));
      }
    });

    it(`${name}: a full packet is no larger than a packet may be`, () => {
      const user = Buffer.alloc(sender.roomBytes - 5, 8);
      const random = seededRandom(2);
      for (let i = 1; i < user.length; i++) user[i] = random.next() * 256;
      expect(sender.packet([user], true).length).to.be.within(PACKET_BYTES_MAX - 60, PACKET_BYTES_MAX);
    });
  }

  const mismatches: readonly (readonly [from: keyof typeof KINDS | Envelope, to: keyof typeof KINDS, packet: string, request?: string])[] = [
    ['SEALED', 'PLAIN', 'encrypted'],
    ['PLAIN', 'SEALED', 'not-encrypted'],
    [envelope({ keys: [OTHER_KEY] }), 'SEALED', 'wrong-key'],
    ['BLUE', 'PLAIN', 'labelled'],
    ['PLAIN', 'BLUE', 'label-missing'],
    [envelope({ label: 'green' }), 'BLUE', 'label-mismatch'],
    [envelope({ label: 'green', keys: [KEY] }), 'BLUE_SEALED', 'label-mismatch'],
    ['BLUE', 'BLUE_SEALED', 'not-encrypted'],
  ];
  for (const [from, to, reason] of mismatches) {
    it(`${typeof from === 'string' ? from : 'another'} is dropped by ${to} as ${reason}`, () => {
      const [sender, receiver] = [typeof from === 'string' ? KINDS[from] : from, KINDS[to]];
      // A nonce whose first byte looks like the beginning of a struct hides what it is: see isSealed.
      expect(receiver.openPacket(sender.packet([vector('suspect')], false))).to.deep.equal({ messages: [], drops: [reason] });
      expect(receiver.openRequest(sender.request(LIST))).to.equal(reason);
    });
  }

  it('who does not verify takes plain text and sealed', () => {
    const lenient = envelope({ keys: [KEY], verifiesIncoming: false });
    for (const sender of [PLAIN, SEALED]) {
      expect(lenient.openPacket(sender.packet([vector('nack')], true)).messages).to.have.length(1);
      expect((lenient.openRequest(sender.request(LIST)) as PushPull).type).to.equal('pushPull');
      expect((lenient.openReply(sender.reply(LIST)) as PushPull).type).to.equal('pushPull');
    }
  });

  it('who does not encrypt yet is understood by who has no key', () => {
    const silent = envelope({ keys: [KEY], verifiesOutgoing: false });
    expect(PLAIN.openPacket(silent.packet([vector('nack')], true)).messages).to.have.length(1);
    expect((PLAIN.openRequest(silent.request(LIST)) as PushPull).type).to.equal('pushPull');
  });

  it('every key of the ring opens, the first one seals', () => {
    const both = envelope({ keys: [OTHER_KEY, KEY] });
    expect(both.openPacket(SEALED.packet([vector('nack')], true)).messages).to.have.length(1);
    expect(SEALED.openPacket(both.packet([vector('nack')], true)).drops).to.deep.equal(['wrong-key']);
    both.keyring!.change({ kind: 'use', key: KEY });
    expect(SEALED.openPacket(both.packet([vector('nack')], true)).messages).to.have.length(1);
  });

  it('a list in plain text is no reply on an encrypted mesh, but the words of who refuses are read', () => {
    expect(SEALED.openReply(PLAIN.reply(LIST))).to.equal('not-encrypted');
    expect(SEALED.openReply(PLAIN.reply(encodeStreamError('remote state is encrypted')))).to.deep.equal({ type: 'error', error: 'remote state is encrypted' });
  });

  it('never seals two messages with one nonce', () => {
    const packets = Array.from({ length: 100 }, () => Buffer.from(SEALED.packet([vector('nack')], false)).toString('hex', 1, 1 + NONCE_BYTES));
    expect(new Set(packets).size).to.equal(100);
  });

  it('packets of real peers with a label are read by who has it', () => {
    expect(BLUE.openPacket(vector('label_packet_plain')).messages.map(({ type }) => type)).to.deep.equal(['alive']);
    expect(BLUE_SEALED.openPacket(vector('label_packet_encrypted_v1')).messages.map(({ type }) => type)).to.deep.equal(['alive']);
  });

  it('a stream of real peers with a label, encrypted, is opened as far as the message, which streams do not carry', () => {
    const stream = vector('label_stream_encrypted_v1');
    expect(new StreamMeasure().measure(stream)).to.equal('whole');
    expect(BLUE_SEALED.openRequest(stream)).to.equal('unexpected-type');
    expect(BLUE_SEALED.openReply(stream.subarray(6)), 'without the label in front, as replies come').to.equal('unexpected-type');
    expect(SEALED.openReply(stream.subarray(6)), 'by who does not have the label').to.equal('wrong-key');
  });

  it('a compressed push/pull of real peers is read, and written byte for byte', () => {
    const bytes = vector('pushpull_compressed');
    const { inner } = memberlist.vectors.find(({ name }) => name === 'pushpull_compressed')!.fields as { inner: string };
    const message = PLAIN.openReply(bytes) as PushPull;
    expect(Buffer.from(encodePushPull(message)).equals(vector(inner))).to.equal(true);
    expect(Buffer.from(PLAIN.reply(encodePushPull(message))).equals(bytes)).to.equal(true);
  });

  it('packets are compressed when that makes them smaller, and not otherwise', () => {
    const alike = Array.from({ length: 8 }, () => vector('alive_v4_nilmeta'));
    const [compressed, plain] = [envelope(), envelope({ compresses: false })].map((each) => each.packet(alike, false));
    expect(compressed![0]).to.equal(9);
    expect(compressed!.length).to.be.below(plain!.length);
    expect(PLAIN.openPacket(compressed!).messages.map(readable)).to.deep.equal(PLAIN.openPacket(plain!).messages.map(readable));
    expect(Buffer.from(envelope().packet([vector('nack')], false)).equals(vector('nack'))).to.equal(true);
  });

  it('a length beyond what a stream may have is refused at its header', () => {
    const header = Buffer.from('0a01400001', 'hex');
    expect(new StreamMeasure().measure(header)).to.equal('malformed');
    expect(new StreamMeasure().measure(Buffer.from('0a01400000', 'hex'))).to.equal('more');
    expect(new StreamMeasure().measure(Buffer.from('0982a4416c676f00a3427566db01400000', 'hex'))).to.equal('malformed');
    expect(new StreamMeasure().measure(Buffer.from('0982a4416c676f00a3427566db01000000', 'hex'))).to.equal('more');
  });

  it('arbitrary bytes are never thrown at', () => {
    const prefix = fc.constantFrom('', '0a00000020', 'f404626c7565', 'f404626c75650a00000020', '09', '01');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), prefix, fc.constantFrom(...Object.values(KINDS)), (bytes, head, receiver) => {
        const stream = Buffer.concat([Buffer.from(head, 'hex'), bytes]);
        receiver.openPacket(stream);
        receiver.openRequest(stream);
        receiver.openReply(stream);
        new StreamMeasure().measure(stream);
      }),
    );
  });
});
