import { expect } from 'chai';
import { Outgoing } from '../../../src/actors/membership/outgoing.ts';

const ROOM = 1_393;
const OFTEN = 1_000;

function message(kind: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(kind);
}

/** Bytes of each kind in so many packets, with room for news of members to fill them all. */
function sent(outgoing: Outgoing, packets: number): Record<number, number> {
  const bytes: Record<number, number> = {};
  for (let i = 0; i < packets; i++) {
    for (let member = 0; member < 40; member++) outgoing.put(`m${(i * 40 + member) % 500}`, message(1, 60));
    const parts = outgoing.take(ROOM, OFTEN);
    expect(parts.reduce((sum, part) => sum + part.length + 2, 0)).to.be.at.most(ROOM);
    for (const part of parts) bytes[part[0]!] = (bytes[part[0]!] ?? 0) + part.length;
  }
  return bytes;
}

describe('what goes into a packet', () => {
  it('is news of members only, when programs have nothing to say', () => {
    expect(sent(new Outgoing(), 10)[1]).to.be.above(0.9 * 10 * ROOM);
  });

  it('leaves programs a quarter, however much there is to say of members', () => {
    const outgoing = new Outgoing();
    for (let i = 0; i < 100; i++) outgoing.putUser('event', message(2, 100));
    const bytes = sent(outgoing, 100);
    expect(bytes[2]! / (100 * ROOM)).to.be.within(0.2, 0.27);
    expect(bytes[1]! / (100 * ROOM)).to.be.above(0.65);
  });

  it('lets the largest message through too: what it was denied is saved up', () => {
    const outgoing = new Outgoing();
    outgoing.putUser('query', message(2, 1_024));
    expect(sent(outgoing, 4)[2]).to.equal(1_024);
  });

  it('has room for programs that members do not need', () => {
    const outgoing = new Outgoing();
    for (let i = 0; i < 13; i++) outgoing.putUser('event', message(2, 100));
    expect(outgoing.take(ROOM, OFTEN)).to.have.length(13);
  });

  it('is intents before queries, and queries before events', () => {
    const outgoing = new Outgoing();
    for (const [kind, lane] of ['event', 'query', 'intent'].entries()) for (let i = 0; i < 20; i++) outgoing.putUser(lane as 'event', message(kind, 60));
    expect(outgoing.take(ROOM, OFTEN).map(([kind]) => kind)).to.deep.equal([...Array<number>(20).fill(2), ...Array<number>(2).fill(1)]);
  });

  it('forgets what was sent most when too much waits', () => {
    const outgoing = new Outgoing();
    outgoing.putUser('event', message(9, 10));
    outgoing.take(ROOM, OFTEN);
    for (let i = 0; i < 4_096; i++) outgoing.putUser('event', message(2, 10));
    expect(outgoing.size).to.equal(4_096);
    expect(outgoing.take(ROOM, 2).some(([kind]) => kind === 9)).to.equal(false);
  });
});
