import { expect } from 'chai';
import { encodeMessage } from '../../../src/actors/membership/wire/messages.ts';
import { decodeStream, encodeStreamError, type PushPull } from '../../../src/actors/membership/wire/stream.ts';
import { BrainUnderTest, addressOfHost, alive, brainKnowing, dead, hostOf, pushPull, stateOf, suspect, type Request, type Sent } from './brain-under-test.ts';

const seed = (host: string): { host: string; port: number } => ({ host, port: 7946 });

function joining(...hosts: string[]): BrainUnderTest {
  const brain = new BrainUnderTest();
  brain.tell({ kind: 'join', seeds: hosts.map(seed), remembered: [] });
  return brain;
}

function namesIn(request: Request): string[] {
  return (decodeStream(request.request) as PushPull).states.map(({ name }) => name);
}

describe('joining', () => {
  it('asks all seeds at once', () => {
    const brain = joining('seed-1', 'seed-2');
    expect(brain.resolving).to.deep.equal(['seed-1:7946', 'seed-2:7946']);
    brain.tell({ kind: 'resolved', seed: 'seed-2:7946', hosts: ['10.0.0.2'] });
    brain.tell({ kind: 'resolved', seed: 'seed-1:7946', hosts: ['10.0.0.3'] });
    expect(brain.requests.map(({ to, timeoutMs }) => [to.host, timeoutMs])).to.deep.equal([['10.0.0.2', 10_000], ['10.0.0.3', 10_000]]);
    expect((decodeStream(brain.requests[0]!.request) as PushPull).join).to.equal(true);
    expect(namesIn(brain.requests[0]!)).to.deep.equal(['me']);
  });

  it('learns the members from the answer, and that the seed is reached', () => {
    const brain = joining('seed-1');
    expect(brain.brain.view.unreachedSeeds).to.deep.equal(['seed-1:7946']);
    brain.tell({ kind: 'resolved', seed: 'seed-1:7946', hosts: ['10.0.0.2'] });
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer: pushPull(stateOf('b', 3, '10.0.0.2', 'alive'), stateOf('c', 1, '10.0.0.3', 'alive')) });
    expect(brain.brain.members.map(({ name }) => name)).to.have.members(['me', 'b', 'c']);
    expect(brain.brain.view.unreachedSeeds).to.deep.equal([]);
    expect(brain.joining).to.deep.equal([{ type: 'seed-reached', seed: 'seed-1:7946' }]);
  });

  it('tells those whom the answer names that it is there, without waiting for gossip, and only the first time', () => {
    const brain = joining('seed-1');
    const answer = pushPull(stateOf('b', 3, '10.0.0.2', 'alive'), stateOf('c', 1, '10.0.0.3', 'alive'), stateOf('gone', 1, '10.0.0.4', 'left'));
    brain.tell({ kind: 'resolved', seed: 'seed-1:7946', hosts: ['10.0.0.2'] });
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer });
    const told = (): string[] => brain.sent.filter(({ message }) => message.type === 'alive' && message.node === 'me').map(({ to }) => to);
    expect(told()).to.have.members(['10.0.0.2', '10.0.0.3']);
    brain.acks = () => true;
    brain.pass(10_000);
    brain.forget();
    while (brain.requests.length === 0) brain.pass(1_000);
    brain.sent = [];
    expect(namesIn(brain.requests[0]!)).to.include('me');
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer });
    expect(told()).to.deep.equal([]);
  });

  it('tells only so many itself', () => {
    const brain = joining('seed-1');
    const states = Array.from({ length: 200 }, (_, i) => stateOf(`m${i}`, 1, `10.0.1.${i + 1}`, 'alive'));
    brain.tell({ kind: 'resolved', seed: 'seed-1:7946', hosts: ['10.0.1.1'] });
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer: pushPull(...states) });
    expect(brain.sent).to.have.length(64);
  });

  it('tries a seed for ever, ever more rarely, and says why it has not', () => {
    const brain = joining('seed-1');
    const tries: number[] = [];
    for (let i = 0; i < 12; i++) {
      brain.tell({ kind: 'unresolved', seed: 'seed-1:7946', reason: 'no such host' });
      brain.forget();
      const from = brain.clock.now();
      while (brain.resolving.length === 0) brain.pass(100);
      tries.push(brain.clock.now() - from);
    }
    expect(tries[0]).to.be.within(800, 1_300);
    expect(tries[1]).to.be.within(1_600, 2_500);
    for (const waited of tries.slice(6)) expect(waited).to.be.within(24_000, 36_100);
    expect(brain.brain.view.unreachedSeeds).to.deep.equal(['seed-1:7946']);
  });

  const noLists = [
    ['an error', encodeStreamError('no'), 'it refuses, and says: no'],
    ['rubbish', Buffer.from('rubbish'), 'the answer cannot be read: unknown-type'],
    ['an ack', encodeMessage({ type: 'ack', seqNo: 1, payload: new Uint8Array(0) }), 'the answer is not a member list'],
  ] as const;
  for (const [what, answer, reason] of noLists) {
    it(`a seed that answers with ${what} is not reached, and why is said`, () => {
      const brain = joining('seed-1');
      brain.tell({ kind: 'resolved', seed: 'seed-1:7946', hosts: ['10.0.0.2'] });
      brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer });
      expect(brain.joining).to.deep.equal([{ type: 'seed-unreached', seed: 'seed-1:7946', reason, failures: 1 }]);
    });
  }

  it('does not join itself when it is among the seeds', () => {
    const brain = joining('10.0.0.1');
    brain.tell({ kind: 'resolved', seed: '10.0.0.1:7946', hosts: ['10.0.0.1'] });
    expect(brain.requests).to.deep.equal([]);
    expect(brain.brain.view.unreachedSeeds).to.deep.equal([]);
  });

  it('with what it remembers is silent: nobody named those addresses', () => {
    const brain = new BrainUnderTest();
    brain.tell({ kind: 'join', seeds: [], remembered: [addressOfHost(1), addressOfHost(2), addressOfHost(3)] });
    expect(brain.requests.map(({ to }) => to.host)).to.have.members(['10.0.0.2', '10.0.0.3']);
    for (const { exchange } of brain.requests) brain.tell({ kind: 'unanswered', exchange, reason: 'nobody there' });
    expect(brain.joining).to.deep.equal([]);
    expect(brain.brain.view.unreachedSeeds).to.deep.equal([]);
  });

  it('goes on trying what it remembers while it is alone', () => {
    const brain = new BrainUnderTest();
    brain.tell({ kind: 'join', seeds: [], remembered: [addressOfHost(2)] });
    brain.forget();
    brain.pass(35_000);
    expect(brain.requests.filter(({ to }) => to.host === '10.0.0.2').length).to.equal(4);
  });

  it('asks its seeds again when it is left alone: their names may lead elsewhere by now', () => {
    const brain = joining('seed-1');
    brain.tell({ kind: 'resolved', seed: 'seed-1:7946', hosts: ['10.0.0.2'] });
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer: pushPull(stateOf('b', 3, '10.0.0.2', 'alive')) });
    brain.hear(dead('b', 3, 'x'));
    brain.forget();
    brain.pass(12_000);
    expect(brain.resolving).to.include('seed-1:7946');
  });
});

describe('the first try to find the others', () => {
  const resolved = (brain: BrainUnderTest, host: string): Request => {
    brain.tell({ kind: 'resolved', seed: `${host}:7946`, hosts: [host] });
    return brain.requests.at(-1)!;
  };

  it('is over at once when there is nowhere to look', () => {
    expect(joining().settled).to.equal(1);
  });

  it('is over when this node is all that it finds among the seeds', () => {
    const brain = joining('10.0.0.1');
    expect(brain.settled).to.equal(0);
    brain.tell({ kind: 'resolved', seed: '10.0.0.1:7946', hosts: ['10.0.0.1'] });
    expect(brain.settled).to.equal(1);
  });

  it('is over with the first answer, and only once', () => {
    const brain = joining('10.0.0.2', '10.0.0.3', '10.0.0.4');
    const [first, second] = [resolved(brain, '10.0.0.2'), resolved(brain, '10.0.0.3')];
    brain.tell({ kind: 'unanswered', exchange: first.exchange, reason: 'refused' });
    expect(brain.settled).to.equal(0);
    brain.tell({ kind: 'answered', exchange: second.exchange, answer: pushPull(stateOf('c', 1, '10.0.0.3', 'alive')) });
    expect(brain.settled).to.equal(1);
    brain.tell({ kind: 'unresolved', seed: '10.0.0.4:7946', reason: 'no such host' });
    brain.pass(5_000);
    expect(brain.settled).to.equal(1);
  });

  it('is over when all have failed, the seeds and the remembered', () => {
    const brain = new BrainUnderTest();
    brain.tell({ kind: 'join', seeds: [seed('seed-1'), seed('seed-2')], remembered: [addressOfHost(7)] });
    brain.tell({ kind: 'unresolved', seed: 'seed-1:7946', reason: 'no such host' });
    brain.tell({ kind: 'unanswered', exchange: brain.requests[0]!.exchange, reason: 'refused' });
    expect(brain.settled).to.equal(0);
    brain.tell({ kind: 'resolved', seed: 'seed-2:7946', hosts: ['10.0.0.2'] });
    brain.tell({ kind: 'answered', exchange: brain.requests[1]!.exchange, answer: Buffer.from('rubbish') });
    expect(brain.settled).to.equal(1);
  });

  it('is over after two seconds, whatever is outstanding', () => {
    const brain = joining('10.0.0.2');
    resolved(brain, '10.0.0.2');
    brain.pass(1_999);
    expect(brain.settled).to.equal(0);
    brain.pass(1);
    expect(brain.settled).to.equal(1);
  });
});

describe('remembering', () => {
  it('begins the moment the first member is known', () => {
    const brain = joining('seed-1');
    brain.tell({ kind: 'resolved', seed: 'seed-1:7946', hosts: ['10.0.0.2'] });
    brain.tell({ kind: 'answered', exchange: brain.requests[0]!.exchange, answer: pushPull(stateOf('b', 3, '10.0.0.2', 'alive')) });
    expect(brain.remembered).to.deep.equal([[addressOfHost(2)]]);
  });

  it('keeps where members are, and says so when that changes', () => {
    const brain = brainKnowing(2);
    brain.acks = () => true;
    brain.hear(alive('d', 1, '10.0.0.4'));
    brain.pass(1_100);
    expect(brain.remembered).to.deep.equal([[addressOfHost(2), addressOfHost(3), addressOfHost(4)]]);
    brain.pass(20_000);
    expect(brain.remembered).to.have.length(1);
  });

  it('keeps the dead and not the left', () => {
    const brain = brainKnowing(3);
    brain.acks = () => true;
    brain.pass(1_100);
    brain.hear(dead('b', 1, 'x'), dead('c', 1, 'c'));
    brain.pass(10_000);
    expect(brain.remembered.at(-1)).to.deep.equal([addressOfHost(2), addressOfHost(4)]);
  });

  it('looks for the missing long after they are forgotten, so that partitions heal', () => {
    const brain = brainKnowing(1);
    brain.pass(1_100);
    brain.hear(dead('b', 1, 'x'));
    brain.pass(60_000);
    expect(brain.status('b')).to.equal(undefined);
    brain.forget();
    brain.pass(20_000);
    expect(brain.requests.map(({ to }) => to.host)).to.deep.equal([hostOf(0), hostOf(0)]);
  });

  it('looks for few of many missing at a time', () => {
    const brain = brainKnowing(20);
    brain.pass(1_100);
    for (const { name } of brain.brain.members) if (name !== 'me') brain.hear(dead(name, 1, 'x'));
    brain.forget();
    brain.pass(10_000);
    expect(brain.requests).to.have.length(3);
  });

  it('leaves most of the looking to others when one of many is missing', () => {
    const brain = brainKnowing(20);
    brain.acks = () => true;
    brain.pass(1_100);
    brain.hear(dead('b', 1, 'x'));
    brain.forget();
    brain.pass(1_000_000);
    expect(brain.requests.filter(({ to }) => to.host === hostOf(0)).length).to.be.within(1, 15);
  });
});

describe('push/pull', () => {
  it('answers with what was known before it learns', () => {
    const brain = brainKnowing(1);
    const answer = brain.request(pushPull(stateOf('x', 4, '10.0.0.50', 'alive'))) as PushPull;
    expect(answer.join).to.equal(true);
    expect(answer.states.map(({ name }) => name)).to.have.members(['me', 'b']);
    expect(brain.member('x')).to.include({ status: 'alive', incarnation: 4 });
  });

  it('tells every status', () => {
    const brain = brainKnowing(3);
    brain.hear(suspect('b', 1, 'x'), dead('c', 1, 'x'), dead('d', 1, 'd'));
    const answer = brain.request(pushPull()) as PushPull;
    expect(Object.fromEntries(answer.states.map(({ name, state }) => [name, state]))).to.deep.equal({ me: 0, b: 1, c: 2, d: 3 });
  });

  it('takes a dead for a suspect: the list may be old, and the member may refute', () => {
    const brain = brainKnowing(2);
    brain.request(pushPull(stateOf('b', 1, hostOf(0), 'dead'), stateOf('c', 1, hostOf(1), 'suspect')));
    expect([brain.status('b'), brain.status('c')]).to.deep.equal(['suspect', 'suspect']);
    expect(brain.events[0]).to.include({ type: 'suspect', accuser: 'me', reason: 'listed' });
  });

  it('takes a left for left', () => {
    const brain = brainKnowing(1);
    brain.request(pushPull(stateOf('b', 1, hostOf(0), 'left')));
    expect(brain.status('b')).to.equal('left');
  });

  for (const state of ['suspect', 'dead', 'left'] as const) {
    it(`that says this node is ${state} is refuted at once`, () => {
      const brain = brainKnowing(1);
      brain.request(pushPull(stateOf('me', 6, '10.0.0.1', state)));
      expect(brain.incarnation).to.equal(7);
    });
  }

  it('happens with one living member in each interval', () => {
    const brain = brainKnowing(2);
    brain.acks = () => true;
    brain.hear(dead('c', 1, 'c'));
    brain.pass(90_000);
    const asked = brain.requests.filter(({ request }) => (decodeStream(request) as PushPull).type === 'pushPull');
    expect(asked.map(({ to }) => to.host)).to.deep.equal([hostOf(0), hostOf(0), hostOf(0)]);
    expect((decodeStream(asked[0]!.request) as PushPull).join).to.equal(false);
  });

  it('skips an entry that would poison the list, and uses the rest', () => {
    const brain = brainKnowing(0);
    brain.request(pushPull({ ...stateOf('bad', 1, '10.0.0.50', 'alive'), vsn: Uint8Array.of(1, 5, 2, 0, 0, 0) }, stateOf('good', 1, '10.0.0.51', 'alive')));
    expect(brain.brain.members.map(({ name }) => name)).to.deep.equal(['me', 'good']);
  });

  const unreadable = [
    ['0982a4416c676f00', 'truncated', 'the request cannot be read: truncated'],
    ['0a000000ff', 'encrypted', 'the request is encrypted, and this node has no key'],
    ['f404626c7565', 'labelled', 'the request has a label, and this node has none'],
  ] as const;
  for (const [hex, reason, error] of unreadable) {
    it(`that is ${reason} is refused with a word about it`, () => {
      const brain = brainKnowing(0);
      expect(brain.request(Buffer.from(hex, 'hex'))).to.deep.equal({ type: 'error', error });
      expect(brain.dropped).to.deep.equal({ [reason]: 1 });
    });
  }

  it('a user message is not answered, and heard as one from a packet is', () => {
    const brain = brainKnowing(0);
    expect(brain.request(Buffer.from('0881aa557365724d73674c656e0568656c6c6f', 'hex'))).to.equal(undefined);
    expect(brain.dropped).to.deep.equal({ 'user-unknown-type': 1 });
  });

  it('finds our name held by our old address, and asks again until it is free', () => {
    const brain = brainKnowing(0);
    const old = pushPull(stateOf('me', 3, '10.0.0.66', 'alive'));
    brain.tell({ kind: 'join', seeds: [], remembered: [addressOfHost(2)] });
    for (let i = 0; i < 3; i++) {
      brain.tell({ kind: 'answered', exchange: brain.requests.at(-1)!.exchange, answer: old });
      brain.forget();
      brain.pass(2_000);
      expect(brain.requests.at(-1)!.to.host).to.equal('10.0.0.2');
    }
    brain.tell({ kind: 'answered', exchange: brain.requests.at(-1)!.exchange, answer: pushPull(stateOf('me', 3, '10.0.0.66', 'dead')) });
    expect(brain.incarnation).to.equal(4);
  });
});

describe('leaving', () => {
  const goodbyes = (brain: BrainUnderTest): Sent[] => brain.sent.filter(({ message }) => message.type === 'dead' && message.node === 'me' && message.from === 'me');
  const intents = (brain: BrainUnderTest): Sent[] => brain.sent.filter(({ message }) => message.type === 'user' && message.payload[0] === 0);

  it('tells everybody that it means to go, two gossip intervals later that it goes, and is done when that has been sent often enough', () => {
    const brain = brainKnowing(5);
    brain.pass(3_000);
    brain.forget();
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    expect(intents(brain).map(({ to }) => to)).to.include.members([hostOf(0), hostOf(1), hostOf(2), hostOf(3), hostOf(4)]);
    brain.pass(399);
    expect([goodbyes(brain).length, brain.status('me')]).to.deep.equal([0, 'alive']);
    brain.pass(1);
    expect(goodbyes(brain).map(({ to }) => to)).to.include.members([hostOf(0), hostOf(1), hostOf(2), hostOf(3), hostOf(4)]);
    expect([brain.left, brain.status('me')]).to.deep.equal([0, 'left']);
    brain.pass(1_000);
    expect(goodbyes(brain).length).to.equal(5 + 12);
    expect(brain.left).to.equal(1);
  });

  it('is done at once when there is nobody to tell', () => {
    const brain = brainKnowing(0);
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    expect(brain.left).to.equal(1);
  });

  it('is done when its time is up', () => {
    const brain = brainKnowing(5, { profile: 'wan' });
    brain.tell({ kind: 'leave', timeoutMs: 100 });
    brain.pass(101);
    expect(brain.left).to.equal(1);
    brain.pass(5_000);
    expect(brain.left).to.equal(1);
  });

  it('happens once', () => {
    const brain = brainKnowing(0);
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    expect(brain.left).to.equal(1);
  });

  it('acks, and neither refutes nor accuses', () => {
    const brain = brainKnowing(3);
    brain.pass(1_200);
    brain.tell({ kind: 'leave', timeoutMs: 5_000 });
    brain.pass(400);
    brain.forget();
    brain.hear(suspect('me', 9, 'b'), alive('me', 9, '10.0.0.1'));
    brain.hear({ type: 'ping', seqNo: 4, node: 'me', sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: '' });
    brain.pass(20_000);
    expect(brain.sentOf('ack').map(({ seqNo }) => seqNo)).to.deep.equal([4]);
    expect(brain.incarnation).to.equal(1);
    expect(brain.sentOf('alive').filter(({ node }) => node === 'me')).to.deep.equal([]);
    expect(brain.events).to.deep.equal([]);
    expect(brain.requests).to.deep.equal([]);
  });
});
