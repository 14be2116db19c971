import { expect } from 'chai';
import { ThreadWorld } from './thread-world.ts';

describe('an actor in a thread of its own', () => {
  let world: ThreadWorld;
  beforeEach(() => (world = new ThreadWorld()));
  afterEach(() => world.stop());

  it('handles messages in their order, and answers', async () => {
    await world.start();
    for (let by = 1; by <= 100; by++) world.ref.send({ kind: 'add', by });
    expect(await world.read()).to.equal(5_050);
    expect(world.system.tree('/a')?.processed).to.equal(101);
  });
});
