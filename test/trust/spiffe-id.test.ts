import { expect } from 'chai';
import { formatSpiffeId, parseSpiffeId } from '../../src/trust/spiffe-id.ts';
import { localTrustDomain } from '../../src/trust/own-identity.ts';
import { isTrustDomain } from '../../src/trust/spiffe-id.ts';

describe('a SPIFFE ID', () => {
  it('is read as it is written', () => {
    for (const uri of ['spiffe://omega.test/node/n1', 'spiffe://omega.test/agent/host-7.example_2', 'spiffe://a/admin/Kim', 'spiffe://omega.test/workload/n1/web']) expect(formatSpiffeId(parseSpiffeId(uri))).to.equal(uri);
    expect(parseSpiffeId('spiffe://omega.test/node/n1')).to.deep.equal({ trustDomain: 'omega.test', kind: 'node', name: 'n1' });
  });

  for (const text of [
    '',
    'spiffe://omega.test',
    'spiffe://omega.test/',
    'spiffe://omega.test/node',
    'spiffe://omega.test/node/',
    'spiffe://omega.test/node/n1/',
    'spiffe://omega.test/node/n1/x',
    'spiffe://omega.test/pod/n1',
    'spiffe://omega.test/workload/web',
    'spiffe://omega.test/workload/n1/',
    'spiffe://omega.test/workload/n1/..',
    'spiffe://omega.test/workload/n1/web/x',
    'spiffe:///node/n1',
    'spiffe://Omega.test/node/n1',
    'SPIFFE://omega.test/node/n1',
    'spiffe://omega.test:7947/node/n1',
    'spiffe://kim@omega.test/node/n1',
    'spiffe://omega.test/node/..',
    'spiffe://omega.test/node/n%31',
    'spiffe://omega.test/node/n1?x',
    'spiffe://omega.test/node/n1#x',
    'spiffe://omega.test/node/n 1',
    'spiffe://omega.test/node/n1\n',
    `spiffe://omega.test/node/${'n'.repeat(129)}`,
    `spiffe://${'o'.repeat(256)}/node/n1`,
    'https://omega.test/node/n1',
  ]) {
    it(`is not ${JSON.stringify(text.slice(0, 50))}`, () => {
      expect(() => parseSpiffeId(text)).to.throw().with.property('code', 'BAD_IDENTITY');
    });
  }

  it('is not made of parts that cannot be in one', () => {
    expect(() => formatSpiffeId({ trustDomain: 'omega.test', kind: 'node', name: 'n1/../n2' })).to.throw().with.property('code', 'BAD_IDENTITY');
  });

  it('has a trust domain made of any host name', () => {
    for (const [host, domain] of [['vm', 'vm.local'], ["Ada's MacBook.local", 'ada-s-macbook.local'], ['', 'localhost.local'], ['a'.repeat(300), `${'a'.repeat(200)}.local`]] as const) {
      expect(localTrustDomain(host)).to.equal(domain);
      expect(isTrustDomain(domain)).to.equal(true);
    }
  });
});
