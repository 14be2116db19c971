import { join } from 'node:path';
import { expect } from 'chai';
import { readAuthority } from '../../src/trust/authority-files.ts';
import { issueOwn } from '../../src/trust/own-identity.ts';
import { parseToken } from '../../src/trust/token.ts';
import type { Joining } from '../../src/joining.ts';
import { FakeProcess } from './fake-process.ts';

describe('mesh token and mesh join', () => {
  let fake: FakeProcess;
  let authority: string;
  beforeEach(async () => {
    fake = new FakeProcess();
    authority = join(fake.home, '.omega-mesh', '.authority');
    await fake.mesh('init', '--trust-domain', 'omega.test', '--name', 'n1');
  });
  afterEach(() => fake.remove());

  it('make a token that a script can take, and say what to type with it', async () => {
    const { exitCode, stdout, stderr } = await fake.mesh('token', 'create', '--node', 'n2');
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/^omt1\.[\w-]{150,400}\n$/);
    expect(stderr).to.match(/^mesh: for spiffe:\/\/omega\.test\/node\/n2, once, until .*; there: mesh join --token <token> --seed <address of a node here>\n$/);
    const token = parseToken(stdout.trim());
    expect(token.id).to.deep.equal({ trustDomain: 'omega.test', kind: 'node', name: 'n2' });
    expect(token.expiresAtMs - Date.now()).to.be.within(590_000, 600_000);
  });

  it('make tokens for agents and for admins with their role, list them without secrets, and take them back', async () => {
    const agent = (await fake.mesh('token', 'create', '--agent', 'a1', '--ttl', '1h')).stdout.trim();
    const made = JSON.parse((await fake.mesh('token', 'create', '--admin', 'kim', '--role', 'operator', '--json')).stdout) as { name: string; role: string; token: string };
    expect(made.role).to.equal('operator');
    const listed = await fake.mesh('token', 'list', '--json');
    expect((JSON.parse(listed.stdout) as { id: string; role: string | null; state: string }[]).map(({ id, role, state }) => [id, role, state])).to.deep.equal([
      ['spiffe://omega.test/admin/kim', 'operator', 'open'],
      ['spiffe://omega.test/agent/a1', null, 'open'],
    ]);
    expect(listed.stdout).not.to.contain(parseToken(agent).secret.toString('base64url'));
    expect((await fake.mesh('token', 'revoke', made.name.slice(0, 8))).stdout).to.equal('took back the token for spiffe://omega.test/admin/kim\n');
    expect((await fake.mesh('token', 'list')).stdout).to.contain('agent/a1').and.not.to.contain('admin/kim');
    expect((await fake.mesh('token', 'revoke', made.name)).exitCode).to.equal(1);
  });

  it('know for whom a token can be, and where', async () => {
    for (const args of [[], ['--node', 'n2', '--agent', 'a1'], ['--admin', 'kim'], ['--admin', 'kim', '--role', 'god'], ['--node', 'n2', '--role', 'admin'], ['--node', 'n/2'], ['--node', 'n2', '--ttl', '1s']]) {
      expect((await fake.mesh('token', 'create', ...args)).exitCode, args.join(' ')).to.equal(2);
    }
    const elsewhere = new FakeProcess();
    const { exitCode, stderr } = await elsewhere.mesh('token', 'create', '--node', 'n2');
    expect([exitCode, stderr.split('\n')[0]]).to.deep.equal([2, `mesh: there is no authority in ${join(elsewhere.home, '.omega-mesh', '.authority')}`]);
    elsewhere.remove();
  });

  it('join where the token says as whom, and say what to type next', async () => {
    const text = (await fake.mesh('token', 'create', '--node', 'n2')).stdout.trim();
    let asked: Joining | undefined;
    fake.doors.joinDomain = async (joining) => {
      asked = joining;
      const identity = await issueOwn(readAuthority(authority)!, { kind: 'node', name: 'n2', nowMs: Date.now() });
      return { identity, gossipSeeds: ['10.0.0.1:7946'], isGossipEncrypted: true };
    };
    const { exitCode, stdout, stderr } = await fake.mesh('join', '--token', text, '--seed', '10.0.0.1', '--seed', 'h2:9000');
    const dir = join(fake.home, '.omega-mesh', 'n2', 'trust');
    expect([exitCode, stdout]).to.deep.equal([0, `joined omega.test as spiffe://omega.test/node/n2, in ${dir}\n`]);
    expect(stderr).to.equal('mesh: start it with: mesh start --name n2 --bind <ip of this machine>\n');
    expect(asked).to.deep.include({ trustDir: dir, dataDir: join(fake.home, '.omega-mesh', 'n2'), fabric: [{ host: '10.0.0.1', port: 7948 }, { host: 'h2', port: 9000 }] });
    const agent = (await fake.mesh('token', 'create', '--agent', 'a1')).stdout.trim();
    await fake.mesh('join', '--token', agent, '--seed', '10.0.0.1');
    expect(asked).to.deep.include({ trustDir: join(fake.home, '.omega-mesh', '.agents', 'a1'), dataDir: undefined });
  });

  it('tell a token that is not whole, and show nothing of it', async () => {
    const text = (await fake.mesh('token', 'create', '--node', 'n2')).stdout.trim();
    for (const broken of [text.slice(0, -9), text.slice(4), 'omt1.', '']) {
      const { exitCode, stderr } = await fake.mesh('join', '--token', broken, '--seed', '10.0.0.1');
      expect([exitCode, stderr.split('\n')[0]]).to.deep.equal([2, 'mesh: the token is not whole']);
    }
    expect((await fake.mesh('join', '--token', text)).stderr).to.match(/--seed/);
    expect((await fake.mesh('join', '--seed', 'h')).stderr).to.match(/the token is missing/);
  });
});
