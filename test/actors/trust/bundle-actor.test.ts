import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { MemberView, MembershipRequest } from '../../../src/actors/membership/membership-messages.ts';
import type { SessionSend } from '../../../src/actors/peers/peer-messages.ts';
import type { BansRequest } from '../../../src/actors/trust/ban-messages.ts';
import type { AuthorityChanged, AuthorityView } from '../../../src/actors/trust/authority-messages.ts';
import { bundleActor, type BundleMessage } from '../../../src/actors/trust/bundle-actor.ts';
import { fromBundleFrame, toBundleFrame } from '../../../src/actors/trust/bundle-frames.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import type { ActorRef, Behavior } from '../../../src/supervision/behavior.ts';
import type { ChildSpec } from '../../../src/supervision/child-spec.ts';
import type { StartChildOutcome } from '../../../src/supervision/supervisor-messages.ts';
import type { BundleFrame__Output } from '../../../src/transport/generated/omega/mesh/v1/BundleFrame.ts';
import { makeAuthority } from '../../../src/trust/authority.ts';
import { readBan, signBan, type HeldBan } from '../../../src/trust/ban-entry.ts';
import { AuthorityStore, keepAuthority } from '../../../src/trust/authority-files.ts';
import type { AuthorityVerb } from '../../../src/trust/authority-set.ts';
import { BundleKeeper } from '../../../src/trust/bundle-keeper.ts';
import { holdIdentity, type HeldIdentity } from '../../../src/trust/identity-source.ts';
import { issueOwn } from '../../../src/trust/own-identity.ts';
import { startWorld, type ActorWorld } from '../../support/actor-world.ts';

const N2 = { name: 'n2', status: 'alive', isSelf: false, tags: { grpc: '127.0.0.1:1' } } as unknown as MemberView;
const SERF = { ...N2, name: 'agent', tags: {} };
const DEAD = { ...N2, name: 'n9', status: 'dead' };

describe('the actor that keeps the bundle', () => {
  let home: string;
  let store: AuthorityStore;
  let held: HeldIdentity;
  let bundles: BundleKeeper;
  let world: ActorWorld;
  let outgoing: string[];
  let heard: SessionSend[];
  let renewals: number;
  let faults: string[];
  let refreshes: number;
  let isElsewhere: boolean;
  let bans: HeldBan[];

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'bundle-'));
    const authority = keepAuthority(join(home, '.authority'), await makeAuthority('omega.test', 0));
    store = new AuthorityStore(join(home, '.authority'));
    held = holdIdentity(await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: 0 }));
    bundles = new BundleKeeper({ held, first: store.document(), keep: () => undefined, notKept: () => undefined });
    bans = [];
    [outgoing, heard, faults, renewals, refreshes, isElsewhere] = [[], [], [], 0, 0, false];
  });
  afterEach(async () => {
    await world.stop();
    rmSync(home, { recursive: true });
  });

  const quiet = <M>(hears: (message: M) => void): Behavior<null, M> => ({ init: () => null, receive: (state, message) => (hears(message), state) });
  async function start(): Promise<ActorRef<BundleMessage>> {
    world = await startWorld({
      children: [
        { type: 'worker', id: 'roster', start: () => quiet<{ kind: string; reply?: (peers: unknown) => void }>((message) => message.reply?.([{ kind: 'peer-up', node: 'n2', session: world.ref('/n2') }])) },
        { type: 'worker', id: 'n2', start: () => quiet<SessionSend>((message) => void heard.push(message)) },
        { type: 'worker', id: 'membership', start: () => quiet<MembershipRequest>((message) => void (message.kind === 'view' && message.reply({ members: [N2, SERF, DEAD] } as never))) },
        { type: 'worker', id: 'bans', start: () => quiet<BansRequest>((message) => void (message.kind === 'list' && message.reply({ bans: bans.map((ban) => ({ ban, counts: true })), digest: '', waiting: [] }))) },
        { type: 'worker', id: 'renewal', start: () => quiet(() => void renewals++) },
      ],
    });
    const spec: ChildSpec = {
      type: 'worker',
      id: 'bundle',
      start: () =>
        bundleActor({
          random: seededRandom(1),
          identity: held,
          bundles,
          authorities: isElsewhere ? undefined : store,
          make: makeAuthority,
          outgoing: () => outgoing,
          refresh: () => Promise.resolve(refreshes++),
          alarm: (node, fault) => void faults.push(`${node} ${fault.code}`),
          peers: world.ref('/roster'),
          membership: world.ref('/membership'),
          bans: world.ref('/bans'),
          renewal: world.ref('/renewal'),
        }),
    };
    await world.supervisor().ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec, reply }), 60_000);
    const ref = world.ref<BundleMessage>('/bundle');
    ref.send({ kind: 'peer-up', node: 'n2', session: world.ref('/n2') });
    await world.settle();
    return ref;
  }

  /** Made by a library that takes its own time. */
  async function order(ref: ActorRef<BundleMessage>, verb: AuthorityVerb, isForced = false): Promise<string> {
    const answer = ref.ask<AuthorityChanged | MeshError>((reply) => ({ kind: 'change-authority', order: { verb, isForced }, reply }), 60_000);
    const told = await answer;
    await world.settle();
    return told instanceof MeshError ? `${told.code}: ${told.message}` : `${told.outcome}: ${told.authorities.map(({ state }) => state).join(' ')}`;
  }
  /** n2 says that it holds what it was sent last. */
  async function n2Holds(ref: ActorRef<BundleMessage>, users: readonly string[] = []): Promise<void> {
    const { present } = bundles;
    const standing = { sequence: present!.claim.sequence, id: present!.id, outgoing: users, outgoingCount: users.length };
    ref.send({ kind: 'bundle-frame', node: 'n2', frame: toBundleFrame({ standing }) as BundleFrame__Output });
    await world.settle();
  }
  const sequencesSent = (): (number | undefined)[] =>
    heard.flatMap((message) => (message.kind === 'send-bundle' ? [fromBundleFrame(message.frame as BundleFrame__Output).document] : [])).flatMap((document) => (document === undefined ? [] : [(JSON.parse(Buffer.from(document.body).toString()) as { sequence: number }).sequence]));

  it('changes the authority step by step, waits for whoever is not ready and names them, and may be asked twice', async () => {
    const ref = await start();
    expect(await order(ref, 'prepare')).to.equal('changed: active prepared');
    expect(await order(ref, 'prepare')).to.equal('unchanged: active prepared');
    expect(await order(ref, 'activate')).to.equal('REFUSED: 1 node is not known to have heard of the bundle that has the new authority: n2');
    await n2Holds(ref);
    expect(await order(ref, 'activate')).to.equal('changed: old active');
    expect(await order(ref, 'activate')).to.equal('unchanged: old active');
    expect(await order(ref, 'revoke')).to.match(/^REFUSED: what the old authority issued is not being replaced yet/);
    expect(await order(ref, 'taint')).to.equal('changed: tainted active');
    outgoing = ['spiffe://omega.test/node/n1'];
    expect(await order(ref, 'revoke')).to.match(/^REFUSED: 1 node is not known to have heard that the old authority is tainted: n2/);
    await n2Holds(ref, ['spiffe://omega.test/agent/a1']);
    expect(await order(ref, 'revoke')).to.equal('REFUSED: 2 identities still speak with certificates of the old authority: spiffe://omega.test/agent/a1, spiffe://omega.test/node/n1');
    outgoing = [];
    await n2Holds(ref);
    expect(await order(ref, 'revoke')).to.equal('changed: active');
    expect(await order(ref, 'revoke')).to.equal('unchanged: active');
    expect(sequencesSent()).to.include.members([2, 3, 4, 5]);
    expect(readdirSync(store.dir).sort()).to.deep.equal(['authority.json', 'ca-2.crt', 'ca-2.key']);
    expect(new AuthorityStore(store.dir).document().id).to.equal(bundles.present!.id);
  });

  it('goes on at once when it is forced, and has its own certificate replaced when that is of the tainted one', async () => {
    const ref = await start();
    await order(ref, 'prepare');
    expect(await order(ref, 'activate', true)).to.equal('changed: old active');
    expect(renewals).to.equal(0);
    await order(ref, 'taint');
    expect(renewals).to.be.greaterThan(0);
    outgoing = ['spiffe://omega.test/node/n1'];
    expect(await order(ref, 'revoke', true)).to.equal('changed: active');
  });

  it('has bans outlive the authority under which they were said, for whoever restarts or joins later', async () => {
    const ref = await start();
    const ban = (subject: string): HeldBan => signBan({ epochMs: 1_000, subject, kind: 'ban', reason: 'a test', by: 'kim' }, held.current().svid);
    bans = [ban('spiffe://omega.test/node/n8')];
    const late = ban('spiffe://omega.test/node/n7');
    for (const verb of ['prepare', 'activate', 'taint'] as const) await order(ref, verb, true);
    expect(await order(ref, 'revoke', true)).to.equal('changed: active');
    const { bundle } = bundles.present!;
    expect(readBan(bans[0]!.entry, bundle).claim.subject).to.equal('spiffe://omega.test/node/n8');
    expect(() => readBan(late.entry, bundle)).to.throw(MeshError).with.property('code', 'UNKNOWN_AUTHORITY');
    expect(() => readBan({ ...bans[0]!.entry, signature: late.entry.signature }, bundle)).to.throw(MeshError).with.property('code', 'BAD_SIGNATURE');
    // Those are endorsed by the next one again.
    for (const verb of ['prepare', 'activate', 'taint', 'revoke'] as const) await order(ref, verb, true);
    expect(bundles.present!.claim.sequence).to.equal(9);
    expect(readBan(bans[0]!.entry, bundles.present!.bundle).issuer).to.equal('spiffe://omega.test/node/n1');
  });

  it('is told by a peer, and asks nobody for what is not good', async () => {
    isElsewhere = true;
    const ref = await start();
    const authority = store.current().authorities[0]!;
    const bad = { body: Buffer.from('{}'), signatures: [] };
    ref.send({ kind: 'bundle-frame', node: 'n2', frame: toBundleFrame({ document: bad }) as BundleFrame__Output });
    await world.settle();
    expect(faults).to.deep.equal(['n2 MALFORMED']);
    expect(await order(ref, 'prepare')).to.equal('NO_IDENTITY: the authority is not kept on this machine');
    store.keep({ ...store.current(), sequence: 2, authorities: [authority, { ...(await makeAuthority('omega.test', 0)), state: 'prepared', file: 'ca-2' }] });
    ref.send({ kind: 'bundle-frame', node: 'n2', frame: toBundleFrame({ document: store.document().signed }) as BundleFrame__Output });
    await world.settle();
    expect(held.current().bundle.authorities).to.have.length(2);
    const view = await ref.ask<AuthorityView | MeshError>((reply) => ({ kind: 'show-authority', reply }), 60_000);
    expect(view).to.deep.include({ sequence: 2, isHere: false, lagging: ['n2'] });
  });

  it('sees what another node of its machine has changed', async () => {
    await start();
    store.keep({ ...store.current(), sequence: 7 });
    await world.advance(1_000);
    expect(bundles.present?.claim.sequence).to.equal(7);
  });

  it('asks where identities are given out when it begins, and when somebody of an unknown authority comes, but seldom', async () => {
    const ref = await start();
    expect(refreshes).to.equal(1);
    ref.send({ kind: 'refresh' });
    await world.settle();
    expect(refreshes).to.equal(1);
    await world.advance(10_000);
    ref.send({ kind: 'refresh' });
    ref.send({ kind: 'refresh' });
    await world.settle();
    expect(refreshes).to.equal(2);
  });
});
