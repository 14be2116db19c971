import { expect } from 'chai';
import { LocalHealth } from '../../../src/actors/membership/local-health.ts';
import { VSN } from '../../../src/actors/membership/version-vector.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { alive, brainKnowing, hostOf, nameOf, suspect, type BrainUnderTest } from './brain-under-test.ts';

const ack = (seqNo: number): { type: 'ack'; seqNo: number; payload: Uint8Array } => ({ type: 'ack', seqNo, payload: NO_BYTES });
const healthOf = (brain: BrainUnderTest): object => brain.brain.view.localHealth;
const scoreOf = (brain: BrainUnderTest): number => brain.brain.view.localHealth.score;

/** Time passes, and this node stands still in it: what fell due fires late, as the loop turns again. */
function standStill(brain: BrainUnderTest, ms: number): void {
  const { tell } = brain;
  const late: Parameters<typeof tell>[0][] = [];
  brain.tell = (input) => void late.push(input);
  brain.pass(ms);
  brain.tell = tell;
  for (const input of late) brain.tell(input);
}

/** Until the ping of the next round is out; its number. */
function nextRound(brain: BrainUnderTest): { readonly seqNo: number; readonly node: string } {
  brain.forget();
  for (let waited = 0; waited < 10_000; waited += 10) {
    brain.pass(10);
    const ping = brain.sentOf('ping').find(({ sourceNode }) => sourceNode === 'me');
    if (ping !== undefined) return ping;
  }
  throw new Error('no round');
}

describe('local health', () => {
  it('scores from 0 to 7, as memberlist does, and slows the node down by as much', () => {
    const health = new LocalHealth(8);
    health.relieve();
    expect(health.view).to.deep.equal({ score: 0, max: 7 });
    expect(health.scale(500)).to.equal(500);
    health.strain('missed-nacks', 3);
    expect(health.view).to.deep.equal({ score: 3, max: 7, strain: 'missed-nacks' });
    expect(health.scale(500)).to.equal(2_000);
    for (let i = 0; i < 9; i++) health.strain('accused');
    expect(health.score).to.equal(7);
    for (let i = 0; i < 7; i++) health.relieve();
    expect(health.view).to.deep.equal({ score: 0, max: 7 });
  });

  it('stays at 0 in a node that is not to doubt itself', () => {
    const health = new LocalHealth(1);
    health.strain('late-loop');
    expect(health.score).to.equal(0);
  });

  it('is strained by every refutation, and relieved by every answered probe', () => {
    const brain = brainKnowing(4);
    brain.acks = () => true;
    brain.hear(suspect('me', 1, 'b'));
    expect(healthOf(brain)).to.deep.equal({ score: 1, max: 7, strain: 'accused' });
    brain.pass(3_000);
    expect(healthOf(brain)).to.deep.equal({ score: 0, max: 7 });
  });

  it('is strained by a probe that nobody answers when there was nobody to ask for a nack', () => {
    const brain = brainKnowing(1);
    nextRound(brain);
    brain.pass(1_000);
    expect(healthOf(brain)).to.deep.equal({ score: 1, max: 7, strain: 'missed-acks' });
  });

  it('makes the next rounds longer, and the wait for the ack in them', () => {
    const brain = brainKnowing(4);
    // One more than is left when the first round begins.
    for (let i = 1; i <= 4; i++) brain.hear(suspect('me', i, 'b'));
    nextRound(brain);
    // This round, begun at a score of 3, takes four times as long.
    brain.pass(1_990);
    expect(brain.sentOf('indirectPing')).to.deep.equal([]);
    brain.pass(20);
    expect(brain.sentOf('indirectPing')).to.have.length(3);
    expect(brain.requests[0]).to.include({ timeoutMs: 3_000 });
    brain.pass(1_900);
    expect(brain.events).to.deep.equal([]);
    brain.pass(200);
    expect(brain.events.map(({ type }) => type)).to.deep.equal(['suspect']);
  });
});

describe('nacks', () => {
  it('are asked for of those alone that understand protocol 4', () => {
    const brain = brainKnowing(3);
    const old = VSN.slice();
    old[1] = 3;
    brain.hear(alive('old', 1, '10.0.0.50', { vsn: old }));
    brain.pass(10_000);
    const asked = brain.sent.flatMap(({ to, message }) => (message.type === 'indirectPing' ? [{ to, nack: message.nack }] : []));
    expect(asked.filter(({ to }) => to === '10.0.0.50').map(({ nack }) => nack)).to.include(false).and.to.not.include(true);
    expect(asked.filter(({ to }) => to !== '10.0.0.50').map(({ nack }) => nack)).to.include(true).and.to.not.include(false);
  });

  it('that all come leave the score alone: this node hears well, and the other is gone', () => {
    const brain = brainKnowing(5);
    const { seqNo, node } = nextRound(brain);
    brain.acks = (member) => member !== node;
    brain.pass(950);
    for (let i = 0; i < 3; i++) brain.hear({ type: 'nack', seqNo });
    brain.pass(600);
    expect(brain.status(node)).to.equal('suspect');
    expect(scoreOf(brain)).to.equal(0);
  });

  it('that come as late as those of memberlist’s relays count too', () => {
    const brain = brainKnowing(5);
    const { seqNo, node } = nextRound(brain);
    brain.acks = (member) => member !== node;
    brain.pass(1_100);
    for (let i = 0; i < 3; i++) brain.hear({ type: 'nack', seqNo });
    brain.pass(450);
    expect(scoreOf(brain)).to.equal(0);
  });

  it('that are missing raise the score by one each', () => {
    const brain = brainKnowing(5);
    const { seqNo, node } = nextRound(brain);
    brain.acks = (member) => member !== node;
    brain.pass(950);
    brain.hear({ type: 'nack', seqNo });
    brain.pass(560);
    expect(healthOf(brain)).to.deep.equal({ score: 2, max: 7, strain: 'missed-nacks' });
  });

  it('are not missed when the ack came after all', () => {
    const brain = brainKnowing(5);
    const { seqNo } = nextRound(brain);
    brain.acks = () => true;
    brain.pass(900);
    brain.hear(ack(seqNo));
    brain.pass(700);
    expect(scoreOf(brain)).to.equal(0);
    expect(brain.events).to.deep.equal([]);
  });

  it('of another number, doubled or uncalled for change nothing', () => {
    const brain = brainKnowing(5);
    brain.hear({ type: 'nack', seqNo: 1 });
    const { seqNo } = nextRound(brain);
    brain.pass(600);
    for (let i = 0; i < 9; i++) brain.hear({ type: 'nack', seqNo });
    brain.hear({ type: 'nack', seqNo: seqNo + 1 });
    brain.pass(1_000);
    expect(scoreOf(brain)).to.equal(0);
    expect(brain.dropped).to.deep.equal({});
  });
});

describe('a node whose own loop stood still', () => {
  it('does not accuse the member it was probing: the ack waits at its door', () => {
    const brain = brainKnowing(3);
    const { seqNo } = nextRound(brain);
    brain.acks = () => true;
    standStill(brain, 5_000);
    brain.hear(ack(seqNo));
    brain.pass(2_000);
    expect(brain.events).to.deep.equal([]);
  });

  it('accuses all the same who has not answered a round later', () => {
    const brain = brainKnowing(3);
    const { node } = nextRound(brain);
    standStill(brain, 5_000);
    brain.acks = (member) => member !== node;
    brain.pass(900);
    expect(brain.events).to.deep.equal([]);
    brain.pass(200);
    expect(brain.events).to.have.length(1);
    expect(brain.events[0]).to.deep.include({ type: 'suspect', member: node, incarnation: 1, accuser: 'me', reason: 'no-ack' });
  });

  it('buries nobody before it has read what came meanwhile', () => {
    const brain = brainKnowing(4);
    brain.acks = () => true;
    brain.hear(suspect('b', 1, 'c'));
    brain.hear(suspect('b', 1, 'd'));
    brain.hear(suspect('b', 1, 'e'));
    brain.pass(1_000);
    standStill(brain, 5_000);
    expect(brain.status('b')).to.equal('suspect');
    brain.hear(alive('b', 2, hostOf(0)));
    brain.pass(60_000);
    expect(brain.status('b')).to.equal('alive');
  });

  it('buries who does not refute by as much later', () => {
    const brain = brainKnowing(4);
    brain.acks = (member) => member !== 'b';
    for (const accuser of ['c', 'd', 'e']) brain.hear(suspect('b', 1, accuser));
    brain.pass(1_000);
    standStill(brain, 5_000);
    brain.pass(2_500);
    expect(brain.status('b')).to.equal('suspect');
    brain.pass(5_600);
    expect(brain.status('b')).to.equal('dead');
  });

  it('says that it does not trust itself, and why, until it has kept time for a while', () => {
    const brain = brainKnowing(3);
    brain.acks = () => true;
    standStill(brain, 600);
    expect(healthOf(brain)).to.deep.equal({ score: 1, max: 7, strain: 'late-loop' });
    brain.pass(5_000);
    expect(healthOf(brain)).to.deep.equal({ score: 0, max: 7 });
  });

  it('is not late for a moment that a full loop takes', () => {
    const brain = brainKnowing(3);
    brain.acks = () => true;
    for (let i = 0; i < 20; i++) {
      standStill(brain, 240);
      brain.pass(10);
    }
    expect(scoreOf(brain)).to.equal(0);
  });

  it('recovers also when it knows nobody to probe', () => {
    const brain = brainKnowing(0);
    standStill(brain, 3_000);
    expect(scoreOf(brain)).to.equal(1);
    brain.pass(4_000);
    expect(scoreOf(brain)).to.equal(0);
  });

  it('that is late all the time still finds the dead', () => {
    const brain = brainKnowing(2);
    for (let i = 0; i < 300 && brain.status(nameOf(0)) !== 'dead'; i++) standStill(brain, 600);
    expect(brain.status(nameOf(0))).to.equal('dead');
  });
});
