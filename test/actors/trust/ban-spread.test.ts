import { expect } from 'chai';
import { BanSpread, type BanFrame, type BanSpreadEffect } from '../../../src/actors/trust/ban-spread.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import type { BanEntry, HeldBan } from '../../../src/trust/ban-entry.ts';
import { idOf, madeBan, readMade } from './made-bans.ts';

const sent = (effects: readonly BanSpreadEffect[]): { node: string; frame: BanFrame }[] => effects.filter((effect) => effect.kind === 'send');

describe('the spread of bans', () => {
  let looked: number;
  const node = (...peers: string[]): BanSpread => {
    const spread = new BanSpread({ random: seededRandom(1), read });
    for (const peer of peers) spread.handle({ kind: 'peer-up', node: peer }, 0);
    return spread;
  };
  const read = (entry: BanEntry): HeldBan => {
    looked++;
    const ban = readMade(entry);
    if (ban.claim.reason === 'forged') throw new MeshError('BAD_SIGNATURE', 'forged');
    return ban;
  };
  const heard = (spread: BanSpread, from: string, frame: BanFrame, atMs = 0): readonly BanSpreadEffect[] => spread.handle({ kind: 'heard', node: from, frame }, atMs);
  beforeEach(() => (looked = 0));

  it('tells every peer at once of what is signed here, but not whom it is about', () => {
    const spread = node('n2', 'n3', 'n4');
    const effects = spread.handle({ kind: 'issued', ban: madeBan({}) }, 0);
    expect(effects[0]).to.deep.include({ kind: 'changed', released: [] });
    expect(sent(effects).map(({ node }) => node)).to.deep.equal(['n2', 'n3']);
  });

  it('tells an evicted node too, so that it attests again', () => {
    const spread = node(...Array.from({ length: 20 }, (_, at) => `n${at}`));
    expect(sent(heard(spread, 'n3', { entries: [madeBan({ kind: 'evict' }).entry] })).map(({ node }) => node)).to.include('n4');
  });

  it('passes what is new on to a few others, and never back', () => {
    const spread = node(...Array.from({ length: 20 }, (_, at) => `p${at}`));
    const to = sent(heard(spread, 'p3', { entries: [madeBan({}).entry] })).map(({ node }) => node);
    expect(to).to.have.length(4).and.not.include('p3');
    expect(heard(spread, 'p5', { entries: [madeBan({}).entry] })).to.deep.equal([]);
    expect(looked).to.equal(1);
  });

  it('brings two who hold different entries to the same ones, in three steps', () => {
    const [a, b] = [node('b'), node('a')];
    a.handle({ kind: 'issued', ban: madeBan({ subject: idOf('x') }) }, 0);
    b.handle({ kind: 'issued', ban: madeBan({ subject: idOf('y') }) }, 0);
    let frames = sent(a.handle({ kind: 'pulse' }, 0)).map(({ frame }) => ({ to: b, from: 'a', frame }));
    for (let step = 0; frames.length > 0 && step < 9; step++) {
      frames = frames.flatMap(({ to, from, frame }) => sent(heard(to, from, frame)).map((next) => ({ to: to === a ? b : a, from: to === a ? 'a' : 'b', frame: next.frame })));
    }
    expect(a.list.digest).to.equal(b.list.digest);
    expect(a.list.restrictions().size).to.equal(2);
  });

  it('says nothing to a peer who holds the same', () => {
    const [a, b] = [node('b'), node('a')];
    expect(heard(a, 'b', { digest: b.list.digest })).to.deep.equal([]);
  });

  it('tells a peer of all that it holds once a pulse, however often it is asked', () => {
    const spread = node('n2');
    spread.handle({ kind: 'issued', ban: madeBan({}) }, 0);
    for (const frame of [{ digest: 'other' }, { ids: [] }, { wanted: [madeBan({}).id] }] satisfies BanFrame[]) {
      expect(sent(heard(spread, 'n2', frame))).to.have.length(1);
      expect(heard(spread, 'n2', frame)).to.deep.equal([]);
      spread.handle({ kind: 'pulse' }, 0);
      expect(sent(heard(spread, 'n2', frame))).to.have.length(1);
    }
  });

  it('looks once a minute into what it refuses, says so each time, and takes what is good beside it', () => {
    const spread = node('n2', 'n3');
    const frame = { entries: [madeBan({ reason: 'forged' }).entry, madeBan({ subject: idOf('x') }).entry] };
    expect(heard(spread, 'n2', frame).map(({ kind }) => kind)).to.deep.equal(['changed', 'send', 'refused']);
    expect(heard(spread, 'n2', frame)).to.deep.equal([]);
    expect(sent(heard(spread, 'n2', { ids: [madeBan({ reason: 'forged' }).id, madeBan({ subject: idOf('x') }).id] }))).to.deep.equal([]);
    spread.handle({ kind: 'pulse' }, 60_000);
    expect(heard(spread, 'n3', frame).map(({ kind }) => kind)).to.deep.equal(['refused']);
    expect([...spread.list.restrictions().keys()]).to.deep.equal([idOf('x')]);
  });

  it('reads no more than so much of a frame', () => {
    const spread = node('n2');
    heard(spread, 'n2', { entries: Array.from({ length: 500 }, (_, at) => madeBan({ subject: idOf(`x${at}`) }).entry) });
    expect(looked).to.equal(64);
  });

  it('gives what is asked for in frames that can be read', () => {
    const [spread, other] = [node('n2'), node('n1')];
    for (let at = 0; at < 200; at++) spread.handle({ kind: 'issued', ban: madeBan({ subject: idOf(`x${at}`) }) }, 0);
    for (const { frame } of sent(heard(spread, 'n2', { ids: [] }))) heard(other, 'n1', frame);
    expect(other.list.digest).to.equal(spread.list.digest);
  });

  it('begins with what was kept, and tells of whom that keeps out', () => {
    const spread = node();
    const effects = spread.handle({ kind: 'kept', entries: [madeBan({}).entry] }, 0);
    expect(effects.map(({ kind }) => kind)).to.deep.equal(['changed']);
    expect(spread.list.restrictions().size).to.equal(1);
  });

  it('takes no unban that is dated ahead by more than clocks are off, until its time has come', () => {
    const spread = node('n2');
    const entries = [madeBan({ epochMs: 200_000 }).entry, madeBan({ epochMs: 200_001, kind: 'unban', issuer: 'n2' }).entry];
    expect(heard(spread, 'n2', { entries }, 80_000).map(({ kind }) => kind)).to.deep.equal(['changed', 'refused']);
    expect(spread.list.restrictions().size).to.equal(1);
    spread.handle({ kind: 'pulse' }, 140_000);
    expect(heard(spread, 'n2', { entries }, 140_000)[0]).to.deep.include({ kind: 'changed', released: [idOf('n4')] });
  });

  it('tells whose standing changed, also when that is another’s than the entry is about', () => {
    const spread = node();
    spread.handle({ kind: 'issued', ban: madeBan({}) }, 0);
    const freed = spread.handle({ kind: 'issued', ban: madeBan({ kind: 'unban', epochMs: 2, issuer: 'n2' }) }, 0);
    expect(freed).to.deep.equal([{ kind: 'changed', restricted: [], released: [idOf('n4')] }]);
    const [changed] = spread.handle({ kind: 'issued', ban: madeBan({ subject: idOf('n2'), epochMs: 1 }) }, 0);
    expect(changed?.kind === 'changed' && changed.restricted.map(({ claim }) => claim.subject)).to.have.members([idOf('n2'), idOf('n4')]);
  });
});
