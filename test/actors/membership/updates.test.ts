import { expect } from 'chai';
import { MEMBERS_MAX } from '../../../src/actors/membership/wire/stream.ts';
import { encodeTags } from '../../../src/actors/membership/wire/tags.ts';
import { ipBytes } from '../../../src/actors/membership/wire/ip-address.ts';
import { encodeMessage } from '../../../src/actors/membership/wire/messages.ts';
import { BrainUnderTest, alive, brainKnowing, dead, hostOf, ping, suspect } from './brain-under-test.ts';

describe('an alive', () => {
  it('makes a member known, and is passed on', () => {
    const brain = brainKnowing(1);
    brain.hear(alive('x', 3, '10.0.0.50', { meta: encodeTags({ role: 'web' }) }));
    expect(brain.member('x')).to.include({ host: '10.0.0.50', port: 7946, status: 'alive', incarnation: 3, isSelf: false });
    expect(brain.member('x')!.tags).to.deep.equal({ role: 'web' });
    expect(brain.events).to.deep.equal([{ type: 'alive', reason: 'new', member: 'x', incarnation: 3, address: { host: '10.0.0.50', port: 7946 } }]);
    brain.pass(300);
    expect(brain.sentOf('alive', hostOf(0)).map(({ node }) => node)).to.include('x');
  });

  it('is passed on with the address bytes that came, for peers compare them literally', () => {
    const brain = brainKnowing(1);
    brain.hear(alive('x', 1, '::ffff:10.0.0.50'));
    expect(brain.member('x')!.host).to.equal('10.0.0.50');
    brain.pass(300);
    const passedOn = brain.sentOf('alive', hostOf(0)).find(({ node }) => node === 'x');
    expect(Buffer.from(passedOn!.addr).equals(ipBytes('::ffff:10.0.0.50'))).to.equal(true);
  });

  it('of an incarnation that is known says nothing new', () => {
    const brain = brainKnowing(1);
    brain.hear(alive('b', 1, hostOf(0), { meta: encodeTags({ role: 'other' }) }));
    expect(brain.events).to.deep.equal([]);
    expect(brain.member('b')!.tags).to.deep.equal({});
  });

  it('with other tags updates the member', () => {
    const brain = brainKnowing(1);
    brain.hear(alive('b', 2, hostOf(0), { meta: encodeTags({ role: 'web' }) }));
    expect(brain.events).to.deep.equal([{ type: 'updated', reason: 'tags', member: 'b', incarnation: 2 }]);
    expect(brain.member('b')!.tags).to.deep.equal({ role: 'web' });
  });

  for (const vsn of [Uint8Array.of(), Uint8Array.of(1, 5, 2, 0), Uint8Array.of(1, 5, 2, 0, 0, 0), Uint8Array.of(0, 5, 2, 2, 5, 5), Uint8Array.of(3, 5, 4, 2, 5, 5), Uint8Array.of(1, 5, 6, 2, 5, 5)]) {
    it(`of a member that speaks versions [${vsn.join()}] is refused, so that nobody hears it from us`, () => {
      const brain = brainKnowing(0);
      brain.hear(alive('x', 1, '10.0.0.50', { vsn }));
      expect(brain.status('x')).to.equal(undefined);
      expect(brain.dropped).to.deep.equal({ 'incompatible-version': 1 });
    });
  }

  it('of a Serf agent with the older protocol 4 is taken', () => {
    const brain = brainKnowing(0);
    brain.hear(alive('x', 1, '10.0.0.50', { vsn: Uint8Array.of(1, 5, 2, 2, 5, 4) }));
    expect(brain.status('x')).to.equal('alive');
  });

  it('without a name or an address is refused', () => {
    const brain = brainKnowing(0);
    brain.hear(alive('', 1, '10.0.0.50'), alive('x', 1, '10.0.0.50', { addr: Uint8Array.of(1, 2) }));
    expect(brain.dropped).to.deep.equal({ 'bad-address': 2 });
  });

  it('that says no port, as peers of protocol 1 do not, is at the port that this node has', () => {
    const brain = new BrainUnderTest();
    brain.hear(alive('old', 1, '10.0.0.50', { port: 0 }));
    expect(brain.member('old')).to.include({ status: 'alive', host: '10.0.0.50', port: 7946 });
  });

  it('of more members than any mesh has is refused', () => {
    const brain = brainKnowing(0);
    for (let i = 0; i < MEMBERS_MAX; i++) brain.tell({ kind: 'packet', packet: encodeMessage(alive(`m${i}`, 1, `10.1.${i >> 8}.${i & 255}`)), from: { host: '10.0.0.9', port: 1 } });
    expect(brain.brain.members).to.have.length(MEMBERS_MAX);
    expect(brain.dropped).to.deep.equal({ 'members-max': 1 });
  });
});

describe('an incarnation out of all proportion', () => {
  for (const incarnation of [2 ** 24 + 2, 2 ** 32 - 1]) {
    it(`${incarnation} of a known member is refused`, () => {
      const brain = brainKnowing(1);
      brain.hear(alive('b', incarnation, hostOf(0)), suspect('b', incarnation, 'x'), dead('b', incarnation, 'x'));
      expect(brain.member('b')).to.include({ status: 'alive', incarnation: 1 });
      expect(brain.dropped).to.deep.equal({ 'implausible-incarnation': 3 });
    });

    it(`${incarnation} in an accusation of this node is refused: the answer would have to be larger still`, () => {
      const brain = brainKnowing(1);
      brain.hear(suspect('me', incarnation, 'b'));
      expect(brain.incarnation).to.equal(1);
    });
  }

  it('of a member that starts at the time of day in seconds is taken', () => {
    const brain = brainKnowing(0);
    brain.hear(alive('x', 1_760_000_000, '10.0.0.50'));
    expect(brain.status('x')).to.equal('alive');
  });

  it('of an unknown member near the end of all incarnations is refused', () => {
    const brain = brainKnowing(0);
    brain.hear(alive('x', 2 ** 32 - 2, '10.0.0.50'));
    expect(brain.status('x')).to.equal(undefined);
  });
});

describe('a suspicion of another member', () => {
  it('is believed, passed on, and says who accuses', () => {
    const brain = brainKnowing(3);
    brain.hear(suspect('b', 1, 'c'));
    expect(brain.status('b')).to.equal('suspect');
    expect(brain.events).to.deep.equal([{ type: 'suspect', member: 'b', incarnation: 1, accuser: 'c', reason: 'told' }]);
    brain.pass(300);
    expect(brain.sentOf('suspect').some(({ node, from }) => node === 'b' && from === 'c')).to.equal(true);
  });

  it('that is older than its last word, or about nobody known, is ignored', () => {
    const brain = brainKnowing(1);
    brain.hear(alive('b', 2, hostOf(0)));
    brain.forget();
    brain.hear(suspect('b', 1, 'c'), suspect('stranger', 1, 'c'));
    expect(brain.events).to.deep.equal([]);
  });

  it('is over when the member refutes with a higher incarnation, and not with the same', () => {
    const brain = brainKnowing(2);
    brain.hear(suspect('b', 1, 'c'), alive('b', 1, hostOf(0)));
    expect(brain.status('b')).to.equal('suspect');
    brain.hear(alive('b', 2, hostOf(0)));
    expect(brain.status('b')).to.equal('alive');
    expect(brain.events.at(-1)).to.deep.equal({ type: 'refuted', reason: 'answered', member: 'b', incarnation: 2, accuser: 'c' });
  });

  it('ends in death at its longest when nobody confirms it', () => {
    const brain = brainKnowing(4);
    brain.acks = () => true;
    brain.hear(suspect('b', 1, 'c'));
    brain.pass(23_900);
    expect(brain.status('b')).to.equal('suspect');
    brain.pass(101);
    expect(brain.events.find(({ type }) => type === 'dead')).to.deep.equal({ type: 'dead', member: 'b', incarnation: 1, accuser: 'me', reason: 'suspicion-timeout' });
  });

  it('ends sooner with each confirmation, which is passed on too', () => {
    const brain = brainKnowing(4);
    brain.hear(suspect('b', 1, 'c'));
    brain.pass(3_000);
    brain.forget();
    brain.hear(suspect('b', 1, 'd'), suspect('b', 1, 'd'), suspect('b', 1, 'e'));
    brain.pass(300);
    expect(new Set(brain.sentOf('suspect').filter(({ node }) => node === 'b').map(({ from }) => from))).to.include('e');
    brain.pass(800);
    expect(brain.status('b')).to.equal('dead');
  });

  it('begins anew with a suspicion of a later incarnation: somebody has heard the answer to the earlier one', () => {
    const brain = brainKnowing(4);
    brain.hear(suspect('b', 1, 'c'));
    brain.pass(3_900);
    brain.hear(suspect('b', 2, 'd'), suspect('b', 2, 'e'));
    brain.pass(3_900);
    expect(brain.status('b')).to.equal('suspect');
    brain.pass(101 + 23_900);
    expect(brain.status('b')).to.equal('dead');
  });

  it('waits for no confirmation of the dead: two left of three, one silent', () => {
    const brain = brainKnowing(2);
    brain.hear(dead('c', 1, 'c'), suspect('b', 1, 'me'));
    brain.pass(4_001);
    expect(brain.status('b')).to.equal('dead');
  });

  it('stops waiting for a confirmation when the one that could give it leaves', () => {
    const brain = brainKnowing(2);
    brain.hear(suspect('b', 1, 'me'));
    brain.pass(3_999);
    brain.hear(dead('c', 1, 'c'));
    expect(brain.status('b')).to.equal('suspect');
    brain.pass(2);
    expect(brain.status('b')).to.equal('dead');
  });

  it('that was refuted ends without a trace: its timers are outlived', () => {
    const brain = brainKnowing(2);
    brain.hear(dead('c', 1, 'c'), suspect('b', 1, 'me'));
    brain.pass(2_000);
    brain.hear(alive('b', 2, hostOf(0)), suspect('b', 2, 'me'));
    brain.pass(3_000);
    expect(brain.status('b')).to.equal('suspect');
    brain.pass(1_001);
    expect(brain.status('b')).to.equal('dead');
  });

  it('is told to the suspected itself again and again, for the rumour may have passed it by', () => {
    const brain = brainKnowing(5);
    brain.acks = () => true;
    brain.hear(suspect('b', 1, 'c'));
    brain.pass(20_000);
    brain.forget();
    brain.pass(2_000);
    expect(brain.sentOf('suspect', hostOf(0)).length).to.be.at.least(1);
  });
});

describe('a death', () => {
  it('is believed, and the member is not probed any more', () => {
    const brain = brainKnowing(1);
    brain.hear(dead('b', 1, 'c'));
    expect(brain.events).to.deep.equal([{ type: 'dead', member: 'b', incarnation: 1, accuser: 'c', reason: 'told' }]);
    brain.pass(5_000);
    expect(brain.sentOf('ping')).to.deep.equal([]);
  });

  it('that the member declares itself means that it has left', () => {
    const brain = brainKnowing(1);
    brain.hear(dead('b', 1, 'b'));
    expect(brain.status('b')).to.equal('left');
    expect(brain.events).to.deep.equal([{ type: 'left', reason: 'goodbye', member: 'b', incarnation: 1 }]);
  });

  it('is not declared twice, and the left are not called dead', () => {
    const brain = brainKnowing(1);
    brain.hear(dead('b', 1, 'b'), dead('b', 1, 'c'), suspect('b', 1, 'c'));
    expect(brain.status('b')).to.equal('left');
    expect(brain.events).to.have.length(1);
  });

  it('is told to the dead for a while, who may not be dead; then they are forgotten', () => {
    const brain = brainKnowing(2);
    brain.hear(dead('b', 1, 'x'));
    brain.pass(1_000);
    expect(brain.sentOf('dead', hostOf(0)).length).to.be.at.least(1);
    brain.pass(29_000);
    expect(brain.status('b')).to.equal('dead');
    brain.pass(6_000);
    expect(brain.status('b')).to.equal(undefined);
  });
});

describe('an accusation of this node', () => {
  for (const accusation of [suspect('me', 1, 'b'), dead('me', 1, 'b'), suspect('me', 7, 'b')]) {
    it(`${accusation.type} at incarnation ${accusation.incarnation} is refuted with the next`, () => {
      const brain = brainKnowing(2);
      brain.hear(accusation);
      expect(brain.incarnation).to.equal(accusation.incarnation + 1);
      expect(brain.events).to.deep.equal([{ type: 'refuted', reason: 'accused', member: 'me', incarnation: accusation.incarnation + 1, accuser: 'b' }]);
      brain.pass(300);
      expect(brain.sentOf('alive').some(({ node, incarnation }) => node === 'me' && incarnation === accusation.incarnation + 1)).to.equal(true);
    });
  }

  it('that was refuted before gets the refutation again, straight', () => {
    const brain = brainKnowing(2);
    brain.hear(suspect('me', 1, 'b'));
    brain.pass(10_000);
    brain.forget();
    brain.hear(suspect('me', 1, 'c'));
    expect(brain.incarnation).to.equal(2);
    expect(brain.sentOf('alive', hostOf(1)).map(({ node, incarnation }) => [node, incarnation])).to.deep.equal([['me', 2]]);
  });
});

describe('a node that restarts under its name', () => {
  for (const [held, accusation] of [['dead', dead('b', 4, 'c')], ['left', dead('b', 4, 'b')], ['suspect', suspect('b', 4, 'c')]] as const) {
    it(`and is held ${held} hears so at once, and is alive when it has refuted`, () => {
      const brain = brainKnowing(4);
      brain.hear(alive('b', 4, hostOf(0)), accusation);
      brain.forget();
      brain.hear(alive('b', 1, hostOf(0)));
      expect(brain.status('b')).to.equal(held);
      const told = brain.sent.find(({ to, message }) => to === hostOf(0) && 'node' in message && message.node === 'b');
      expect(told!.message).to.deep.include({ type: accusation.type, incarnation: 4, node: 'b', from: held === 'left' ? 'b' : 'me' });
      brain.hear(alive('b', 5, hostOf(0)));
      expect(brain.status('b')).to.equal('alive');
    });
  }

  it('at another address while its old entry lives is in conflict with it, said once', () => {
    const brain = brainKnowing(2);
    for (const incarnation of [1, 2, 3]) brain.hear(alive('b', incarnation, '10.0.0.77'));
    expect(brain.member('b')).to.include({ status: 'alive', host: hostOf(0) });
    expect(brain.events).to.deep.equal([{ type: 'conflict', reason: 'other-address', member: 'b', incarnation: 1, address: { host: '10.0.0.77', port: 7946 } }]);
    expect(brain.dropped).to.deep.equal({ 'conflicting-address': 3 });
  });

  for (const accuser of ['b', 'c']) {
    it(`at another address has its name back when the old entry has ${accuser === 'b' ? 'left' : 'died'}`, () => {
      const brain = brainKnowing(2);
      brain.hear(dead('b', 1, accuser), alive('b', 1, '10.0.0.77'));
      expect(brain.sentOf('dead', '10.0.0.77').map(({ incarnation }) => incarnation)).to.deep.equal([1]);
      brain.hear(alive('b', 2, '10.0.0.77'));
      expect(brain.member('b')).to.include({ status: 'alive', host: '10.0.0.77', incarnation: 2 });
    });
  }

  it('finds an alive of its earlier life, and overrules it', () => {
    const brain = new BrainUnderTest();
    brain.hear(alive('me', 5, '10.0.0.1'));
    expect(brain.incarnation).to.equal(6);
  });

  it('finds its own name at another address, and does not race with it', () => {
    const brain = new BrainUnderTest();
    brain.hear(alive('me', 5, '10.0.0.66'));
    expect(brain.incarnation).to.equal(1);
    expect(brain.events).to.deep.equal([]);
    expect(brain.dropped).to.deep.equal({ 'conflicting-address': 1 });
  });
});

describe('who is pinged by one it holds dead', () => {
  it('tells it so with the ack', () => {
    const brain = brainKnowing(2);
    brain.hear(dead('b', 1, 'c'));
    brain.forget();
    brain.hear(ping(9, 'me', { sourceAddr: ipBytes(hostOf(0)), sourcePort: 7946, sourceNode: 'b' }));
    expect(brain.sentOf('ack', hostOf(0)).map(({ seqNo }) => seqNo)).to.deep.equal([9]);
    expect(brain.sentOf('dead', hostOf(0)).map(({ incarnation }) => incarnation)).to.include(1);
  });
});

describe('one that suspects a member that has left', () => {
  it('is told that it has left', () => {
    const brain = brainKnowing(2);
    brain.hear(dead('b', 1, 'b'));
    brain.pass(5_000);
    brain.forget();
    brain.hear(suspect('b', 1, 'c'));
    expect(brain.sentOf('dead', hostOf(1))).to.deep.include({ type: 'dead', incarnation: 1, node: 'b', from: 'b' });
  });
});
