import { expect } from 'chai';
import * as Automerge from '@automerge/automerge';
import * as fc from 'fast-check';
import { Admission } from '../../../src/actors/registry/admission.ts';
import { DOCUMENT_LIMITS, RegistryDocument, type DocumentNews, type Write } from '../../../src/actors/registry/document.ts';
import { bucketId, bucketOf, GENESIS, type RegistryContent } from '../../../src/actors/registry/layout.ts';
import { MeshError } from '../../../src/errors.ts';
import { actorId } from './simulated-mesh.ts';

const open: RegistryDocument[] = [];

function documentOf(name: string, limits = DOCUMENT_LIMITS): RegistryDocument {
  const document = new RegistryDocument(actorId(name), limits);
  open.push(document);
  return document;
}

function done(write: Write | MeshError): Write {
  if (write instanceof MeshError) throw write;
  return write;
}

/** What `from` has and `to` lacks. */
function bring(from: RegistryDocument, to: RegistryDocument): DocumentNews[] {
  const known = to.haves().filter((hash) => from.isKnown(hash));
  return [...to.apply(new Admission().admit(from.changesSince(known), to)).news];
}

describe('the document of the registry', () => {
  afterEach(() => {
    for (const document of open.splice(0)) document.close();
  });

  it('begins with the same bytes in every release: another genesis is another registry', () => {
    const made = Automerge.change(Automerge.init<RegistryContent>({ actor: '00' }), { time: 0 }, (content) => {
      content.v = 1;
      content.b = {};
      for (let index = 0; index < 256; index++) content.b[index.toString(16).padStart(2, '0')] = {};
    });
    expect(Automerge.getHeads(made)).to.deep.equal([GENESIS.hash]);
    expect(Automerge.save(made)).to.deep.equal(GENESIS.snapshot);
    Automerge.free(made);
    expect(['', 'a', 'service/web', '👩‍🚀'].map(bucketOf)).to.deep.equal(['c5', 'ed', '85', '2e']);
    expect(bucketId('a')).to.equal('240@00');
  });

  it('puts, gets, lists by prefix in order, counts and deletes', () => {
    const document = documentOf('ash');
    expect(done(document.put('b/2', 'two', 'ash', 20.9))).to.include({ existed: false });
    expect(done(document.put('b/1', 'one', 'ash', 10))).to.include({ existed: false });
    expect(done(document.put('a', 'x', 'ash', 30))).to.include({ existed: false });
    expect(done(document.put('a', 'y', 'ash', 40))).to.include({ existed: true });
    expect(document.get('b/2')).to.deep.equal({ key: 'b/2', value: 'two', writer: 'ash', writtenAtMs: 20, conflict: false });
    expect(document.list('b/').map(({ key }) => key)).to.deep.equal(['b/1', 'b/2']);
    expect(document.list('').map(({ value }) => value)).to.deep.equal(['y', 'one', 'two']);
    expect(done(document.delete('b/1')).news).to.deep.equal([{ type: 'delete', key: 'b/1' }]);
    expect(done(document.delete('b/1'))).to.deep.equal({ existed: false, bytes: undefined, news: [] });
    expect([document.count, document.get('b/1')]).to.deep.equal([2, undefined]);
  });

  it('takes keys that JavaScript objects know', () => {
    const document = documentOf('ash');
    const keys = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'];
    for (const key of keys) expect(document.get(key), key).to.equal(undefined);
    for (const key of keys) done(document.put(key, `of ${key}`, 'ash', 1));
    const other = documentOf('birch');
    bring(document, other);
    expect(other.list('').map(({ key, value }) => [key, value])).to.deep.equal(keys.toSorted().map((key) => [key, `of ${key}`]));
    for (const key of keys) done(other.delete(key));
    expect(other.count).to.equal(0);
  });

  it('shows the later of two concurrent writes on both sides, flagged, until the next write', () => {
    const [ash, birch] = [documentOf('ash'), documentOf('birch')];
    done(ash.put('k', 'early', 'ash', 1));
    done(birch.put('k', 'late', 'birch', 2));
    bring(ash, birch);
    expect(bring(birch, ash)).to.deep.equal([{ type: 'put', entry: { key: 'k', value: 'late', writer: 'birch', writtenAtMs: 2, conflict: true } }]);
    expect(birch.get('k')).to.deep.equal(ash.get('k'));
    done(birch.put('k', 'late', 'birch', 2));
    expect(birch.get('k')?.conflict).to.equal(false);
    expect(bring(birch, ash).map((change) => change.type)).to.deep.equal(['put']);
    expect(ash.get('k')).to.deep.equal(birch.get('k'));
  });

  it('keeps a put when the same key is deleted elsewhere meanwhile', () => {
    const [ash, birch] = [documentOf('ash'), documentOf('birch')];
    done(ash.put('k', '1', 'ash', 1));
    bring(ash, birch);
    done(ash.delete('k'));
    done(birch.put('k', '2', 'birch', 2));
    expect(bring(birch, ash).map((change) => change.type)).to.deep.equal(['put']);
    expect(bring(ash, birch)).to.deep.equal([]);
    expect([ash.get('k')?.value, birch.get('k')?.value]).to.deep.equal(['2', '2']);
  });

  it('shows what is left when the winner of a conflict is deleted and another value comes in the same batch', () => {
    const [ash, birch, cedar] = [documentOf('ash'), documentOf('birch'), documentOf('cedar')];
    done(ash.put('k', 'first', 'ash', 1));
    bring(ash, birch);
    bring(ash, cedar);
    for (let i = 0; i < 5; i++) done(birch.put(`noise ${i}`, '', 'birch', i));
    done(birch.put('k', 'winner', 'birch', 9));
    bring(birch, ash);
    const beforeDelete = ash.get('k')?.value;
    done(birch.delete('k'));
    done(cedar.put('k', 'left', 'cedar', 2));
    bring(cedar, birch);
    bring(birch, ash);
    expect([beforeDelete, ash.get('k')?.value, birch.get('k')?.value]).to.deep.equal(['winner', 'left', 'left']);
  });

  it('says everything it says with news, whatever is written where and however it travels', () => {
    const step = fc.record({ at: fc.nat(2), to: fc.nat(2), key: fc.constantFrom('a', 'b', 'c'), act: fc.constantFrom('put', 'delete', 'bring', 'absorb'), t: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const documents = ['ash', 'birch', 'cedar'].map((name) => documentOf(name));
        const told = documents.map(() => new Map<string, unknown>());
        const tell = (at: number, news: readonly DocumentNews[]): void => {
          for (const change of news) change.type === 'put' ? told[at]!.set(change.entry.key, change.entry) : told[at]!.delete(change.key);
        };
        for (const [i, { at, to, key, act, t }] of steps.entries()) {
          const document = documents[at]!;
          if (act === 'put') tell(at, done(document.put(key, `${i}`, `node ${at}`, t)).news);
          if (act === 'delete') tell(at, done(document.delete(key)).news);
          if (act === 'bring' && at !== to) tell(to, bring(document, documents[to]!));
          if (act === 'absorb' && at !== to) tell(to, documents[to]!.absorb(document.snapshot()) as DocumentNews[]);
        }
        for (const [at, document] of documents.entries()) {
          expect([...told[at]!.values()]).to.have.deep.members(document.list(''));
          for (const other of documents) bring(other, document);
        }
        for (const document of documents) expect(document.list('')).to.deep.equal(documents[2]!.list(''));
        for (const document of open.splice(0)) document.close();
      }),
      { numRuns: 60 },
    );
  });

  it('goes on writing after it took in a snapshot that is newer, older or both', () => {
    const [ash, birch] = [documentOf('ash'), documentOf('birch')];
    done(ash.put('a', '1', 'ash', 1));
    done(birch.put('b', '1', 'birch', 1));
    expect(birch.absorb(ash.snapshot())).to.have.length(1);
    expect(birch.absorb(ash.snapshot()), 'nothing new').to.deep.equal([]);
    const { bytes } = done(birch.put('b', '2', 'birch', 2));
    expect(bring(birch, ash).length).to.equal(1);
    expect(ash.isKnown(Automerge.decodeChange(bytes!).hash)).to.equal(true);
    expect(ash.list('')).to.deep.equal(birch.list(''));
  });

  it('refuses documents that are damaged or that are not of the registry, and stays as it is', () => {
    const document = documentOf('ash');
    done(document.put('a', '1', 'ash', 1));
    const snapshot = document.snapshot();
    const flipped = Uint8Array.from(snapshot, (byte, i) => (i === 40 ? byte ^ 1 : byte));
    const foreign = Automerge.from({ v: 1, b: { '00': { '=a': 'text' } } });
    const withText = Automerge.change(Automerge.load<{ b: Record<string, Record<string, unknown>> }>(snapshot), (content) => {
      content.b['00']!['=x'] = { nested: 1 };
    });
    expect(documentOf('birch').absorb(flipped)).to.equal('snapshot-unreadable');
    expect(documentOf('cedar').absorb(snapshot.subarray(0, -9))).to.equal('snapshot-unreadable');
    expect(document.absorb(Automerge.save(foreign))).to.equal('snapshot-schema');
    expect(document.absorb(Automerge.save(withText))).to.equal('snapshot-schema');
    expect(done(document.put('a', '2', 'ash', 2))).to.include({ existed: true });
    expect(document.count).to.equal(1);
  });

  it('refuses the entry past its limit and any write past its history, and says so', () => {
    const few = documentOf('ash', { ...DOCUMENT_LIMITS, entriesMax: 2 });
    done(few.put('a', '', 'ash', 1));
    done(few.put('b', '', 'ash', 1));
    expect(few.put('c', '', 'ash', 1)).to.include({ code: 'OVERLOADED', given: '2 entries and one more' });
    expect(done(few.put('b', 'again', 'ash', 2))).to.include({ existed: true });
    done(few.delete('a'));
    expect(done(few.put('c', '', 'ash', 3))).to.include({ existed: false });
    for (const limits of [{ ...DOCUMENT_LIMITS, historyChangesMax: 3 }, { ...DOCUMENT_LIMITS, historyBytesMax: GENESIS.snapshot.length + 200 }]) {
      const short = documentOf('birch', limits);
      done(short.put('a', '', 'birch', 1));
      done(short.put('a', '', 'birch', 2));
      expect(short.put('a', '', 'birch', 3)).to.include({ code: 'OVERLOADED' });
      expect(short.delete('a')).to.include({ code: 'OVERLOADED' });
    }
  });
});
