import { expect } from 'chai';
import { Formation, ROUND_MS, TRIED_AT_ONCE, type FormationEffect } from '../../../src/actors/formation/formation.ts';
import { judge, TAKEN_MAX } from '../../../src/actors/formation/verdicts.ts';
import type { MemberStatus, MemberView } from '../../../src/actors/membership/membership-messages.ts';
import { seededRandom } from '../../../src/random.ts';
import type { Candidate } from '../../../src/transport/discovery/discovery.ts';

const SELF = { host: '127.0.0.1', port: 7946 };

function at(host: string, port = 7946): Candidate {
  return { given: `${host}:${port}`, address: { host, port } };
}

function reasons(candidates: readonly Candidate[], self = SELF): string[] {
  return judge(candidates, self).map((verdict) => (verdict.isTaken ? 'taken' : verdict.reason));
}

describe('what a source holds', () => {
  it('is taken when a node could be there', () => {
    expect(reasons([at('127.0.0.2'), at('127.0.0.2', 7), at('127.0.0.1', 7)])).to.deep.equal(['taken', 'taken', 'taken']);
  });

  it('is refused when it is this node, in whatever spelling', () => {
    expect(reasons([at('127.0.0.1')])).to.deep.equal(['self']);
    expect(reasons([at('0:0:0:0:0:0:0:1')], { host: '::1', port: 7946 })).to.deep.equal(['self']);
  });

  it('is refused the second time', () => {
    expect(reasons([at('127.0.0.2'), at('127.0.0.2')])).to.deep.equal(['taken', 'twice']);
  });

  it('is refused where no node can be', () => {
    expect(reasons(['0.0.0.0', '224.0.0.1', '239.255.1.1', '255.255.255.255', '::', 'ff02::1'].map((host) => at(host)))).to.deep.equal(Array(6).fill('bad-address'));
    expect(reasons([at('127.0.0.2', 0), at('127.0.0.2', 65_536)])).to.deep.equal(['bad-address', 'bad-address']);
  });

  it('is refused beyond loopback, and in the other family of addresses', () => {
    expect(reasons([at('10.0.0.1'), at('::1'), at('fd00::1')])).to.deep.equal(['beyond-loopback', 'other-family', 'other-family']);
  });

  it('is refused for the reason of the source when that has one', () => {
    expect(judge([{ given: 'x', refusal: 'not-ready', why: 'it starts' }], SELF)).to.deep.equal([{ given: 'x', isTaken: false, reason: 'not-ready', why: 'it starts' }]);
  });

  it('is refused beyond a thousand', () => {
    const many = Array.from({ length: TAKEN_MAX + 2 }, (_, each) => at('127.0.0.2', each + 1));
    expect(reasons(many).slice(TAKEN_MAX - 1)).to.deep.equal(['taken', 'too-many', 'too-many']);
  });
});

describe('formation', () => {
  let brain: Formation;
  beforeEach(() => (brain = new Formation({ self: SELF, random: seededRandom(1) })));

  const member = (host: string, status: MemberStatus): MemberView => ({ name: host, host, port: 7946, tags: {}, status, incarnation: 1, isSelf: false, statusSinceMs: 0 });
  const find = (source: string, ...candidates: readonly Candidate[]): FormationEffect[] => brain.handle({ kind: 'found', source, found: { candidates } });
  const hear = (...members: readonly MemberView[]): FormationEffect[] => brain.handle({ kind: 'members', members });
  const seedsOf = (effects: readonly FormationEffect[]): string[] | undefined => {
    const told = effects.findLast(({ kind }) => kind === 'seeds');
    return told?.kind === 'seeds' ? told.seeds.map(({ host }) => host).sort() : undefined;
  };
  const many = Array.from({ length: 20 }, (_, each) => at(`127.0.1.${each}`));

  it('has membership try at once what a source holds', () => {
    expect(seedsOf(find('a', at('127.0.0.2'), at('127.0.0.1')))).to.deep.equal(['127.0.0.2']);
    expect(seedsOf(find('b', at('127.0.0.3'), at('127.0.0.2')))).to.deep.equal(['127.0.0.2', '127.0.0.3']);
  });

  it('says it again in each round, whether it changed or not', () => {
    find('a', at('127.0.0.2'));
    expect(seedsOf(find('a', at('127.0.0.2')))).to.equal(undefined);
    const round = brain.handle({ kind: 'round-due' });
    expect(seedsOf(round)).to.deep.equal(['127.0.0.2']);
    const [, next] = round;
    expect(next?.kind === 'schedule-round' && next.afterMs).to.be.within(0.7 * ROUND_MS, 1.3 * ROUND_MS);
  });

  it('says that nobody is wanted when there is nobody: the node need not wait for it', () => {
    expect(seedsOf(find('a', at('127.0.0.1')))).to.deep.equal([]);
  });

  it('does not try who is alive or suspected, and tries the dead and the gone again', () => {
    find('a', at('127.0.0.2'), at('127.0.0.3'), at('127.0.0.4'), at('127.0.0.5'));
    hear(member('127.0.0.2', 'alive'), member('127.0.0.3', 'suspect'), member('127.0.0.4', 'dead'), member('127.0.0.5', 'left'));
    expect(seedsOf(brain.handle({ kind: 'round-due' }))).to.deep.equal(['127.0.0.4', '127.0.0.5']);
    hear();
    expect(seedsOf(brain.handle({ kind: 'round-due' }))).to.have.length(4);
  });

  it('tries a few at once, and in time all of them', () => {
    expect(seedsOf(find('a', ...many))).to.have.length(TRIED_AT_ONCE);
    const tried = new Set<string>();
    for (let round = 0; round < 30; round++) for (const host of seedsOf(brain.handle({ kind: 'round-due' }))!) tried.add(host);
    expect(tried.size).to.equal(many.length);
  });

  it('goes on with what it tries when more is found, and fills up what is free', () => {
    const first = seedsOf(find('a', ...many.slice(0, 5)))!;
    const second = seedsOf(find('b', ...many.slice(5)))!;
    expect(second).to.have.length(TRIED_AT_ONCE).and.to.include.members(first);
  });

  it('lets go of what no source holds any more', () => {
    find('a', at('127.0.0.2'), at('127.0.0.3'));
    find('b', at('127.0.0.3'));
    expect(seedsOf(find('a'))).to.deep.equal(['127.0.0.3']);
    expect(seedsOf(find('b'))).to.deep.equal([]);
  });

  it('tells of a source when what it holds has changed, with the reasons', () => {
    const [told] = find('a', at('127.0.0.2'), at('127.0.0.1'), at('10.0.0.1'));
    expect(told).to.deep.equal({
      kind: 'source-changed',
      view: { source: 'a', taken: 1, refused: { self: 1, 'beyond-loopback': 1 }, why: ['10.0.0.1:7946: 10.0.0.1:7946 is beyond loopback, and this node listens on 127.0.0.1 only'] },
    });
    expect(find('a', at('127.0.0.2'), at('127.0.0.1'), at('10.0.0.1'))).to.deep.equal([]);
    const trouble = brain.handle({ kind: 'found', source: 'a', found: { candidates: [at('127.0.0.2')], trouble: 'gone' } });
    expect(trouble[0]).to.deep.include({ kind: 'source-changed' }).and.to.have.nested.property('view.trouble', 'gone');
    expect(brain.view).to.deep.include({ missing: 1, tried: ['127.0.0.2:7946'] });
  });
});
