import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import type { MeshError } from '../../src/errors.ts';
import { dialPeer } from '../../src/transport/grpc-client.ts';
import { OpenSessions } from '../../src/transport/open-sessions.ts';
import type { MeshTls } from '../../src/transport/tls.ts';
import { readIdentity } from '../../src/trust/identity-files.ts';
import { holdIdentity } from '../../src/trust/identity-source.ts';
import { listenTo, Playground, until, untilSaid } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

interface Shown {
  readonly id: string;
  readonly serial: string;
  readonly authorityDir: string | null;
}

/** Two homes stand for two machines: what is in the one, the other does not have. */
describe('a trust domain, as processes on two machines', function () {
  this.timeout(60_000);
  let here: Playground;
  let there: Playground;
  let n1: StartedNode;
  /** Short enough to see renewals. */
  const FLAGS = ['--svid-ttl-ms', '12000'];
  const ORIGIN = '127.0.65.11';

  beforeEach(async () => {
    here = new Playground();
    there = new Playground();
    const made = await here.run('init', '--trust-domain', 'omega.test', '--name', 'n1', '--data-dir', join(here.home, 'n1'));
    expect(made.code, made.stderr).to.equal(0);
  });
  afterEach(async () => {
    await there.clear();
    await here.clear();
  });

  const token = async (...who: string[]): Promise<string> => (await here.run('token', 'create', ...who)).stdout.trim();
  const shown = async (node: StartedNode): Promise<Shown> => node.json<Shown>('trust', 'show');

  it('is joined by a second node with a token, renewed while it runs, and closed to who has none', async () => {
    const keyring = join(here.home, 'keyring.json');
    writeFileSync(keyring, JSON.stringify([randomBytes(32).toString('base64')]), { mode: 0o600 });
    n1 = await here.node('n1', { bind: ORIGIN, flags: [...FLAGS, '--gossip-keyring', keyring] });
    const text = await token('--node', 'n2');
    const joined = await there.run('join', '--token', text, '--seed', ORIGIN, '--data-dir', join(there.home, 'n2'));
    expect(joined.stdout, joined.stderr).to.equal(`joined omega.test as spiffe://omega.test/node/n2, in ${join(there.home, 'n2', 'trust')}\n`);

    // It was told nothing else: the answer said where the mesh is, and with which keys it gossips.
    expect(readFileSync(join(there.home, 'n2', 'trust', 'gossip-keys.json'), 'utf8').replaceAll(/\s/g, '')).to.equal(readFileSync(keyring, 'utf8'));
    const n2 = await there.node('n2', { bind: '127.0.65.12' });
    await until('a session of both', 20_000, async () => {
      const members = await n2.json<{ name: string; session: string }[]>('members');
      return members.some(({ name, session }) => name === 'n1' && session === 'open') ? true : undefined;
    });
    const before = await shown(n2);
    expect([before.id, before.authorityDir]).to.deep.equal(['spiffe://omega.test/node/n2', null]);
    await until('another certificate', 20_000, async () => ((await shown(n2)).serial === before.serial ? undefined : true));
    await untilSaid(n2, /identity-renewed/);

    const again = await there.run('join', '--token', text, '--seed', ORIGIN, '--data-dir', join(there.home, 'n3'));
    expect(again.code).to.equal(1);
    expect(again.stderr).to.match(/^mesh: the token for spiffe:\/\/omega\.test\/node\/n2 was used at /);
    const entries = readFileSync(join(n1.dataDir, 'trust', 'audit.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { what: string; who: string; outcome: string; detail?: string });
    const told = entries.filter(({ what }) => what === 'attest' || what === 'renew-identity').map(({ what, outcome, who }) => `${what} ${outcome} ${who.replace(/^127.*/, 'stranger')}`);
    expect(told).to.include.members(['attest done spiffe://omega.test/node/n2', 'renew-identity done spiffe://omega.test/node/n2', 'attest refused stranger']);
  });

  it('goes on without its authority, and renews when that is back', async () => {
    n1 = await here.node('n1', { bind: ORIGIN, flags: ['--svid-ttl-ms', '24000'] });
    await there.run('join', '--token', await token('--node', 'n2'), '--seed', ORIGIN, '--data-dir', join(there.home, 'n2'));
    const n2 = await there.node('n2', { bind: '127.0.65.12' });
    await n1.kill('SIGTERM');
    const before = await shown(n2);
    await until('a warning', 30_000, () => (/identity-not-renewed/.test(n2.stderr()) ? true : undefined));
    expect((await shown(n2)).serial).to.equal(before.serial);
    n1 = await here.node('n1', { bind: ORIGIN, flags: FLAGS });
    await until('another certificate', 20_000, async () => ((await shown(n2)).serial === before.serial ? undefined : true));
  });

  it('takes an evicted node back that attests again by itself, and gives a banned one nothing, though it was away and whatever it proves', async () => {
    n1 = await here.node('n1', { bind: ORIGIN, flags: FLAGS });
    const dir = join(there.home, 'n2');
    await there.run('join', '--token', await token('--node', 'n2'), '--seed', ORIGIN, '--data-dir', dir);
    const n2 = await there.node('n2', { bind: '127.0.65.12' });
    const session = async (): Promise<string | undefined> => (await n1.json<{ peer: string; serial: string }[]>('sessions')).find(({ peer }) => peer.endsWith('/node/n2'))?.serial;
    const before = await until('a session', 20_000, session);
    const evicted = await n1.mesh('trust', 'evict', 'n2', '--reason', 'its key was in a backup');
    expect(evicted.code, evicted.stderr).to.equal(0);
    await untilSaid(n2, /evicted/);
    await until('another session', 20_000, async () => {
      const serial = await session();
      return serial === undefined || serial === before ? undefined : true;
    });

    await n2.kill('SIGKILL');
    await n1.mesh('trust', 'ban', 'n2', '--reason', 'its disk was stolen');
    await n1.mesh('registry', 'put', 'secret', 'not for n2');
    const identity = readIdentity(join(dir, 'trust'))!;
    const again = await there.node('n2', { bind: '127.0.65.12' });
    const tls: MeshTls = { identity: holdIdentity(identity), pq: 'prefer', sessions: new OpenSessions() };
    const stream = dialPeer(parseAddress(n1.grpc, 0), 'n1', { tls });
    expect((await new Promise<MeshError | undefined>((resolve) => stream.onClosed(resolve)))?.code).to.equal('BANNED');
    await until('a refused renewal', 20_000, () => (/identity-not-renewed.*was banned at/.test(again.stderr()) ? true : undefined));
    await until('refused gossip', 20_000, async () => (((await n1.json<{ packetsDropped: Record<string, number> }>('status')).packetsDropped['banned'] ?? 0) > 0 ? true : undefined));
    expect((await again.json<{ bans: readonly unknown[] }>('trust', 'bans')).bans).to.have.length(1, 'its own eviction, of which it was told');
    expect((await again.json<{ name: string; session: string }[]>('members')).filter(({ session: state }) => state === 'open')).to.deep.equal([]);
    expect((await again.mesh('registry', 'get', 'secret')).code).to.equal(1);

    const joined = await there.run('join', '--token', await token('--node', 'n2'), '--seed', ORIGIN, '--data-dir', join(there.home, 'n3'));
    expect(joined.code).to.equal(1);
    expect(joined.stderr).to.match(/^mesh: spiffe:\/\/omega\.test\/node\/n2 was banned at .*: its disk was stolen/);
    const audit = (await n1.mesh('audit', 'tail', '--limit', '1000')).stdout;
    expect(audit).to.match(/refused renew-identity .* by spiffe:\/\/omega\.test\/node\/n2: by x509pop: BANNED/);
    expect(audit).to.match(/refused attest .* by spiffe:\/\/omega\.test\/node\/n2: by join_token: BANNED/);
  });

  it('has agents that join with a token, and takes none of another domain', async () => {
    n1 = await here.node('n1', { bind: ORIGIN });
    const stranger = there.spawn('agent', '--id', 'a1', '--node', n1.grpc);
    const said = listenTo(stranger);
    await until('a refusal', 20_000, () => (/WRONG_TRUST_DOMAIN|UNKNOWN_AUTHORITY/.test(said.stderr()) ? true : undefined));
    stranger.kill();
    there.spawn('agent', '--token', await token('--agent', 'a1'), '--node', n1.grpc);
    await until('the agent', 20_000, async () => ((await n1.json<{ id: string }[]>('agents')).some(({ id }) => id === 'a1') ? true : undefined));
  });

  it('has no node with a key that others can read, and that stands in the audit', async () => {
    chmodSync(join(here.home, '.omega-mesh', '.authority', 'ca.key'), 0o644);
    const { code, stderr } = await here.run('start', '--name', 'n1', '--bind', ORIGIN, '--data-dir', join(here.home, 'n1'));
    expect(code).to.equal(1);
    expect(stderr).to.match(/others may read the private key .*ca\.key \(mode 644\)/).and.to.match(/chmod 600 .*ca\.key/);
    const [entry] = readFileSync(join(here.home, 'n1', 'trust', 'audit.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(entry!)).to.deep.include({ what: 'node-start', outcome: 'refused', subject: 'n1' }).and.to.have.property('detail').that.matches(/^KEY_EXPOSED: /);
  });
});
