import { createHash } from 'node:crypto';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { compress, decompress } from '../../../../src/actors/membership/wire/compression.ts';
import { lzwCompress, lzwDecompress } from '../../../../src/actors/membership/wire/lzw.ts';
import { attempt } from '../../../../src/actors/membership/wire/wire-fault.ts';
import { memberlist, vector } from './memberlist-vectors.ts';

const ENOUGH = 1 << 20;

describe('compression', () => {
  for (const { name, hex, fields } of memberlist.vectors.filter(({ kind }) => kind === 'compress')) {
    const bytes = Buffer.from(hex, 'hex');
    it(`${name} of real peers is read`, () => {
      const plain = decompress(bytes, ENOUGH);
      expect(plain).to.have.length(fields['plainLen'] as number);
      expect(createHash('sha256').update(plain).digest('hex')).to.equal(fields['plainSha256']);
    });

    it(`${name} is written byte for byte as real peers write it`, () => {
      expect(Buffer.from(compress(decompress(bytes, ENOUGH))).equals(bytes)).to.equal(true);
    });

    it(`${name} is read up to a limit and no further`, () => {
      const length = fields['plainLen'] as number;
      expect(decompress(bytes, length)).to.have.length(length);
      expect(attempt(() => decompress(bytes, length - 1))).to.equal('oversized');
    });
  }

  it('an algorithm that nobody has is refused', () => {
    const other = vector('compress_1byte');
    other[other.indexOf('Algo') + 4] = 1;
    expect(attempt(() => decompress(other, ENOUGH))).to.equal('unknown-compression');
  });

  it('of nothing is nothing', () => {
    expect(lzwDecompress(lzwCompress(new Uint8Array(0)), 0)).to.have.length(0);
  });

  it('what is compressed is read back the same', () => {
    // Few letters make long entries and full tables, many make many codes.
    const letters = (count: number): fc.Arbitrary<Uint8Array> => fc.array(fc.nat(count - 1), { maxLength: 20_000, size: 'max' }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(fc.oneof(letters(1), letters(2), letters(40), letters(256)), (bytes) => {
        expect(Buffer.compare(lzwDecompress(lzwCompress(bytes), bytes.length), bytes)).to.equal(0);
      }),
      { numRuns: 60 },
    );
  });

  it('a table that is filled again and again is cleared each time', () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i * 31 + (i >> 7)) & 0xff);
    expect(Buffer.compare(lzwDecompress(lzwCompress(bytes), bytes.length), bytes)).to.equal(0);
  });

  it('a bomb is put down before it takes the memory that it wants', () => {
    const bomb = lzwCompress(new Uint8Array(8 * ENOUGH));
    expect(bomb.length).to.be.below(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 20; i++) expect(attempt(() => lzwDecompress(bomb, ENOUGH))).to.equal('oversized');
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(64 * ENOUGH);
  });

  it('arbitrary bytes are never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        attempt(() => lzwDecompress(bytes, 4_096));
      }),
    );
  });
});
