/** Who is connected with whom, and who is not let in, between real processes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import { authorityDir } from '../../src/config/home-path.ts';
import { MeshError } from '../../src/errors.ts';
import { dialPeer } from '../../src/transport/grpc-client.ts';
import { OpenSessions } from '../../src/transport/open-sessions.ts';
import type { MeshTls } from '../../src/transport/tls.ts';
import { readAuthority } from '../../src/trust/authority-files.ts';
import { holdIdentity } from '../../src/trust/identity-source.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { Playground, until, untilSaid } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';
import { Heard } from '../transport/session-ends.ts';

interface Session {
  readonly peer: string;
  readonly kind: string;
  readonly direction: string;
  readonly serial: string;
  readonly tlsGroup: string;
  readonly bytesIn: number;
}

describe('the sessions of a node, as processes', () => {
  const play = new Playground();
  let n1: StartedNode;
  let n2: StartedNode;

  before(async () => {
    n1 = await play.node('n1', { readyWithinMs: 30_000 });
    n2 = await play.node('n2', { flags: ['--join', n1.gossip], readyWithinMs: 30_000 });
    play.spawn('agent', '--id', 'a1', '--node', n1.grpc);
  });
  after(() => play.clear());

  const sessions = (node: StartedNode, count: number): Promise<readonly Session[]> =>
    until(`${count} sessions of ${node.name}`, 20_000, async () => {
      const listed = await node.json<readonly Session[]>('sessions');
      return listed.length === count && listed.every(({ bytesIn }) => bytesIn > 0) ? listed : undefined;
    });

  it('are listed on both sides, with the identity, its serial and the key exchange', async () => {
    const [agent, peer] = await sessions(n1, 2);
    const [here] = await sessions(n2, 1);
    expect(agent).to.include({ kind: 'agent', direction: 'accepted' });
    expect(agent?.peer).to.match(/^spiffe:\/\/[^/]+\/agent\/a1$/);
    expect(peer).to.include({ kind: 'node', direction: 'dialled' });
    expect(peer?.peer).to.match(/\/node\/n2$/);
    expect(here).to.include({ kind: 'node', direction: 'accepted' });
    expect(here?.tlsGroup).to.equal(peer?.tlsGroup).and.to.match(/X25519/);
    const held = await n2.json<{ serial: string }>('trust', 'show');
    expect(peer?.serial).to.equal(held.serial);
  });

  it('are not had by a node that says it is another, which is refused, logged and audited', async () => {
    const authority = readAuthority(authorityDir(play.home))!;
    const tls: MeshTls = { identity: holdIdentity(await issueOwn(authority, { kind: 'node', name: 'mallory', nowMs: Date.now() })), pq: 'prefer', sessions: new OpenSessions() };
    const stream = dialPeer(parseAddress(n2.grpc, 0), 'n2', { tls });
    stream.send({ hello: { node: 'n1', target: 'n2', protocol: 1, address: n1.grpc } });
    const fault = await new Heard(stream).closed();
    expect(fault).to.be.instanceOf(MeshError).with.property('code', 'WRONG_IDENTITY');
    expect(fault?.message).to.equal('the certificate of node mallory does not make it node n1');
    await until('the audit', 5_000, () => (/"refused".*mallory.*WRONG_IDENTITY|WRONG_IDENTITY.*mallory/.test(readFileSync(join(n2.dataDir, 'trust', 'audit.jsonl'), 'utf8')) ? true : undefined));
    await untilSaid(n2, /warn .*caller-refused .*mallory .*WRONG_IDENTITY/);
    expect((await n2.json<{ refusedCalls: Record<string, number> }>('status')).refusedCalls).to.deep.equal({ WRONG_IDENTITY: 1 });
    expect(await sessions(n2, 1)).to.have.length(1);
  });
});
