import { expect } from 'chai';
import { BanList } from '../../../src/actors/trust/ban-list.ts';
import { BanOrders, type BanOrder } from '../../../src/actors/trust/ban-orders.ts';
import type { SpiffeId } from '../../../src/trust/spiffe-id.ts';
import { MeshError } from '../../../src/errors.ts';
import { idOf, madeBan } from './made-bans.ts';

const HOUR = 3_600_000;

describe('what admins want of the ban list', () => {
  let orders: BanOrders;
  let list: BanList;

  beforeEach(() => {
    orders = new BanOrders({ trustDomain: 'omega.test', kind: 'node', name: 'n1' });
    list = new BanList();
  });

  const order = (more: Partial<BanOrder> = {}): BanOrder => ({ kind: 'ban', subject: 'n4', reason: 'stolen', isForced: false, by: 'ada (pid 7)', admin: undefined, ...more });
  const admin = (name: string): SpiffeId => ({ trustDomain: 'omega.test', kind: 'admin', name });
  const taken = (more: Partial<BanOrder> = {}, nowMs = 100): string => {
    try {
      const outcome = orders.take(order(more), list, nowMs);
      return outcome.outcome === 'waits' ? 'waits' : `${outcome.claim.kind} ${outcome.claim.subject} at ${outcome.claim.epochMs}`;
    } catch (error) {
      if (error instanceof MeshError) return error.code;
      throw error;
    }
  };

  it('may name a node, another kind of identity, or a whole one', () => {
    expect(taken()).to.equal('ban spiffe://omega.test/node/n4 at 100');
    expect(taken({ subject: 'agent/a1' })).to.equal('ban spiffe://omega.test/agent/a1 at 100');
    expect(taken({ subject: 'spiffe://omega.test/admin/kim', kind: 'evict' })).to.equal('evict spiffe://omega.test/admin/kim at 100');
    expect(taken({ subject: 'spiffe://other.test/node/n4' })).to.equal('WRONG_TRUST_DOMAIN');
    expect(taken({ subject: 'thing/n4' })).to.equal('BAD_IDENTITY');
    expect(taken({ subject: '' })).to.equal('BAD_IDENTITY');
  });

  it('needs a reason that others can read', () => {
    expect(taken({ reason: '' })).to.equal('BAD_ARGUMENT');
    expect(taken({ reason: 'x'.repeat(257) })).to.equal('BAD_ARGUMENT');
  });

  it('is about the node that is asked only when it is meant', () => {
    expect(taken({ subject: 'n1' })).to.equal('REFUSED');
    expect(taken({ subject: 'n1', isForced: true })).to.equal('ban spiffe://omega.test/node/n1 at 100');
  });

  it('makes no ban milder', () => {
    list.add(madeBan({ epochMs: 50 }));
    expect(taken({ kind: 'evict' })).to.equal('REFUSED');
    expect(taken()).to.equal('ban spiffe://omega.test/node/n4 at 100');
  });

  it('comes after all that the one it bans has set free, whose clock may be ahead', () => {
    list.add(madeBan({ subject: idOf('n5'), epochMs: 10 }));
    list.add(madeBan({ subject: idOf('n5'), epochMs: 150, kind: 'unban', issuer: 'n4' }));
    expect(taken()).to.equal('ban spiffe://omega.test/node/n4 at 151');
    list.add(madeBan({ epochMs: 151 }));
    expect([...list.restrictions().keys()]).to.deep.equal([idOf('n4')]);
  });

  describe('an unban', () => {
    beforeEach(() => void list.add(madeBan({ subject: idOf('n4'), epochMs: 200 })));

    it('waits until a second admin asks for it, and comes after what it takes back', () => {
      expect(taken({ kind: 'unban', admin: admin('ada') })).to.equal('waits');
      expect(taken({ kind: 'unban', admin: admin('ada'), by: 'somebody else' })).to.equal('waits');
      expect(orders.waiting(101)).to.deep.equal([{ subject: 'spiffe://omega.test/node/n4', by: 'ada (pid 7)', atMs: 100 }]);
      expect(taken({ kind: 'unban', admin: admin('kim') })).to.equal('unban spiffe://omega.test/node/n4 at 201');
      // Each needs two of its own.
      expect(orders.waiting(101)).to.deep.equal([]);
      expect(taken({ kind: 'unban', admin: admin('kim') })).to.equal('waits');
    });

    it('is not done by two names on one machine, which anybody there can give himself, but by one there and an admin', () => {
      expect(taken({ kind: 'unban', by: 'ada (pid 7)' })).to.equal('waits');
      expect(taken({ kind: 'unban', by: 'kim (pid 9)' })).to.equal('waits');
      expect(taken({ kind: 'unban', admin: admin('kim') })).to.equal('unban spiffe://omega.test/node/n4 at 201');
    });

    it('is not helped by an admin who is kept out by now', () => {
      expect(taken({ kind: 'unban', admin: admin('ada') })).to.equal('waits');
      list.add(madeBan({ subject: 'spiffe://omega.test/admin/ada', epochMs: 150 }));
      expect(taken({ kind: 'unban', admin: admin('kim') })).to.equal('waits');
      expect(taken({ kind: 'unban', admin: admin('lee') })).to.equal('unban spiffe://omega.test/node/n4 at 201');
    });

    it('is forgotten after an hour', () => {
      expect(taken({ kind: 'unban' })).to.equal('waits');
      expect(orders.waiting(100 + HOUR)).to.deep.equal([]);
      expect(taken({ kind: 'unban', admin: admin('kim') }, 100 + HOUR)).to.equal('waits');
      expect(taken({ kind: 'unban' }, 200 + HOUR)).to.equal(`unban spiffe://omega.test/node/n4 at ${200 + HOUR}`);
    });

    it('is done at once when it is meant', () => {
      expect(taken({ kind: 'unban', isForced: true })).to.equal('unban spiffe://omega.test/node/n4 at 201');
    });

    it('of who is not kept out is refused', () => {
      expect(taken({ kind: 'unban', subject: 'n5' })).to.equal('NOT_FOUND');
    });
  });
});
