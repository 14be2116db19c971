import { expect } from 'chai';
import type { BansNews } from '../../../src/actors/membership/membership-messages.ts';
import type { SessionSend } from '../../../src/actors/peers/peer-messages.ts';
import { toTrustFrame } from '../../../src/actors/trust/ban-frames.ts';
import type { BanDone, BansView } from '../../../src/actors/trust/ban-messages.ts';
import type { BanOrder } from '../../../src/actors/trust/ban-orders.ts';
import { bansActor, type BansMessage } from '../../../src/actors/trust/bans-actor.ts';
import type { NodeBanned } from '../../../src/actors/trust/key-messages.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import type { ActorRef, Behavior } from '../../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../../src/supervision/child-spec.ts';
import type { StartChildOutcome } from '../../../src/supervision/supervisor-messages.ts';
import type { TrustFrame__Output } from '../../../src/transport/generated/omega/mesh/v1/TrustFrame.ts';
import type { BanEntry } from '../../../src/trust/ban-entry.ts';
import { startWorld, type ActorWorld } from '../../support/actor-world.ts';
import { idOf, madeBan, readMade } from './made-bans.ts';

describe('the actor that keeps the ban list', () => {
  let world: ActorWorld;
  let bans: ActorRef<BansMessage>;
  let disk: readonly BanEntry[];
  let isDiskFull: boolean;
  let enforced: string[][];
  let faults: string[];
  let said: SessionSend[];
  let news: BansNews[];
  let keysTold: NodeBanned[];
  let renewals: number;

  const quiet = <M>(hears: (message: M) => void): Behavior<null, M> => ({ init: () => null, receive: (state, message) => (hears(message), state) });

  beforeEach(async () => {
    [disk, isDiskFull, enforced, faults, said, news, keysTold, renewals] = [[], false, [], [], [], [], [], 0];
    world = await startWorld({
      children: [
        { type: 'worker', id: 'roster', start: () => quiet<{ readonly reply?: (peers: unknown) => void }>(({ reply }) => reply?.([{ kind: 'peer-up', node: 'n2', session: world.ref('/n2') }])) },
        { type: 'worker', id: 'n2', start: () => quiet<SessionSend>((message) => void said.push(message)) },
        { type: 'worker', id: 'membership', start: () => quiet<BansNews>((message) => void news.push(message)) },
        { type: 'worker', id: 'identity', start: () => quiet(() => void renewals++) },
        { type: 'worker', id: 'gossip-keys', start: () => quiet<NodeBanned>((message) => void keysTold.push(message)) },
      ],
    });
    const spec: ChildSpec = {
      type: 'worker',
      id: 'bans',
      start: () =>
        bansActor({
          self: { trustDomain: 'omega.test', kind: 'node', name: 'n1' },
          random: seededRandom(1),
          sign: (claim) => madeBan(claim),
          read: (entry) => {
            const ban = readMade(entry);
            if (ban.claim.reason === 'forged') throw new MeshError('BAD_SIGNATURE', 'forged');
            return ban;
          },
          file: {
            load: () => disk,
            save(entries) {
              if (isDiskFull) throw new Error('no space left on device');
              disk = entries;
            },
          },
          enforce: (all) => (enforced.push([...all.keys()]), 2),
          alarm: (node, { code }) => void faults.push(`${node} ${code}`),
          peers: world.ref('/roster'),
          membership: world.ref('/membership'),
          identity: world.ref('/identity'),
          gossipKeys: world.ref('/gossip-keys'),
        }),
    };
    const started = await world.outcome(world.supervisor().ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec, reply }), 5_000));
    expect(started.outcome).to.equal('started');
    bans = world.ref('/bans');
    bans.send({ kind: 'peer-up', node: 'n2', session: world.ref('/n2') });
    await world.settle();
  });
  afterEach(() => world.stop());

  const order = (more: Partial<BanOrder> = {}): Promise<BanDone | MeshError> =>
    world.outcome(bans.ask((reply) => ({ kind: 'order', order: { kind: 'ban', subject: 'n4', reason: 'stolen', isForced: false, by: 'ada', admin: undefined, ...more }, reply }), 5_000));
  const list = (): Promise<BansView> => world.outcome(bans.ask((reply) => ({ kind: 'list', reply }), 5_000));
  const heard = async (frame: TrustFrame__Output): Promise<void> => {
    bans.send({ kind: 'trust-frame', node: 'n2', frame });
    await world.settle();
  };
  const brought = (...entries: readonly BanEntry[]): Promise<void> => heard(toTrustFrame({ entries }) as TrustFrame__Output);

  it('closes the gate, keeps the list and tells all rooms and peers before it answers', async () => {
    expect(await order()).to.deep.equal({ outcome: 'done', subject: idOf('n4'), told: 1, severed: 2 });
    expect(enforced.at(-1)).to.deep.equal([idOf('n4')]);
    expect(disk).to.have.length(1);
    expect(said.at(-1)).to.have.nested.property('frame.entries.entries').that.has.length(1);
    await world.settle();
    expect(news.at(-1)?.names).to.deep.equal(['n4']);
    expect(keysTold).to.have.length(1);
  });

  it('has the list of before after its crash, keeps out the same, and tells rooms that restarted again and again', async () => {
    await order();
    enforced.length = 0;
    world.system.kill('/bans', 'a test');
    await world.advance(1_000);
    expect(enforced).to.deep.equal([[idOf('n4')]]);
    expect((await list()).bans.map(({ ban, counts }) => [ban.claim.subject, counts])).to.deep.equal([[idOf('n4'), true]]);
    news.length = 0;
    keysTold.length = 0;
    await world.advance(6_000);
    expect([news.length > 0, keysTold.length > 0]).to.deep.equal([true, true]);
  });

  it('asks after a crash who is there, and learns what was said meanwhile', async () => {
    world.system.kill('/bans', 'a test');
    await world.advance(3_000);
    said.length = 0;
    await heard({ digest: Buffer.alloc(32), body: 'digest' });
    expect(said.at(-1)).to.have.nested.property('frame.ids');
    await brought(madeBan({}).entry);
    expect((await list()).bans).to.have.length(1);
  });

  it('goes on keeping out when the disk takes nothing, says so, and writes all with the next change', async () => {
    isDiskFull = true;
    expect(await order()).to.include({ outcome: 'done' });
    expect(enforced.at(-1)).to.deep.equal([idOf('n4')]);
    expect(world.log.map(({ event }) => event)).to.include('bans-not-kept');
    isDiskFull = false;
    await order({ subject: 'n5' });
    expect(disk).to.have.length(2);
  });

  it('takes what is good of a frame, tells of what is not, and lives on whatever comes', async () => {
    await brought(madeBan({ reason: 'forged' }).entry, madeBan({ subject: idOf('n6') }).entry);
    expect(faults).to.deep.equal(['n2 BAD_SIGNATURE']);
    expect(enforced.at(-1)).to.deep.equal([idOf('n6')]);
    // Of a later protocol, and ids that are none.
    await heard({});
    await heard({ ids: { ids: [Buffer.alloc(3), Buffer.alloc(0)] }, body: 'ids' });
    await heard({ wanted: { ids: [Buffer.alloc(1_000)] }, body: 'wanted' });
    expect((await list()).bans).to.have.length(1);
    expect(world.log.filter(({ level }) => level === 'error')).to.deep.equal([]);
  });

  it('has its own node attest again when that is evicted, once a certificate would be a new one', async () => {
    await brought(madeBan({ subject: idOf('n1'), kind: 'evict', epochMs: world.clock.wallNow() + 500, issuer: 'n2' }).entry);
    await world.advance(1_500);
    expect(renewals).to.equal(0);
    await world.advance(200);
    expect(renewals).to.equal(1);
  });

  it('answers what may not be with the reason', async () => {
    expect(await order({ subject: 'n1' })).to.include({ code: 'REFUSED' });
    expect(await order({ kind: 'unban', subject: 'n9' })).to.include({ code: 'NOT_FOUND' });
    expect(await order({ reason: 'forged' })).to.include({ code: 'BAD_SIGNATURE' });
    expect(disk).to.have.length(0);
  });
});
