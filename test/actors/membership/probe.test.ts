import { expect } from 'chai';
import type { ProbeEvidence } from '../../../src/actors/membership/member-events.ts';
import { decodeStream } from '../../../src/actors/membership/wire/stream.ts';
import { encodeMessage, type Ping } from '../../../src/actors/membership/wire/messages.ts';
import { ipBytes } from '../../../src/actors/membership/wire/ip-address.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { brainKnowing, dead, hostOf, nameOf, ping, suspect, type BrainUnderTest } from './brain-under-test.ts';

const ack = (seqNo: number): { type: 'ack'; seqNo: number; payload: Uint8Array } => ({ type: 'ack', seqNo, payload: NO_BYTES });

/** The first ping the brain sends from now on. */
function nextPing(brain: BrainUnderTest): Ping & { readonly to: string } {
  brain.forget();
  for (let waited = 0; waited < 1_100; waited += 10) {
    brain.pass(10);
    const sent = brain.sent.find(({ message }) => message.type === 'ping');
    if (sent !== undefined) return { ...(sent.message as Ping), to: sent.to };
  }
  throw new Error('no ping');
}

describe('a probe', () => {
  it('pings one member in each interval, all of them in each round', () => {
    const brain = brainKnowing(5);
    brain.acks = () => true;
    brain.pass(10_000);
    const targets = brain.sentOf('ping').map(({ node }) => node);
    expect(targets).to.have.length(10);
    expect(new Set(targets.slice(0, 5))).to.deep.equal(new Set([0, 1, 2, 3, 4].map(nameOf)));
    expect(new Set(targets.slice(5))).to.deep.equal(new Set([0, 1, 2, 3, 4].map(nameOf)));
  });

  it('names its target and where the ack should go', () => {
    const brain = brainKnowing(1);
    const sent = nextPing(brain);
    expect(sent).to.deep.include({ to: hostOf(0), node: 'b', sourcePort: 7946, sourceNode: 'me' });
    expect([...sent.sourceAddr]).to.deep.equal([10, 0, 0, 1]);
  });

  it('that is acked accuses nobody', () => {
    const brain = brainKnowing(3);
    brain.acks = () => true;
    brain.pass(20_000);
    expect(brain.events).to.deep.equal([]);
    expect(brain.sentOf('indirectPing')).to.deep.equal([]);
  });

  it('that is not acked asks others, and a stream', () => {
    const brain = brainKnowing(6);
    const { seqNo, node } = nextPing(brain);
    brain.pass(480);
    expect(brain.sentOf('indirectPing')).to.deep.equal([]);
    brain.pass(20);
    const asked = brain.sent.filter(({ message }) => message.type === 'indirectPing');
    expect(asked).to.have.length(3);
    expect(new Set(asked.map(({ to }) => to)).size).to.equal(3);
    for (const { to, message } of asked) {
      expect(message).to.deep.include({ seqNo, node, port: 7946, sourceNode: 'me' });
      expect(to).to.not.equal(hostOf(node.charCodeAt(0) - 98));
    }
    const [request] = brain.requests;
    expect(request).to.include({ timeoutMs: 750 });
    expect(decodeStream(request!.request)).to.include({ type: 'ping', seqNo, node });
  });

  it('that is not acked tries a stream before it asks others', () => {
    const brain = brainKnowing(6);
    nextPing(brain);
    brain.pass(230);
    expect(brain.requests).to.have.length(0);
    brain.pass(30);
    expect([brain.requests.length, brain.sentOf('indirectPing').length]).to.deep.equal([1, 0]);
  });

  it('whose stream is refused makes a suspect at once, asks nobody, and says nothing about this node’s own hearing', () => {
    const brain = brainKnowing(6);
    const { node } = nextPing(brain);
    brain.pass(260);
    brain.tell({ kind: 'unanswered', exchange: brain.requests[0]!.exchange, reason: 'connection refused', isRefused: true });
    expect(brain.events[0]).to.deep.include({ type: 'suspect', member: node, accuser: 'me', reason: 'no-ack', probe: { helpers: [], stream: 'connection refused', health: 0 } });
    brain.acks = (member) => member !== node;
    brain.pass(700);
    expect(brain.sentOf('indirectPing')).to.deep.equal([]);
    expect(brain.brain.view.localHealth.score).to.equal(0);
    brain.forget();
    brain.pass(1_000);
    expect(brain.sentOf('ping').filter(({ node: other }) => other !== node)).to.have.length(1);
  });

  it('that is acked while a stream is refused accuses nobody', () => {
    const brain = brainKnowing(1);
    const { seqNo } = nextPing(brain);
    brain.pass(260);
    brain.hear(ack(seqNo));
    brain.tell({ kind: 'unanswered', exchange: brain.requests[0]!.exchange, reason: 'connection refused', isRefused: true });
    brain.pass(700);
    expect(brain.events).to.deep.equal([]);
  });

  it('that a helper gets acked accuses nobody', () => {
    const brain = brainKnowing(3);
    const { seqNo } = nextPing(brain);
    brain.pass(900);
    brain.hear(ack(seqNo));
    brain.pass(100);
    expect(brain.events).to.deep.equal([]);
  });

  it('that a stream gets acked accuses nobody', () => {
    const brain = brainKnowing(1);
    const { seqNo } = nextPing(brain);
    brain.pass(600);
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer: encodeMessage(ack(seqNo)) });
    brain.pass(400);
    expect(brain.events).to.deep.equal([]);
  });

  it('that nobody acks confirms what another said first, with what it heard', () => {
    const brain = brainKnowing(4);
    const { node } = nextPing(brain);
    brain.hear(suspect(node, 1, ['b', 'c'].find((name) => name !== node)!));
    brain.pass(1_000);
    const own = brain.events.find(({ type }) => type === 'confirmed');
    expect(own).to.include({ member: node, accuser: 'me', reason: 'no-ack', confirmations: 1 });
    expect(own).to.have.property('probe').that.has.all.keys('helpers', 'stream', 'health');
  });

  it('that nobody acks by the end of the interval makes a suspect', () => {
    const brain = brainKnowing(3);
    const { node } = nextPing(brain);
    brain.pass(1_000);
    const helpers = ['b', 'c', 'd'].filter((name) => name !== node);
    expect(brain.events).to.have.length(1);
    expect(brain.events[0]).to.deep.include({ type: 'suspect', member: node, incarnation: 1, accuser: 'me', reason: 'no-ack' });
    expect(brain.events[0]).to.have.property('probe').that.satisfies((probe: ProbeEvidence) => probe.helpers.toSorted().join() === helpers.join() && probe.stream === 'no answer in time');
  });

  it('tells with the suspicion why the stream failed, and that there was nobody to ask', () => {
    const brain = brainKnowing(1);
    nextPing(brain);
    brain.pass(600);
    brain.tell({ kind: 'unanswered', exchange: brain.requests.at(-1)!.exchange, reason: 'connection refused' });
    brain.pass(400);
    expect(brain.events[0]).to.have.property('probe').that.deep.equals({ helpers: [], stream: 'connection refused', health: 1 });
  });

  it('that is acked too late, or with another number, makes a suspect all the same', () => {
    const brain = brainKnowing(1);
    const { seqNo } = nextPing(brain);
    brain.hear(ack(seqNo + 1));
    brain.pass(1_000);
    brain.hear(ack(seqNo));
    expect(brain.status('b')).to.equal('suspect');
  });

  it('of a suspected member brings the accusation along', () => {
    const brain = brainKnowing(1);
    brain.hear(suspect('b', 1, 'x'));
    brain.pass(3_000);
    const to = nextPing(brain).to;
    expect(brain.sentOf('suspect', to)).to.deep.include({ type: 'suspect', incarnation: 1, node: 'b', from: 'me' });
  });

  it('comes with a word to the dead that are not forgotten: what is held against them', () => {
    const brain = brainKnowing(3);
    brain.acks = () => true;
    brain.hear(dead('b', 1, 'c'));
    // The rumour is spent by then.
    brain.pass(10_000);
    brain.forget();
    brain.pass(10_000);
    expect(brain.sentOf('dead', hostOf(0))).to.have.length.within(9, 11);
    expect(brain.sentOf('dead', hostOf(0))).to.deep.include({ type: 'dead', incarnation: 1, node: 'b', from: 'me' });
  });

  it('carries gossip along', () => {
    const brain = brainKnowing(1);
    brain.acks = () => true;
    brain.pass(5_000);
    nextPing(brain);
    brain.pass(10);
    brain.hear(dead('x', 1, 'y'), suspect('b', 1, 'y'));
    nextPing(brain);
    expect(brain.sentOf('suspect', hostOf(0)).map(({ from }) => from)).to.include('y');
  });
});

describe('a ping of this node', () => {
  it('is acked to where it asks', () => {
    const brain = brainKnowing(0);
    brain.hear(ping(5, 'me', { sourceAddr: ipBytes('10.0.0.40'), sourcePort: 7946 }));
    expect(brain.sent.map(({ to, message }) => [to, message.type])).to.deep.equal([['10.0.0.40', 'ack']]);
  });

  it('is acked to where it came from when it does not say', () => {
    const brain = brainKnowing(0);
    brain.hear(ping(5, 'me'));
    expect(brain.sent.map(({ to }) => to)).to.deep.equal(['10.0.0.99']);
  });

  it('without a name is acked, under another name it is not', () => {
    const brain = brainKnowing(0);
    brain.hear(ping(5, ''), ping(6, 'you'));
    expect(brain.sentOf('ack').map(({ seqNo }) => seqNo)).to.deep.equal([5]);
    expect(brain.dropped).to.deep.equal({ 'ping-for-another': 1 });
  });

  it('by a stranger gets an ack and nothing more: the address may be somebody else’s', () => {
    const brain = brainKnowing(1);
    brain.hear(suspect('b', 1, 'x'));
    brain.forget();
    brain.hear(ping(5, 'me'));
    expect(brain.sent.map(({ message }) => message.type)).to.deep.equal(['ack']);
    brain.forget();
    brain.hear(ping(6, 'me', { sourceAddr: ipBytes(hostOf(0)), sourcePort: 7946 }));
    expect(brain.sent.map(({ message }) => message.type)).to.include.members(['ack', 'suspect']);
  });

  it('on a stream is acked there', () => {
    const brain = brainKnowing(0);
    expect(brain.request(encodeMessage(ping(8, 'me')))).to.include({ type: 'ack', seqNo: 8 });
    expect(brain.request(encodeMessage(ping(8, 'you')))).to.equal(undefined);
  });
});

describe('a request to ping another', () => {
  const ask = (seqNo: number, nack: boolean): Parameters<BrainUnderTest['hear']>[0] => ({
    type: 'indirectPing', seqNo, target: ipBytes('10.0.0.60'), port: 7946, node: 'far', nack, sourceAddr: ipBytes(hostOf(0)), sourcePort: 7946, sourceNode: 'b',
  });

  it('is done, and the ack passed on under the number of the request', () => {
    const brain = brainKnowing(1);
    brain.hear(ask(700, true));
    const [relayed] = brain.sentOf('ping', '10.0.0.60');
    expect(relayed).to.deep.include({ node: 'far', sourceNode: 'me' });
    expect(relayed!.seqNo).to.not.equal(700);
    brain.hear(ack(relayed!.seqNo));
    expect(brain.sentOf('ack', hostOf(0)).map(({ seqNo }) => seqNo)).to.deep.equal([700]);
    brain.pass(600);
    expect(brain.sentOf('nack')).to.deep.equal([]);
  });

  it('without success is nacked, once, to who wants to know', () => {
    const brain = brainKnowing(1);
    brain.hear(ask(700, true), ask(701, false));
    brain.pass(399);
    expect(brain.sentOf('nack')).to.deep.equal([]);
    brain.pass(1);
    expect(brain.sentOf('nack', hostOf(0)).map(({ seqNo }) => seqNo)).to.deep.equal([700]);
  });

  it('is declined when a thousand are under way', () => {
    const brain = brainKnowing(1);
    for (let i = 0; i < 1_025; i++) brain.hear(ask(i, false));
    expect(brain.sentOf('ping')).to.have.length(1_024);
    expect(brain.dropped).to.deep.equal({ 'relays-max': 1 });
  });
});

describe('what the brain cannot use', () => {
  it('is counted by reason and harms nothing', () => {
    const brain = brainKnowing(1);
    const from = { host: '10.0.0.9', port: 1 };
    for (const hex of ['', 'ff', '0982a4416c676f00a3427566a400830404', 'f404626c7565', '04', '0868656c6c6f', '0b81a55365714e6f05', '0c00000000ff']) {
      brain.tell({ kind: 'packet', packet: Buffer.from(hex, 'hex'), from });
    }
    expect(brain.dropped).to.deep.equal({ empty: 1, 'unknown-type': 2, labelled: 1, truncated: 1, 'user-unknown-type': 1, 'crc-mismatch': 1 });
    expect(brain.sent).to.deep.equal([]);
  });
});
