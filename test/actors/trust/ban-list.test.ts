import { expect } from 'chai';
import * as fc from 'fast-check';
import { BanList, ENTRIES_OF_ISSUER_MAX, ENTRIES_OF_KIND } from '../../../src/actors/trust/ban-list.ts';
import type { HeldBan } from '../../../src/trust/ban-entry.ts';
import { anyBan, anyBans, idOf, madeBan } from './made-bans.ts';

function listOf(...bans: readonly HeldBan[]): BanList {
  const list = new BanList();
  for (const ban of bans) list.add(ban);
  return list;
}
const restricted = (list: BanList): string[] => [...list.restrictions()].map(([subject, { claim }]) => `${claim.kind} ${subject.split('/').at(-1)!}`).sort();
const N4 = idOf('n4');

describe('the ban list', () => {
  describe('as what is merged', () => {
    it('is the same in whatever order entries come, and however often', () => {
      fc.assert(
        fc.property(anyBans.chain((bans) => fc.tuple(fc.constant(bans), fc.shuffledSubarray([...bans, ...bans], { minLength: bans.length * 2, maxLength: bans.length * 2 }))), ([bans, again]) => {
          const [one, other] = [listOf(...bans), listOf(...again)];
          expect(one.digest).to.equal(other.digest);
          expect(restricted(one)).to.deep.equal(restricted(other));
        }),
      );
    });

    it('is commutative, associative and idempotent', () => {
      fc.assert(
        fc.property(anyBans, anyBans, anyBans, (a, b, c) => {
          const merged = (x: BanList, y: BanList): BanList => listOf(...x.entries, ...y.entries);
          const [A, B, C] = [listOf(...a), listOf(...b), listOf(...c)];
          expect(merged(A, B).digest).to.equal(merged(B, A).digest);
          expect(merged(merged(A, B), C).digest).to.equal(merged(A, merged(B, C)).digest);
          expect(merged(A, A).digest).to.equal(A.digest);
        }),
      );
    });

    it('has what it answers decided by the entries that it holds, and by nothing that it forgot', () => {
      fc.assert(fc.property(anyBans, (bans) => void expect(restricted(listOf(...listOf(...bans).entries))).to.deep.equal(restricted(listOf(...bans)))));
    });
  });

  describe('sets nobody free', () => {
    it('by an entry that it has seen already, or an older one of its kind', () => {
      fc.assert(
        fc.property(anyBans, fc.nat(), (bans, which) => {
          fc.pre(bans.length > 0);
          const list = listOf(...bans);
          const before = restricted(list);
          list.add(bans[which % bans.length]!);
          expect(restricted(list)).to.deep.equal(before);
        }),
      );
    });

    it('by anything but an unban', () => {
      fc.assert(
        fc.property(anyBans, anyBan, (bans, next) => {
          fc.pre(next.claim.kind !== 'unban');
          const list = listOf(...bans);
          const before = [...list.restrictions().keys()];
          list.add(next);
          expect([...list.restrictions().keys()]).to.include.members(before);
        }),
        { numRuns: 2_000 },
      );
    });

    it('by an unban that is sent again after a later ban', () => {
      const unban = madeBan({ epochMs: 2, kind: 'unban' });
      expect(restricted(listOf(madeBan({}), unban, madeBan({ epochMs: 3 }), unban))).to.deep.equal(['ban n4']);
    });

    it('by their own word, or by that of another who was banned by then', () => {
      expect(restricted(listOf(madeBan({}), madeBan({ epochMs: 2, kind: 'unban', issuer: 'n4' })))).to.deep.equal(['ban n4']);
      const byOther = madeBan({ epochMs: 2, kind: 'unban', issuer: 'n2' });
      expect(restricted(listOf(madeBan({}), byOther))).to.deep.equal([]);
      expect(restricted(listOf(madeBan({}), byOther, madeBan({ subject: idOf('n2'), epochMs: 2 })))).to.deep.equal(['ban n2', 'ban n4']);
      const freed = madeBan({ subject: idOf('n2'), epochMs: 3, kind: 'unban', issuer: 'n3' });
      expect(restricted(listOf(madeBan({}), byOther, madeBan({ subject: idOf('n2') }), freed))).to.deep.equal(['ban n4']);
    });

    it('by the word of one who was banned so often that it is not known any more whether he was then', () => {
      const byOther = madeBan({ epochMs: 2, kind: 'unban', issuer: 'n2' });
      const bans = (count: number): HeldBan[] => Array.from({ length: count }, (_, at) => madeBan({ subject: idOf('n2'), epochMs: 3 + at }));
      expect(restricted(listOf(madeBan({}), byOther, ...bans(ENTRIES_OF_KIND - 1)))).to.deep.equal(['ban n2']);
      expect(restricted(listOf(madeBan({}), byOther, ...bans(ENTRIES_OF_KIND)))).to.deep.equal(['ban n2', 'ban n4']);
    });

    it('by each other’s word', () => {
      const [n2, n3] = [idOf('n2'), idOf('n3')];
      const list = listOf(
        madeBan({ subject: n2 }),
        madeBan({ subject: n3 }),
        madeBan({ subject: n2, kind: 'unban', epochMs: 2, issuer: 'n3' }),
        madeBan({ subject: n3, kind: 'unban', epochMs: 2, issuer: 'n2' }),
      );
      expect(restricted(list)).to.deep.equal(['ban n2', 'ban n3']);
    });

    it('by banning who banned them with a date before that', () => {
      const list = listOf(madeBan({ epochMs: 5, issuer: 'n1' }), madeBan({ subject: idOf('n1'), epochMs: 1, issuer: 'n4' }));
      expect(restricted(list)).to.deep.equal(['ban n1', 'ban n4']);
    });

    it('by an eviction after the ban, which would be milder', () => {
      expect(restricted(listOf(madeBan({}), madeBan({ kind: 'evict', epochMs: 9 })))).to.deep.equal(['ban n4']);
    });
  });

  it('an unban that comes after takes a ban and an eviction back', () => {
    const list = listOf(madeBan({ epochMs: 1 }), madeBan({ epochMs: 2, kind: 'evict' }), madeBan({ epochMs: 3, kind: 'unban' }));
    expect(restricted(list)).to.deep.equal([]);
  });

  it('what is said next about a subject comes after all that was said, whatever the clock here says', () => {
    const list = listOf(madeBan({ epochMs: 500 }), madeBan({ epochMs: 900, kind: 'evict' }));
    expect([list.nextEpochMs(N4, 100), list.nextEpochMs(N4, 1_000), list.nextEpochMs(idOf('n5'), 100)]).to.deep.equal([901, 1_000, 100]);
  });

  it('an eviction keeps out the certificates of before, and nobody who has attested again', () => {
    const list = listOf(madeBan({ kind: 'evict', epochMs: 1_000 }));
    expect(list.restriction(N4, 1_000)?.claim.kind).to.equal('evict');
    expect(list.restriction(N4, 1_001)).to.equal(undefined);
  });

  describe('lets an unban stand', () => {
    it('when who signed it is banned or evicted later', () => {
      const unban = madeBan({ epochMs: 2, kind: 'unban', issuer: 'n2' });
      for (const kind of ['ban', 'evict'] as const) expect(restricted(listOf(madeBan({}), unban, madeBan({ subject: idOf('n2'), kind, epochMs: 3 })))).to.deep.equal([`${kind} n2`]);
    });

    it('of the node that bans who has set it free, and of three that were each set free by the next', () => {
      const cycle = [1, 2, 3].flatMap((at) => {
        const [subject, issuer] = [`n${at}`, `n${(at % 3) + 1}`];
        return [madeBan({ subject: idOf(subject), epochMs: at * 10, issuer }), madeBan({ subject: idOf(subject), epochMs: at * 10 + 5, kind: 'unban', issuer })];
      });
      expect(restricted(listOf(...cycle))).to.deep.equal([]);
      expect(restricted(listOf(...cycle, madeBan({ subject: idOf('n2'), epochMs: 99, issuer: 'n1' })))).to.deep.equal(['ban n2']);
    });

    it('that was signed between two bans of its signer', () => {
      const n2 = idOf('n2');
      const list = listOf(madeBan({}), madeBan({ subject: n2 }), madeBan({ subject: n2, epochMs: 2, kind: 'unban', issuer: 'n3' }), madeBan({ epochMs: 3, kind: 'unban', issuer: 'n2' }), madeBan({ subject: n2, epochMs: 4 }));
      expect(restricted(list)).to.deep.equal(['ban n2']);
    });
  });

  it('holds a bounded number of entries of one node, and has room for those of others', () => {
    const list = new BanList();
    const outcomes = Array.from({ length: ENTRIES_OF_ISSUER_MAX + 1 }, (_, at) => list.add(madeBan({ subject: idOf(`x${at}`), issuer: 'n3' })));
    expect(outcomes.filter((outcome) => outcome === 'added')).to.have.length(ENTRIES_OF_ISSUER_MAX);
    expect(outcomes.at(-1)).to.equal('full');
    expect(list.add(madeBan({ subject: idOf('n3'), issuer: 'n1' }))).to.equal('added');
  });
});
