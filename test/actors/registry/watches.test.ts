import { expect } from 'chai';
import type { DocumentNews } from '../../../src/actors/registry/document.ts';
import type { RegistryEntryView, RegistryNews } from '../../../src/actors/registry/registry-messages.ts';
import { Watches } from '../../../src/actors/registry/watches.ts';
import type { ActorRef, SendOutcome } from '../../../src/supervision/behavior.ts';

const subscriber = (path: string): ActorRef<RegistryNews> => ({ path, send: () => 'accepted', offer: () => Promise.resolve('accepted'), ask: () => Promise.reject(new Error('not asked')) });
const entry = (key: string, value = 'v'): RegistryEntryView => ({ key, value, writer: 'ash', writtenAtMs: 1, conflict: false });
const put = (key: string, value = 'v'): DocumentNews => ({ type: 'put', entry: entry(key, value) });

/** Delivers to mailboxes with room for `room` more; returns what was taken, as words. */
function deliver(watches: Watches, room = Infinity, refusal: SendOutcome = 'full'): string[] {
  const taken: string[] = [];
  watches.deliver((_to, { watch, change }) => {
    if (taken.length >= room) return refusal;
    const about = change.type === 'put' ? `${change.entry.key}=${change.entry.value}` : change.type === 'delete' ? change.key : '';
    taken.push(`${watch} ${change.type} ${about}`.trim());
    return 'accepted';
  });
  return taken;
}

describe('watches of the registry', () => {
  let watches: Watches;

  beforeEach(() => {
    watches = new Watches();
  });

  it('tell what stands, then that this was all, then what changes under their prefix', () => {
    watches.add('w', 'a/', subscriber('/cli'), [entry('a/1'), entry('a/2')]);
    expect(deliver(watches)).to.deep.equal(['w put a/1=v', 'w put a/2=v', 'w synced']);
    watches.record([put('a/3'), put('b/1'), { type: 'delete', key: 'a/1' }]);
    expect(deliver(watches)).to.deep.equal(['w put a/3=v', 'w delete a/1']);
    expect(watches.isBehind).to.equal(false);
  });

  it('keep what a full subscriber has not taken, the latest of each key, in order', () => {
    watches.add('w', '', subscriber('/cli'), [entry('a'), entry('b')]);
    expect(deliver(watches, 1)).to.deep.equal(['w put a=v']);
    expect(watches.isBehind).to.equal(true);
    watches.record([put('c', '1'), put('b', '2'), put('c', '2'), { type: 'delete', key: 'a' }]);
    expect(deliver(watches, 0)).to.deep.equal([]);
    expect(deliver(watches)).to.deep.equal(['w put b=2', 'w synced', 'w put c=2', 'w delete a']);
  });

  it('do not wait for each other', () => {
    watches.add('slow', '', subscriber('/slow'), [entry('a')]);
    watches.add('fast', '', subscriber('/fast'), [entry('a')]);
    const taken: string[] = [];
    watches.deliver(({ path }, { change }) => {
      if (path === '/slow') return 'full';
      taken.push(change.type);
      return 'accepted';
    });
    expect(taken).to.deep.equal(['put', 'synced']);
  });

  it('end when their subscriber is gone, and are replaced by one of the same name', () => {
    watches.add('w', '', subscriber('/cli'), [entry('a')]);
    expect(deliver(watches, 0, 'noproc')).to.deep.equal([]);
    expect(watches.size).to.equal(0);
    watches.add('w', '', subscriber('/cli'), [entry('a')]);
    watches.add('w', 'b', subscriber('/cli'), []);
    expect(deliver(watches)).to.deep.equal(['w synced']);
  });

  it('name the subscriber with its last watch, so that it need not be monitored any more', () => {
    watches.add('1', '', subscriber('/cli'), []);
    watches.add('2', '', subscriber('/cli'), []);
    watches.add('3', '', subscriber('/other'), []);
    expect(watches.remove('1')).to.equal(undefined);
    expect(watches.remove('2')?.path).to.equal('/cli');
    expect(watches.remove('2')).to.equal(undefined);
    watches.removeSubscriber('/other');
    expect(watches.size).to.equal(0);
    expect(deliver(watches)).to.deep.equal([]);
  });

  it('are refused past a thousand', () => {
    for (let i = 0; i < 1_000; i++) expect(watches.add(`${i}`, '', subscriber('/cli'), [])).to.equal(undefined);
    expect(watches.add('one more', '', subscriber('/cli'), [])).to.include({ code: 'OVERLOADED' });
    expect(watches.add('7', '', subscriber('/cli'), [])).to.equal(undefined);
    expect(watches.size).to.equal(1_000);
  });

  it('of a subscriber that stopped listening end before they take all the memory', () => {
    watches.add('w', '', subscriber('/stuck'), []);
    watches.record(Array.from({ length: 200_001 }, (_, i) => put(`${i}`)));
    expect(watches.deliver(() => 'full')).to.deep.equal(['w']);
    expect(watches.size).to.equal(0);
  });
});
