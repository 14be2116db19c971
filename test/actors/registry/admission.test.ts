import { expect } from 'chai';
import { createHash } from 'node:crypto';
import * as Automerge from '@automerge/automerge';
import { Admission, type Refusal } from '../../../src/actors/registry/admission.ts';
import { CHANGE_BYTES_MAX, readChangeChunk } from '../../../src/actors/registry/change-chunk.ts';
import { RegistryDocument } from '../../../src/actors/registry/document.ts';
import { bucketId, bucketOf, GENESIS, type RegistryContent } from '../../../src/actors/registry/layout.ts';
import { Orphans } from '../../../src/actors/registry/orphans.ts';
import { MeshError } from '../../../src/errors.ts';
import { actorId } from './simulated-mesh.ts';

const HEADER_BYTES = 8;

function written(document: RegistryDocument, key: string, value: string): Uint8Array {
  const write = document.put(key, value, 'ash', 1);
  if (write instanceof MeshError || write.bytes === undefined) throw new Error('not written');
  return write.bytes;
}

/** As its author would have sent it: only a forger mends the checksum. */
function mended(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(createHash('sha256').update(copy.subarray(HEADER_BYTES)).digest().subarray(0, 4), 4);
  return copy;
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

type Operation = { action: string; obj: string; key: string; value?: string | number; datatype?: string; pred: string[] };

function forged(ops: readonly Operation[], startOp = 259): Uint8Array {
  const change = { actor: actorId('forger'), author: null, seq: 1, startOp, time: 0, message: null, deps: [GENESIS.hash], ops: [...ops] };
  return Automerge.encodeChange(change);
}

describe('admission of changes', () => {
  let author: RegistryDocument;
  let document: RegistryDocument;
  let admission: Admission;

  beforeEach(() => {
    author = new RegistryDocument(actorId('ash'));
    document = new RegistryDocument(actorId('birch'));
    admission = new Admission();
  });

  afterEach(() => {
    author.close();
    document.close();
  });

  const take = (...changes: Uint8Array[]): number => {
    const { applied, failed } = document.apply(admission.admit(changes, document));
    for (const change of failed) admission.markBad(change.hash);
    return applied.length;
  };
  const expectRefused = (reason: Refusal, count: number): void => {
    expect(admission.refused).to.deep.equal({ [reason]: count });
  };

  it('refuses a change with any single bit flipped, and takes the true one after', () => {
    const bytes = written(author, 'service/web', 'hello');
    for (let bit = 0; bit < bytes.length * 8; bit++) expect(take(flipped(bytes, bit)), `bit ${bit}`).to.equal(0);
    expect(document.count).to.equal(0);
    expect(take(bytes)).to.equal(1);
    expect(document.get('service/web')?.value).to.equal('hello');
    expect(written(document, 'mine', 'too')).to.be.an.instanceOf(Uint8Array);
  });

  it('refuses a change cut short anywhere, or with something behind it', () => {
    const bytes = written(author, 'service/web', 'hello');
    for (let length = 0; length < bytes.length; length++) {
      take(bytes.subarray(0, length));
      if (length > HEADER_BYTES) take(mended(bytes.subarray(0, length)));
    }
    take(Buffer.concat([bytes, bytes]), Buffer.concat([bytes, Buffer.of(0)]));
    expect(document.count).to.equal(0);
    expect(take(bytes)).to.equal(1);
  });

  it('goes on working after every flipped bit that a forger mends the checksum of', () => {
    const first = written(author, 'service/web', 'hello');
    take(first);
    const second = written(author, 'service/web', 'bye');
    for (let bit = HEADER_BYTES * 8; bit < second.length * 8; bit++) {
      const victim = new RegistryDocument(actorId('cedar'));
      const door = new Admission();
      victim.apply(door.admit([first], victim));
      victim.apply(door.admit([mended(flipped(second, bit))], victim));
      expect(victim.put('mine', 'works', 'cedar', 1), `bit ${bit}`).to.include({ existed: false });
      victim.close();
    }
  });

  it('refuses what is too large, of another type, or a whole document', () => {
    take(new Uint8Array(CHANGE_BYTES_MAX + 1));
    expectRefused('too-large', 1);
    const bytes = written(author, 'k', 'v');
    const compressed = Uint8Array.from(bytes);
    compressed[HEADER_BYTES] = 2;
    take(mended(compressed), author.snapshot());
    expect(admission.refused).to.deep.equal({ 'too-large': 1, malformed: 2 });
  });

  it('refuses a few bytes that stand for a hundred thousand operations', () => {
    const many = Array.from({ length: 100_000 }, () => ({ action: 'del', obj: bucketId('a'), key: '=a', pred: [] }));
    const bomb = forged(many);
    expect(bomb.length).to.be.lessThan(1_000);
    expect(take(bomb)).to.equal(0);
    expectRefused('too-many-ops', 1);
  });

  it('reads the same hash and dependencies as the engine, for any change of the registry', () => {
    for (let i = 0; i < 50; i++) {
      const bytes = i % 3 === 0 ? (author.delete(`key ${i - 1}`) as { bytes: Uint8Array | undefined }).bytes : written(author, `key ${i}`, 'v'.repeat(i));
      if (bytes === undefined) continue;
      const { hash, deps } = Automerge.decodeChange(bytes);
      expect(readChangeChunk(bytes)).to.deep.equal({ hash, deps });
    }
  });

  const foreign: readonly [title: string, op: Operation][] = [
    ['a number', { action: 'set', obj: bucketId('a'), key: '=a', value: 7, datatype: 'int', pred: [] }],
    ['a nested object', { action: 'makeMap', obj: bucketId('a'), key: '=a', pred: [] }],
    ['an unmarked key', { action: 'set', obj: bucketId('a'), key: '__proto__', value: 'x', pred: [] }],
    ['a key in another bucket than its own', { action: 'set', obj: bucketId('a'), key: '=b', value: 'x', pred: [] }],
    ['a write to the root', { action: 'del', obj: '_root', key: 'b', pred: [] }],
  ];
  for (const [title, op] of foreign) {
    it(`refuses ${title}, which the registry does not write`, () => {
      expect(take(forged([op]))).to.equal(0);
      expectRefused('schema', 1);
    });
  }

  it('refuses operations that do not count on from the last: the saved document could not be loaded again', () => {
    const op = { action: 'set', obj: bucketId('a'), key: '=a', value: '{}', pred: [] };
    expect(take(forged([op], 2 ** 31), forged([op], 260), forged([op], 258))).to.equal(0);
    expectRefused('op-counter', 3);
    expect(take(forged([op], 259))).to.equal(1);
  });

  it('remembers a change on which the engine failed, and applies what came with it', () => {
    take(written(author, 'first', '1'));
    const content = Automerge.load<RegistryContent>(GENESIS.snapshot, { actor: actorId('ash') });
    const fork = Automerge.change(content, { time: 0 }, ({ b }) => {
      b[bucketOf('x')]!['=x'] = new Automerge.ImmutableString('{}');
    });
    const sameSequence = Automerge.getLastLocalChange(fork)!;
    expect(take(sameSequence, written(author, 'second', '2'))).to.equal(1);
    expectRefused('engine', 1);
    expect(take(sameSequence)).to.equal(0);
    expect(admission.refused).to.deep.equal({ engine: 1, 'known-bad': 1 });
    expect(document.list('').map(({ key }) => key)).to.deep.equal(['first', 'second']);
    expect(take(written(author, 'third', '3'))).to.equal(1);
    expect(written(document, 'mine', 'too').length).to.be.greaterThan(0);
  });

  it('keeps changes that came too early until what they rest on is there', () => {
    const changes = Array.from({ length: 6 }, (_, i) => written(author, `key ${i}`, 'v'));
    expect(take(...changes.slice(1).toReversed())).to.equal(0);
    expect(admission.orphanCount).to.equal(5);
    expect(take(changes[0]!)).to.equal(6);
    expect(admission.orphanCount).to.equal(0);
    expect(document.list('')).to.deep.equal(author.list(''));
  });

  it('drops the oldest of too many early changes and takes them when they come again', () => {
    const changes = Array.from({ length: 1_200 }, (_, i) => written(author, `key ${i % 10}`, `${i}`));
    take(...changes.slice(1));
    expect(admission.orphanCount).to.equal(1_000);
    expectRefused('orphan-dropped', 199);
    take(...changes);
    expect(document.list('')).to.deep.equal(author.list(''));
    expect(admission.orphanCount).to.equal(0);
  });

  it('holds early changes within 4 MiB', () => {
    const orphans = new Orphans();
    const bytes = new Uint8Array(CHANGE_BYTES_MAX);
    const dropped = Array.from({ length: 30 }, (_, i) => orphans.add({ hash: `${i}`, bytes }, 'missing')).reduce((a, b) => a + b);
    expect([orphans.size, dropped]).to.deep.equal([21, 9]);
    expect(orphans.release('missing').map(({ hash }) => hash)).to.deep.equal(Array.from({ length: 21 }, (_, i) => `${i + 9}`));
    expect(orphans.size).to.equal(0);
  });
});
