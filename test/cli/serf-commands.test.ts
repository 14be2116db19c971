import { expect } from 'chai';
import { formatHeard, formatQueryItem, heardLine, queryLine } from '../../src/cli/format-serf.ts';
import type { HeardItem__Output } from '../../src/transport/generated/omega/mesh/v1/HeardItem.ts';
import { FakeProcess } from './fake-process.ts';

const EVENT = { event: { lTime: 4, name: 'deploy', payload: Buffer.from('v1\n'), coalesce: true } } as HeardItem__Output;
const QUERY = { query: { lTime: 4, id: 9, name: 'load', payload: Buffer.from([0xff, 0]), from: 'b', timeoutMs: 100 } } as HeardItem__Output;

describe('events and queries that come', () => {
  it('are a line each', () => {
    expect([EVENT, QUERY].map((item) => formatHeard(heardLine(item)))).to.deep.equal(['event deploy: v1', 'query of b load: /wA= (base64)']);
    expect(heardLine(EVENT)).to.deep.equal({ type: 'event', lTime: 4, name: 'deploy', coalesce: true, payload: 'v1\n' });
    expect(heardLine(QUERY)).to.deep.equal({ type: 'query', lTime: 4, id: 9, name: 'load', from: 'b', timeoutMs: 100, payloadBase64: '/wA=' });
  });

  it('show no control characters of others', () => {
    const item = { event: { ...EVENT.event!, name: '\u001b[31mred', payload: Buffer.from('a\u0007b') } } as HeardItem__Output;
    const line = formatHeard(heardLine(item));
    expect(['\u001b', '\u0007'].filter((control) => line.includes(control))).to.deep.equal([]);
  });

  it('are answered in lines too', () => {
    const lines = [{ ack: { from: 'b' } }, { response: { from: 'b', payload: Buffer.from('0.5\n') } }, { over: { acks: 1, responses: 1 } }];
    expect(lines.map((item) => formatQueryItem(queryLine({ ack: null, response: null, over: null, ...item })))).to.deep.equal(['b has heard', 'b answers: 0.5', '1 have heard, 1 have answered']);
  });
});

describe('the commands of events and tags', () => {
  let fake: FakeProcess;
  beforeEach(() => void (fake = new FakeProcess()));
  afterEach(() => fake.remove());

  it('send what was typed', async () => {
    const sent: unknown[] = [];
    fake.answerAsNode({
      sendUserEvent: (request) => Promise.resolve({}).finally(() => sent.push(request)),
      changeTags: (request) => Promise.resolve({ tags: { b: '2', a: '1=1' } }).finally(() => sent.push(request)),
    });
    expect(await fake.mesh('event', 'deploy', 'v1', '--coalesce')).to.include({ exitCode: 0, stdout: 'sent deploy\n' });
    expect(await fake.mesh('tags', 'set', 'a=1=1', 'b=2')).to.include({ exitCode: 0, stdout: 'a=1=1\nb=2\n' });
    await fake.mesh('tags', 'delete', 'c', 'd');
    expect(sent).to.deep.equal([
      { name: 'deploy', payload: Buffer.from('v1'), coalesce: true },
      { set: { a: '1=1', b: '2' }, remove: [] },
      { set: {}, remove: ['c', 'd'] },
    ]);
  });

  it('refuse what is no event, no tag, no time', async () => {
    fake.answerAsNode({});
    for (const [words, what] of [
      [['event'], 'an event needs a name'],
      [['tags', 'set', 'a'], 'a tag is "a"'],
      [['query', 'load', '--timeout', 'soon'], '--timeout is "soon"'],
      [['query', 'load', '--tag', '=x'], '--tag is "=x"'],
      [['query', 'load', '--relay', '9'], '--relay is "9"'],
    ] as const) {
      const { exitCode, stderr } = await fake.mesh(...words);
      expect([exitCode, stderr]).to.satisfy(([code, text]: [number, string]) => code === 2 && text.includes(what), stderr);
    }
  });
});
