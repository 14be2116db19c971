import { expect } from 'chai';
import { Unanswered } from '../../../src/actors/registry/unanswered.ts';
import { MeshError } from '../../../src/errors.ts';

const FULL = new MeshError('DATA_DIR_UNUSABLE', 'no space left on device', { given: '/d', todo: 'make room' });

describe('writes that wait for the disk', () => {
  let unanswered: Unanswered;
  let answers: string[];
  const add = (name: string, upTo: number): void => unanswered.add(upTo, (fault) => void answers.push(`${name} ${fault?.message ?? 'saved'}`));

  beforeEach(() => {
    unanswered = new Unanswered();
    answers = [];
  });

  it('are answered in order, each when its change is saved and not before', () => {
    add('a', 1);
    add('b', 2);
    add('c', 5);
    unanswered.settle(2, undefined);
    expect(answers).to.deep.equal(['a saved', 'b saved']);
    unanswered.settle(4, undefined);
    expect([answers.length, unanswered.count]).to.deep.equal([2, 1]);
    unanswered.settle(5, FULL);
    expect(answers.slice(2)).to.deep.equal(['c changed in memory and told to peers, but not saved: no space left on device']);
    unanswered.settle(5, undefined);
    expect(answers, 'nobody is answered twice').to.have.length(3);
  });

  it('are refused while the disk is in trouble, with what it said and when it is tried again', () => {
    expect(unanswered.refusal(undefined)).to.equal(undefined);
    expect(unanswered.refusal(FULL)).to.include({ code: 'DATA_DIR_UNUSABLE', given: '/d', todo: 'make room; the node tries again every 10 s' });
  });

  it('are refused when too many wait already', () => {
    for (let i = 1; i <= 10_000; i++) add('x', i);
    expect(unanswered.refusal(undefined)).to.include({ code: 'OVERLOADED' });
    unanswered.settle(1, undefined);
    expect(unanswered.refusal(undefined)).to.equal(undefined);
  });
});
