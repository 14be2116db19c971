import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { readKeyring, writeKeyring } from '../../src/data-dir/keyring-file.ts';
import { MeshError } from '../../src/errors.ts';

const KEYS = [Buffer.alloc(32, 1), Buffer.alloc(16, 2), Buffer.alloc(24, 3)];
const SERFS_FILE = '[\n  "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",\n  "AgICAgICAgICAgICAgICAg==",\n  "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD"\n]\n';

describe('a keyring on disk', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keyring-'));
    path = join(folder, 'keyring.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function faultOf(text: string, mode = 0o600): MeshError {
    writeFileSync(path, text);
    chmodSync(path, mode);
    try {
      readKeyring(path);
    } catch (error) {
      expect(error).to.be.instanceOf(MeshError);
      return error as MeshError;
    }
    throw new Error('it was read');
  }

  it('is written as Serf writes it, for its owner only, and read back', () => {
    writeKeyring(path, KEYS);
    expect(readFileSync(path, 'utf8')).to.equal(SERFS_FILE);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(readKeyring(path).map((key) => Buffer.from(key).toString('hex'))).to.deep.equal(KEYS.map((key) => key.toString('hex')));
  });

  it('stays closed to others when it is written again', () => {
    writeFileSync(path, '[]', { mode: 0o644 });
    writeKeyring(path, KEYS);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  for (const mode of [0o604, 0o640, 0o644, 0o666]) {
    it(`is refused when its mode is ${mode.toString(8)}, and how to mend that is said`, () => {
      const fault = faultOf(SERFS_FILE, mode);
      expect(fault.code).to.equal('BAD_CONFIG');
      expect(fault.message).to.include(`mode ${mode.toString(8)}`);
      expect(fault.todo).to.equal(`chmod 600 ${path}`);
    });
  }

  for (const text of ['', '[]', '{}', 'AQEBAQEBAQEBAQEBAQEBAQ==', '["c2hvcnQ="]', '[1]', '["AgICAgICAgICAgICAgICAg==", "not base64!"]']) {
    it(`that holds ${text || 'nothing'} is refused, and nothing of it is shown`, () => {
      const fault = faultOf(text);
      expect(fault.message).to.include('no list of keys');
      expect(inspect(fault, { showHidden: true })).not.to.match(/AgICAg|AQEBAQ|c2hvcn/);
    });
  }

  it('that is not there is told by its path', () => {
    expect(() => readKeyring(path)).to.throw(MeshError, `${path} is not used: no such file`);
  });
});
