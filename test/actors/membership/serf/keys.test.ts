import { expect } from 'chai';
import { answerInternal, keyQuery, type KeyAccess } from '../../../../src/actors/membership/serf/internal-queries.ts';
import { decodeKeyResponse, encodeKeyResponse, type KeyResponse, type Query } from '../../../../src/actors/membership/serf/serf-messages.ts';
import { MemberTable } from '../../../../src/actors/membership/member-table.ts';
import type { KeyChange, KeyOutcome } from '../../../../src/actors/membership/wire/keyring.ts';
import { seededRandom } from '../../../../src/random.ts';
import { SerfUnderTest } from './serf-under-test.ts';

const KEY = Buffer.from('0123456789abcdef');

/** What a node with these keys answers. */
function answer(order: KeyChange | 'list', outcome: KeyOutcome | 'not-encrypted', list: readonly string[] | undefined = [KEY.toString('base64')]): KeyResponse | string {
  const query = { ...keyQuery(order), type: 'query' } as Query;
  const keys: KeyAccess = { change: ({ key }) => (Buffer.compare(key, KEY) === 0 ? outcome : 'bad-length'), list: () => list };
  return decodeKeyResponse(answerInternal(query, new MemberTable('me', seededRandom(1)), keys) as Uint8Array);
}

describe('a query about keys', () => {
  it('is answered with what became of the change', () => {
    for (const kind of ['install', 'use', 'remove'] as const) expect(answer({ kind, key: KEY }, 'changed')).to.deep.equal({ result: true, message: '', keys: [], primaryKey: '' });
    expect(answer({ kind: 'install', key: KEY }, 'same')).to.include({ result: true });
    expect(answer({ kind: 'remove', key: KEY }, 'is-primary')).to.include({ result: false, message: 'this key is the one in use: use another first' });
    expect(answer({ kind: 'use', key: KEY }, 'not-encrypted')).to.include({ result: false });
  });

  it('is answered with the keys, the one in use first', () => {
    expect(answer('list', 'changed', ['a', 'b'])).to.deep.equal({ result: true, message: '', keys: ['a', 'b'], primaryKey: 'a' });
    expect(decodeKeyResponse(Buffer.from('0884a44b65797391b84d4445794d7a51314e6a63344f5746695932526c5a673d3da74d657373616765a0aa5072696d6172794b6579a0a6526573756c74c3', 'hex'))).to.include({ result: true, primaryKey: '' });
  });

  it('of this node is over as soon as every member has answered', () => {
    const serf = new SerfUnderTest(2);
    serf.brain.tell({ kind: 'order', order: { kind: 'keys', asker: 'x', action: { kind: 'install', key: KEY } } });
    serf.brain.pass(200);
    const [asked] = serf.said('query');
    expect(asked).to.include({ name: '_serf_install-key', flags: 0 });
    const respond = (from: string, payload: Uint8Array): void => serf.hear({ type: 'queryResponse', lTime: asked!.lTime, id: asked!.id, from, flags: 0, payload });
    respond('b', encodeKeyResponse({ result: true, message: '', keys: [], primaryKey: '' }));
    respond('c', Buffer.from('nonsense'));
    const told = serf.brain.news.map((news) => ('result' in news ? `${news.from} ${news.result}` : news));
    expect(told).to.deep.equal(['me false', 'b true', 'c false', { type: 'over', asker: 'x', acks: 0, responses: 3, members: 3 }]);
  });
});
