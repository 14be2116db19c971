import { expect } from 'chai';
import { encodeMessage, type NodeState } from '../../../src/actors/membership/wire/messages.ts';
import { MEMBERS_MAX } from '../../../src/actors/membership/wire/stream.ts';
import { BrainUnderTest, addressOfHost, alive, dead, ping, pushPull, stateOf } from './brain-under-test.ts';

const MANY = MEMBERS_MAX - 1;
/** Generous: how fast it is, the bench says. Anything that looks at all members for each takes minutes here. */
const TIMEOUT_MS = 60_000;

function hostOfMany(i: number): string {
  return `10.1.${i >> 8}.${i & 0xff}`;
}

function states(count: number, state: Parameters<typeof stateOf>[3], incarnation = 1, hostOf = hostOfMany): NodeState[] {
  return Array.from({ length: count }, (_, i) => stateOf(`m${i}`, incarnation, hostOf(i), state));
}

describe('as many members as there may be', function () {
  this.timeout(TIMEOUT_MS);

  it('are known, suspected, cleared and gone, each in one push/pull, in work that grows with their number only', () => {
    const { brain } = new BrainUnderTest();
    const tell = (...told: NodeState[]): void => void brain.handle({ kind: 'request', request: pushPull(...told) }, 10);
    const count = (status: string): number => brain.members.filter((member) => member.status === status).length;
    tell(...states(MANY, 'alive'));
    expect(count('alive')).to.equal(MANY + 1);
    tell(...states(MANY, 'suspect'));
    tell(...states(MANY, 'alive', 2));
    expect(count('alive')).to.equal(MANY + 1);
    tell(...states(MANY, 'suspect', 2));
    tell(...states(MANY / 2, 'left', 2));
    tell(...states(MANY, 'left', 2));
    expect(count('left')).to.equal(MANY);
    tell(...Array.from({ length: MANY }, (_, i) => stateOf('m0', 3 + (i >> 1), hostOfMany(0), i % 2 === 0 ? 'alive' : 'left')));
    expect(count('alive')).to.equal(2);
  });

  it('that are all at one address do not make packets dear', () => {
    const { brain } = new BrainUnderTest();
    brain.handle({ kind: 'request', request: pushPull(...states(MANY, 'alive', 1, () => '10.1.0.0')) }, 10);
    const packet = encodeMessage(ping(1, ''));
    for (let i = 0; i < 20_000; i++) brain.handle({ kind: 'packet', packet, from: addressOfHost(99) }, 10);
  });
});

describe('claims of a name that is taken', () => {
  it('are said once a minute for each name, wherever they come from', () => {
    const brain = new BrainUnderTest();
    brain.hear(alive('b', 1, '10.0.0.2'));
    const claims = (): number => {
      brain.forget();
      for (let i = 3; i < 100; i++) brain.hear(alive('b', 1, `10.0.0.${i}`));
      return brain.events.filter(({ type }) => type === 'conflict').length;
    };
    brain.acks = () => true;
    expect([claims(), claims()]).to.deep.equal([1, 0]);
    brain.pass(60_000);
    expect([claims(), claims()]).to.deep.equal([1, 0]);
  });

  it('are forgotten with the member', () => {
    const brain = new BrainUnderTest();
    const contested = (): number => {
      brain.forget();
      brain.hear(alive('b', 1, '10.0.0.2'), alive('b', 1, '10.0.0.77'));
      return brain.events.filter(({ type }) => type === 'conflict').length;
    };
    expect(contested()).to.equal(1);
    brain.hear(dead('b', 1, 'b'));
    brain.pass(40_000);
    expect(brain.status('b')).to.equal(undefined);
    expect(contested()).to.equal(1);
  });
});
