import { expect } from 'chai';
import type { QueryOrder } from '../../../../src/actors/membership/serf/serf-effects.ts';
import { encodeFilters, isMeant } from '../../../../src/actors/membership/serf/query-filter.ts';
import { decodeSerf, encodeSerf, type Query, type SerfMessage } from '../../../../src/actors/membership/serf/serf-messages.ts';
import { ipBytes } from '../../../../src/actors/membership/wire/ip-address.ts';
import { alive, hostOf } from '../brain-under-test.ts';
import { SerfUnderTest } from './serf-under-test.ts';

const NONE = new Uint8Array(0);

/** From b, who wants an ack. */
function query(more: Partial<Query> = {}): Query {
  const asked = { lTime: 5, id: 77, addr: ipBytes(hostOf(0)), port: 7946, sourceNode: 'b', filters: [], flags: 1, relayFactor: 0, timeoutNs: 2e9, name: 'load', payload: NONE };
  return { type: 'query', ...asked, ...more };
}

const ORDER: QueryOrder = { name: 'load', payload: NONE, nodes: [], tags: {}, wantsAck: true, relayFactor: 0, timeoutMs: 1_000 };

function response(from: string, flags: number, { lTime, id }: { lTime: number; id: number }, payload = NONE): SerfMessage {
  return { type: 'queryResponse', lTime, id, from, flags, payload };
}

describe('a query of another node', () => {
  it('is acked straight to it and told to programs, once, and passed on', () => {
    const serf = new SerfUnderTest();
    serf.hear(query());
    serf.hear(query());
    expect(serf.saidTo('queryResponse')).to.deep.equal([hostOf(0)]);
    expect(serf.said('queryResponse')).to.deep.equal([response('me', 1, query())]);
    expect(serf.brain.news).to.deep.equal([{ type: 'query', lTime: 5, id: 77, name: 'load', payload: NONE, from: 'b', timeoutMs: 2_000 }]);
    serf.brain.pass(1_000);
    expect(serf.said('query')).to.have.length(1);
  });

  it('whose asker nobody here knows is not answered, but for one that contests a name: that is told where its member is, once in ten seconds', () => {
    const serf = new SerfUnderTest();
    const elsewhere = { addr: ipBytes('10.0.0.66'), sourceNode: 'c', flags: 0 };
    const ask = (id: number, more: Partial<Query> = {}): void => serf.hear(query({ id, name: '_serf_conflict', payload: Buffer.from('c'), ...elsewhere, ...more }));
    ask(1, { name: '_serf_list-keys' });
    ask(2, { payload: Buffer.from('b') });
    ask(3, { sourceNode: 'z', payload: Buffer.from('z') });
    expect(serf.saidTo('queryResponse')).to.deep.equal([]);
    ask(4);
    ask(5);
    expect(serf.saidTo('queryResponse')).to.deep.equal(['10.0.0.66']);
    serf.brain.pass(10_000);
    ask(6);
    expect(serf.saidTo('queryResponse')).to.deep.equal(['10.0.0.66', '10.0.0.66']);
  });

  it('that an earlier life has heard is neither answered nor passed on again', () => {
    const serf = new SerfUnderTest(3, { keptClocks: { member: 1, event: 1, query: 6 } });
    serf.hear(query());
    serf.brain.pass(1_000);
    expect([serf.said('queryResponse'), serf.said('query'), serf.brain.news]).to.deep.equal([[], [], []]);
    serf.hear(query({ lTime: 6 }));
    expect(serf.said('queryResponse')).to.have.length(1);
  });

  it('is not passed on when it says so', () => {
    const serf = new SerfUnderTest();
    serf.hear(query({ flags: 3 }));
    serf.brain.pass(1_000);
    expect([serf.said('query'), serf.brain.news.length]).to.deep.equal([[], 1]);
  });

  it('is answered once, as long as its time is not up', () => {
    const serf = new SerfUnderTest();
    const answer = (words: string, lTime = 5): void => serf.brain.tell({ kind: 'order', order: { kind: 'answer', lTime, id: 77, payload: Buffer.from(words) } });
    serf.hear(query({ flags: 0 }));
    answer('0.5');
    answer('0.6');
    serf.hear(query({ flags: 0, lTime: 6 }));
    serf.brain.pass(2_000);
    answer('late', 6);
    expect(serf.brain.outcomes).to.deep.equal(['done', 'over', 'over']);
    expect(serf.said('queryResponse').map((each) => Buffer.from(each.payload).toString())).to.deep.equal(['0.5']);
  });

  it('is answered through as many others as it wants', () => {
    const serf = new SerfUnderTest(5);
    serf.hear(query({ relayFactor: 2 }));
    const relays = serf.said('relay');
    expect([serf.saidTo('relay').length, serf.saidTo('relay').includes(hostOf(0))]).to.deep.equal([2, false]);
    expect(decodeSerf(relays[0]!.message)).to.include({ type: 'queryResponse', from: 'me', flags: 1 });
  });

  it('that gives an address of no member is not answered there', () => {
    const serf = new SerfUnderTest();
    serf.hear(query({ addr: ipBytes('203.0.113.9') }));
    expect(serf.said('queryResponse')).to.deep.equal([]);
    expect(serf.brain.dropped).to.deep.equal({ 'answer-to-stranger': 1 });
  });

  it('to those that it is not for is only passed on', () => {
    const serf = new SerfUnderTest();
    serf.hear(query({ filters: encodeFilters({ nodes: ['b', 'c'], tags: {} }) }));
    serf.brain.pass(1_000);
    expect([serf.said('queryResponse'), serf.brain.news, serf.said('query').length]).to.deep.equal([[], [], 1]);
  });

  it('whose name is the nodes\' own reaches no program: who is there acks', () => {
    const serf = new SerfUnderTest();
    serf.hear(query({ name: '_serf_ping' }));
    expect([serf.said('queryResponse').length, serf.brain.news]).to.deep.equal([1, []]);
  });

  it('about whose a name is is answered with where that member is, unless it is this one', () => {
    const serf = new SerfUnderTest();
    serf.hear(query({ name: '_serf_conflict', flags: 0, payload: Buffer.from('c') }));
    serf.hear(query({ name: '_serf_conflict', flags: 0, lTime: 6, payload: Buffer.from('me') }));
    const [answer, ...others] = serf.said('queryResponse');
    expect(others).to.deep.equal([]);
    expect([answer!.payload[0], Buffer.from(answer!.payload).includes(Buffer.from(ipBytes(hostOf(1))))]).to.deep.equal([6, true]);
  });

  it('to another is brought back to it by this node, when it is a member', () => {
    const serf = new SerfUnderTest();
    const message = encodeSerf(response('d', 0, query()));
    const relay = (host: string): void => serf.hear({ type: 'relay', destination: { addr: ipBytes(host), port: 7946, zone: '' }, name: 'b', message });
    relay(hostOf(0));
    relay('203.0.113.9');
    expect(serf.saidTo('queryResponse')).to.deep.equal([hostOf(0)]);
    expect(serf.brain.dropped).to.deep.equal({ 'answer-to-stranger': 1 });
  });
});

describe('a query of this node', () => {
  it('tells of each ack and each answer once, and of its end with their number', () => {
    const serf = new SerfUnderTest();
    serf.brain.tell({ kind: 'order', order: { kind: 'ask', asker: 'x', query: ORDER } });
    serf.brain.pass(300);
    const [asked] = serf.said('query');
    expect(asked).to.include({ name: 'load', sourceNode: 'me', timeoutNs: 1e9, flags: 1 });
    for (let i = 0; i < 2; i++) {
      serf.hear(response('b', 1, asked!));
      serf.hear(response('b', 0, asked!, Buffer.from('0.5')));
    }
    serf.hear(response('c', 1, { lTime: asked!.lTime, id: asked!.id + 1 }));
    serf.brain.pass(700);
    serf.hear(response('d', 1, asked!));
    // It is for this node too.
    const told = serf.brain.news.filter(({ type }) => type !== 'query').map((news) => ('from' in news ? `${news.type} ${news.from}` : news));
    expect(told).to.deep.equal(['ack me', 'ack b', 'response b', { type: 'over', asker: 'x', acks: 2, responses: 1, members: 4 }]);
    expect(serf.brain.dropped).to.deep.equal({ 'late-response': 2 });
  });

  it('waits as long as answers may take in a mesh of this size when it is not told how long', () => {
    const serf = new SerfUnderTest(20);
    serf.brain.tell({ kind: 'order', order: { kind: 'ask', asker: 'x', query: { ...ORDER, timeoutMs: undefined } } });
    const isOver = (): boolean => serf.brain.news.some(({ type }) => type === 'over');
    serf.brain.pass(2 * 16 * 200 - 1);
    expect(isOver()).to.equal(false);
    serf.brain.pass(1);
    expect(isOver()).to.equal(true);
  });

  it('is refused when it is too large, or too many are open', () => {
    const serf = new SerfUnderTest();
    const ask = (payload: Uint8Array): void => serf.brain.tell({ kind: 'order', order: { kind: 'ask', asker: 'x', query: { ...ORDER, payload } } });
    ask(new Uint8Array(1_024));
    for (let i = 0; i < 257; i++) ask(NONE);
    expect([serf.brain.outcomes[0], serf.brain.outcomes.at(-2), serf.brain.outcomes.at(-1)]).to.deep.equal(['too-large', 'done', 'too-many']);
  });
});

describe('the filters of a query', () => {
  const self = { name: 'web-1', tags: { role: 'web', zone: 'eu-1' } };
  const meant = (nodes: string[], tags: Record<string, string>): boolean => isMeant(encodeFilters({ nodes, tags }), self);

  it('must all let a node through', () => {
    expect(meant([], {})).to.equal(true);
    expect(meant(['a', 'web-1'], { role: '^web$', zone: 'eu' })).to.equal(true);
    expect([meant(['a'], {}), meant([], { role: '^we$' }), meant(['web-1'], { role: 'db' })]).to.deep.equal([false, false, false]);
  });

  it('take a tag that is not there for an empty one', () => {
    expect([meant([], { none: '^$' }), meant([], { none: '.' }), meant([], { constructor: 'native' })]).to.deep.equal([true, false, false]);
  });

  it('let nobody through when they cannot be read', () => {
    for (const filter of [[], [0], [1, 0xc1], [7, 0x90], [0, 0x91, 0xc3]]) expect(isMeant([Uint8Array.from(filter)], self)).to.equal(false);
    expect(meant([], { role: '(' })).to.equal(false);
  });

  it('are matched in a time that grows with their length only', () => {
    const tags = { role: `${'a'.repeat(500)}!` };
    const startedAt = performance.now();
    expect(isMeant(encodeFilters({ nodes: [], tags: { role: '^(a+)+$' } }), { name: 'x', tags })).to.equal(false);
    expect(performance.now() - startedAt).to.be.below(5_000);
  });
});

describe('what a new member is told', () => {
  it('reaches it at once, though its intent came first', () => {
    const serf = new SerfUnderTest();
    serf.brain.hear(alive('z', 1, '10.0.0.60'));
    serf.hear(query({ addr: ipBytes('10.0.0.60'), sourceNode: 'z' }));
    expect(serf.saidTo('queryResponse')).to.deep.equal(['10.0.0.60']);
  });
});
