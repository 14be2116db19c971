import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LastLines, writeCrashReport } from '../../src/keeper/crash-report.ts';
import type { Crash } from '../../src/keeper/keeper-core.ts';

function linesOf(...chunks: (string | Buffer)[]): readonly string[] {
  const last = new LastLines();
  for (const chunk of chunks) last.add(Buffer.from(chunk));
  return last.lines;
}

describe('the last lines of a node', () => {
  it('are put together from pieces, the one that is not ended among them', () => {
    expect(linesOf('a', 'b\nc', '\n', 'd')).to.deep.equal(['ab', 'c', 'd']);
    expect(linesOf('a\n')).to.deep.equal(['a']);
    expect(linesOf()).to.deep.equal([]);
  });

  it('keep a character whose bytes come in two pieces', () => {
    const bytes = Buffer.from('né\n');
    expect(linesOf(bytes.subarray(0, 2), bytes.subarray(2))).to.deep.equal(['né']);
  });

  it('are fifty at most, the newest', () => {
    const lines = Array.from({ length: 120 }, (_, at) => `line ${at}`);
    expect(linesOf(lines.join('\n'))).to.deep.equal(lines.slice(-50));
    expect(linesOf(`${lines.join('\n')}\n`)).to.deep.equal(lines.slice(-50));
  });

  it('are cut at two thousand characters, however they come', () => {
    expect(linesOf('x'.repeat(3_000))[0]).to.have.length(2_000);
    expect(linesOf(...Array.from({ length: 3_000 }, () => 'x'), '\ny')).to.deep.equal(['x'.repeat(2_000), 'y']);
  });
});

describe('the report of a crash', () => {
  let dataDir: string;
  beforeEach(() => void (dataDir = mkdtempSync(join(tmpdir(), 'mesh-crash-'))));
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const crash: Crash = {
    life: 3,
    exitCode: 70,
    signal: null,
    uptimeMs: 12.7,
    wasReady: true,
    decision: 'restart',
    why: '3 of 10 restarts in 10 min',
    delayMs: 800,
    restartsInPeriod: 3,
  };

  it('replaces the last one, is for its user only and leaves nothing else behind', () => {
    writeCrashReport(dataDir, crash, 0, ['old']);
    writeCrashReport(dataDir, { ...crash, life: 4 }, 1_000, ['new', 'lines']);
    expect(readdirSync(dataDir)).to.deep.equal(['crash.json']);
    const path = join(dataDir, 'crash.json');
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(JSON.parse(readFileSync(path, 'utf8'))).to.deep.equal({ at: '1970-01-01T00:00:01.000Z', ...crash, life: 4, uptimeMs: 13, stderr: ['new', 'lines'] });
  });

  it('is refused by a directory that is gone', () => {
    expect(() => writeCrashReport(join(dataDir, 'gone'), crash, 0, [])).to.throw('ENOENT');
  });
});
