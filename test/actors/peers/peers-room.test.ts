import { expect } from 'chai';
import type { PeersRequest, PeerUp, SessionSend } from '../../../src/actors/peers/peer-messages.ts';
import { startNodes, type Nodes } from './nodes-in-one-world.ts';

async function openPeers(nodes: Nodes, self: string): Promise<readonly PeerUp[]> {
  return nodes.world.outcome(nodes.ref<PeersRequest>(`/${self}/peers/roster`).ask<readonly PeerUp[]>((reply) => ({ kind: 'open-peers', reply }), 1_000));
}

describe('the peers of a running node', () => {
  let nodes: Nodes;
  beforeEach(async () => void (nodes = await startNodes('a', 'b', 'c')));
  afterEach(() => nodes.world.stop());

  it('all have one session with each other, one of them per pair dialled', async () => {
    for (const self of ['a', 'b', 'c']) {
      const sessions = await nodes.sessions(self);
      expect(sessions.map(({ node, state }) => `${node} ${state}`)).to.have.members(['a', 'b', 'c'].filter((name) => name !== self).map((name) => `${name} open`));
    }
    expect(nodes.dialled.filter((stream) => stream.isOpen)).to.have.length(3);
    expect(nodes.registryHeard.get('b')).to.have.members(['peer-up a', 'peer-up c']);
  });

  it('carry what the registry gives them', async () => {
    const before = nodes.registryFrames.get('b')!.filter((node) => node === 'a').length;
    nodes.ref<SessionSend>('/a/peers/sessions/b').send({ kind: 'send-registry', frame: { heads: { hashes: [] } } });
    await nodes.world.settle();
    expect(nodes.registryFrames.get('b')!.filter((node) => node === 'a')).to.have.length(before + 1);
  });

  for (const [killed, other] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    it(`are joined again when the session on the side of ${killed} is killed`, async () => {
      nodes.kill(`/${killed}/peers/sessions/${other}`);
      await nodes.world.advance(1_000);
      expect(nodes.registryHeard.get(killed), 'its own rooms see it through their monitor').to.include(`down /${killed}/peers/sessions/${other}`);
      const ofPeer = nodes.registryHeard.get(other)!.filter((line) => line.endsWith(` ${killed}`));
      expect(ofPeer).to.deep.equal([`peer-up ${killed}`, `peer-down ${killed}`, `peer-up ${killed}`]);
      expect((await nodes.sessions(killed)).map(({ state }) => state)).to.deep.equal(['open', 'open']);
    });
  }

  it('keep their sessions when the roster is killed, and it knows them again within a second or so', async () => {
    nodes.kill('/a/peers/roster');
    await nodes.world.advance(1_500);
    expect((await openPeers(nodes, 'a')).map(({ node }) => node)).to.have.members(['b', 'c']);
    expect(nodes.registryHeard.get('a')).to.have.length(2);
    expect(nodes.world.system.find('/a/peers/sessions/b')?.life).to.equal(1);
  });

  it('have no session with a member that died, and one again when it is back', async () => {
    await nodes.become('b', 'dead');
    expect((await nodes.sessions('a')).map(({ node }) => node)).to.deep.equal(['c']);
    expect(nodes.world.system.find('/a/peers/sessions/b')).to.equal(undefined);
    expect(nodes.registryHeard.get('a')!.filter((line) => line.startsWith('peer-'))).to.include('peer-down b');
    await nodes.become('b', 'alive');
    await nodes.world.advance(3_000);
    expect((await nodes.sessions('a')).map(({ state }) => state)).to.deep.equal(['open', 'open']);
  });

  it('notice a pulled cable within seven seconds, and dial anew', async () => {
    const cable = nodes.dialled[0]!;
    cable.isCut = true;
    await nodes.world.advance(7_000);
    expect(cable.isOpen).to.equal(false);
    expect((await nodes.sessions('a')).map(({ state }) => state)).to.deep.equal(['open', 'open']);
    expect(nodes.dialled.filter((stream) => stream.isOpen)).to.have.length(3);
  });

  it('keep trying, without a crash, as long as a peer cannot be reached', async () => {
    nodes.isUnreachable = true;
    for (const stream of nodes.dialled) stream.close();
    await nodes.world.advance(60_000);
    expect((await nodes.sessions('a')).map(({ state }) => state)).to.deep.equal(['backoff', 'backoff']);
    nodes.isUnreachable = false;
    await nodes.world.advance(40_000);
    expect((await nodes.sessions('a')).map(({ state }) => state)).to.deep.equal(['open', 'open']);
    expect(nodes.world.system.find('/a/peers/sessions/b')?.life).to.equal(1);
  });

  it('are known to a roster that restarts even when its question to membership is lost', async () => {
    nodes.isMembershipDeaf = true;
    nodes.kill('/a/peers/roster');
    await nodes.become('c', 'dead');
    nodes.kill('/a/peers/roster');
    await nodes.world.advance(7_000);
    expect((await nodes.sessions('a')).map(({ node }) => node)).to.deep.equal(['b']);
  });

  it('measure their round trips', async () => {
    await nodes.world.advance(3_000);
    for (const { rttMs } of await nodes.sessions('a')) expect(rttMs).to.equal(0);
  });
});
