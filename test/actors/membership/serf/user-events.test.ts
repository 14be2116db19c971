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
    serf.brain.pass(1_000);
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

  it('cannot fill the memory with others of its time', () => {
    const serf = new SerfUnderTest();
    for (let i = 0; i < 300; i++) serf.hear(deploy(3, String(i)));
    expect(heard(serf)).to.have.length(256);
    expect(serf.brain.dropped).to.deep.equal({ 'events-max': 44 });
  });
});
