import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { incarnationFile } from '../../src/data-dir/incarnation-file.ts';

describe('the incarnation on disk', () => {
  let dir: string;
  let file: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mesh-incarnation-'));
    file = join(dir, 'incarnation');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('is what was saved last, and leaves nothing else behind', () => {
    incarnationFile(file).save(16);
    incarnationFile(file).save(32);
    expect(incarnationFile(file).load()).to.equal(32);
    expect(readdirSync(dir)).to.deep.equal(['incarnation']);
  });

  it('is 0 where none was saved', () => {
    expect(incarnationFile(file).load()).to.equal(0);
  });

  for (const damage of ['', 'x', '-1', '1e9', '12.5', '4294967295', '99999999999999', '\0\0\0\0']) {
    it(`is 0 where the file holds ${JSON.stringify(damage)}`, () => {
      writeFileSync(file, damage);
      expect(incarnationFile(file).load()).to.equal(0);
    });
  }
});
