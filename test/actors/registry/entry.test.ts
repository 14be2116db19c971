import { expect } from 'chai';
import * as fc from 'fast-check';
import { encodeEntry, ENTRY_BYTES_MAX, KEY_BYTES_MAX, keyFault, parseEntry, VALUE_BYTES_MAX, viewOf, type Entry } from '../../../src/actors/registry/entry.ts';
import { CHANGE_BYTES_MAX } from '../../../src/actors/registry/change-chunk.ts';
import { MeshError } from '../../../src/errors.ts';

const wellFormed = fc.string({ unit: 'grapheme', maxLength: 40 });
const entry: fc.Arbitrary<Entry> = fc.record({ v: wellFormed, w: fc.constantFrom('ash', 'birch', 'cedar'), t: fc.integer({ min: 0, max: 9 }) });

function encoded(given: Entry): string {
  const json = encodeEntry(given);
  if (json instanceof MeshError) throw json;
  return json;
}

describe('an entry of the registry', () => {
  const refused: readonly [title: string, key: string, code: string][] = [
    ['an empty key', '', 'BAD_ARGUMENT'],
    ['a key longer than 256 bytes', 'ö'.repeat(KEY_BYTES_MAX / 2 + 1), 'TOO_LARGE'],
    ['a key with a line break', 'a\nb', 'BAD_ARGUMENT'],
    ['a key with an escape for terminals', 'a\u009b31m', 'BAD_ARGUMENT'],
    ['half of a surrogate pair', 'a\ud800', 'BAD_ARGUMENT'],
  ];
  for (const [title, key, code] of refused) {
    it(`refuses ${title} and says what would do`, () => {
      const fault = keyFault(key);
      expect(fault?.code).to.equal(code);
      expect([fault?.given, fault?.expected, fault?.todo]).to.not.include(undefined);
    });
  }

  it('takes any other text as a key, names that objects know included', () => {
    for (const key of ['a', 'ö'.repeat(KEY_BYTES_MAX / 2), '__proto__', 'constructor', 'sp ace/👩‍🚀', '=']) expect(keyFault(key), key).to.equal(undefined);
  });

  it('takes a value of 64 KiB and refuses one byte more', () => {
    expect(encodeEntry({ v: 'x'.repeat(VALUE_BYTES_MAX), w: 'ash', t: 1 })).to.be.a('string');
    expect(encodeEntry({ v: 'x'.repeat(VALUE_BYTES_MAX + 1), w: 'ash', t: 1 })).to.include({ code: 'TOO_LARGE' });
  });

  it('refuses a value that would no longer fit a frame once it is JSON', () => {
    expect(encodeEntry({ v: '\u0001'.repeat(VALUE_BYTES_MAX), w: 'ash', t: 1 })).to.include({ code: 'TOO_LARGE' });
    expect(encodeEntry({ v: '"\\\n'.repeat(20_000), w: 'ash', t: 1 })).to.be.a('string');
    expect(ENTRY_BYTES_MAX + KEY_BYTES_MAX + 4_096 * 4).to.be.lessThan(CHANGE_BYTES_MAX);
  });

  it('refuses a value that is no well-formed text', () => {
    expect(encodeEntry({ v: 'x\udc00', w: 'ash', t: 1 })).to.include({ code: 'BAD_ARGUMENT' });
  });

  it('reads back what it wrote', () => {
    fc.assert(fc.property(entry, (given) => void expect(parseEntry(encoded(given))).to.deep.equal(given)));
  });

  it('sees nothing in what another program wrote, and does not fail', () => {
    for (const json of ['', '{', 'null', '7', '[]', '{"v":1,"w":"a","t":1}', '{"v":"x","w":"a","t":"1"}', '{"v":"x","w":"a","t":1e400}']) {
      expect(parseEntry(json), json).to.equal(undefined);
    }
    expect(viewOf('key', ['{', encoded({ v: 'x', w: 'ash', t: 1 })])?.value).to.equal('x');
    expect(viewOf('key', ['{'])).to.equal(undefined);
  });

  it('ignores fields that a later version may add', () => {
    expect(parseEntry('{"v":"x","w":"ash","t":1,"ttl":5}')).to.deep.equal({ v: 'x', w: 'ash', t: 1 });
  });

  it('wins or loses against another the same way in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 6 }), fc.integer(), (entries, turn) => {
        const values = entries.map(encoded);
        const turned = values.map((_, i) => values[(i + Math.abs(turn)) % values.length]!);
        expect(viewOf('key', turned)).to.deep.equal(viewOf('key', values));
        expect(viewOf('key', values.toReversed())).to.deep.equal(viewOf('key', values));
        expect(viewOf('key', values)?.writtenAtMs).to.equal(Math.max(...entries.map(({ t }) => t)));
      }),
    );
  });
});
