import { expect } from 'chai';
import type { TagChanges } from '../../../src/actors/membership/own-tags.ts';
import { membershipActor, type MembershipActorOptions, type MembershipMessage } from '../../../src/actors/membership/membership-actor.ts';
import type { MembershipNews, MembershipView, SerfHeard } from '../../../src/actors/membership/membership-messages.ts';
import type { ClockTimes } from '../../../src/actors/membership/serf/lamport-clock.ts';
import { MeshError } from '../../../src/errors.ts';
import { seededRandom } from '../../../src/random.ts';
import type { ActorRef } from '../../../src/supervision/behavior.ts';
import type { WorkerSpec } from '../../../src/supervision/child-spec.ts';
import type { StartChildOutcome } from '../../../src/supervision/supervisor-messages.ts';
import type { GossipAddress } from '../../../src/transport/gossip-transport.ts';
import { MemoryNetwork, type MemoryTransport } from '../../../src/transport/memory-network.ts';
import { PLAIN_ENVELOPE } from '../../../src/actors/membership/wire/envelope.ts';
import { encodeMessage } from '../../../src/actors/membership/wire/messages.ts';
import { alive } from './brain-under-test.ts';
import { recorder, startWorld, type ActorWorld, type LogEntry, type Recorder } from '../../support/actor-world.ts';

type MembershipSpec = WorkerSpec<unknown, MembershipMessage>;

/** Membership actors of several nodes in one world, joined by a network in memory. */
class Mesh {
  readonly world: ActorWorld;
  readonly network: MemoryNetwork;
  readonly news: Recorder<MembershipNews>;
  readonly opened: MemoryTransport[] = [];
  readonly remembered = new Map<string, readonly GossipAddress[]>();
  tagChanges: TagChanges = {};
  readonly kept = new Map<string, number>();
  readonly clocks = new Map<string, ClockTimes>();
  hosts: Readonly<Record<string, string>> = { 'seed.mesh': '10.0.0.1' };
  /** What each node was answered when it joined. */
  readonly joined = new Map<string, MeshError | undefined>();
  isDiskFull = false;

  constructor(world: ActorWorld, news: Recorder<MembershipNews>) {
    this.world = world;
    this.network = new MemoryNetwork(world.clock, seededRandom(5));
    this.news = news;
  }

  async start(name: string, more: Partial<MembershipActorOptions> = {}, flags: Pick<MembershipSpec, 'restart' | 'shutdown' | 'mailbox'> = {}): Promise<void> {
    await this.open(name, more, flags);
    await this.join(name);
  }

  async open(name: string, more: Partial<MembershipActorOptions> = {}, flags: Pick<MembershipSpec, 'restart' | 'shutdown' | 'mailbox'> = {}): Promise<void> {
    const options: MembershipActorOptions = {
      name,
      tags: { grpc: `${hostOf(name)}:7947` },
      openTransport: async () => {
        const transport = this.network.open({ host: hostOf(name), port: 7946 });
        this.opened.push(transport);
        return transport;
      },
      seeds: [{ host: 'seed.mesh', port: 7946 }],
      resolve: async (host) => [this.hosts[host] ?? (await Promise.reject(new Error(`no such host ${host}`)))],
      profile: 'lan',
      random: seededRandom(name.charCodeAt(0)),
      memory: { load: () => this.remembered.get(name) ?? [], save: (addresses) => this.#save(name, addresses) },
      tagMemory: { load: () => this.tagChanges, save: (changes) => void (this.tagChanges = changes) },
      incarnation: { load: () => this.kept.get(name) ?? 0, save: (incarnation) => void this.kept.set(name, incarnation) },
      clocks: { load: () => this.clocks.get(name), save: (times) => void this.clocks.set(name, times) },
      envelope: PLAIN_ENVELOPE,
      application: 'serf',
      keepKeys: () => undefined,
      listeners: [this.world.ref('/news')],
      hearers: [],
      serfListeners: [this.world.ref('/heard')],
      ...more,
    };
    expect((await this.add({ id: name, start: () => membershipActor(options), ...flags })).outcome, name).to.equal('started');
  }

  async join(name: string): Promise<void> {
    this.ref(name).send({ kind: 'join', reply: (fault) => void this.joined.set(name, fault) });
    await this.world.settle();
  }

  add(worker: Omit<MembershipSpec, 'type'>): Promise<StartChildOutcome> {
    const spec: MembershipSpec = { type: 'worker', ...worker };
    return this.world.outcome(this.world.supervisor().ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec, reply }), 10_000));
  }

  ref(name: string): ActorRef<MembershipMessage> {
    return this.world.ref(`/${name}`);
  }

  view(name: string): Promise<MembershipView> {
    return this.world.outcome(this.ref(name).ask<MembershipView>((reply) => ({ kind: 'view', reply }), 1_000));
  }

  async statuses(name: string): Promise<Record<string, string>> {
    const { members } = await this.view(name);
    return Object.fromEntries(members.map((member) => [member.name, member.status]));
  }

  /** Whom each news named. */
  newsNames(): string[][] {
    return this.news.messages.map(({ members }) => members.map(({ name }) => name));
  }

  /** What the node logged about a member. */
  logged(name: string, member: string): LogEntry[] {
    return this.world.log.filter(({ event, fields }) => fields.actor === `/${name}` && event.startsWith('member-') && fields['member'] === member);
  }

  #save(name: string, addresses: readonly GossipAddress[]): void {
    if (this.isDiskFull) throw new Error('no space left on device');
    this.remembered.set(name, addresses);
  }
}

/** a is 10.0.0.1, b is 10.0.0.2, … */
function hostOf(name: string): string {
  return `10.0.0.${name.charCodeAt(0) - 96}`;
}

/** Number 42, for the node a. */
const STREAM_PING = Buffer.from('0082a44e6f6465a161a55365714e6f2a', 'hex');

describe('the membership actor', () => {
  let mesh: Mesh;

  beforeEach(async () => {
    const news = recorder<MembershipNews>('news');
    const world = await startWorld({ children: [news.spec], intensity: 10 });
    mesh = new Mesh(world, news);
  });

  afterEach(() => mesh.world.stop());

  it('finds the others through a seed that has a name', async () => {
    for (const name of ['a', 'b', 'c']) await mesh.start(name);
    await mesh.world.advance(3_000);
    for (const name of ['a', 'b', 'c']) {
      expect(await mesh.statuses(name)).to.deep.equal({ a: 'alive', b: 'alive', c: 'alive' });
      expect((await mesh.view(name)).unreachedSeeds).to.deep.equal([]);
    }
  });

  it('shows who is who', async () => {
    await mesh.start('a');
    const { members } = await mesh.view('a');
    expect(members).to.have.length(1);
    expect(members[0]).to.deep.include({ name: 'a', host: '10.0.0.1', port: 7946, tags: { grpc: '10.0.0.1:7947' }, status: 'alive', incarnation: 1, isSelf: true });
  });

  it('sends its listeners the whole list at every change', async () => {
    await mesh.start('a');
    await mesh.start('b');
    await mesh.world.advance(2_000);
    const last = mesh.news.messages.at(-1)!;
    expect(last.members.map(({ name, status }) => [name, status])).to.have.deep.members([['a', 'alive'], ['b', 'alive']]);
  });

  it('tells a listener that asks the list of that moment, before anything that it learns later', async () => {
    await mesh.start('a', { listeners: [] });
    await mesh.world.settle();
    await mesh.start('b', { listeners: [] });
    mesh.ref('a').send({ kind: 'announce', to: mesh.world.ref('/news') });
    await mesh.world.settle();
    expect(mesh.newsNames()).to.deep.equal([['a']]);
  });

  it('says nothing in a new life until somebody has answered, and does not claim to be alone', async () => {
    for (const name of ['a', 'b']) await mesh.start(name, { listeners: [] });
    await mesh.start('c', {}, { restart: 'permanent' });
    await mesh.world.advance(3_000);
    const heard = mesh.news.messages.length;
    mesh.world.system.kill('/c', 'test');
    await mesh.world.advance(1_000);
    const names = mesh.newsNames().slice(heard);
    expect(names[0]).to.have.members(['a', 'b', 'c']);
  });

  it('answers a listener that asks before that with its first news', async () => {
    await mesh.start('a', { listeners: [] });
    await mesh.start('b', { listeners: [] });
    mesh.ref('b').send({ kind: 'announce', to: mesh.world.ref('/news') });
    await mesh.world.settle();
    expect(mesh.newsNames()).to.deep.equal([]);
    await mesh.world.advance(1_000);
    expect(mesh.newsNames()).to.have.length(1);
    expect(mesh.newsNames()[0]).to.have.members(['a', 'b']);
  });

  it('is alone when nobody has answered for two seconds', async () => {
    await mesh.start('a', { listeners: [] });
    mesh.network.partition([{ host: '10.0.0.1', port: 7946 }], [{ host: '10.0.0.2', port: 7946 }]);
    await mesh.start('b');
    await mesh.world.advance(1_990);
    expect(mesh.newsNames()).to.deep.equal([]);
    await mesh.world.advance(10);
    expect(mesh.newsNames()).to.deep.equal([['b']]);
  });

  it('tells its listeners again every five seconds, so that one that missed a news is right again', async () => {
    await mesh.start('a');
    await mesh.world.advance(10_100);
    expect(mesh.newsNames()).to.deep.equal([['a'], ['a'], ['a']]);
  });

  it('tells of a storm at most ten times a second, and of its end', async () => {
    await mesh.start('a');
    await mesh.world.settle();
    const heard = mesh.news.messages.length;
    for (let i = 10; i < 60; i++) {
      mesh.opened[0]!.deliver(encodeMessage(alive(`m${i}`, 1, `10.0.0.${i}`)), { host: '10.0.0.9', port: 1 });
      await mesh.world.advance(10);
    }
    await mesh.world.advance(100);
    expect(mesh.news.messages.length - heard).to.be.within(5, 7);
    expect(mesh.news.messages.at(-1)!.members).to.have.length(51);
  });

  it('lists and logs a seed that it does not reach, and goes on trying', async () => {
    mesh.hosts = {};
    await mesh.start('b');
    await mesh.world.advance(5_000);
    expect((await mesh.view('b')).unreachedSeeds).to.deep.equal(['seed.mesh:7946']);
    const line = mesh.world.log.find(({ event }) => event === 'seed-unreached');
    expect(line).to.deep.include({ level: 'warn' });
    expect(line!.fields).to.include({ seed: 'seed.mesh:7946', reason: 'no such host seed.mesh', failures: 1 });
    mesh.hosts = { 'seed.mesh': '10.0.0.1' };
    await mesh.start('a');
    await mesh.world.advance(10_000);
    expect(await mesh.statuses('b')).to.deep.equal({ a: 'alive', b: 'alive' });
    expect((await mesh.view('b')).unreachedSeeds).to.deep.equal([]);
  });

  it('logs a death with who accused and why', async () => {
    for (const name of ['a', 'b']) await mesh.start(name);
    await mesh.world.advance(2_000);
    mesh.network.partition([{ host: '10.0.0.1', port: 7946 }], [{ host: '10.0.0.2', port: 7946 }]);
    await mesh.world.advance(12_000);
    const lines = mesh.logged('a', 'b');
    expect(lines.map(({ level, event }) => `${level} ${event}`)).to.deep.equal(['info member-alive', 'warn member-suspect', 'warn member-dead']);
    expect(lines[2]!.fields).to.include({ member: 'b', incarnation: 1, accuser: 'a', reason: 'suspicion-timeout' });
  });

  it('comes back after a crash, through what it remembered, without being noticed', async () => {
    for (const name of ['a', 'b', 'c']) await mesh.start(name, {}, { restart: 'permanent' });
    await mesh.world.advance(3_000);
    expect(mesh.remembered.get('c')).to.have.deep.members([{ host: '10.0.0.1', port: 7946 }, { host: '10.0.0.2', port: 7946 }]);
    mesh.hosts = {};
    mesh.world.system.kill('/c', 'test');
    await mesh.world.advance(5_000);
    expect(await mesh.statuses('c')).to.deep.equal({ a: 'alive', b: 'alive', c: 'alive' });
    expect(await mesh.statuses('a')).to.deep.equal({ a: 'alive', b: 'alive', c: 'alive' });
    expect(mesh.logged('a', 'c').map(({ event }) => event)).to.deep.equal(['member-alive']);
  });

  it('hears after a crash what it has missed, and nothing again', async () => {
    const heard = recorder<SerfHeard>('heard');
    await mesh.world.outcome(mesh.world.supervisor().ask<StartChildOutcome>((reply) => ({ kind: 'start-child', spec: heard.spec, reply }), 1_000));
    await mesh.start('a', { serfListeners: [] });
    await mesh.start('b', {}, { restart: 'permanent' });
    await mesh.world.advance(3_000);
    const send = async (name: string): Promise<void> => {
      const order = { kind: 'send-event', name, payload: new Uint8Array(0), coalesce: false } as const;
      expect(await mesh.world.outcome(mesh.ref('a').ask<string>((reply) => ({ kind: 'order', order, reply }), 1_000))).to.equal('done');
    };
    await send('before');
    await mesh.world.advance(3_000);
    expect(mesh.clocks.get('b')).to.include({ event: 2 });
    mesh.network.partition([{ host: '10.0.0.1', port: 7946 }], [{ host: '10.0.0.2', port: 7946 }]);
    mesh.world.system.kill('/b', 'test');
    await send('meanwhile');
    await mesh.world.advance(3_000);
    mesh.network.heal();
    await mesh.world.advance(40_000);
    expect(heard.messages.map(({ news }) => news.type === 'event' && news.name)).to.deep.equal(['before', 'meanwhile']);
  });

  it('says goodbye when it is stopped, and lets go of the network', async () => {
    for (const name of ['a', 'b', 'c']) await mesh.start(name, {}, { shutdown: 8_000 });
    await mesh.world.advance(3_000);
    const stopped = mesh.world.supervisor().ask<string>((reply) => ({ kind: 'terminate-child', id: 'b', reply }), 10_000);
    expect(await mesh.world.outcome(stopped)).to.equal('ok');
    expect(await mesh.statuses('c')).to.deep.equal({ a: 'alive', b: 'left', c: 'alive' });
    await mesh.network.open({ host: '10.0.0.2', port: 7946 }).close();
  });

  it('counts what it cannot read', async () => {
    await mesh.start('a');
    const stranger = mesh.network.open({ host: '10.0.0.9', port: 1 });
    stranger.send({ host: '10.0.0.1', port: 7946 }, Buffer.from('ff', 'hex'));
    await mesh.world.advance(100);
    expect((await mesh.view('a')).dropped).to.deep.equal({ 'unknown-type': 1 });
  });

  it('answers a push/pull of a peer on a stream', async () => {
    await mesh.start('a');
    const stranger = mesh.network.open({ host: '10.0.0.9', port: 1 });
    stranger.listen({ onPacket: () => undefined, onRequest: () => undefined, newMeasure: () => ({ measure: () => 'whole' }) });
    const answer = await mesh.world.outcome(stranger.request({ host: '10.0.0.1', port: 7946 }, STREAM_PING, 1_000));
    expect(Buffer.from(answer).toString('hex')).to.equal('0282a75061796c6f6164c0a55365714e6f2a');
  });

  it('lets packets wait up to eight megabytes, and drops what is more', async () => {
    await mesh.start('a');
    const [transport] = mesh.opened;
    const packet = Buffer.alloc(64 * 1024, 0xff);
    const flood = (packets: number): void => {
      for (let i = 0; i < packets; i++) transport!.deliver(packet, { host: '10.0.0.9', port: 1 });
    };
    flood(200);
    expect((await mesh.view('a')).dropped).to.deep.equal({ 'unknown-type': 128, backlog: 72 });
    flood(128);
    expect((await mesh.view('a')).dropped).to.deep.equal({ 'unknown-type': 256, backlog: 72 });
  });

  it('closes the stream of a request that its mailbox has no room for', async () => {
    await mesh.start('a', {}, { mailbox: { max: 5 } });
    await mesh.world.settle();
    const replies: (Uint8Array | undefined)[] = [];
    for (let i = 0; i < 8; i++) mesh.opened[0]!.serve(STREAM_PING, (reply) => replies.push(reply));
    expect(replies).to.deep.equal([undefined, undefined, undefined]);
    await mesh.world.settle();
    expect((await mesh.view('a')).dropped).to.deep.equal({ 'mailbox-full': 3 });
    expect(replies).to.have.length(8);
  });

  it('does not fall over a disk that is full', async () => {
    mesh.isDiskFull = true;
    for (const name of ['a', 'b']) await mesh.start(name);
    await mesh.world.advance(3_000);
    expect(await mesh.statuses('a')).to.deep.equal({ a: 'alive', b: 'alive' });
    expect(mesh.world.log.find(({ event }) => event === 'peers-not-remembered')!.fields).to.include({ reason: 'Error: no space left on device' });
  });

  it('shows itself to nobody before it is told to join', async () => {
    await mesh.start('a');
    await mesh.open('b');
    await mesh.world.advance(5_000);
    expect(await mesh.statuses('a')).to.deep.equal({ a: 'alive' });
    await mesh.join('b');
    await mesh.world.advance(1_000);
    expect(await mesh.statuses('a')).to.deep.equal({ a: 'alive', b: 'alive' });
  });

  it('answers that it has joined, also when nobody is there', async () => {
    await mesh.start('a');
    expect([...mesh.joined]).to.deep.equal([['a', undefined]]);
  });

  describe('whose name another node has', () => {
    beforeEach(async () => {
      for (const name of ['a', 'b']) await mesh.start(name);
      await mesh.world.advance(3_000);
    });

    it('is told so when it joins, with the address, and leaves unheard', async () => {
      await addNamesake();
      await mesh.world.advance(500);
      const fault = mesh.joined.get('namesake')!;
      expect(fault).to.include({ code: 'NAME_TAKEN', given: 'b' });
      expect(fault.message).to.include('10.0.0.2:7946');
      await mesh.world.outcome(mesh.world.supervisor().ask((reply) => ({ kind: 'terminate-child', id: 'namesake', reply }), 10_000));
      await mesh.world.advance(5_000);
      expect(await mesh.statuses('a')).to.deep.equal({ a: 'alive', b: 'alive' });
      expect(mesh.logged('a', 'b').map(({ event }) => event)).not.to.include('member-left');
    });

    it('makes the owner say so in its log, once', async () => {
      await addNamesake();
      await mesh.world.advance(30_000);
      const said = mesh.world.log.filter(({ event, fields }) => event === 'name-contested' && fields.actor === '/b');
      expect(said.map(({ level, fields }) => [level, fields['reason']])).to.deep.equal([['error', 'name b is also claimed by 10.0.0.77:7946']]);
    });

    it('may have its name when the other has died', async () => {
      await mesh.world.outcome(mesh.world.supervisor().ask((reply) => ({ kind: 'terminate-child', id: 'b', reply }), 10_000));
      await addNamesake();
      await mesh.world.advance(5_000);
      expect(mesh.joined.get('namesake')).to.equal(undefined);
      expect((await mesh.view('a')).members.find(({ name }) => name === 'b')).to.include({ status: 'alive', host: '10.0.0.77' });
    });

    /** A second node named b, at another address. */
    const addNamesake = (): Promise<void> => mesh.start('namesake', { name: 'b', openTransport: async () => mesh.network.open({ host: '10.0.0.77', port: 7946 }) });
  });

  it('does not start without a network', async () => {
    const fault = new MeshError('PORT_IN_USE', 'UDP port 7946 on 10.0.0.1 is in use');
    const options = { name: 'a', tags: {}, openTransport: () => Promise.reject(fault), seeds: [], resolve: async () => [], profile: 'lan', random: seededRandom(1), memory: { load: () => [], save: () => undefined }, incarnation: { load: () => 0, save: () => undefined }, clocks: { load: () => undefined, save: () => undefined }, envelope: PLAIN_ENVELOPE, application: 'serf', keepKeys: () => undefined, tagMemory: { load: () => ({}), save: () => undefined }, listeners: [], hearers: [], serfListeners: [] } as const;
    const outcome = await mesh.add({ id: 'a', start: () => membershipActor(options) });
    expect(outcome).to.have.nested.property('error.code', 'PORT_IN_USE');
  });
});
