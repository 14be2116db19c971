import { expect } from 'chai';
import { RegistryDocument } from '../../../src/actors/registry/document.ts';
import { Persistence, type PersistenceEffect, type PersistenceInput } from '../../../src/actors/registry/persistence.ts';
import { MeshError } from '../../../src/errors.ts';
import { actorId } from './simulated-mesh.ts';

const FULL = new MeshError('DATA_DIR_UNUSABLE', 'no space left on device');
const SAVED: PersistenceInput = { kind: 'settled', outcome: 'saved' };
const FAILED: PersistenceInput = { kind: 'settled', outcome: FULL };
const DUE: PersistenceInput = { kind: 'save-due' };

describe('what reaches the disk when', () => {
  let persistence: Persistence;
  let nowMs: number;

  /** Effects in short; the timer for a hanging disk, which every act sets, is left out. */
  const told = (input: PersistenceInput): string[] => persistence.handle(input, nowMs).map(short).filter((line) => !line.startsWith('act-late'));
  const own = (...words: string[]): PersistenceInput => ({ kind: 'changed', changes: words.map((word) => Buffer.from(word)), isAwaited: true });
  const theirs = (...words: string[]): PersistenceInput => ({ ...own(...words), isAwaited: false }) as PersistenceInput;
  const load = (): string[] => told({ kind: 'loaded', changes: [], isDamaged: false });

  beforeEach(() => {
    nowMs = 1_000;
    persistence = new Persistence(new RegistryDocument(actorId('persistence')));
  });

  it('what somebody waits for goes at once; what comes meanwhile goes together after it', () => {
    load();
    expect(told(own('a'))).to.deep.equal(['append a']);
    expect([told(own('b')), told(own('c')), told(theirs('d'))]).to.deep.equal([[], [], []]);
    expect(told(SAVED)).to.deep.equal(['answer 1', 'append b c d']);
    expect(told(SAVED)).to.deep.equal(['answer 4']);
  });

  it('what nobody waits for waits for company, or for somebody who does not wait', () => {
    load();
    expect(told(theirs('a'))).to.deep.equal(['save-due in 100']);
    expect(told(theirs('b'))).to.deep.equal([]);
    expect(told(DUE)).to.deep.equal(['append a b']);
    told(SAVED);
    expect(told(theirs('c'))).to.deep.equal(['save-due in 100']);
    expect(told(own('d'))).to.deep.equal(['append c d']);
  });

  it('nothing is written before what is on disk has been read', () => {
    expect(told(own('a'))).to.deep.equal([]);
    expect(told(DUE)).to.deep.equal([]);
    expect(load()).to.deep.equal(['append a']);
  });

  it('when the life of storage ends, its next life is given the same again', () => {
    load();
    told(own('a'));
    told(own('b'));
    expect(told({ kind: 'settled', outcome: 'interrupted' })).to.deep.equal(['append a b']);
    expect(told(SAVED)).to.deep.equal(['answer 2']);
    expect(told({ kind: 'snapshot-wanted' })).to.deep.equal(['replace']);
    told(own('c'));
    expect(told({ kind: 'settled', outcome: 'interrupted' })).to.deep.equal(['replace']);
    expect(told(SAVED)).to.deep.equal(['answer 3']);
    expect(persistence.trouble).to.equal(undefined);
  });

  it('a disk that fails is told of at once, tried again with a snapshot, and told of when it works', () => {
    load();
    told(own('a'));
    told(own('b'));
    expect(told(FAILED)).to.deep.equal(['trouble-began', 'answer 2: no space left on device', 'save-due in 10000']);
    expect(persistence.trouble).to.deep.equal({ atMs: 1_000, fault: FULL });
    nowMs = 11_000;
    expect(told(theirs('c')), 'the snapshot will hold it').to.deep.equal([]);
    expect(told(DUE)).to.deep.equal(['replace']);
    expect(told(FAILED)).to.deep.equal(['answer 3: no space left on device', 'save-due in 10000']);
    expect(persistence.trouble, 'since the first time').to.deep.equal({ atMs: 1_000, fault: FULL });
    expect(told(DUE)).to.deep.equal(['replace']);
    expect(told(SAVED)).to.deep.equal(['answer 3', 'trouble-ended']);
    expect(persistence.trouble).to.equal(undefined);
    expect(told(own('d'))).to.deep.equal(['append d']);
  });

  it('a disk that hangs is in trouble, and out of it when it answers; it is given nothing meanwhile', () => {
    load();
    told(own('a'));
    const late: PersistenceInput = { kind: 'act-late', act: 1 };
    expect(told(late)).to.deep.equal(['trouble-began', 'answer 1: the disk has not answered for 1500 ms']);
    expect([told(theirs('b')), told(DUE)]).to.deep.equal([['save-due in 100'], []]);
    expect(persistence.rest(), 'a stop does not wait for it').to.equal(undefined);
    expect(told(SAVED)).to.deep.equal(['answer 1', 'trouble-ended', 'append b']);
    expect(told(late), 'of an act that is over').to.deep.equal([]);
  });

  it('a log that has grown beyond the document gives way to a snapshot', () => {
    load();
    const large = 'x'.repeat(700 * 1024);
    told(own(large));
    expect(told(SAVED)).to.deep.equal(['answer 1']);
    expect(told(own(large))).to.deep.equal(['replace']);
    expect(told(SAVED)).to.deep.equal(['answer 2']);
    expect(told(own('small'))).to.deep.equal(['append small']);
  });

  it('what was found damaged gives way to a snapshot of what could be read', () => {
    expect(told({ kind: 'loaded', changes: [], isDamaged: true })).to.deep.equal(['replace']);
  });

  it('a disk that could not be read is in trouble until it was, and then given everything', () => {
    expect(told({ kind: 'load-failed', fault: FULL })).to.deep.equal(['trouble-began', 'answer 0: no space left on device', 'save-due in 10000']);
    expect([told(theirs('a')), told(DUE)]).to.deep.equal([[], []]);
    expect(load()).to.deep.equal(['replace']);
    expect(told(SAVED)).to.deep.equal(['answer 1', 'trouble-ended']);
  });

  it('on the way out only what is not on disk is waited for', () => {
    expect(persistence.rest()).to.equal(undefined);
    load();
    expect(persistence.rest()).to.equal(undefined);
    told(theirs('a'));
    expect(short(persistence.rest()!)).to.equal('append a');
    told(DUE);
    expect(short(persistence.rest()!), 'which comes after what storage has').to.equal('append ');
    told(FAILED);
    expect(short(persistence.rest()!)).to.equal('replace');
  });
});

function short(effect: PersistenceEffect): string {
  switch (effect.kind) {
    case 'append':
      return `append ${effect.changes.map((change) => (change.length > 9 ? '…' : Buffer.from(change).toString())).join(' ')}`;
    case 'later':
      return `${effect.input.kind} in ${effect.delayMs}`;
    case 'answer':
      return `answer ${effect.upTo}${effect.fault === undefined ? '' : `: ${effect.fault.message}`}`;
    case 'replace':
    case 'trouble-began':
    case 'trouble-ended':
      return effect.kind;
  }
}
