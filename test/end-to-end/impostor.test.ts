/** A node with an identity of its own and the key of gossip, which says that it is another. */
import { createPublicKey, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Envelope } from '../../src/actors/membership/wire/envelope.ts';
import { Keyring } from '../../src/actors/membership/wire/keyring.ts';
import { encodeMessage, type Alive } from '../../src/actors/membership/wire/messages.ts';
import { NONCE_BYTES } from '../../src/actors/membership/wire/seal.ts';
import { gossipKeyId, signGossip } from '../../src/trust/gossip-signature.ts';
import { readIdentity } from '../../src/trust/identity-files.ts';
import { said } from '../actors/membership/signing-node.ts';
import { Playground, until, untilSaid } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Member {
  readonly name: string;
  readonly address: string;
  readonly status: string;
  readonly verified: string;
  readonly quarantine: string | null;
  readonly session: string;
  readonly incarnation: number;
}

describe('a node that says in gossip that it is another', function () {
  this.timeout(60_000);
  const play = new Playground();
  const key = randomBytes(32);
  after(() => play.clear());

  const memberAt = async (node: StartedNode, name: string): Promise<Member | undefined> => (await node.json<Member[]>('members')).find((member) => member.name === name);

  function send(claim: Alive, ...to: readonly StartedNode[]): void {
    const envelope = new Envelope({ label: '', compresses: false, verifiesIncoming: true, verifiesOutgoing: true, keyring: new Keyring([key]), nonce: () => randomBytes(NONCE_BYTES) });
    const socket = createSocket('udp4');
    for (const { gossip } of to) {
      const [host, port] = gossip.split(':');
      socket.send(envelope.packet([encodeMessage(claim)], false), Number(port), host, () => undefined);
    }
    setTimeout(() => socket.close(), 100);
  }

  it('is put in quarantine by those who hear of it, and the other one stays what it is', async () => {
    const keyring = join(play.home, 'keyring.json');
    writeFileSync(keyring, JSON.stringify([key.toString('base64')]), { mode: 0o600 });
    const start = (name: string, last: number, join?: StartedNode): Promise<StartedNode> =>
      play.node(name, { bind: `127.0.71.${last}`, flags: ['--profile', 'local', '--gossip-keyring', keyring, ...(join === undefined ? [] : ['--join', join.gossip])], readyWithinMs: 30_000 });
    const n1 = await start('n1', 1);
    const [n2, mallory] = await Promise.all([start('n2', 2, n1), start('mallory', 3, n1)]);
    await until('all to be verified and with each other in the eyes of n2', 20_000, async () => {
      const members = await n2.json<Member[]>('members');
      return members.length === 3 && members.every(({ name, verified, session }) => verified === 'yes' && (name === 'n2' || session === 'open')) ? true : undefined;
    });
    const before = (await memberAt(n2, 'n1'))!;

    // What anybody with the key of gossip can send changes nothing.
    send(said({ name: 'n1', host: '127.0.71.66', incarnation: 900 }), n2);
    await until('it to be dropped', 5_000, async () => ((await n2.json<{ packetsDropped: Record<string, number> }>('status')).packetsDropped['unproved-claim'] ?? 0) > 0 ? true : undefined);
    expect(await memberAt(n2, 'n1')).to.include({ address: before.address, verified: 'yes', session: 'open' });
    expect((await memberAt(n2, 'mallory'))!.quarantine).to.equal(null);

    const { svid } = readIdentity(join(mallory.dataDir, 'trust'))!;
    const mallorys = { keyId: gossipKeyId(createPublicKey(svid.key)), sign: (statement: Uint8Array) => signGossip(statement, svid.key) };
    send(said({ name: 'n1', host: '127.0.71.66', incarnation: 901, key: mallorys }), n2);
    await until('mallory to be no peer of n2', 10_000, async () => {
      const { quarantine, session } = (await memberAt(n2, 'mallory'))!;
      return quarantine === 'it claims to be n1' && session === 'none' ? true : undefined;
    });
    expect(await memberAt(n2, 'n1')).to.include({ address: before.address, status: 'alive', verified: 'yes', session: 'open' });
    await untilSaid(n2, /member-false-claim .*member=n1/);
    expect((await n2.mesh('members')).stdout).to.match(/^mallory .*alive, quarantined +yes .* none /m);
    expect((await n2.mesh('members', 'why', 'mallory')).stdout).to.include('it signed a claim to be n1: it is no peer');
    const audit = (await n2.mesh('audit', 'tail', '--json', '--limit', '1000')).stdout;
    expect(audit).to.match(/"what":"gossip-claim","who":"mallory","outcome":"refused","subject":"n1"/).and.include('"what":"quarantine"');
    // Who has not heard of it goes on with mallory.
    expect((await memberAt(n1, 'mallory'))!.quarantine).to.equal(null);
  });
});
