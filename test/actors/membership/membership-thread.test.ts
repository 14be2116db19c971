/** Membership in a real thread, in real time, with real sockets: what crosses to it and back. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { MembershipMessage } from '../../../src/actors/membership/membership-actor.ts';
import type { MemberEventsNews, MemberRecord, MembershipNews, MembershipRequest, MembershipView, SerfHeard } from '../../../src/actors/membership/membership-messages.ts';
import { gossipKeyId } from '../../../src/trust/gossip-signature.ts';
import { systemClock } from '../../../src/clock.ts';
import type { MeshError } from '../../../src/errors.ts';
import { GossipPort, membershipThread } from '../../../src/membership-spec.ts';
import type { ActorRef, ExitReason } from '../../../src/supervision/behavior.ts';
import { ActorSystem, StartError } from '../../../src/supervision/system.ts';
import { seededRandom } from '../../../src/random.ts';
import { recorder } from '../../support/actor-world.ts';
import { until } from '../../support/real-time.ts';

class ThreadedMembership {
  readonly home = mkdtempSync(join(tmpdir(), 'membership-'));
  readonly warnings: string[] = [];
  readonly system = new ActorSystem({
    clock: systemClock,
    random: seededRandom(1),
    log: { log: (level, event, { fault } = {}) => void ((level === 'warn' || level === 'error') && this.warnings.push(`${event} ${String(fault)}`)) },
  });
  readonly news = recorder<MembershipNews>('news');
  readonly events = recorder<MemberEventsNews>('events');
  readonly serf = recorder<SerfHeard>('serf');
  exit: ExitReason | undefined;

  readonly port: GossipPort;

  constructor(port: GossipPort) {
    this.port = port;
  }

  get ref(): ActorRef<MembershipMessage> {
    return this.system.ref('/swim');
  }

  start(): Promise<void> {
    const thread = membershipThread({
      name: 'a',
      tags: { grpc: '127.0.0.1:1' },
      bind: '127.0.0.1',
      port: this.port.memory,
      seeds: [],
      profile: 'lan',
      peersFile: join(this.home, 'peers.json'),
      tagsFile: join(this.home, 'tags.json'),
      incarnationFile: join(this.home, 'incarnation'),
      clocksFile: join(this.home, 'clocks.json'),
      application: 'serf', travel: { label: 'mesh', compresses: true, verifiesIncoming: true, verifiesOutgoing: true, keys: { key: randomBytes(32).toString('base64') } },
      listeners: [this.system.ref('/news')],
      serfListeners: [this.system.ref('/serf')],
      hearers: [this.system.ref('/events')],
    });
    const children = [this.news.spec, this.events.spec, this.serf.spec, { type: 'worker', id: 'swim', startTimeoutMs: 15_000, ...thread } as const];
    return this.system.start({ type: 'supervisor', id: 'root', strategy: 'one_for_one', children }, (reason) => (this.exit = reason));
  }

  async clear(): Promise<void> {
    this.system.stop();
    await until(() => this.exit !== undefined, 'the root ended');
    rmSync(this.home, { recursive: true });
  }
}

/** One of each kind, and what shows that it arrived: first the one that comes first. A kind that is new needs a line here. */
const TRIALS: { readonly [K in MembershipRequest['kind']]: (room: ThreadedMembership) => Promise<void> } = {
  join: async ({ ref, news }) => {
    expect(await ref.ask<MeshError | undefined>((reply) => ({ kind: 'join', reply }), 5_000)).to.equal(undefined);
    await until(() => news.messages.length > 0, 'the first news');
  },
  view: async ({ ref }) => {
    const { members } = await ref.ask<MembershipView>((reply) => ({ kind: 'view', reply }), 5_000);
    expect(members.map(({ name }) => name)).to.deep.equal(['a']);
    // A busy machine may stop a thread for some milliseconds between the two readings that its clock begins with.
    expect(systemClock.now() - members[0]!.statusSinceMs, 'the clocks of both threads').to.be.within(-1_000, 60_000);
  },
  record: async ({ ref }) => {
    const record = await ref.ask<MemberRecord>((reply) => ({ kind: 'record', member: 'a', reply }), 5_000);
    expect(record.kind === 'known' && record.happenings.map(({ event }) => event.type)).to.deep.equal(['alive']);
  },
  seeds: async ({ ref }) => {
    expect(ref.send({ kind: 'seeds', seeds: [{ host: '127.0.0.1', port: 1 }] })).to.equal('accepted');
    await ref.ask<MembershipView>((reply) => ({ kind: 'view', reply }), 5_000);
  },
  'change-tags': async ({ ref, events }) => {
    expect(await ref.ask<unknown>((reply) => ({ kind: 'change-tags', changes: { role: 'web' }, reply }), 5_000)).to.deep.equal({ grpc: '127.0.0.1:1', role: 'web' });
    await until(() => events.messages.some(({ happenings }) => happenings.some(({ event }) => event.type === 'updated')), 'the event of it');
  },
  order: async ({ ref, serf }) => {
    const order = { kind: 'send-event', name: 'deploy', payload: Buffer.from('v2'), coalesce: false } as const;
    expect(await ref.ask<unknown>((reply) => ({ kind: 'order', order, reply }), 5_000)).to.equal('done');
    await until(() => serf.messages.length > 0, 'its own event');
  },
  rtt: async ({ ref }) => {
    expect(await ref.ask<number | null>((reply) => ({ kind: 'rtt', from: 'a', to: 'b', reply }), 5_000)).to.equal(null);
  },
  'bans-news': async ({ ref }) => {
    expect(ref.send({ kind: 'bans-news', names: ['b'] })).to.equal('accepted');
    await ref.ask<MembershipView>((reply) => ({ kind: 'view', reply }), 5_000);
  },
  'identities-news': async ({ ref }) => {
    const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keyId = gossipKeyId(publicKey);
    expect(ref.send({ kind: 'identities-news', own: { keyId, key }, peers: [{ name: 'a', isOpen: false, keys: [{ keyId, spki: publicKey.export({ type: 'spki', format: 'der' }) }] }] })).to.equal('accepted');
    const { members } = await ref.ask<MembershipView>((reply) => ({ kind: 'view', reply }), 5_000);
    expect(members.map(({ verified }) => verified)).to.deep.equal(['yes']);
  },
  'keys-news': async ({ ref }) => {
    expect(ref.send({ kind: 'keys-news', keys: [new Uint8Array(32)] })).to.equal('accepted');
    await ref.ask<MembershipView>((reply) => ({ kind: 'view', reply }), 5_000);
  },
  announce: async ({ ref, news, system }) => {
    const before = news.messages.length;
    ref.send({ kind: 'announce', to: system.ref('/news') });
    await until(() => news.messages.length > before, 'news that was asked for');
  },
};

describe('membership in a thread of its own', function () {
  this.timeout(60_000);
  let room: ThreadedMembership;

  afterEach(() => room.clear());

  it('hears and answers every kind of request', async () => {
    room = new ThreadedMembership(GossipPort.of(0));
    await room.start();
    expect(room.port.number).to.be.greaterThan(0);
    for (const trial of Object.values(TRIALS)) await trial(room);
    expect(room.warnings).to.deep.equal([]);
  });

  it('has its port again in its next life, which it tells nobody about', async () => {
    room = new ThreadedMembership(GossipPort.of(0));
    await room.start();
    const port = room.port.number;
    for (let life = 2; life <= 4; life++) {
      room.system.kill('/swim', 'test');
      await until(() => room.system.livingLife('/swim') === life && room.system.tree('/swim')?.status === 'running', `life ${life}`);
    }
    expect(room.port.number).to.equal(port);
  });

  it('says why it cannot start in the words of the main thread', async () => {
    const other = new ThreadedMembership(GossipPort.of(0));
    await other.start();
    room = new ThreadedMembership(GossipPort.of(other.port.number));
    const failure: unknown = await room.start().catch((error: unknown) => error);
    await other.clear();
    expect(failure).to.be.instanceOf(StartError);
    expect(String(failure)).to.include(`TCP port ${other.port.number} on 127.0.0.1 is in use`);
  });
});
