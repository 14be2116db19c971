import { expect } from 'chai';
import { reconcilerActor } from '../../../src/actors/formation/reconciler-actor.ts';
import { sourceActor } from '../../../src/actors/formation/source-actor.ts';
import type { MembershipRequest } from '../../../src/actors/membership/membership-messages.ts';
import { seededRandom } from '../../../src/random.ts';
import type { ChildSpec } from '../../../src/supervision/child-spec.ts';
import type { Found } from '../../../src/transport/discovery/discovery.ts';
import { recorder, startWorld, type ActorWorld } from '../../support/actor-world.ts';

const HERE: Found = { candidates: [{ given: 'b', address: { host: '127.0.0.2', port: 7946 } }] };

describe('the room of formation', () => {
  let world: ActorWorld;
  afterEach(() => world.stop());

  async function add(spec: ChildSpec): Promise<void> {
    await world.outcome(world.supervisor().ask((reply) => ({ kind: 'start-child', spec, reply }), 5_000));
  }

  /** A source that says `found`, then fails when told to. */
  async function start(lives: { fail: ((error: Error) => void) | undefined; count: number; open: number }) {
    const membership = recorder<MembershipRequest>('membership');
    const open = () => {
      lives.count++;
      return async function* (signal: AbortSignal): AsyncGenerator<Found> {
        lives.open++;
        try {
          yield HERE;
          await new Promise<void>((resolve, reject) => {
            lives.fail = reject;
            signal.addEventListener('abort', () => resolve());
          });
        } finally {
          lives.open--;
        }
      };
    };
    world = await startWorld({ children: [membership.spec] });
    const self = { host: '127.0.0.1', port: 7946 };
    await add({ type: 'worker', id: 'reconciler', start: () => reconcilerActor({ self: () => self, random: seededRandom(1), membership: world.ref('/membership') }) });
    await add({
      type: 'worker',
      id: 'static-1',
      backoff: { baseMs: 1_000, maxMs: 60_000, consecutiveMax: 1_000 },
      start: () => sourceActor({ source: 'static-1', spec: 'static peers=b', open, reconciler: world.ref('/reconciler') }),
    });
    await world.settle();
    return membership;
  }

  it('carries what a source finds to membership, at once and again in each round', async () => {
    const lives = { fail: undefined, count: 0, open: 0 };
    const membership = await start(lives);
    const wanted = { kind: 'seeds', seeds: [{ host: '127.0.0.2', port: 7946 }] };
    expect(membership.messages).to.deep.equal([wanted]);
    await world.advance(13_000);
    expect(membership.messages).to.deep.equal([wanted, wanted]);
  });

  it('starts a source that fails again after a delay, and has let go of what it held', async () => {
    const lives: Parameters<typeof start>[0] = { fail: undefined, count: 0, open: 0 };
    const membership = await start(lives);
    lives.fail!(new Error('the resolver is gone'));
    await world.settle();
    expect(lives).to.deep.include({ count: 1, open: 0 });
    expect(membership.messages).to.have.length(1);
    await world.advance(1_300);
    expect(lives).to.deep.include({ count: 2, open: 1 });
    expect(world.system.info('/static-1')).to.deep.include({ restarts: 1 });
    expect(world.exit).to.equal(undefined);
  });

  it('closes what a source holds when the node stops', async () => {
    const lives = { fail: undefined, count: 0, open: 0 };
    await start(lives);
    await world.stop();
    expect(lives.open).to.equal(0);
  });

  it('has a reconciler that knows again what there is within ten seconds of its restart', async () => {
    const membership = await start({ fail: undefined, count: 0, open: 0 });
    world.system.kill('/reconciler', 'a test');
    await world.advance(11_000);
    expect(membership.messages.length).to.be.greaterThan(1);
    expect(membership.messages.at(-1)).to.deep.equal({ kind: 'seeds', seeds: [{ host: '127.0.0.2', port: 7946 }] });
  });
});
