import { expect } from 'chai';
import type { MemberView } from '../../../src/actors/membership/membership-messages.ts';
import { PULSE_MS, Roster, type RosterEffect, type RosterInput } from '../../../src/actors/peers/roster.ts';

const at = (name: string): string => `127.0.0.1:${7_000 + name.charCodeAt(0)}`;

function member(name: string, over: Partial<MemberView> = {}): MemberView {
  const host = '127.0.0.1';
  return { name, host, port: 7946, tags: { grpc: at(name) }, status: 'alive', incarnation: 1, isSelf: name === 'm', statusSinceMs: 0, ...over };
}

const members = (...views: MemberView[]): RosterInput => ({ kind: 'members', members: views });
const hello = (arrival: number, node: string, target = 'm', address = at(node)): RosterInput => ({ kind: 'arrival-frame', arrival, frame: { hello: { node, target, protocol: 1, address }, body: 'hello' } });
const report = (node: string, address = at(node)): RosterInput => ({ kind: 'session-report', node, address, state: 'open', rttMs: 1 });

/** The roster of node m, in virtual time. */
class Scene {
  now = 0;
  readonly brain = new Roster({ self: 'm' });

  say(...inputs: RosterInput[]): readonly RosterEffect[] {
    return inputs.flatMap((input) => this.brain.handle(input, this.now));
  }

  pass(ms: number): readonly RosterEffect[] {
    const effects: RosterEffect[] = [];
    for (const until = this.now + ms; this.now < until; ) {
      this.now += PULSE_MS;
      effects.push(...this.say({ kind: 'pulse' }));
    }
    return effects;
  }

  /** Node `node` is a member and its session stands. */
  up(node: string): this {
    this.say(members(member(node)), { kind: 'child-started', node, outcome: 'started' }, report(node));
    return this;
  }
}

describe('the roster', () => {
  it('wants a session with every alive or suspect member that takes sessions, wherever it is, and not with itself', () => {
    const effects = new Scene().say(
      members(member('a'), member('b', { status: 'suspect' }), member('c', { status: 'dead' }), member('d', { status: 'left' }), member('e', { tags: {} }), member('f', { tags: { grpc: 'no address' } }), member('g', { tags: { grpc: '192.0.2.2:7947' } }), member('m')),
    );
    expect(effects).to.deep.equal([
      { kind: 'start-child', node: 'a', address: at('a') },
      { kind: 'start-child', node: 'b', address: at('b') },
      { kind: 'start-child', node: 'g', address: '192.0.2.2:7947' },
    ]);
  });

  it('wants none with who is in quarantine, nor with an agent of Serf that has a tag of the name', () => {
    const scene = new Scene();
    const views = [member('a', { verified: 'yes' }), member('b', { verified: 'pending' }), member('c', { verified: 'no' }), member('d', { verified: 'yes', quarantine: 'it claims to be a' })];
    expect(scene.say(members(...views))).to.deep.equal([
      { kind: 'start-child', node: 'a', address: at('a') },
      { kind: 'start-child', node: 'b', address: at('b') },
    ]);
    scene.say({ kind: 'child-started', node: 'a', outcome: 'started' });
    expect(scene.say(members(member('a', { verified: 'yes', quarantine: 'it claims to be b' }), member('b', { verified: 'yes' })))).to.deep.equal([{ kind: 'terminate-child', node: 'a' }]);
  });

  it('asks the supervisor once, however often the news come', () => {
    const scene = new Scene();
    expect(scene.say(members(member('a')), members(member('a')), { kind: 'pulse' })).to.have.length(1);
  });

  it('ends the session of a member that died, also when the supervisor was slow to start it', () => {
    const scene = new Scene();
    scene.say(members(member('a')));
    expect(scene.say(members(member('a', { status: 'dead' })))).to.deep.equal([]);
    expect(scene.say({ kind: 'child-started', node: 'a', outcome: 'started' })).to.deep.equal([{ kind: 'terminate-child', node: 'a' }]);
    expect(scene.say({ kind: 'child-terminated', node: 'a' })).to.deep.equal([]);
    expect(scene.brain.sessions).to.deep.equal([]);
  });

  it('keeps the session of a member that is not listed for some seconds, and ends it after ten', () => {
    const scene = new Scene().up('a');
    const reports = (ms: number): readonly RosterEffect[] => {
      const effects: RosterEffect[] = [];
      for (let passed = 0; passed < ms; passed += PULSE_MS) effects.push(...scene.pass(PULSE_MS), ...scene.say(report('a')));
      return effects;
    };
    expect(scene.say(members())).to.deep.equal([]);
    expect(reports(9_000)).to.deep.equal([]);
    scene.say(members(member('a')));
    expect(reports(20_000)).to.deep.equal([]);
    expect(scene.say(members())).to.deep.equal([]);
    expect(reports(11_000)).to.deep.equal([{ kind: 'terminate-child', node: 'a' }]);
  });

  it('starts a session afresh when its peer moved to another address', () => {
    const scene = new Scene().up('a');
    expect(scene.say(members(member('a', { tags: { grpc: 'localhost:1' } })))).to.deep.equal([{ kind: 'terminate-child', node: 'a' }]);
    expect(scene.say(report('a'), { kind: 'child-terminated', node: 'a' })).to.deep.equal([{ kind: 'start-child', node: 'a', address: 'localhost:1' }]);
  });

  it('tries again after a second when the supervisor did not do it, and not at once', () => {
    const scene = new Scene();
    scene.say(members(member('a')));
    const refused = scene.say({ kind: 'child-refused', node: 'a', reason: 'timeout' });
    expect(refused.map((effect) => effect.kind)).to.deep.equal(['log']);
    expect(scene.pass(PULSE_MS)).to.deep.equal([{ kind: 'start-child', node: 'a', address: at('a') }]);
  });

  it('waits longer after each refusal, at most a minute, and logs the first and every tenth', () => {
    const scene = new Scene();
    scene.say(members(member('a')));
    const asked: number[] = [];
    let logged = scene.say({ kind: 'child-refused', node: 'a', reason: 'children_max' }).length;
    while (asked.length < 10) {
      if (!scene.pass(PULSE_MS).some(({ kind }) => kind === 'start-child')) continue;
      asked.push(scene.now / 1_000);
      logged += scene.say({ kind: 'child-refused', node: 'a', reason: 'children_max' }).length;
    }
    expect(asked).to.deep.equal([1, 3, 7, 15, 31, 63, 123, 183, 243, 303]);
    expect(logged).to.equal(2);
  });

  it('starts no session for a name that no child can have, and says so once', () => {
    const scene = new Scene();
    const strange = members(member('bad name'), member('x'.repeat(129)), member('a'));
    const effects = [...scene.say(strange), ...scene.say(strange), ...scene.pass(3_000)];
    expect(effects.map((effect) => (effect.kind === 'log' ? effect.event : effect.kind))).to.deep.equal(['peer-name-unfit', 'peer-name-unfit', 'start-child']);
    const many = scene.say(members(...Array.from({ length: 100 }, (_, i) => member(`bad ${i}`))));
    expect(many.filter(({ kind }) => kind === 'log')).to.have.length(62);
  });

  it('asks again for a session that has been silent for five seconds', () => {
    const scene = new Scene().up('a');
    expect(scene.pass(4_000)).to.deep.equal([]);
    expect(scene.pass(1_000)).to.deep.equal([{ kind: 'start-child', node: 'a', address: at('a') }]);
  });

  it('after its own restart learns from the sessions that run: keeps the good, replaces the moved, ends the unwanted', () => {
    const scene = new Scene();
    scene.say(members(member('a'), member('b')));
    scene.say({ kind: 'child-started', node: 'a', outcome: 'already_started' }, { kind: 'child-started', node: 'b', outcome: 'already_started' });
    expect(scene.say(report('a'))).to.deep.equal([]);
    expect(scene.say(report('b', 'localhost:2'))).to.deep.equal([{ kind: 'terminate-child', node: 'b' }]);
    expect(scene.say(report('c'))).to.deep.equal([{ kind: 'terminate-child', node: 'c' }]);
    expect(scene.brain.sessions).to.deep.equal([{ node: 'a', address: at('a'), state: 'open', rttMs: 1 }]);
  });

  it('hands a stream to the session of the node its hello names', () => {
    const scene = new Scene().up('a');
    expect(scene.say({ kind: 'incoming', arrival: 1, proved: 'a' }, hello(1, 'a'))).to.deep.equal([{ kind: 'hand-over', arrival: 1, node: 'a' }]);
    expect(scene.pass(10_000).filter((effect) => effect.kind === 'close-arrival')).to.deep.equal([]);
  });

  it('keeps a stream whose node it has not heard of yet until gossip brings the news', () => {
    const scene = new Scene();
    scene.say(members(), { kind: 'incoming', arrival: 1, proved: 'a' }, hello(1, 'a'));
    scene.say(members(member('a')));
    expect(scene.say({ kind: 'child-started', node: 'a', outcome: 'started' })).to.deep.equal([{ kind: 'hand-over', arrival: 1, node: 'a' }]);
  });

  it('refuses at once whoever says hello under a name that is not in its certificate', () => {
    const scene = new Scene().up('a');
    scene.say({ kind: 'incoming', arrival: 1, proved: 'b' });
    const [close] = scene.say(hello(1, 'a'));
    expect(close).to.have.property('kind', 'close-arrival');
    expect(close).to.have.property('fault').that.includes({ code: 'WRONG_IDENTITY', given: 'a', expected: 'b' });
  });

  it('gives nothing to one that claims the name of a member, and keeps it no longer than a stranger', () => {
    const scene = new Scene().up('a');
    scene.say({ kind: 'incoming', arrival: 1, proved: 'a' });
    expect(scene.say(hello(1, 'a', 'm', '127.0.0.1:9'))).to.deep.equal([]);
    expect(scene.say({ kind: 'incoming', arrival: 2, proved: 'a' }, hello(2, 'a'))).to.deep.equal([{ kind: 'hand-over', arrival: 2, node: 'a' }]);
    const close = scene.pass(4_000).find((effect) => effect.kind === 'close-arrival');
    expect(close).to.deep.include({ arrival: 1 });
    expect(close).to.deep.nested.include({ 'fault.code': 'REFUSED', 'fault.message': `node a is at ${at('a')}, not at 127.0.0.1:9` });
  });

  it('keeps the stream of a member that has moved until gossip brings the news', () => {
    const scene = new Scene().up('a');
    scene.say({ kind: 'incoming', arrival: 1, proved: 'a' }, hello(1, 'a', 'm', 'localhost:1'));
    scene.say(members(member('a', { tags: { grpc: 'localhost:1' } })), { kind: 'child-terminated', node: 'a' });
    expect(scene.say({ kind: 'child-started', node: 'a', outcome: 'started' })).to.deep.equal([{ kind: 'hand-over', arrival: 1, node: 'a' }]);
  });

  it('closes what says no hello, or comes from a stranger, after four seconds with the reason', () => {
    const scene = new Scene();
    scene.say(members(), { kind: 'incoming', arrival: 1, proved: 'a' }, { kind: 'incoming', arrival: 2, proved: 'a' }, hello(2, 'a'));
    expect(scene.pass(3_000)).to.deep.equal([]);
    const closed = scene.pass(1_000).flatMap((effect) => (effect.kind === 'close-arrival' ? [[effect.arrival, effect.fault.code]] : []));
    expect(closed).to.deep.equal([
      [1, 'MALFORMED'],
      [2, 'REFUSED'],
    ]);
  });

  it('refuses a stream of a node that should be dialled instead, and one meant for another node', () => {
    const scene = new Scene().up('z');
    for (const [arrival, input, proved] of [[1, hello(1, 'z'), 'z'], [2, hello(2, 'm'), 'm'], [3, hello(3, 'a', 'other'), 'a']] as const) {
      scene.say({ kind: 'incoming', arrival, proved });
      const [close] = scene.say(input);
      expect(close).to.have.property('kind', 'close-arrival');
      expect(close).to.have.nested.property('fault.code', 'REFUSED');
    }
    expect(scene.brain.waitingArrivals).to.equal(0);
  });

  it('takes the newer of two streams of one node', () => {
    const scene = new Scene();
    scene.say(members(), { kind: 'incoming', arrival: 1, proved: 'a' }, hello(1, 'a'), { kind: 'incoming', arrival: 2, proved: 'a' });
    const [close] = scene.say(hello(2, 'a'));
    expect(close).to.deep.include({ kind: 'close-arrival', arrival: 1 });
    scene.say(members(member('a')));
    expect(scene.say({ kind: 'child-started', node: 'a', outcome: 'started' })).to.deep.equal([{ kind: 'hand-over', arrival: 2, node: 'a' }]);
  });

  it('asks for another certificate when those who should dial do not: they may have evicted this one while it was away', () => {
    const renewals = (effects: readonly RosterEffect[]): number => effects.filter(({ kind }) => kind === 'renew-identity').length;
    const scene = new Scene();
    scene.say(members(member('a'), member('z')), { kind: 'child-started', node: 'a', outcome: 'started' }, { kind: 'child-started', node: 'z', outcome: 'started' });
    expect(renewals(scene.pass(9_000))).to.equal(0);
    expect(renewals(scene.pass(1_000))).to.equal(1);
    expect(renewals(scene.pass(59_000))).to.equal(0);
    expect(renewals(scene.pass(1_000))).to.equal(1);
    scene.now += 60_000;
    // To z it is this node that dials.
    scene.say({ kind: 'child-started', node: 'a', outcome: 'started' }, report('a'));
    expect(renewals(scene.pass(9_000))).to.equal(0);
  });

  it('forgets a stream that closes while it waits', () => {
    const scene = new Scene();
    scene.say(members(), { kind: 'incoming', arrival: 1, proved: 'a' }, { kind: 'arrival-closed', arrival: 1 });
    expect(scene.pass(10_000)).to.deep.equal([]);
  });

  it('refuses the 257th stream that waits and keeps the others', () => {
    const scene = new Scene();
    scene.say(members());
    for (let arrival = 1; arrival <= 256; arrival++) expect(scene.say({ kind: 'incoming', arrival, proved: 'a' })).to.deep.equal([]);
    const [close] = scene.say({ kind: 'incoming', arrival: 257, proved: 'a' });
    expect(close).to.deep.include({ kind: 'close-arrival', arrival: 257 });
    expect(scene.brain.waitingArrivals).to.equal(256);
  });
});
