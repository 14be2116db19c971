import { expect } from 'chai';
import { encodeMessage, type NodeState } from '../../../src/actors/membership/wire/messages.ts';
import { NO_BYTES } from '../../../src/actors/membership/wire/msgpack.ts';
import { MEMBERS_MAX } from '../../../src/actors/membership/wire/stream.ts';
import { BrainUnderTest, STATE, addressOfHost, pushPull, stateOf } from './brain-under-test.ts';

const MANY = MEMBERS_MAX - 1;
/** What one message may hold the loop for. Anything that looks at all members for each takes minutes here. */
const PATIENCE_MS = 2_000;

function hostOfMany(i: number): string {
  return `10.1.${i >> 8}.${i & 0xff}`;
}

function states(count: number, state: keyof typeof STATE, incarnation = 1): NodeState[] {
  return Array.from({ length: count }, (_, i) => stateOf(`m${i}`, incarnation, hostOfMany(i), state));
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
    const atOne = states(MANY, 'alive').map((state) => ({ ...state, addr: Uint8Array.of(10, 1, 0, 0) }));
    brain.handle({ kind: 'request', request: pushPull(...atOne) }, 10);
    const packet = encodeMessage({ type: 'ack', seqNo: 1, payload: NO_BYTES });
    expectSwift('a thousand packets', () => {
      for (let i = 0; i < 1_000; i++) brain.handle({ kind: 'packet', packet, from: addressOfHost(99) }, 10);
    });
  });
});
