import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { workloadFile } from '../../src/data-dir/workload-file.ts';
import type { WorkloadEntry } from '../../src/trust/workload-entry.ts';

describe('the file of workloads', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'workloads-'));
    path = join(dir, 'workloads.json');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('is read as it was written, and its owner’s alone', () => {
    const file = workloadFile(dir);
    expect(file.load()).to.deep.equal([]);
    const entries: readonly WorkloadEntry[] = [
      { id: { trustDomain: 'omega.test', kind: 'workload', name: 'n1/web' }, socket: '/run/mesh/web.sock', group: 'web' },
      { id: { trustDomain: 'omega.test', kind: 'node', name: 'n2' }, socket: '/d/node.n2.sock', group: undefined },
    ];
    file.save(entries);
    expect(file.load()).to.deep.equal(entries);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  for (const text of ['', '{', '{}', '[{}]', '[{"id":"spiffe://omega.test/pod/x","socket":"/s"}]', '[{"id":"spiffe://omega.test/node/x","socket":7}]']) {
    it(`is damaged when it says ${JSON.stringify(text)}, and left as it is`, () => {
      writeFileSync(path, text);
      expect(() => workloadFile(dir).load()).to.throw().with.property('code', 'TRUST_FILE_DAMAGED');
      expect(readFileSync(path, 'utf8')).to.equal(text);
    });
  }
});
