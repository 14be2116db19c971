import { expect } from 'chai';
import * as fc from 'fast-check';
import { BroadcastQueue, retransmitLimit, transmitsMax } from '../../../src/actors/membership/dissemination.ts';
import { PROFILES } from '../../../src/actors/membership/profile.ts';
import { pushPullIntervalMs } from '../../../src/actors/membership/push-pull.ts';
import { Suspicion, confirmationsWanted, suspicionMinMs, suspicionTimeoutMs } from '../../../src/actors/membership/suspicion.ts';
import { memberlist } from './wire/memberlist-vectors.ts';

const { lan, wan, local } = PROFILES;
const { numbers } = memberlist;

describe('the numbers of real peers', () => {
  for (const { n, lan_min_ms, lan_max_ms, local_min_ms, wan_min_ms } of numbers.suspicionTimeout) {
    it(`a suspicion among ${n} lasts as long as theirs`, () => {
      expect(suspicionMinMs(lan, n)).to.equal(lan_min_ms);
      expect(lan.suspicionMaxMult * suspicionMinMs(lan, n)).to.equal(lan_max_ms);
      expect(suspicionMinMs(local, n)).to.equal(local_min_ms);
      expect(suspicionMinMs(wan, n)).to.equal(wan_min_ms);
    });
  }

  for (const { confirmations, k, min_ms, max_ms, timeout_ms } of numbers.suspicionRemainingAtElapsed0) {
    it(`${confirmations} confirmations of ${k} leave ${timeout_ms} ms`, () => {
      expect(suspicionTimeoutMs(min_ms, max_ms, confirmations, k)).to.equal(timeout_ms);
    });
  }

  for (const { n, mult2, mult4 } of numbers.retransmitLimit) {
    it(`an update among ${n} is sent as often as they send it`, () => {
      expect(retransmitLimit(local, n)).to.equal(mult2);
      expect(retransmitLimit(lan, n)).to.equal(mult4);
    });
  }

  for (const { n, pushPull30s_ms } of numbers.pushPullScale) {
    it(`push/pulls among ${n} are as rare as theirs`, () => {
      expect(pushPullIntervalMs(30_000, n)).to.equal(pushPull30s_ms);
    });
  }
});

describe('a suspicion', () => {
  const start = (k: number): Suspicion => new Suspicion({ number: 1, now: 1_000, accuser: 'a', minMs: 4_000, maxMs: 24_000, k });

  it('ends later while one member alone suspects, sooner with each that confirms', () => {
    const suspicion = start(2);
    expect(suspicion.deadline).to.equal(25_000);
    suspicion.confirm('b');
    expect(suspicion.deadline).to.equal(12_381);
    suspicion.confirm('c');
    expect(suspicion.deadline).to.equal(5_000);
  });

  it('counts nobody twice, nor the first accuser', () => {
    const suspicion = start(2);
    expect(['a', 'b', 'b', 'a'].map((name) => suspicion.confirm(name))).to.deep.equal([false, true, false, false]);
  });

  it('takes no more confirmations than it wants', () => {
    const suspicion = start(1);
    expect(['b', 'c'].map((name) => suspicion.confirm(name))).to.deep.equal([true, false]);
  });

  it('does not wait for those that are gone', () => {
    const suspicion = start(1);
    suspicion.expectAtMost(0);
    expect(suspicion.deadline).to.equal(5_000);
  });

  it('wants no confirmation of members that do not live', () => {
    expect([0, 1, 2, 3, 100].map((confirmers) => confirmationsWanted(lan, confirmers))).to.deep.equal([0, 1, 2, 2, 2]);
    expect(confirmationsWanted(local, 100)).to.equal(1);
  });

  it('only ever comes closer', () => {
    const step = fc.oneof(fc.record({ confirm: fc.constantFrom('a', 'b', 'c', 'd') }), fc.record({ atMost: fc.nat(4) }));
    fc.assert(
      fc.property(fc.nat(4), fc.array(step), (k, steps) => {
        const suspicion = start(k);
        for (const change of steps) {
          const before = suspicion.deadline;
          if ('confirm' in change) suspicion.confirm(change.confirm);
          else suspicion.expectAtMost(change.atMost);
          expect(suspicion.deadline).to.be.within(5_000, before);
        }
      }),
    );
  });
});

describe('the gossip queue', () => {
  const message = (length: number, fill = 0): Uint8Array => new Uint8Array(length).fill(fill);
  const lengths = (messages: readonly Uint8Array[]): number[] => messages.map(({ length }) => length);

  it('sends the longest that fits first, then what fits beside it', () => {
    const queue = new BroadcastQueue();
    for (const length of [30, 100, 60]) queue.put(`of ${length}`, message(length));
    expect(lengths(queue.take(100, 9))).to.deep.equal([60, 30]);
  });

  it('sends what was sent least before what was sent more', () => {
    const queue = new BroadcastQueue();
    queue.put('old', message(50));
    queue.take(100, 9);
    queue.put('new', message(20));
    expect(lengths(queue.take(60, 9))).to.deep.equal([20]);
    expect(lengths(queue.take(60, 9))).to.deep.equal([50]);
  });

  it('sends the newer of equals first', () => {
    const queue = new BroadcastQueue();
    queue.put('a', message(10, 1));
    queue.put('b', message(10, 2));
    expect(queue.take(12, 9)[0]![0]).to.equal(2);
  });

  it('replaces an update about the same member, and sends that from the start again', () => {
    const queue = new BroadcastQueue();
    queue.put('a', message(10, 1));
    queue.take(100, 2);
    queue.put('a', message(10, 2));
    expect([queue.take(100, 2), queue.take(100, 2), queue.take(100, 2)].map((taken) => taken[0]?.[0])).to.deep.equal([2, 2, undefined]);
  });

  it('forgets an update that has been sent often enough', () => {
    const queue = new BroadcastQueue();
    queue.put('a', message(10));
    expect([1, 2, 3, 4].map(() => queue.take(100, 3).length)).to.deep.equal([1, 1, 1, 0]);
    expect(queue.has('a')).to.equal(false);
    expect(queue.size).to.equal(0);
  });

  it('keeps what is too long for this packet, and takes no more than the packet may hold', () => {
    const queue = new BroadcastQueue();
    queue.put('long', message(500));
    for (let i = 0; i < 10; i++) queue.put(`m${i}`, message(10));
    expect(lengths(queue.take(100, 9, 3))).to.deep.equal([10, 10, 10]);
    expect(queue.has('long')).to.equal(true);
  });

  it('sends every update exactly as often as it should, whatever the packets', () => {
    const put = fc.record({ member: fc.constantFrom('a', 'b', 'c', 'd', 'e'), length: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(put, { minLength: 1 }), fc.array(fc.integer({ min: 0, max: 120 })), fc.integer({ min: 1, max: 5 }), (puts, rooms, limit) => {
        const queue = new BroadcastQueue();
        const last = new Map<string, Uint8Array>();
        puts.forEach(({ member, length }, i) => {
          const bytes = message(length, i);
          queue.put(member, bytes);
          last.set(member, bytes);
        });
        const counts = new Map<Uint8Array, number>();
        for (const room of [...rooms, ...Array<number>(30).fill(1_000)]) {
          const taken = queue.take(room, limit);
          expect(taken.reduce((sum, { length }) => sum + length + 2, 0)).to.be.at.most(room);
          for (const bytes of taken) counts.set(bytes, (counts.get(bytes) ?? 0) + 1);
        }
        expect(new Set(counts.keys())).to.deep.equal(new Set(last.values()));
        expect(new Set(counts.values())).to.deep.equal(new Set([limit]));
      }),
    );
  });

  it('sends an update often enough that small meshes leave nobody out', () => {
    expect([2, 3, 4, 9, 50, 99].map((n) => transmitsMax(lan, n))).to.deep.equal([4, 8, 12, 12, 12, 12]);
    expect([100, 1_000].map((n) => transmitsMax(lan, n))).to.deep.equal([12, 16]);
  });
});
