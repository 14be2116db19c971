import { expect } from 'chai';
import { encodeMessage, type Ping } from '../../../src/actors/membership/wire/messages.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { decodeStream } from '../../../src/actors/membership/wire/stream.ts';
import { alive, brainKnowing, type BrainUnderTest } from './brain-under-test.ts';

/** Streams are answered, and so are datagrams by those that this one says. */
function streamsWork(brain: BrainUnderTest, hears: (member: string) => boolean = () => false): void {
  brain.acks = hears;
  brain.onRequest = ({ exchange, request }) => {
    const message = decodeStream(request);
    if (typeof message !== 'object' || message.type !== 'ping') return;
    brain.clock.setTimer(1, () => brain.tell({ kind: 'answered', exchange, answer: encodeMessage({ type: 'ack', seqNo: message.seqNo, payload: NO_BYTES }) }));
  };
}

const types = (brain: BrainUnderTest): string[] => brain.events.map(({ type }) => type);
const pings = (brain: BrainUnderTest): Ping[] => brain.sentOf('ping', '10.0.0.2');
const streams = (brain: BrainUnderTest, type: string): number => brain.requests.filter(({ request }) => (decodeStream(request) as { type: string }).type === type).length;

describe('a member that answers on streams and not to datagrams', () => {
  it('is told of once, within seconds, and is not suspected', () => {
    const brain = brainKnowing(1);
    streamsWork(brain);
    brain.pass(10_000);
    expect(brain.events).to.deep.equal([{ type: 'udp-lost', reason: 'tcp-works', member: 'b', incarnation: 1 }]);
    expect(brain.member('b')).to.include({ status: 'alive', isUdpLost: true });
  });

  it('is not told of when it answers to every other one', () => {
    const brain = brainKnowing(1);
    let asked = 0;
    streamsWork(brain, () => asked++ % 2 === 1);
    brain.pass(60_000);
    expect(types(brain)).to.deep.equal([]);
  });

  it('is pinged on a stream at once, with one datagram beside it to find out when that is over', () => {
    const brain = brainKnowing(1);
    streamsWork(brain);
    brain.pass(10_000);
    brain.forget();
    brain.pass(5_000);
    expect(streams(brain, 'ping')).to.equal(5);
    expect(pings(brain)).to.have.length(5);
    expect(brain.sentOf('indirectPing')).to.deep.equal([]);
  });

  it('is told what is gossiped in a push/pull, once a second at most, and not when there is nothing new', () => {
    const brain = brainKnowing(1);
    streamsWork(brain);
    brain.pass(10_000);
    brain.forget();
    brain.pass(10_000);
    const calm = streams(brain, 'pushPull');
    brain.forget();
    for (let i = 0; i < 10; i++) {
      brain.hear(alive('x', 10 + i, '10.0.0.50', { meta: Buffer.from([i]) }));
      brain.pass(200);
    }
    brain.acks = (member) => member === 'x';
    const told = brain.requests.filter(({ to, request }) => to.host === '10.0.0.2' && (decodeStream(request) as { type: string }).type === 'pushPull');
    expect(calm).to.be.at.most(1);
    expect(told.length).to.be.within(2, 4);
  });

  it('is reached by datagrams again when it has answered to two in a row', () => {
    const brain = brainKnowing(1);
    streamsWork(brain);
    brain.pass(10_000);
    brain.acks = () => true;
    brain.pass(5_000);
    expect(types(brain)).to.deep.equal(['udp-lost', 'udp-back']);
    expect(brain.member('b')).not.to.have.property('isUdpLost');
    brain.forget();
    brain.pass(5_000);
    expect(streams(brain, 'ping')).to.equal(0);
  });

  it('is suspected when streams fail as well', () => {
    const brain = brainKnowing(1);
    streamsWork(brain);
    brain.pass(10_000);
    brain.onRequest = undefined;
    brain.pass(5_000);
    expect(types(brain).slice(0, 2)).to.deep.equal(['udp-lost', 'suspect']);
  });
});
