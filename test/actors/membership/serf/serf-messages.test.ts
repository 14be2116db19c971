import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ORIGIN, decodeCoordinate, encodeCoordinate } from '../../../../src/actors/membership/serf/coordinate.ts';
import { encodeFilters } from '../../../../src/actors/membership/serf/query-filter.ts';
import { decodeSerf, decodeState, encodeSerf, encodeState, type SerfMessage } from '../../../../src/actors/membership/serf/serf-messages.ts';
import { encodeTags } from '../../../../src/actors/membership/wire/tags.ts';

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly hexFromSerf094?: string;
}

const VECTORS = (JSON.parse(readFileSync(new URL('../../../fixtures/serf-vectors.json', import.meta.url), 'utf8')) as { vectors: Vector[] }).vectors;

function bytesOf(name: string): Buffer {
  return Buffer.from(VECTORS.find((vector) => vector.name === name)!.hex, 'hex');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

const text = (words: string): Uint8Array => Buffer.from(words);
const NONE = new Uint8Array(0);

const MESSAGES: Readonly<Record<string, SerfMessage>> = {
  serf_leave: { type: 'leave', lTime: 5, node: 'n1', prune: false },
  serf_leave_prune: { type: 'leave', lTime: 5, node: 'n1', prune: true },
  serf_join: { type: 'join', lTime: 300, node: 'n1' },
  serf_user_event: { type: 'userEvent', lTime: 9, name: 'deploy', payload: text('v1.2'), coalesce: true },
  serf_user_event_nil: { type: 'userEvent', lTime: 9, name: 'deploy', payload: NONE, coalesce: false },
  serf_query_response: { type: 'queryResponse', lTime: 2, id: 0x12345678, from: 'n2', flags: 0, payload: text('ok') },
  serf_query_ack: { type: 'queryResponse', lTime: 2, id: 0x12345678, from: 'n2', flags: 1, payload: NONE },
};

describe("Serf's messages", () => {
  for (const [name, message] of Object.entries(MESSAGES)) {
    it(`${name} is written and read as real agents do`, () => {
      expect(hex(encodeSerf(message))).to.equal(hex(bytesOf(name)));
      const read = decodeSerf(bytesOf(name)) as SerfMessage & { payload?: Uint8Array };
      expect({ ...read, ...(read.payload === undefined ? {} : { payload: hex(read.payload) }) }).to.deep.equal({
        ...message,
        ...('payload' in message ? { payload: hex(message.payload) } : {}),
      });
    });
  }

  it('a query is read from either generation of agents, and written as the older does', () => {
    const { hex: newer, hexFromSerf094: older = '' } = VECTORS.find(({ name }) => name === 'serf_query_min')!;
    for (const form of [newer, older]) {
      expect(decodeSerf(Buffer.from(form, 'hex'))).to.deep.include({ type: 'query', lTime: 2, id: 7, port: 7946, name: 'load', timeoutNs: 1e9, filters: [], flags: 0 });
    }
    expect(hex(encodeSerf(decodeSerf(Buffer.from(older, 'hex')) as SerfMessage))).to.equal(older);
  });

  it('a time-out beyond four seconds takes eight bytes', () => {
    const query = { ...(decodeSerf(bytesOf('serf_query_min')) as Extract<SerfMessage, { type: 'query' }>), timeoutNs: 15e9 };
    expect(decodeSerf(encodeSerf(query))).to.include({ timeoutNs: 15e9 });
  });

  it('filters are written as agents write them', () => {
    expect(encodeFilters({ nodes: ['n1', 'n2'], tags: { role: '^web$' } }).map(hex)).to.deep.equal([hex(bytesOf('serf_filter_node')), hex(bytesOf('serf_filter_tag'))]);
  });

  it('what a push/pull carries is read, empty slots left out', () => {
    const state = decodeState(bytesOf('serf_pushpull'));
    if (typeof state === 'string') throw new Error(state);
    expect({ ...state, statusLTimes: [...state.statusLTimes] }).to.deep.include({ lTime: 12, eventLTime: 3, queryLTime: 2, leftMembers: ['n9'], statusLTimes: [['n1', 4]] });
    expect(state.events.map(({ lTime, events }) => [lTime, events.map(({ name, payload }) => `${name}/${Buffer.from(payload).toString()}`)])).to.deep.equal([[1, ['deploy/a']], [2, ['x/']]]);
  });

  it('the smallest state is written byte for byte', () => {
    const state = { lTime: 1, eventLTime: 1, queryLTime: 1, events: [], leftMembers: [], statusLTimes: new Map([['ts', 1]]) };
    expect(hex(encodeState(state))).to.equal(hex(bytesOf('serf_pushpull_min')));
  });

  it('the coordinate of a fresh node is written byte for byte, and read', () => {
    expect(hex(encodeCoordinate(ORIGIN))).to.equal(hex(bytesOf('serf_ack_payload_origin')));
    expect(decodeCoordinate(bytesOf('serf_ack_payload_origin'))).to.deep.equal(ORIGIN);
  });

  it('tags are written byte for byte', () => {
    expect(hex(encodeTags({}))).to.equal(hex(bytesOf('serf_tags_empty')));
    expect(hex(encodeTags({ role: 'web' }))).to.equal(hex(bytesOf('serf_tags_1')));
    expect(hex(encodeTags({ dc: 'a-value-that-is-longer-than-thirty-one-bytes' }))).to.equal(hex(bytesOf('serf_tags_long')));
  });

  it('a relayed message keeps its bytes', () => {
    const message = bytesOf('serf_query_ack');
    const relay: SerfMessage = { type: 'relay', destination: { addr: Uint8Array.of(10, 0, 0, 1), port: 7946, zone: '' }, name: 'n1', message };
    expect(decodeSerf(encodeSerf(relay))).to.deep.include({ type: 'relay', name: 'n1' });
    expect(hex((decodeSerf(encodeSerf(relay)) as typeof relay).message)).to.equal(hex(message));
  });

  it('what is cut off anywhere is refused with a reason', () => {
    for (const { hex: whole } of VECTORS.filter(({ name }) => name in MESSAGES || name === 'serf_query_min')) {
      const bytes = Buffer.from(whole, 'hex');
      for (let length = 1; length < bytes.length; length++) expect(decodeSerf(bytes.subarray(0, length)), `${whole} to ${length}`).to.equal('truncated');
    }
    expect([decodeSerf(NONE), decodeSerf(Uint8Array.of(6)), decodeCoordinate(Uint8Array.of(2)), decodeState(Uint8Array.of(0))]).to.deep.equal(['empty', 'unknown-type', 'unknown-type', 'unexpected-type']);
  });
});
