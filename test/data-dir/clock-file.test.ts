import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { clockFile } from '../../src/data-dir/clock-file.ts';

describe('the Lamport clocks on disk', () => {
  let dir: string;
  let file: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mesh-clocks-'));
    file = join(dir, 'clocks.json');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('are what was saved last, and leave nothing else behind', () => {
    clockFile(file).save({ member: 3, event: 2, query: 1 });
    clockFile(file).save({ member: 4, event: 2, query: 9 });
    expect(clockFile(file).load()).to.deep.equal({ member: 4, event: 2, query: 9 });
    expect(readdirSync(dir)).to.deep.equal(['clocks.json']);
  });

  it('are not known where none were saved', () => {
    expect(clockFile(file).load()).to.equal(undefined);
  });

  for (const damage of ['', 'x', 'null', '[]', '{"member":1,"event":1}', '{"member":0,"event":1,"query":1}', '{"member":1.5,"event":1,"query":1}', '{"member":1,"event":1e300,"query":1}', '{"member":1,"event":"1","query":1}']) {
    it(`are not known where the file holds ${damage}`, () => {
      writeFileSync(file, damage);
      expect(clockFile(file).load()).to.equal(undefined);
    });
  }
});
