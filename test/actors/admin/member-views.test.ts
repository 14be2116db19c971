import { expect } from 'chai';
import { wholeStory } from '../../../src/actors/admin/member-views.ts';
import type { Happening } from '../../../src/actors/membership/member-events.ts';

const at = (atMs: number, incarnation: number): Happening => ({ atMs, event: { type: 'updated', reason: 'tags', member: 'n2', incarnation } });

describe('the story of a member', () => {
  it('is that of this life of membership, after what was heard of earlier ones', () => {
    const [first, second, third] = [at(1_000, 1), at(2_000, 2), at(9_000, 3)];
    expect(wholeStory([first, second], [third])).to.deep.equal([first, second, third]);
    expect(wholeStory([first, second], [])).to.deep.equal([first, second]);
    expect(wholeStory([], [third])).to.deep.equal([third]);
  });

  it('tells nothing twice, though the clock was corrected between two readings', () => {
    const known = [at(2_000.2, 2), at(3_000, 3)];
    expect(wholeStory([at(1_000, 1), at(2_000, 2), at(3_000, 3)], known)).to.deep.equal([at(1_000, 1), ...known]);
  });
});
