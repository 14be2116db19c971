import { chmodSync, existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeFabricAddresses } from '../../src/trust/fabric-file.ts';
import { writeWorkloadApi } from '../../src/trust/workload-api-file.ts';
import { FakeProcess } from './fake-process.ts';

describe('mesh init and mesh trust show', () => {
  let fake: FakeProcess;
  let authority: string;
  beforeEach(() => {
    fake = new FakeProcess();
    authority = join(fake.home, '.omega-mesh', '.authority');
  });
  afterEach(() => fake.remove());

  it('found a trust domain and its first node, and show who that is', async () => {
    const made = await fake.mesh('init', '--trust-domain', 'omega.test', '--name', 'n1');
    expect(made.exitCode).to.equal(0);
    expect(made.stdout).to.equal(`made the authority of omega.test in ${authority}\nissued spiffe://omega.test/node/n1, in ${join(fake.home, '.omega-mesh', 'n1', 'trust')}\n`);
    expect(made.stderr).to.match(/can be anybody in omega\.test/);
    expect(statSync(authority).mode & 0o777).to.equal(0o700);

    const shown = await fake.mesh('trust', 'show', '--name', 'n1');
    expect(shown.stdout).to.match(/^identity {3}spiffe:\/\/omega\.test\/node\/n1\nserial .*\nvalid .* to .*, 59m \d\ds left\nbelieves {3}authority \S{43}, until .*\nauthority {2}here, in .*\nsource {5}embedded: /);
    const { notAfter, authorities, ...rest } = JSON.parse((await fake.mesh('trust', 'show', '--name', 'n1', '--json')).stdout) as Record<string, unknown>;
    expect(Date.parse(String(notAfter))).to.be.greaterThan(Date.now());
    expect(authorities).to.have.length(1);
    expect(rest).to.include({ id: 'spiffe://omega.test/node/n1', trustDomain: 'omega.test', authorityDir: authority });
  });

  it('keep the authority when asked for the same once more, and refuse another beside it', async () => {
    await fake.mesh('init', '--trust-domain', 'omega.test', '--name', 'n1');
    const again = await fake.mesh('init', '--trust-domain', 'omega.test', '--name', 'n2');
    expect([again.exitCode, again.stdout.split('\n')[0]]).to.deep.equal([0, `kept the authority of omega.test in ${authority}`]);
    const other = await fake.mesh('init', '--trust-domain', 'sigma.test');
    expect([other.exitCode, other.stderr.split('\n')[0]]).to.deep.equal([1, `mesh: there is an authority already, of the trust domain omega.test, in ${authority}`]);
  });

  it('say so where there is no identity, and where the authority is elsewhere', async () => {
    const none = await fake.mesh('trust', 'show');
    expect([none.exitCode, none.stderr]).to.deep.include(2).and.to.satisfy(([, text]: [number, string]) => text.includes('mesh init --trust-domain'));
    await fake.mesh('init', '--trust-domain', 'omega.test', '--name', 'n1');
    rmSync(authority, { recursive: true });
    expect((await fake.mesh('trust', 'show', '--name', 'n1')).stdout).to.match(/authority {2}elsewhere\nsource {5}fabric: a Trust Fabric renews/);
    const trust = join(fake.home, '.omega-mesh', 'n1', 'trust');
    writeFabricAddresses(trust, [{ host: '10.0.0.1', port: 7948 }]);
    expect((await fake.mesh('trust', 'show', '--name', 'n1')).stdout).to.match(/fabric: a Trust Fabric renews this identity, 10\.0\.0\.1:7948\n/);
    writeWorkloadApi(trust, '/run/agent.sock');
    expect((await fake.mesh('trust', 'show', '--name', 'n1')).stdout).to.match(/workload-api: a Workload API pushes this identity, unix:\/\/\/run\/agent\.sock\n/);
    expect(JSON.parse((await fake.mesh('trust', 'show', '--name', 'n1', '--json')).stdout)).to.deep.include({ source: 'workload-api', sourceAt: ['unix:///run/agent.sock'] });
  });

  it('refuse a key that others may read, with the chmod to type', async () => {
    await fake.mesh('init', '--trust-domain', 'omega.test', '--name', 'n1');
    chmodSync(join(authority, 'ca.key'), 0o640);
    const { exitCode, stderr } = await fake.mesh('trust', 'show', '--name', 'n1');
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/others may read the private key .*ca\.key \(mode 640\)\n.*\n {2}chmod 600 .*ca\.key\n/);
  });

  it('make nothing of a name that cannot be a trust domain', async () => {
    for (const domain of ['Omega.test', 'omega/test', '']) {
      const { exitCode, stderr } = await fake.mesh('init', '--trust-domain', domain);
      expect([exitCode, stderr]).to.deep.include(2).and.to.satisfy(([, text]: [number, string]) => text.includes('cannot be a trust domain'));
    }
    expect((await fake.mesh('init')).exitCode).to.equal(2);
    expect(existsSync(authority)).to.equal(false);
  });
});
