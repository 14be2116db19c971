import { expect } from 'chai';
import { identityActor, type IdentityMessage } from '../../../src/actors/trust/identity-actor.ts';
import { svidWatchActor } from '../../../src/actors/trust/svid-watch-actor.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import { makeAuthority, type Authority } from '../../../src/trust/authority.ts';
import { identityInbox } from '../../../src/trust/identity-inbox.ts';
import { holdIdentity, type HeldIdentity, type Identity } from '../../../src/trust/identity-source.ts';
import { issueOwn } from '../../../src/trust/own-identity.ts';
import { startWorld, type ActorWorld } from '../../support/actor-world.ts';

const HOUR = 3_600_000;

describe('an identity that a Workload API pushes', () => {
  let authority: Authority;
  let identities: Identity[];
  let held: HeldIdentity;
  let world: ActorWorld;
  let open: { readonly told: (identity: Identity) => void; readonly ended: (fault: MeshError) => void }[];
  let stopped: number;
  before(async () => {
    authority = await makeAuthority('omega.test', 0);
    identities = await Promise.all([0, 0.5 * HOUR, 0.6 * HOUR].map((nowMs) => issueOwn(authority, { kind: 'node', name: 'n1', nowMs })));
  });
  beforeEach(async () => {
    held = holdIdentity(identities[0]!);
    open = [];
    stopped = 0;
    const inbox = identityInbox();
    const random = seededRandom(1);
    world = await startWorld({
      children: [{ type: 'worker', id: 'renewal', start: () => identityActor({ held, renew: () => inbox.next(held.current()), keep: () => undefined, isRefused: () => false, random }) }],
    });
    const options = { open: (hear: (typeof open)[number]) => (open.push(hear), () => void stopped++), put: (identity: Identity) => inbox.put(identity), random, identity: world.ref<IdentityMessage>('/renewal') };
    await world.outcome(world.supervisor().ask((reply) => ({ kind: 'start-child', spec: { type: 'worker', id: 'watch', start: () => svidWatchActor(options) }, reply }), 5_000));
  });
  afterEach(() => world.stop());

  const events = (): string[] => world.log.map(({ event }) => event).filter((event) => !event.startsWith('actor-'));

  it('takes the place of the present one at once, and the same one changes nothing', async () => {
    open[0]!.told(identities[0]!);
    await world.settle();
    expect(events()).to.deep.equal([]);
    open[0]!.told(identities[1]!);
    await world.advance(1);
    expect(held.current()).to.equal(identities[1]);
    const bundle = { trustDomain: 'omega.test', authorities: [...identities[1]!.bundle.authorities, (await makeAuthority('omega.test', 0)).certificate] };
    open[0]!.told({ svid: identities[1]!.svid, bundle });
    await world.advance(3_000);
    expect(held.current().bundle.authorities.length).to.equal(2);
  });

  it('is waited for past half its life without a word, and warned about when it nears its end', async () => {
    await world.advance(0.6 * HOUR);
    expect(events()).to.deep.equal([]);
    await world.advance(0.2 * HOUR);
    expect(events()).to.deep.equal(['identity-expires-soon']);
    open[0]!.told(identities[2]!);
    await world.advance(1);
    expect(held.current()).to.equal(identities[2]);
    expect(events()).to.deep.equal(['identity-expires-soon', 'identity-renewed']);
  });

  it('is asked for again and again while nobody answers, each time later, and used meanwhile', async () => {
    const away = new MeshError('NODE_UNREACHABLE', 'no Workload API answers', { todo: 'see that it runs' });
    const delays: number[] = [];
    for (let failure = 1; failure <= 6; failure++) {
      const from = world.clock.now();
      open.at(-1)!.ended(away);
      await world.settle();
      while (open.length === failure) await world.advance(100);
      delays.push(world.clock.now() - from);
    }
    expect(delays[0]).to.be.within(700, 1_400);
    expect(delays[5]).to.be.within(20_000, 40_000);
    expect(held.current()).to.equal(identities[0]);
    expect(world.log.find(({ event }) => event === 'workload-api-away')?.fields).to.include({ reason: 'no Workload API answers', todo: 'see that it runs' });
    open.at(-1)!.told(identities[1]!);
    await world.advance(1);
    expect(held.current()).to.equal(identities[1]);
    expect(events()).to.include('workload-api-back');
  });

  it('is followed again after a crash of who follows it, and of who renews', async () => {
    world.system.kill('/watch', 'a test');
    await world.advance(1_000);
    expect([open.length, stopped]).to.deep.equal([2, 1]);
    world.system.kill('/renewal', 'a test');
    await world.advance(1_000);
    open[1]!.told(identities[1]!);
    await world.advance(1);
    expect(held.current()).to.equal(identities[1]);
  });
});
