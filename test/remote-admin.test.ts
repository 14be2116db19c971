/** As whom a node elsewhere is asked; nothing here reaches one. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../src/clock.ts';
import { adminTrustDir, authorityDir } from '../src/config/home-path.ts';
import { MeshError } from '../src/errors.ts';
import { connectRemote } from '../src/remote-admin.ts';
import type { AdminClient } from '../src/transport/grpc-client.ts';
import { createMeshServer } from '../src/transport/grpc-server.ts';
import type { MeshServer } from '../src/transport/grpc-server.ts';
import { parseAddress } from '../src/address.ts';
import { roleIn } from '../src/trust/admin-role.ts';
import type { AdminRole } from '../src/trust/authority.ts';
import { keepAuthority } from '../src/trust/authority-files.ts';
import { readIdentity, writeIdentity } from '../src/trust/identity-files.ts';
import { trustDomain } from './support/trust-domain.ts';
import type { TestTls, TrustDomain } from './support/trust-domain.ts';

const HOUR_MS = 3_600_000;

describe('who asks a node elsewhere', () => {
  let home: string;
  let domain: TrustDomain;
  let far: TestTls;
  let server: MeshServer;
  let remarks: string[];
  const clients: AdminClient[] = [];

  before(async () => {
    domain = await trustDomain();
  });
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'omega-mesh-'));
    remarks = [];
    far = await domain.tls('node', 'far');
    server = await createMeshServer({ host: '127.0.0.1', port: 0 }, [], far);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.close(0);
    rmSync(home, { recursive: true });
  });

  const joined = async (name: string, role: AdminRole, options: { ttlMs?: number; shiftMs?: number } = {}): Promise<void> =>
    writeIdentity(adminTrustDir(home, name), await domain.identity('admin', name, { role, ...options }));
  /** What the node that is reached knows of who asks. */
  const ask = async (admin?: string, isOutdated = false): Promise<string> => {
    try {
      const client = await connectRemote({ node: { address: parseAddress(server.address, 0), name: undefined }, admin, home, user: 'ada as root', isOutdated, remark: (text) => void remarks.push(text) });
      clients.push(client);
      // It has no such service; but who asks is known by then.
      await client.getStatus({}).catch(() => undefined);
      return far.sessions.list().map(({ caller }) => `${caller.id.name} ${caller.role}`).join();
    } catch (error) {
      if (error instanceof MeshError) return `${error.code}: ${error.message}`;
      throw error;
    }
  };

  it('is the only admin who has joined here', async () => {
    await joined('kim', 'viewer');
    expect(await ask()).to.equal('kim viewer');
    expect(remarks).to.deep.equal([`asking far at ${server.address} as admin/kim (viewer)`]);
  });

  it('is chosen where there are several, and must have joined', async () => {
    await joined('kim', 'viewer');
    await joined('lee', 'admin');
    expect(await ask()).to.equal('NO_IDENTITY: 2 admins have an identity here: kim, lee');
    expect(await ask('lee')).to.equal('lee admin');
    expect(await ask('ada')).to.equal('NO_IDENTITY: the admin ada has no identity here; kim, lee have');
  });

  it('is nobody where nobody has joined and no authority is at hand', async () => {
    expect(await ask()).to.equal('NO_IDENTITY: there is no identity of an admin here, and no authority that could issue one');
  });

  it('is whoever holds the authority, who says so and keeps nothing', async () => {
    keepAuthority(authorityDir(home), domain.authority);
    expect(await ask()).to.equal('ada-as-root admin');
    expect(remarks[0]).to.include('as admin/ada-as-root (admin), whom the authority here vouches for');
    expect(readIdentity(adminTrustDir(home, 'ada-as-root'))).to.equal(undefined);
  });

  it('gets another identity in the second half of its life, with the same role, and longer ones than nodes have', async () => {
    keepAuthority(authorityDir(home), domain.authority);
    await joined('kim', 'operator', { shiftMs: -HOUR_MS, ttlMs: 1.5 * HOUR_MS });
    expect(await ask()).to.equal('kim operator');
    const { svid } = readIdentity(adminTrustDir(home, 'kim'))!;
    expect(roleIn(svid.certificates[0]!)).to.equal('operator');
    expect(svid.notAfterMs - systemClock.wallNow()).to.be.within(11.9 * HOUR_MS, 12 * HOUR_MS);
    expect(statSync(adminTrustDir(home, 'kim')).mode & 0o777).to.equal(0o700);
  });

  it('goes on with the one it has while nobody renews it, and is told when it has expired', async () => {
    await joined('kim', 'operator', { shiftMs: -HOUR_MS, ttlMs: 1.5 * HOUR_MS });
    const { serial } = readIdentity(adminTrustDir(home, 'kim'))!.svid;
    expect(await ask()).to.equal('kim operator');
    expect(readIdentity(adminTrustDir(home, 'kim'))!.svid.serial).to.equal(serial);
    await joined('lee', 'operator', { shiftMs: -3 * HOUR_MS, ttlMs: HOUR_MS });
    expect(await ask('lee')).to.match(/^SVID_EXPIRED: the identity of the admin lee expired at \d{4}-/);
    // Not taken for a clock that is ahead.
    await joined('bob', 'operator', { shiftMs: -HOUR_MS, ttlMs: HOUR_MS - 60_000 });
    expect(await ask('bob')).to.match(/^SVID_EXPIRED/);
  });

  it('gets another at once when a node has refused the one it has, or says what keeps it from that', async () => {
    await joined('kim', 'operator');
    expect(await ask('kim', true)).to.match(/^NO_IDENTITY: nobody is known who could/);
    keepAuthority(authorityDir(home), domain.authority);
    const { serial } = readIdentity(adminTrustDir(home, 'kim'))!.svid;
    expect(await ask('kim', true)).to.equal('kim operator');
    expect(readIdentity(adminTrustDir(home, 'kim'))!.svid.serial).not.to.equal(serial);
  });

  it('takes no directory for an admin that is none', async () => {
    mkdirSync(join(adminTrustDir(home, 'kim')), { recursive: true });
    expect(await ask()).to.match(/^NO_IDENTITY: there is no identity of an admin here/);
    expect(await ask('kim')).to.equal('NO_IDENTITY: the admin kim has no identity here');
    await joined('lee', 'viewer');
    expect(await ask()).to.equal('lee viewer');
  });
});
