import { expect } from 'chai';
import { encodeMessage, type NodeState } from '../../../src/actors/membership/wire/messages.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { MEMBERS_MAX } from '../../../src/actors/membership/wire/stream.ts';
import { BrainUnderTest, addressOfHost, alive, dead, pushPull, stateOf } from './brain-under-test.ts';

const MANY = MEMBERS_MAX - 1;
/** What one message may hold the loop for. Anything that looks at all members for each takes minutes here. */
const PATIENCE_MS = 2_000;

function hostOfMany(i: number): string {
  return `10.1.${i >> 8}.${i & 0xff}`;
}

function states(count: number, state: Parameters<typeof stateOf>[3], incarnation = 1, hostOf = hostOfMany): NodeState[] {
  return Array.from({ length: count }, (_, i) => stateOf(`m${i}`, incarnation, hostOf(i), state));
}

function expectSwift(what: string, act: () => void): void {
  const startedAt = performance.now();
  act();
  expect(performance.now() - startedAt, what).to.be.below(PATIENCE_MS);
}

describe('as many members as there may be', () => {
  it('are known, suspected, cleared and gone, each in one push/pull, while the loop hardly waits', () => {
    const { brain } = new BrainUnderTest();
    const tell = (what: string, ...told: NodeState[]): void => expectSwift(what, () => void brain.handle({ kind: 'request', request: pushPull(...told) }, 10));
    tell('alive', ...states(MANY, 'alive'));
    tell('suspect', ...states(MANY, 'suspect'));
    tell('refuted', ...states(MANY, 'alive', 2));
    tell('suspect again', ...states(MANY, 'suspect', 2));
    tell('half of them left', ...states(MANY / 2, 'left', 2));
    tell('all of them left', ...states(MANY, 'left', 2));
    expect(brain.members.filter(({ status }) => status === 'left')).to.have.length(MANY);
    tell('one comes and goes', ...Array.from({ length: MANY }, (_, i) => stateOf('m0', 3 + (i >> 1), hostOfMany(0), i % 2 === 0 ? 'alive' : 'left')));
  });

  it('that are all at one address do not make packets dear', () => {
    const { brain } = new BrainUnderTest();
    brain.handle({ kind: 'request', request: pushPull(...states(MANY, 'alive', 1, () => '10.1.0.0')) }, 10);
    const packet = encodeMessage({ type: 'ack', seqNo: 1, payload: NO_BYTES });
    expectSwift('a thousand packets', () => {
      for (let i = 0; i < 1_000; i++) brain.handle({ kind: 'packet', packet, from: addressOfHost(99) }, 10);
    });
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
