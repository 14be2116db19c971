import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { banFile } from '../../src/trust/ban-files.ts';
import { banGate } from '../../src/trust/ban-gate.ts';
import { issuedAtMs } from '../../src/trust/ban-entry.ts';
import { idOf, madeBan } from '../actors/trust/made-bans.ts';

describe('the ban list on disk', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mesh-bans-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is read as it was written, and only by its owner', () => {
    const path = join(folder, 'trust', 'bans.json');
    const file = banFile(path);
    expect(file.load()).to.deep.equal([]);
    const { entry } = madeBan({});
    file.save([entry]);
    const [read] = file.load();
    expect(Buffer.from(read!.body).equals(entry.body)).to.equal(true);
    expect(read!.chain.map((der) => Buffer.from(der).toString('hex'))).to.deep.equal(entry.chain.map((der) => Buffer.from(der).toString('hex')));
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  it('is refused when it is damaged: who forgets whom it keeps out lets them in', () => {
    const path = join(folder, 'bans.json');
    for (const text of ['', '{', '{}', '[1]', '[{"body":"","chain":[1],"signature":""}]']) {
      writeFileSync(path, text);
      expect(() => banFile(path).load(), text).to.throw(MeshError).with.property('code', 'TRUST_FILE_DAMAGED');
    }
  });
});

describe('the gate that bans close', () => {
  const n4 = { trustDomain: 'omega.test', kind: 'node', name: 'n4' } as const;

  it('says why to whoever is kept out, and nothing to others', () => {
    const gate = banGate();
    expect(gate.fault(n4, 0)).to.equal(undefined);
    gate.replace(new Map([[idOf('n4'), madeBan({ epochMs: 1_000 })]]));
    expect(gate.fault(n4, 0)).to.include({ code: 'BANNED', message: 'spiffe://omega.test/node/n4 was banned at 1970-01-01T00:00:01.000Z by ada: stolen' });
    expect(gate.fault({ ...n4, name: 'n5' }, 0)).to.equal(undefined);
    gate.replace(new Map());
    expect(gate.fault(n4, 0)).to.equal(undefined);
  });

  it('lets in whoever was evicted and has attested again', () => {
    const gate = banGate();
    gate.replace(new Map([[idOf('n4'), madeBan({ kind: 'evict', epochMs: issuedAtMs(1_000) })]]));
    expect(gate.fault(n4, 1_000)?.code).to.equal('EVICTED');
    expect(gate.fault(n4, 1_001)).to.equal(undefined);
  });
});
