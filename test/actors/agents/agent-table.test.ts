import { expect } from 'chai';
import { AgentTable, type Sighting } from '../../../src/actors/agents/agent-table.ts';

const HOUR_MS = 60 * 60 * 1_000;

function sighting(id: string, over: Partial<Sighting> = {}): Sighting {
  return { id, node: 'n1', program: 'test', connectedAtMs: 100, isConnected: true, ratePerS: 1, records: 1, lastSeenAtMs: 0, ...over };
}

const ids = (table: AgentTable, isConnected: boolean): string[] => table.list(0).flatMap((view) => (view.isConnected === isConnected ? [view.id] : []));

describe('the table of agents', () => {
  it('takes the newest connection for where an agent is, whichever is heard of first', () => {
    const older = sighting('a1', { node: 'n2', connectedAtMs: 100 });
    const newer = sighting('a1', { node: 'n1', connectedAtMs: 101 });
    for (const order of [
      [older, newer],
      [newer, older],
    ]) {
      const table = new AgentTable();
      for (const each of order) table.learn(each, 0);
      expect(table.get('a1')?.node).to.equal('n1');
    }
  });

  it('takes the later name when two connections were made in the same millisecond', () => {
    const table = new AgentTable();
    expect(table.learn(sighting('a1', { node: 'n2' }), 0)).to.equal('learnt');
    expect(table.learn(sighting('a1', { node: 'n1' }), 0)).to.equal('outdated');
    expect(table.learn(sighting('a1', { node: 'n3' }), 0)).to.equal('learnt');
  });

  it('believes a node that has an agent before one that had it', () => {
    const table = new AgentTable();
    table.learn(sighting('a1', { node: 'n2', connectedAtMs: 200, isConnected: false }), 0);
    expect(table.learn(sighting('a1', { node: 'n1', connectedAtMs: 100 }), 0)).to.equal('learnt');
    expect(table.learn(sighting('a1', { node: 'n2', connectedAtMs: 300, isConnected: false }), 0)).to.equal('outdated');
  });

  it('believes a node about itself, also when its clock was set back', () => {
    const table = new AgentTable();
    table.learn(sighting('a1', { connectedAtMs: 200 }), 0);
    expect(table.learn(sighting('a1', { connectedAtMs: 100, isConnected: false }), 0)).to.equal('learnt');
    expect(ids(table, false)).to.deep.equal(['a1']);
  });

  it('knows since when an agent is offline, however often that is said', () => {
    const table = new AgentTable();
    table.learn(sighting('a1'), 0);
    table.disconnected('a1', 'n1', 10);
    table.learn(sighting('a1', { isConnected: false }), 20);
    expect(table.offlineSinceMs('a1')).to.equal(10);
    table.learn(sighting('a1', { connectedAtMs: 200 }), 30);
    expect(table.offlineSinceMs('a1')).to.equal(undefined);
  });

  it('lets no node but the one that has it say that an agent left', () => {
    const table = new AgentTable();
    table.learn(sighting('a1'), 0);
    expect(table.disconnected('a1', 'n2', 0)).to.equal(false);
    expect(table.disconnected('a1', 'n1', 0)).to.equal(true);
    expect(table.disconnected('a1', 'n1', 0)).to.equal(false);
  });

  it('has the agents of a node that is gone offline, and those that moved away from it in time not', () => {
    const table = new AgentTable();
    table.learn(sighting('a1', { node: 'n1' }), 0);
    table.learn(sighting('a2', { node: 'n2' }), 0);
    table.learn(sighting('a3', { node: 'n2' }), 0);
    table.learn(sighting('a3', { node: 'n1', connectedAtMs: 200 }), 0);
    table.keepNodes((node) => node === 'n1', 0);
    expect(ids(table, true)).to.deep.equal(['a1', 'a3']);
    expect(ids(table, false)).to.deep.equal(['a2']);
  });

  it('has offline what a sweep does not name within its range, and nothing beyond it', () => {
    const table = new AgentTable();
    for (const id of ['a1', 'a2', 'a3', 'a4']) table.learn(sighting(id), 0);
    table.learn(sighting('a21', { node: 'n2' }), 0);
    table.keepSwept('n1', { after: 'a1', upTo: 'a3' }, new Set(['a3']), 0);
    expect(ids(table, false)).to.deep.equal(['a2']);
    table.keepSwept('n1', { after: 'a3', upTo: undefined }, new Set(), 0);
    expect(ids(table, false)).to.deep.equal(['a2', 'a4']);
  });

  it('forgets who has been offline for a day', () => {
    const table = new AgentTable();
    for (const [at, id] of ['a1', 'a2'].entries()) {
      table.learn(sighting(id), 0);
      table.disconnected(id, 'n1', at * HOUR_MS);
    }
    table.forgetOld(24 * HOUR_MS - 1);
    expect(table.size).to.equal(2);
    table.forgetOld(24 * HOUR_MS);
    expect(ids(table, false)).to.deep.equal(['a2']);
  });

  it('remembers twenty thousand that are offline, and forgets the oldest first', () => {
    const table = new AgentTable();
    for (let at = 0; at <= 20_000; at++) table.learn(sighting(`a${at}`, { isConnected: false }), at);
    expect(table.size).to.equal(20_000);
    expect(table.get('a0')).to.equal(undefined);
    expect(table.get('a1')).to.not.equal(undefined);
  });

  it('finds the id that was meant', () => {
    const table = new AgentTable();
    expect(table.nearest('sensor-1')).to.equal(undefined);
    for (const id of ['sensor-12', 'pump-1']) table.learn(sighting(id), 0);
    expect(table.nearest('senosr-12')).to.equal('sensor-12');
    expect(table.nearest('zzzzzzzzz')).to.equal(undefined);
  });
});
