import { expect } from 'chai';
import { WorkloadList } from '../../../src/actors/workloads/workload-list.ts';
import type { ErrorCode } from '../../../src/errors.ts';
import { formatSpiffeId, type SpiffeId } from '../../../src/trust/spiffe-id.ts';
import type { WorkloadIssuer } from '../../../src/trust/workload-entry.ts';

const N1: SpiffeId = { trustDomain: 'omega.test', kind: 'node', name: 'n1' };

describe('the list of workloads', () => {
  const listOf = (issuer: WorkloadIssuer): WorkloadList => new WorkloadList({ self: N1, issuer, socketDir: '/d/workloads' }, []);

  it('gives a name an identity below that of the node, and a socket in its directory', () => {
    const { id, socket } = listOf('fabric').add('web', undefined, undefined);
    expect(formatSpiffeId(id)).to.equal('spiffe://omega.test/workload/n1/web');
    expect(socket).to.equal('/d/workloads/web.sock');
  });

  it('serves other members where the authority is kept, and only there', () => {
    const here = listOf('authority');
    expect(here.add('node/n2', undefined, undefined).socket).to.equal('/d/workloads/node.n2.sock');
    expect(formatSpiffeId(here.add('spiffe://omega.test/agent/a1', undefined, undefined).id)).to.equal('spiffe://omega.test/agent/a1');
    expect(() => listOf('fabric').add('node/n2', undefined, undefined)).to.throw().with.property('todo').that.contains('mesh token create --node n2');
  });

  it('serves nobody where the node’s own identity comes from a Workload API', () => {
    expect(() => listOf('nobody').add('web', undefined, undefined)).to.throw('n1 has its own identity from a Workload API').with.property('code', 'REFUSED');
  });

  const refused: readonly (readonly [code: ErrorCode, identity: string, socket?: string | undefined, group?: string])[] = [
    ['REFUSED', 'node/n1'],
    ['REFUSED', 'admin/kim'],
    ['REFUSED', 'workload/n2/web'],
    ['BAD_IDENTITY', 'web/x'],
    ['BAD_IDENTITY', '..'],
    ['WRONG_TRUST_DOMAIN', 'spiffe://other.test/workload/n1/web'],
    ['BAD_ARGUMENT', 'web', 'web.sock'],
    ['BAD_ARGUMENT', 'web', undefined, 'www-data'],
    ['BAD_ARGUMENT', 'web', '/run/web.sock', 'a:b'],
  ];
  for (const [code, identity, socket, group] of refused) {
    it(`refuses ${[identity, socket, group].join(' ')} with ${code}`, () => {
      const list = listOf('authority');
      expect(() => list.add(identity, socket, group)).to.throw().with.property('code', code);
      expect(list.entries).to.deep.equal([]);
    });
  }

  it('has each workload once, and each socket', () => {
    const list = listOf('authority');
    list.add('web', undefined, undefined);
    expect(() => list.add('workload/n1/web', '/other.sock', undefined)).to.throw().with.property('code', 'REFUSED');
    expect(() => list.add('mail', '/d/workloads/web.sock', undefined)).to.throw().with.property('code', 'REFUSED');
    expect(list.entries.length).to.equal(1);
  });

  it('takes no more than its limit', () => {
    const list = listOf('authority');
    for (let i = 0; i < 64; i++) list.add(`w${i}`, undefined, undefined);
    expect(() => list.add('one-more', undefined, undefined)).to.throw().with.property('code', 'OVERLOADED');
  });

  it('finds one by its name and by its whole identity, and says where to look otherwise', () => {
    const list = listOf('authority');
    const entry = list.add('web', undefined, undefined);
    for (const name of ['web', 'workload/n1/web', 'spiffe://omega.test/workload/n1/web']) expect(list.named(name).entry).to.equal(entry);
    list.drop(entry);
    expect(() => list.named('web')).to.throw().with.property('code', 'NOT_FOUND');
  });
});
