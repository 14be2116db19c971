import { expect } from 'chai';
import type { SerfMessage } from '../../../../src/actors/membership/serf/serf-messages.ts';
import { SerfUnderTest } from './serf-under-test.ts';

const payload = (words: string): Uint8Array => Buffer.from(words);
const deploy = (lTime: number, words = 'v1'): Extract<SerfMessage, { type: 'userEvent' }> => ({ type: 'userEvent', lTime, name: 'deploy', payload: payload(words), coalesce: false });

/** What programs on this node were told. */
function heard(serf: SerfUnderTest): string[] {
  return serf.brain.news.flatMap((news) => (news.type === 'event' ? [`${news.lTime} ${news.name} ${Buffer.from(news.payload).toString()}`] : []));
}

describe('a user event', () => {
  it('is heard once, and passed on once, however often it comes', () => {
    const serf = new SerfUnderTest();
    for (let i = 0; i < 5; i++) serf.hear(deploy(3));
    serf.brain.pass(5_000);
    expect(heard(serf)).to.deep.equal(['3 deploy v1']);
    expect(serf.said('userEvent')).to.have.length(1);
    const times = serf.saidTo('userEvent').length;
    serf.hear(deploy(3));
    serf.brain.pass(5_000);
    expect(serf.saidTo('userEvent').length).to.equal(times);
  });

  it('is another one when its time, its name or its payload differs', () => {
    const serf = new SerfUnderTest();
    serf.hear(deploy(3));
    serf.hear(deploy(3, 'v2'));
    serf.hear(deploy(4));
    expect(heard(serf)).to.deep.equal(['3 deploy v1', '3 deploy v2', '4 deploy v1']);
  });

  it('of this node comes after all that it has heard of, and is heard here too', () => {
    const serf = new SerfUnderTest();
    serf.hear(deploy(41));
    serf.brain.tell({ kind: 'order', order: { kind: 'send-event', name: 'next', payload: payload('x'), coalesce: true } });
    serf.brain.pass(1_100);
    expect(serf.brain.outcomes).to.deep.equal(['done']);
    expect(heard(serf)).to.deep.equal(['41 deploy v1', '42 next x']);
    expect(serf.said('userEvent').find(({ name }) => name === 'next')).to.include({ lTime: 42, coalesce: true });
  });

  it('is refused when it leaves no room for others', () => {
    const serf = new SerfUnderTest();
    const send = (bytes: number): void => serf.brain.tell({ kind: 'order', order: { kind: 'send-event', name: 'e', payload: new Uint8Array(bytes), coalesce: false } });
    send(512);
    send(400);
    expect(serf.brain.outcomes).to.deep.equal(['too-large', 'done']);
  });

  it('that happened long ago is dropped', () => {
    const serf = new SerfUnderTest();
    serf.hear(deploy(1_000));
    serf.hear(deploy(400));
    expect(heard(serf)).to.deep.equal(['1000 deploy v1']);
    expect(serf.brain.dropped).to.deep.equal({ 'old-event': 1 });
  });

  it('from before this node came is history; what it missed later is made up for', () => {
    const serf = new SerfUnderTest();
    const events = (lTime: number): { lTime: number; events: { name: string; payload: Uint8Array }[] }[] => [{ lTime, events: [{ name: 'deploy', payload: payload('v0') }] }];
    serf.meet({ eventLTime: 8, events: events(7) });
    expect(heard(serf)).to.deep.equal([]);
    serf.meet({ eventLTime: 10, events: [...events(7), ...events(9)] });
    expect(heard(serf)).to.deep.equal(['9 deploy v0']);
  });

  it('that an earlier life has heard is not told again; what came since is, also what happened while the node was away', () => {
    const serf = new SerfUnderTest(3, { keptClocks: { member: 1, event: 9, query: 1 } });
    serf.hear(deploy(8));
    serf.meet({ eventLTime: 11, events: [8, 10].map((lTime) => ({ lTime, events: [{ name: 'deploy', payload: payload('v0') }] })) });
    expect(heard(serf)).to.deep.equal(['10 deploy v0']);
    serf.brain.pass(1_000);
    expect(serf.said('userEvent')).to.deep.equal([]);
  });

  it('cannot fill the memory with others of its time', () => {
    const serf = new SerfUnderTest();
    for (let i = 0; i < 300; i++) serf.hear(deploy(3, String(i)));
    expect(heard(serf)).to.have.length(256);
    expect(serf.brain.dropped).to.deep.equal({ 'events-max': 44 });
  });
});

describe('an event that may be overtaken', () => {
  const overtaken = (lTime: number, words: string, name = 'deploy'): SerfMessage => ({ ...deploy(lTime, words), name, coalesce: true });

  it('is told when none of its name came for a second, and only the newest is', () => {
    const serf = new SerfUnderTest();
    serf.hear(overtaken(3, 'v1'));
    serf.hear(overtaken(5, 'v3'));
    serf.hear(overtaken(4, 'v2'));
    serf.brain.pass(900);
    expect(heard(serf)).to.deep.equal([]);
    serf.brain.pass(200);
    expect(heard(serf)).to.deep.equal(['5 deploy v3']);
    serf.hear(overtaken(6, 'v4'));
    serf.brain.pass(1_100);
    expect(heard(serf)).to.deep.equal(['5 deploy v3', '6 deploy v4']);
  });

  it('is passed on at once, each', () => {
    const serf = new SerfUnderTest();
    serf.hear(overtaken(3, 'v1'));
    serf.hear(overtaken(4, 'v2'));
    serf.brain.pass(500);
    expect(serf.said('userEvent').map(({ lTime }) => lTime)).to.have.members([3, 4]);
  });

  it('waits for three seconds at most, however many come', () => {
    const serf = new SerfUnderTest();
    for (let lTime = 1; lTime <= 12; lTime++) {
      serf.hear(overtaken(lTime, `v${lTime}`));
      serf.brain.pass(500);
    }
    expect(heard(serf)).to.deep.equal(['6 deploy v6', '12 deploy v12']);
  });

  it('counts beside one of another name, of its own time, or one that may not be overtaken', () => {
    const serf = new SerfUnderTest();
    serf.hear(overtaken(3, 'v1'));
    serf.hear(overtaken(3, 'v2'));
    serf.hear(overtaken(4, 'x', 'other'));
    serf.hear(deploy(5, 'now'));
    expect(heard(serf)).to.deep.equal(['5 deploy now']);
    serf.brain.pass(1_100);
    expect(heard(serf)).to.deep.equal(['5 deploy now', '3 deploy v1', '3 deploy v2', '4 other x']);
  });

  it('is not waited for when somebody makes up more names than anybody reads', () => {
    const serf = new SerfUnderTest();
    for (let i = 0; i < 1_100; i++) serf.hear(overtaken(1 + Math.floor(i / 200), 'x', `name-${i}`));
    expect(heard(serf)).to.have.length(1_025);
    serf.brain.pass(1_100);
    expect(heard(serf)).to.have.length(1_100);
  });
});
