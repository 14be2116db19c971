import { chmodSync, copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ErrorCode } from '../../src/errors.ts';
import { MeshError } from '../../src/errors.ts';
import { makeAuthority, type Authority } from '../../src/trust/authority.ts';
import { keepAuthority, readAuthority } from '../../src/trust/authority-files.ts';
import { readIdentity, writeIdentity } from '../../src/trust/identity-files.ts';
import type { Identity } from '../../src/trust/identity-source.ts';
import { issueOwn, ownIdentity, type OwnIdentityOptions } from '../../src/trust/own-identity.ts';

const NOW = Date.UTC(2026, 10, 23, 1);
const HOUR = 3_600_000;

describe('trust on disk', () => {
  let home: string;
  let dir: string;
  let authority: Authority;
  let first: Identity;
  let second: Identity;
  before(async () => {
    authority = await makeAuthority('omega.test', NOW);
    first = await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: NOW });
    second = await issueOwn(authority, { kind: 'node', name: 'n1', nowMs: NOW });
  });
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'trust-'));
    dir = join(home, 'n1', 'trust');
  });
  afterEach(() => rmSync(home, { recursive: true }));

  async function faultOf(act: () => unknown): Promise<MeshError> {
    try {
      await act();
    } catch (error) {
      if (error instanceof MeshError) return error;
      throw error;
    }
    throw new Error('it was taken');
  }
  function cut(file: string, share: number): void {
    const text = readFileSync(join(dir, file), 'utf8');
    writeFileSync(join(dir, file), text.slice(0, Math.floor(text.length * share)));
  }

  describe('an identity', () => {
    it('is kept for its owner only, and read back', () => {
      expect(readIdentity(dir)).to.equal(undefined);
      writeIdentity(dir, first);
      expect(statSync(dir).mode & 0o777).to.equal(0o700);
      expect(readdirSync(dir).sort()).to.deep.equal(['bundle.crt', 'svid.crt', 'svid.key']);
      for (const file of readdirSync(dir)) expect(statSync(join(dir, file)).mode & 0o777, file).to.equal(0o600);
      expect(readIdentity(dir)?.svid.serial).to.equal(first.svid.serial);
      writeIdentity(dir, second);
      expect(readIdentity(dir)?.svid.serial).to.equal(second.svid.serial);
    });

    it('is whole also where the process ended between its certificate and its key', () => {
      writeIdentity(dir, second);
      renameSync(join(dir, 'svid.key'), join(dir, 'svid.key.next'));
      const other = join(home, 'other');
      writeIdentity(other, first);
      copyFileSync(join(other, 'svid.key'), join(dir, 'svid.key'));
      expect(readIdentity(dir)?.svid.serial).to.equal(second.svid.serial);
      expect(existsSync(join(dir, 'svid.key.next'))).to.equal(false);
      expect(readIdentity(dir)?.svid.serial).to.equal(second.svid.serial);
    });

    const FAULTS: readonly [title: string, code: ErrorCode, todo: RegExp, spoil: () => void][] = [
      ['whose key others may read', 'KEY_EXPOSED', /chmod 600 .*svid\.key/, () => chmodSync(join(dir, 'svid.key'), 0o640)],
      ['whose key is cut off', 'TRUST_FILE_DAMAGED', /mesh join/, () => cut('svid.key', 0.6)],
      ['whose key is empty', 'TRUST_FILE_DAMAGED', /mesh join/, () => cut('svid.key', 0)],
      ['whose certificate is cut off', 'TRUST_FILE_DAMAGED', /mesh join/, () => cut('svid.crt', 0.9)],
      ['whose certificate is empty', 'TRUST_FILE_DAMAGED', /mesh join/, () => cut('svid.crt', 0)],
      ['whose bundle is cut off', 'TRUST_FILE_DAMAGED', /mesh join/, () => cut('bundle.crt', 0.5)],
      ['whose key is missing', 'TRUST_FILE_DAMAGED', /mesh join/, () => rmSync(join(dir, 'svid.key'))],
      ['whose certificate is missing', 'TRUST_FILE_DAMAGED', /mesh join/, () => rmSync(join(dir, 'svid.crt'))],
      ['whose bundle is missing', 'TRUST_FILE_DAMAGED', /mesh join/, () => rmSync(join(dir, 'bundle.crt'))],
      [
        "with another's key",
        'KEY_MISMATCH',
        /right file back/,
        () => {
          writeIdentity(join(home, 'other'), second);
          copyFileSync(join(home, 'other', 'svid.key'), join(dir, 'svid.key'));
        },
      ],
      ['whose key and certificate changed places', 'TRUST_FILE_DAMAGED', /mesh join/, () => {
        renameSync(join(dir, 'svid.key'), join(dir, 'x'));
        renameSync(join(dir, 'svid.crt'), join(dir, 'svid.key'));
        renameSync(join(dir, 'x'), join(dir, 'svid.crt'));
      }],
    ];
    for (const [title, code, todo, spoil] of FAULTS) {
      it(`${title} is refused: ${code}`, async () => {
        writeIdentity(dir, first);
        spoil();
        const fault = await faultOf(() => readIdentity(dir));
        expect(fault.code).to.equal(code);
        expect(fault.todo).to.match(todo);
        expect(`${fault.message} ${String(fault.cause)}`).not.to.match(/PRIVATE KEY/);
      });
    }
  });

  describe('an authority', () => {
    let at: string;
    beforeEach(() => (at = join(home, '.authority')));

    it('is kept for its owner only, and read back', () => {
      expect(readAuthority(at)).to.equal(undefined);
      keepAuthority(at, authority);
      expect(statSync(at).mode & 0o777).to.equal(0o700);
      expect(readAuthority(at)?.trustDomain).to.equal('omega.test');
      expect(readdirSync(home)).to.deep.equal(['.authority']);
    });

    it('is the first one where two are made at the same moment', async () => {
      keepAuthority(at, authority);
      const kept = keepAuthority(at, await makeAuthority('late.test', NOW));
      expect(kept.trustDomain).to.equal('omega.test');
      expect(readdirSync(home)).to.deep.equal(['.authority']);
    });

    it('that others may read is refused, with the chmod to type', async () => {
      keepAuthority(at, authority);
      chmodSync(join(at, 'ca.key'), 0o644);
      const fault = await faultOf(() => readAuthority(at));
      expect([fault.code, fault.todo]).to.deep.equal(['KEY_EXPOSED', `chmod 600 ${join(at, 'ca.key')}`]);
    });

    it("with another's key, with half a file, or of no trust domain is refused", async () => {
      keepAuthority(at, authority);
      const key = readFileSync(join(at, 'ca.key'), 'utf8');
      writeIdentity(dir, first);
      copyFileSync(join(dir, 'svid.key'), join(at, 'ca.key'));
      expect((await faultOf(() => readAuthority(at))).code).to.equal('KEY_MISMATCH');
      copyFileSync(join(dir, 'svid.crt'), join(at, 'ca.crt'));
      expect((await faultOf(() => readAuthority(at))).code).to.equal('BAD_IDENTITY');
      writeFileSync(join(at, 'ca.key'), key.slice(0, 100));
      expect((await faultOf(() => readAuthority(at))).code).to.equal('TRUST_FILE_DAMAGED');
      rmSync(join(at, 'ca.crt'));
      writeFileSync(join(at, 'ca.key'), key);
      expect((await faultOf(() => readAuthority(at))).code).to.equal('TRUST_FILE_DAMAGED');
    });
  });

  describe('a node that starts', () => {
    let options: OwnIdentityOptions;
    beforeEach(() => (options = { kind: 'node', name: 'n1', trustDir: dir, authorityDir: join(home, '.authority'), makeAuthorityFor: undefined, nowMs: NOW }));

    it('founds a trust domain where it may, and later nodes are of the same', async () => {
      const one = await ownIdentity({ ...options, makeAuthorityFor: 'vm.local' });
      expect([one.hasMadeAuthority, one.identity.svid.id.trustDomain]).to.deep.equal([true, 'vm.local']);
      const two = await ownIdentity({ ...options, name: 'n2', trustDir: join(home, 'n2', 'trust'), makeAuthorityFor: 'other.local' });
      expect([two.hasMadeAuthority, two.identity.svid.id]).to.deep.equal([false, { trustDomain: 'vm.local', kind: 'node', name: 'n2' }]);
    });

    it('goes on with the identity that it has, for half its life, where the authority is at hand', async () => {
      keepAuthority(options.authorityDir, authority);
      writeIdentity(dir, first);
      const soon = await ownIdentity({ ...options, nowMs: NOW + 0.49 * HOUR });
      expect([soon.identity.svid.serial, soon.authorities?.trustDomain]).to.deep.equal([first.svid.serial, 'omega.test']);
      const late = await ownIdentity({ ...options, nowMs: NOW + 0.51 * HOUR });
      expect(late.identity.svid.serial).not.to.equal(first.svid.serial);
      expect(readIdentity(dir)?.svid.serial).to.equal(late.identity.svid.serial);
    });

    const OTHERS: readonly [title: string, change: Partial<OwnIdentityOptions>][] = [
      ['has the name of another', { name: 'n9' }],
      ['is of another kind', { kind: 'agent' }],
      ['holds for longer than is issued now', { ttlMs: 60_000 }],
      ['has expired', { nowMs: NOW + 24 * HOUR }],
    ];
    for (const [title, change] of OTHERS) {
      it(`gets a new identity from the authority at hand where the one that it has ${title}`, async () => {
        keepAuthority(options.authorityDir, authority);
        writeIdentity(dir, first);
        const own = await ownIdentity({ ...options, ...change });
        expect(own.identity.svid.serial).not.to.equal(first.svid.serial);
        expect(own.identity.svid.id).to.deep.include({ kind: change.kind ?? 'node', name: change.name ?? 'n1' });
        expect(readIdentity(dir)?.svid.serial).to.equal(own.identity.svid.serial);
      });
    }

    it('has nothing to say who it is by where it may found nothing: told what to type', async () => {
      const fault = await faultOf(() => ownIdentity(options));
      expect(fault.code).to.equal('NO_IDENTITY');
      expect(fault.todo).to.match(/mesh init --trust-domain .*mesh join --token/);
    });

    it('keeps the identity that another authority gave it, while it is good', async () => {
      writeIdentity(dir, first);
      keepAuthority(options.authorityDir, await makeAuthority('vm.local', NOW));
      const own = await ownIdentity(options);
      expect([own.identity.svid.serial, own.authorities]).to.deep.equal([first.svid.serial, undefined]);
      expect((await faultOf(() => ownIdentity({ ...options, nowMs: NOW + 2 * HOUR }))).code).to.equal('SVID_EXPIRED');
      expect((await faultOf(() => ownIdentity({ ...options, name: 'n2' }))).code).to.equal('NO_IDENTITY');
    });
  });
});
