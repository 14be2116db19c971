import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeAuthority, type Authority } from '../../src/trust/authority.ts';
import { keepAuthority } from '../../src/trust/authority-files.ts';
import { writeIdentity } from '../../src/trust/identity-files.ts';
import { issueOwn, ownIdentity, type OwnIdentity } from '../../src/trust/own-identity.ts';
import { identityOrigin } from '../../src/trust/trust-source.ts';
import { forgetWorkloadApi, readWorkloadApi, writeWorkloadApi } from '../../src/trust/workload-api-file.ts';

describe('where the identity of a node comes from', () => {
  let home: string;
  let dir: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'source-'));
    dir = join(home, 'trust');
    mkdirSync(dir);
  });
  afterEach(() => rmSync(home, { recursive: true }));

  it('is what was said, else what the data directory has', () => {
    const [trustSource, workloadSocket] = [undefined, undefined];
    expect(identityOrigin({ trustSource, workloadSocket }, dir)).to.deep.equal({ kind: undefined });
    expect(identityOrigin({ trustSource, workloadSocket: '/a.sock' }, dir)).to.deep.equal({ kind: 'workload-api', socket: '/a.sock' });
    writeWorkloadApi(dir, '/kept.sock');
    expect(identityOrigin({ trustSource, workloadSocket }, dir)).to.deep.equal({ kind: 'workload-api', socket: '/kept.sock' });
    expect(identityOrigin({ trustSource: 'workload-api', workloadSocket }, dir)).to.deep.equal({ kind: 'workload-api', socket: '/kept.sock' });
    expect(identityOrigin({ trustSource: 'workload-api', workloadSocket: '/a.sock' }, dir)).to.deep.equal({ kind: 'workload-api', socket: '/a.sock' });
    expect(identityOrigin({ trustSource: 'fabric', workloadSocket }, dir)).to.deep.equal({ kind: 'fabric' });
    forgetWorkloadApi(dir);
    expect(readWorkloadApi(dir)).to.equal(undefined);
    expect(() => identityOrigin({ trustSource: 'workload-api', workloadSocket }, dir)).to.throw().with.property('code', 'BAD_CONFIG');
  });

  it('is not guessed from a file that is damaged', () => {
    for (const text of ['', '{}', '{"socket":"agent.sock"}']) {
      writeFileSync(join(dir, 'workload-api.json'), text);
      expect(() => readWorkloadApi(dir)).to.throw().with.property('code', 'TRUST_FILE_DAMAGED');
    }
  });

  describe('where an authority is at hand, and an identity of another', () => {
    let here: Authority;
    let there: Authority;
    const own = (source: 'embedded' | 'fabric' | undefined, makeAuthorityFor?: string): Promise<OwnIdentity> =>
      ownIdentity({ kind: 'node', name: 'n1', trustDir: dir, authorityDir: join(home, '.authority'), makeAuthorityFor, source, nowMs: Date.now() });
    beforeEach(async () => {
      [here, there] = [await makeAuthority('here.test', Date.now()), await makeAuthority('there.test', Date.now())];
      keepAuthority(join(home, '.authority'), here);
      writeIdentity(dir, await issueOwn(there, { kind: 'node', name: 'n1', nowMs: Date.now() }));
    });

    it('is that other one, unless it is said to be embedded', async () => {
      expect((await own(undefined)).identity.svid.id.trustDomain).to.equal('there.test');
      expect((await own('fabric')).identity.svid.id.trustDomain).to.equal('there.test');
      const embedded = await own('embedded');
      expect([embedded.identity.svid.id.trustDomain, embedded.authorities?.trustDomain]).to.deep.equal(['here.test', 'here.test']);
    });

    it('is no authority that is at hand where it is said to be a Fabric', async () => {
      rmSync(dir, { recursive: true });
      const fault: unknown = await own('fabric', 'here.test').catch((error: unknown) => error);
      expect(fault).to.have.property('code', 'NO_IDENTITY');
      expect(fault).to.have.property('todo').that.contains('mesh join');
      writeIdentity(dir, await issueOwn(here, { kind: 'node', name: 'n1', nowMs: Date.now() }));
      expect((await own('fabric')).authorities).to.equal(undefined);
    });
  });
});
