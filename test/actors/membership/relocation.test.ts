import { expect } from 'chai';
import { encodeMessage } from '../../../src/actors/membership/wire/messages.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { decodeStream } from '../../../src/actors/membership/wire/stream.ts';
import { BrainUnderTest, alive, brainKnowing } from './brain-under-test.ts';

const OLD = '10.0.0.2';
const NEW = '10.0.0.77';

/** A brain that knows b at its old address, and has just been told of a new one. */
function told(incarnation = 5): BrainUnderTest {
  const brain = brainKnowing(2);
  brain.hear(alive('b', incarnation, NEW));
  return brain;
}

function refuse(brain: BrainUnderTest): void {
  const asked = brain.requests.find(({ to }) => to.host === OLD)!;
  brain.tell({ kind: 'unanswered', exchange: asked.exchange, reason: 'connection refused' });
}

describe('a member that says, at a higher incarnation, that it is elsewhere', () => {
  it('is asked for by name where it was, on both ways, before it is believed', () => {
    const brain = told();
    expect(brain.sentOf('ping', OLD)[0]).to.include({ node: 'b', sourceNode: 'me' });
    expect(brain.requests.map(({ to, request }) => [to.host, decodeStream(request)])).to.deep.include([OLD, { ...brain.sentOf('ping', OLD)[0] }]);
    expect(brain.member('b')).to.include({ host: OLD, incarnation: 1 });
    expect(brain.events).to.deep.equal([]);
  });

  it('has moved when nobody answers there on either way, and all are told', () => {
    const brain = told();
    refuse(brain);
    expect(brain.member('b')).to.include({ host: OLD });
    brain.pass(500);
    expect(brain.member('b')).to.include({ host: NEW, incarnation: 5, status: 'alive' });
    expect(brain.events).to.deep.equal([{ type: 'updated', reason: 'address', member: 'b', incarnation: 5, address: { host: NEW, port: 7946 } }]);
    brain.pass(400);
    expect(brain.sentOf('alive').some(({ node, incarnation }) => node === 'b' && incarnation === 5)).to.equal(true);
  });

  it('has not moved when somebody answers for the name on a datagram, though the stream fails', () => {
    const brain = told();
    brain.hear({ type: 'ack', seqNo: brain.sentOf('ping', OLD)[0]!.seqNo, payload: NO_BYTES });
    refuse(brain);
    brain.pass(500);
    expect(brain.member('b')).to.include({ host: OLD, incarnation: 1 });
  });

  it('has not moved when somebody answers on the stream, though datagrams are lost; the next claim is a conflict', () => {
    const brain = told();
    brain.pass(500);
    const { exchange } = brain.requests.find(({ to }) => to.host === OLD)!;
    brain.tell({ kind: 'answered', exchange, answer: encodeMessage({ type: 'ack', seqNo: brain.sentOf('ping', OLD)[0]!.seqNo, payload: NO_BYTES }) });
    expect(brain.member('b')).to.include({ host: OLD, incarnation: 1 });
    brain.hear(alive('b', 5, NEW));
    expect(brain.events.at(-1)).to.include({ type: 'conflict', member: 'b' });
  });

  it('is not asked for at each claim, and again later', () => {
    const brain = told();
    brain.acks = () => true;
    for (let time = 0; time < 100; time++) brain.hear(alive('b', 5, NEW));
    expect(brain.requests.filter(({ to }) => to.host === OLD)).to.have.length(1);
    const { exchange } = brain.requests.find(({ to }) => to.host === OLD)!;
    brain.hear({ type: 'ack', seqNo: brain.sentOf('ping', OLD)[0]!.seqNo, payload: NO_BYTES });
    brain.tell({ kind: 'unanswered', exchange, reason: 'late' });
    brain.pass(2_000);
    brain.hear(alive('b', 5, NEW));
    expect(brain.requests.filter(({ to }) => to.host === OLD)).to.have.length(2);
  });

  it('is refused at once, without a question, at an incarnation that is not higher', () => {
    const brain = told(1);
    expect(brain.requests).to.deep.equal([]);
    expect(brain.events.at(-1)).to.include({ type: 'conflict', member: 'b' });
  });

  it('stays where it is when it has said something newer there meanwhile', () => {
    const brain = told();
    brain.hear(alive('b', 6, OLD));
    refuse(brain);
    brain.pass(500);
    expect(brain.member('b')).to.include({ host: OLD, incarnation: 6 });
  });

  it('is asked for at most 64 at a time', () => {
    const brain = new BrainUnderTest();
    for (let i = 0; i < 100; i++) brain.hear(alive(`m${i}`, 1, `10.1.0.${i}`));
    brain.forget();
    for (let i = 0; i < 100; i++) brain.hear(alive(`m${i}`, 2, `10.2.0.${i}`));
    expect(brain.requests).to.have.length(64);
  });
});

describe('incarnations over the lives of a node', () => {
  it('begin above what an earlier life may have announced, and are kept before they are said', () => {
    const brain = new BrainUnderTest({ keptIncarnation: 16 });
    expect(brain.incarnation).to.equal(17);
    expect(brain.kept).to.deep.equal([32]);
  });

  it('are kept again when a refutation goes above what was kept, and in the same breath', () => {
    const brain = brainKnowing(1);
    brain.kept = [];
    brain.hear({ type: 'suspect', incarnation: 40, node: 'me', from: 'b' });
    expect([brain.incarnation, brain.kept]).to.deep.equal([41, [56]]);
  });

  it('are raised over one that others hold at an address where nobody answers for the name', () => {
    const brain = brainKnowing(1);
    brain.hear(alive('me', 9, NEW));
    brain.tell({ kind: 'unanswered', exchange: brain.requests.at(-1)!.exchange, reason: 'connection refused' });
    expect(brain.incarnation).to.equal(10);
  });
});
