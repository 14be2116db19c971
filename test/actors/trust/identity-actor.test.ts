import { expect } from 'chai';
import { identityActor, type IdentityMessage } from '../../../src/actors/trust/identity-actor.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import { makeAuthority, type Authority } from '../../../src/trust/authority.ts';
import { holdIdentity, type HeldIdentity, type Identity } from '../../../src/trust/identity-source.ts';
import { issueOwn } from '../../../src/trust/own-identity.ts';
import { startWorld, type ActorWorld } from '../../support/actor-world.ts';

const HOUR = 3_600_000;

describe('the actor that renews the identity', () => {
  let authority: Authority;
  let identities: Identity[];
  let held: HeldIdentity;
  let kept: Identity[];
  let answers: (Identity | Error)[];
  let isRefused: boolean;
  let world: ActorWorld;
  before(async () => {
    authority = await makeAuthority('omega.test', 0);
    identities = await Promise.all([0, 1_800_000, 3_600_000].map((nowMs) => issueOwn(authority, { kind: 'node', name: 'n1', nowMs })));
  });
  beforeEach(async () => {
    held = holdIdentity(identities[0]!);
    kept = [];
    answers = [];
    isRefused = false;
    const options = {
      held,
      renew: () => {
        const answer = answers.shift() ?? new MeshError('NODE_UNREACHABLE', 'nobody answers');
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      keep: (identity: Identity) => void kept.push(identity),
      isRefused: () => isRefused,
      random: seededRandom(1),
    };
    world = await startWorld({ children: [{ type: 'worker', id: 'identity', start: () => identityActor(options) }] });
  });
  afterEach(() => world.stop());

  it('puts the new one in its place, and on disk', async () => {
    answers.push(identities[1]!);
    await world.advance(0.6 * HOUR);
    expect(held.current()).to.equal(identities[1]);
    expect(kept).to.deep.equal([identities[1]]);
    const state = world.system.state('/identity');
    expect(JSON.stringify(state)).to.contain('spiffe://omega.test/node/n1').and.not.to.contain('PRIVATE');
  });

  it('keeps the last one through its own crashes and through the absence of whoever renews', async () => {
    await world.advance(0.8 * HOUR);
    world.system.kill('/identity', 'a test');
    await world.advance(1_000);
    expect(held.current()).to.equal(identities[0]);
    answers.push(identities[2]!);
    await world.advance(0.1 * HOUR);
    expect(held.current()).to.equal(identities[2]);
    expect(world.log.map(({ event }) => event)).to.include.members(['identity-not-renewed', 'identity-expires-soon', 'identity-renewed']);
  });

  it('renews at once when it begins with one that others refuse: it was evicted, and started again', async () => {
    isRefused = true;
    answers.push(identities[1]!);
    world.system.kill('/identity', 'a test');
    await world.advance(1_000);
    expect(held.current()).to.equal(identities[1]);
  });

  it('renews on demand', async () => {
    answers.push(identities[1]!);
    world.ref<IdentityMessage>('/identity').send({ kind: 'renew' });
    await world.settle();
    expect(held.current()).to.equal(identities[1]);
  });
});
