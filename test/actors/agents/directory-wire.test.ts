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

const decodeJson = (value: unknown): DirectoryMessage | undefined => decodeDirectoryMessage(Buffer.from(JSON.stringify(value)));

describe('what directories say to each other', () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(message, (said) => void expect(decodeDirectoryMessage(encodeDirectoryMessage(said))).to.deep.equal(said)));
  });

  it('carries a fault with its code and what to do', () => {
    const fault = new MeshError('AGENT_OFFLINE', 'gone', { given: 'a1', todo: 'wait' });
    const read = decodeDirectoryMessage(encodeDirectoryMessage({ kind: 'answer', command: 'c1', answer: fault }));
    expect(read).to.have.property('kind', 'answer');
    expect(read).to.have.property('answer').that.is.instanceOf(MeshError).and.includes({ code: 'AGENT_OFFLINE', message: 'gone', given: 'a1', expected: undefined, todo: 'wait' });
  });

  it('is never a throw, whatever comes', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void expect(decodeDirectoryMessage(bytes)).to.equal(undefined)));
    fc.assert(fc.property(fc.json(), (text) => void expect(decodeDirectoryMessage(Buffer.from(text))).to.equal(undefined)));
  });

  const good = { id: 'a1', program: '', connectedAtMs: 1, isConnected: true, ratePerS: 0, records: 0, seenAgoMs: 0 };
  const bad: [string, unknown][] = [
    ['an id that would need quoting on a terminal', { ...good, id: 'a\u001b[2J' }],
    ['a program with control characters', { ...good, program: 'x\n' }],
    ['a negative count', { ...good, records: -1 }],
    ['a missing field', { ...good, ratePerS: undefined }],
  ];
  for (const [what, entry] of bad) {
    it(`is refused with ${what}`, () => {
      expect(decodeJson({ kind: 'changes', agents: [good] })).to.not.equal(undefined);
      expect(decodeJson({ kind: 'changes', agents: [good, entry] })).to.equal(undefined);
    });
  }

  it('is refused with more agents than one message may have', () => {
    const many = (count: number): unknown => ({ kind: 'changes', agents: Array.from({ length: count }, () => good) });
    expect(decodeJson(many(500))).to.not.equal(undefined);
    expect(decodeJson(many(501))).to.equal(undefined);
  });

  it('is refused with a code that is not in the catalogue', () => {
    expect(decodeJson({ kind: 'answer', command: 'c1', answer: { code: 'NONSENSE', message: 'x' } })).to.equal(undefined);
  });
});
