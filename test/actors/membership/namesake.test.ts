import { expect } from 'chai';
import { encodeMessage } from '../../../src/actors/membership/wire/messages.ts';
import { ipBytes } from '../../../src/actors/membership/wire/ip-address.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { decodeStream, type StreamMessage } from '../../../src/actors/membership/wire/stream.ts';
import { BrainUnderTest, addressOfHost, alive, brainKnowing, ping, pushPull, stateOf } from './brain-under-test.ts';

const OTHER = '10.0.0.66';

/** A brain whose seed has just told it that "me" is at another address. */
function toldByItsSeed(state: 'alive' | 'suspect' | 'dead' | 'left' = 'alive'): BrainUnderTest {
  const brain = new BrainUnderTest();
  brain.tell({ kind: 'join', seeds: [], remembered: [addressOfHost(2)] });
  brain.tell({ kind: 'answered', exchange: brain.requests.at(-1)!.exchange, answer: pushPull(stateOf('b', 1, '10.0.0.2', 'alive'), stateOf('me', 5, OTHER, state)) });
  return brain;
}

function askedOther(brain: BrainUnderTest): { readonly exchange: number; readonly message: StreamMessage | string }[] {
  return brain.requests.filter(({ to }) => to.host === OTHER).map(({ exchange, request }) => ({ exchange, message: decodeStream(request) }));
}

function answer(brain: BrainUnderTest): void {
  const { exchange, message } = askedOther(brain).at(-1)!;
  const { seqNo } = message as { readonly seqNo: number };
  brain.tell({ kind: 'answered', exchange, answer: encodeMessage({ type: 'ack', seqNo, payload: NO_BYTES }) });
}

describe('a node that is told that its name is at another address', () => {
  it('asks there, by name, and says who and where it is itself', () => {
    const brain = toldByItsSeed();
    expect(askedOther(brain)).to.have.length(1);
    expect(askedOther(brain)[0]!.message).to.deep.include({ type: 'ping', node: 'me', sourceNode: 'me', sourceAddr: ipBytes('10.0.0.1'), sourcePort: 7946 });
  });

  it('has not joined before there is an answer, and has a namesake when one comes', () => {
    const brain = toldByItsSeed();
    expect(brain.settled).to.equal(0);
    answer(brain);
    expect(brain.namesakes).to.deep.equal([`${OTHER}*`]);
    expect(brain.settled).to.equal(0);
  });

  it('has joined when nobody answers there: that was its own former life', () => {
    const brain = toldByItsSeed();
    brain.tell({ kind: 'unanswered', exchange: askedOther(brain)[0]!.exchange, reason: 'refused' });
    expect(brain.settled).to.equal(1);
    expect(brain.namesakes).to.deep.equal([]);
  });

  it('has joined when somebody of another name is there by now', () => {
    const brain = toldByItsSeed();
    brain.tell({ kind: 'answered', exchange: askedOther(brain)[0]!.exchange, answer: NO_BYTES });
    expect(brain.settled).to.equal(1);
    expect(brain.namesakes).to.deep.equal([]);
  });

  it('does not wait for an answer longer than for a seed', () => {
    const brain = toldByItsSeed();
    brain.pass(2_000);
    expect(brain.settled).to.equal(1);
  });

  for (const state of ['suspect', 'dead', 'left'] as const) {
    it(`takes the name over, without a question, from an entry that is ${state}`, () => {
      const brain = toldByItsSeed(state);
      expect(askedOther(brain)).to.deep.equal([]);
      expect(brain.settled).to.equal(1);
    });
  }

  it('asks once a minute, however often it is told', () => {
    const brain = brainKnowing(1);
    for (let second = 0; second < 130; second++) {
      brain.hear(alive('me', 5, OTHER));
      brain.pass(1_000);
    }
    expect(askedOther(brain)).to.have.length(3);
    expect(brain.incarnation).to.equal(1);
  });

  it('asks also when the other is of a lower incarnation: it has only just come', () => {
    const brain = brainKnowing(1);
    brain.hear(alive('me', 7, '10.0.0.1'));
    brain.hear(alive('me', 1, OTHER));
    answer(brain);
    expect(brain.namesakes).to.deep.equal([`${OTHER}*`]);
  });
});

describe('a node that has a namesake', () => {
  it('leaves without a goodbye, which would be taken for that of the other', () => {
    const brain = toldByItsSeed();
    answer(brain);
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    expect(brain.left).to.equal(1);
    brain.pass(5_000);
    expect(brain.sentOf('dead')).to.deep.equal([]);
  });

  it('says goodbye when it has not been told of the other for two minutes', () => {
    const brain = brainKnowing(1);
    brain.acks = () => true;
    brain.hear(alive('me', 1, OTHER));
    answer(brain);
    brain.pass(120_000);
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    brain.pass(400);
    expect(brain.sentOf('dead').map(({ node }) => node)).to.include('me');
  });

  it('says goodbye when the other is gone by then', () => {
    const brain = brainKnowing(1);
    brain.acks = () => true;
    brain.hear(alive('me', 1, OTHER));
    answer(brain);
    brain.pass(60_000);
    brain.hear(alive('me', 1, OTHER));
    brain.tell({ kind: 'unanswered', exchange: askedOther(brain).at(-1)!.exchange, reason: 'refused' });
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    brain.pass(1_000);
    expect(brain.sentOf('dead').map(({ node }) => node)).to.include('me');
  });
});

describe('a node that is asked by another of its name', () => {
  const asked = (brain: BrainUnderTest, sourceNode: string, host: string): unknown =>
    brain.request(encodeMessage(ping(7, 'me', { sourceNode, sourceAddr: ipBytes(host), sourcePort: 7946 })));

  it('answers, and says once a minute that the other is there', () => {
    const brain = brainKnowing(1);
    expect(asked(brain, 'me', OTHER)).to.include({ type: 'ack', seqNo: 7 });
    asked(brain, 'me', OTHER);
    expect(brain.namesakes).to.deep.equal([OTHER]);
    brain.pass(60_000);
    asked(brain, 'me', OTHER);
    expect(brain.namesakes).to.deep.equal([OTHER, OTHER]);
  });

  it('is the one that the mesh lists, and goes with a goodbye', () => {
    const brain = brainKnowing(1);
    asked(brain, 'me', OTHER);
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    brain.pass(400);
    expect(brain.sentOf('dead').map(({ node }) => node)).to.include('me');
  });

  it('is not worried by a neighbour that asks, or by itself', () => {
    const brain = brainKnowing(1);
    asked(brain, 'b', '10.0.0.2');
    asked(brain, 'me', '10.0.0.1');
    expect(brain.namesakes).to.deep.equal([]);
  });
});
