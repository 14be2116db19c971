import { expect } from 'chai';
import * as fc from 'fast-check';
import { decodeDirectoryMessage, encodeDirectoryMessage, type DirectoryMessage } from '../../../src/actors/agents/directory-wire.ts';
import { MeshError } from '../../../src/errors.ts';

const agent = fc.record({
  id: fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/),
  program: fc.stringMatching(/^[ -~]{0,128}$/),
  connectedAtMs: fc.nat(),
  isConnected: fc.boolean(),
  ratePerS: fc.nat(),
  records: fc.nat(),
  seenAgoMs: fc.nat(),
});
const agents = fc.array(agent, { maxLength: 5 });
const message: fc.Arbitrary<DirectoryMessage> = fc.oneof(
  fc.record({ kind: fc.constant('changes' as const), agents }),
  fc.record({ kind: fc.constant('sweep' as const), after: fc.string(), upTo: fc.option(fc.string(), { nil: null }), agents }),
  fc.record({
    kind: fc.constant('command' as const),
    agent: fc.string(),
    order: fc.record({ command: fc.string(), name: fc.string(), arguments: fc.array(fc.string()), timeoutMs: fc.nat() }),
  }),
  fc.record({ kind: fc.constant('answer' as const), command: fc.string(), answer: fc.record({ ok: fc.boolean(), output: fc.string() }) }),
);

/** Later than any date that is tried here. */
const WALL_NOW = 2 ** 41;

const decodeJson = (value: unknown): DirectoryMessage | undefined => decodeDirectoryMessage(Buffer.from(JSON.stringify(value)), WALL_NOW);

describe('what directories say to each other', () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(message, (said) => void expect(decodeDirectoryMessage(encodeDirectoryMessage(said), WALL_NOW)).to.deep.equal(said)));
  });

  it('carries a fault with its code and what to do', () => {
    const fault = new MeshError('AGENT_OFFLINE', 'gone', { given: 'a1', todo: 'wait' });
    const read = decodeDirectoryMessage(encodeDirectoryMessage({ kind: 'answer', command: 'c1', answer: fault }), WALL_NOW);
    expect(read).to.have.property('kind', 'answer');
    expect(read).to.have.property('answer').that.is.instanceOf(MeshError).and.includes({ code: 'AGENT_OFFLINE', message: 'gone', given: 'a1', expected: undefined, todo: 'wait' });
  });

  it('is never a throw, whatever comes', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void expect(decodeDirectoryMessage(bytes, WALL_NOW)).to.equal(undefined)));
    fc.assert(fc.property(fc.json(), (text) => void expect(decodeDirectoryMessage(Buffer.from(text), WALL_NOW)).to.equal(undefined)));
  });

  const good = { id: 'a1', program: '', connectedAtMs: 1, isConnected: true, ratePerS: 0, records: 0, seenAgoMs: 0 };
  const bad: [string, unknown][] = [
    ['an id that would need quoting on a terminal', { ...good, id: 'a\u001b[2J' }],
    ['a program with control characters', { ...good, program: 'x\n' }],
    ['a negative count', { ...good, records: -1 }],
    ['a date that has no next one', { ...good, connectedAtMs: 2 ** 53 }],
    ['half a millisecond', { ...good, connectedAtMs: 0.5 }],
    ['a date more than a day ahead', { ...good, connectedAtMs: WALL_NOW + 86_400_001 }],
    ['a missing field', { ...good, ratePerS: undefined }],
  ];
  for (const [what, entry] of bad) {
    it(`is refused with ${what}`, () => {
      expect(decodeJson({ kind: 'changes', agents: [good] })).to.not.equal(undefined);
      expect(decodeJson({ kind: 'changes', agents: [good, entry] })).to.equal(undefined);
    });
  }

  it('may be dated a day ahead: clocks differ', () => {
    expect(decodeJson({ kind: 'changes', agents: [{ ...good, connectedAtMs: WALL_NOW + 86_400_000 }] })).to.not.equal(undefined);
  });

  it('is refused with more agents than one message may have', () => {
    const many = (count: number): unknown => ({ kind: 'changes', agents: Array.from({ length: count }, () => good) });
    expect(decodeJson(many(500))).to.not.equal(undefined);
    expect(decodeJson(many(501))).to.equal(undefined);
  });

  it('is refused with a code that is not in the catalogue', () => {
    expect(decodeJson({ kind: 'answer', command: 'c1', answer: { code: 'NONSENSE', message: 'x' } })).to.equal(undefined);
  });
});
