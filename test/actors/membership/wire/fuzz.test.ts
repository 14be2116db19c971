/** Bytes of real peers, damaged in every way that comes to mind, through the decoder and the brain. The same every time: all of it grows from a seed. */
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { PROFILES } from '../../../../src/actors/membership/profile.ts';
import { Swim } from '../../../../src/actors/membership/swim.ts';
import { compress } from '../../../../src/actors/membership/wire/compression.ts';
import { Envelope } from '../../../../src/actors/membership/wire/envelope.ts';
import { Keyring } from '../../../../src/actors/membership/wire/keyring.ts';
import { PARTS_MAX, pack } from '../../../../src/actors/membership/wire/packet.ts';
import { NONCE_BYTES, seal } from '../../../../src/actors/membership/wire/seal.ts';
import { MEMBERS_MAX, StreamMeasure, encodePushPull } from '../../../../src/actors/membership/wire/stream.ts';
import { randomInt, seededRandom, type Random } from '../../../../src/random.ts';
import { memberlist } from './memberlist-vectors.ts';

const PACKETS = 100_000;
const STREAMS = 1_000;
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;
const KEY = Buffer.from('0123456789abcdef');
const LABEL = 'blue';

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');
const ofKind = (...kinds: readonly string[]): Buffer[] => memberlist.vectors.filter(({ kind }) => kinds.includes(kind)).map(({ hex }) => bytesOf(hex));
const PACKET_CORPUS = [...ofKind('packet', 'compress'), ...memberlist.captured.map(({ hex }) => bytesOf(hex)), ...memberlist.decodeAcceptance.map(({ aliveBodyHex }) => bytesOf(`04${aliveBodyHex}`))];
const STREAM_CORPUS = [...ofKind('stream', 'compress'), ...PACKET_CORPUS.filter((bytes) => [0, 2, 13].includes(bytes[0]!))];
/** Lengths, counts and numbers at which things break. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0xc0, 0xcf, 0xd3, 0xdb, 0xdd, 0xdf, 0x0a, 0xf4];

class Mutator {
  readonly #corpus: readonly Buffer[];
  readonly #random: Random;
  readonly #ring = new Keyring([KEY]);

  constructor(random: Random, corpus: readonly Buffer[]) {
    this.#corpus = corpus;
    this.#random = random;
  }

  /** @param door of whoever gets it: what is whole on the outside is read further in */
  packet(door: Envelope): Uint8Array {
    let bytes = this.#damaged();
    for (let layers = randomInt(this.#random, 3); layers > 0; layers--) bytes = this.#wrapped(bytes);
    if (bytes.length > 0 && this.#chance(0.6)) bytes = door.packet([bytes], this.#chance(0.5));
    return this.#chance(0.1) ? this.#mutated(bytes) : bytes;
  }

  stream(): Uint8Array {
    let bytes = this.#damaged();
    if (this.#chance(0.4)) bytes = compress(bytes);
    if (this.#chance(0.4)) {
      const header = Buffer.alloc(5, 10);
      header.writeUInt32BE(bytes.length + 29, 1);
      const label = this.#chance(0.5) ? Buffer.from(LABEL) : Buffer.alloc(0);
      bytes = Buffer.concat([header, seal(bytes, this.#ring.primary, this.#nonce(), Buffer.concat([header, label]))]);
    }
    if (this.#chance(0.3)) bytes = this.#labelled(bytes);
    return this.#chance(0.2) ? this.#mutated(bytes) : bytes;
  }

  chunks(bytes: Uint8Array): number[] {
    const ends: number[] = [];
    for (let end = 0; end < bytes.length; ) ends.push((end = Math.min(bytes.length, end + 1 + randomInt(this.#random, this.#chance(0.5) ? 8 : 800))));
    return ends;
  }

  #damaged(): Uint8Array {
    let bytes: Uint8Array = this.#one();
    for (let changes = randomInt(this.#random, 4); changes > 0; changes--) bytes = this.#mutated(bytes);
    return bytes;
  }

  #mutated(original: Uint8Array): Uint8Array {
    const bytes = Buffer.from(original);
    const at = randomInt(this.#random, bytes.length + 1);
    const to = Math.min(bytes.length, at + randomInt(this.#random, 40));
    switch (randomInt(this.#random, 8)) {
      case 0:
        return bytes.subarray(0, at);
      case 1:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
      case 2:
        return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
      case 3:
        return Buffer.concat([bytes.subarray(0, at), this.#one().subarray(randomInt(this.#random, 20))]);
      case 4:
        return Buffer.concat([bytes.subarray(0, at), Buffer.from(Array.from({ length: 5 }, () => this.#edge())), bytes.subarray(at)]);
      case 5:
        if (at < bytes.length) bytes[at]! ^= 1 << randomInt(this.#random, 8);
        return bytes;
      case 6:
        return bytes.fill(this.#edge(), at, to);
      default:
        if (at < bytes.length) bytes[at] = this.#edge();
        return bytes;
    }
  }

  #wrapped(bytes: Uint8Array): Uint8Array {
    switch (randomInt(this.#random, 6)) {
      case 0:
        return bytes.length < 2_000 ? compress(bytes) : bytes;
      case 1:
        return pack(Array.from({ length: 1 + randomInt(this.#random, this.#chance(0.02) ? PARTS_MAX : 4) }, (_, i) => (i % 2 === 0 ? bytes : this.#one())).filter(({ length }) => length < 0x10000), false);
      case 2: {
        const packet = Buffer.concat([Buffer.alloc(5, 12), bytes]);
        packet.writeUInt32BE(crc32(bytes), 1);
        return packet;
      }
      case 3:
        return seal(bytes, this.#ring.primary, this.#nonce(), this.#chance(0.5) ? Buffer.from(LABEL) : Buffer.alloc(0), this.#chance(0.5) ? 0 : 1);
      case 4:
        return this.#labelled(bytes);
      default:
        return bytes;
    }
  }

  #labelled(bytes: Uint8Array): Uint8Array {
    return Buffer.concat([Uint8Array.of(0xf4, LABEL.length), Buffer.from(LABEL), bytes]);
  }

  #nonce(): Uint8Array {
    return Uint8Array.from({ length: NONCE_BYTES }, () => randomInt(this.#random, 256));
  }

  #one(): Buffer {
    return this.#corpus[randomInt(this.#random, this.#corpus.length)]!;
  }

  #edge(): number {
    return EDGES[randomInt(this.#random, EDGES.length)]!;
  }

  #chance(share: number): boolean {
    return this.#random.next() < share;
  }
}

/** One brain, and all that it wished for while it was fed. */
class Fed {
  readonly envelope: Envelope;
  readonly brain: Swim;
  #now = 0;

  constructor(label: string, keys: readonly Uint8Array[] | undefined, verifiesIncoming = true) {
    const keyring = keys === undefined ? undefined : new Keyring(keys);
    let nonces = 0;
    const nonce = (): Uint8Array => Buffer.alloc(NONCE_BYTES, nonces++);
    this.envelope = new Envelope({ label, compresses: true, keyring, verifiesIncoming, verifiesOutgoing: true, nonce });
    this.brain = new Swim({ name: 'n1', address: { host: '127.0.0.1', port: 7946 }, tags: {}, profile: PROFILES.lan, random: seededRandom(7), envelope: this.envelope });
    this.tell({ kind: 'started' });
  }

  tell(input: Parameters<Swim['handle']>[0]): ReturnType<Swim['handle']> {
    return this.brain.handle(input, (this.#now += 0.5));
  }

  get dropped(): number {
    return Object.values(this.brain.view.dropped).reduce((sum, count) => sum + count, 0);
  }
}

function brains(): Fed[] {
  return [new Fed('', undefined), new Fed('', [KEY]), new Fed(LABEL, [Buffer.alloc(32, 1), KEY]), new Fed('', [KEY], false)];
}

function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('damaged bytes of real peers', () => {
  it(`harm nobody in ${PACKETS} packets: nothing is thrown, memory is bounded, what is not used is counted`, function () {
    this.timeout(120_000);
    const mutator = new Mutator(seededRandom(4), PACKET_CORPUS);
    const fed = brains();
    const before = heldBytes();
    let used = 0;
    for (let i = 0; i < PACKETS; i++) {
      const to = fed[i % fed.length]!;
      const packet = mutator.packet(to.envelope);
      const { messages, drops } = to.envelope.openPacket(packet);
      if (messages.length > 0) used++;
      if (messages.length + drops.length === 0) expect.fail(`packet ${i} vanished: ${Buffer.from(packet).toString('hex')}`);
      const wishes = to.tell({ kind: 'packet', packet, from: { host: '127.0.0.9', port: 7946 } });
      // One packet makes at most one for each of its messages, and one rumour for each of those that are accused.
      if (wishes.length > 1_024) expect.fail(`packet ${i} made ${wishes.length} wishes`);
      if (i % 500 < fed.length) for (const kind of ['gossip', 'probe'] as const) to.tell({ kind: 'timer', timer: { kind } });
    }
    expect(heldBytes() - before).to.be.below(MEMORY_BYTES_MAX);
    for (const { brain, dropped } of fed) {
      expect(brain.members.length).to.be.within(1, MEMBERS_MAX);
      expect(dropped).to.be.above(PACKETS / 20);
      expect(Object.keys(brain.view.dropped).every((reason) => /^[a-z-]+$/i.test(reason))).to.equal(true);
    }
    // Bytes that are all refused at the first door test nothing behind it.
    expect(used).to.be.above(PACKETS / 6);
  });

  it(`harm nobody in ${STREAMS} streams, whether they ask or answer`, function () {
    this.timeout(60_000);
    const mutator = new Mutator(seededRandom(5), STREAM_CORPUS);
    const fed = brains();
    const list = encodePushPull({ join: true, states: [{ name: 'n2', addr: Uint8Array.of(127, 0, 0, 2), port: 7946, meta: new Uint8Array(0), incarnation: 1, state: 0, vsn: Uint8Array.of(1, 5, 2, 2, 5, 4) }], userState: new Uint8Array(0) });
    for (const each of fed) each.tell({ kind: 'request', request: each.envelope.request(list) });
    const before = heldBytes();
    const verdicts = { more: 0, whole: 0, malformed: 0 };
    for (let i = 0; i < STREAMS; i++) {
      const to = fed[i % fed.length]!;
      const stream = mutator.stream();
      const measure = new StreamMeasure();
      let verdict: keyof typeof verdicts = 'more';
      for (const end of mutator.chunks(stream)) if ((verdict = measure.measure(stream.subarray(0, end))) !== 'more') break;
      verdicts[verdict]++;
      const replies = to.tell({ kind: 'request', request: stream }).filter(({ kind }) => kind === 'reply');
      expect(replies).to.have.length(1);
      for (const wish of to.tell({ kind: 'timer', timer: { kind: 'push-pull' } })) {
        if (wish.kind === 'request') to.tell({ kind: 'answered', exchange: wish.exchange, answer: stream });
      }
    }
    expect(heldBytes() - before).to.be.below(MEMORY_BYTES_MAX);
    for (const count of Object.values(verdicts)) expect(count).to.be.above(STREAMS / 20);
    for (const { dropped } of fed) expect(dropped).to.be.above(STREAMS / 20);
  });
});
