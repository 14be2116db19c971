import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

const PROGRAM = new URL('./stalling-program.ts', import.meta.url).pathname;

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly report: { readonly actor?: string; readonly life?: number; readonly stalledMs: number; readonly node: string; readonly stack?: readonly string[] } | undefined;
  readonly logged: readonly Record<string, unknown>[];
}

/** Runs the program that stalls in that way to its end. */
function stall(how: string): Promise<End> {
  const home = mkdtempSync(join(tmpdir(), 'stall-'));
  const [reportFile, logFile] = [join(home, 'stall.json'), join(home, 'log.jsonl')];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx/esm', PROGRAM, how, reportFile, logFile], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    child.on('close', (code, signal) => {
      const lines = (readOr(logFile) ?? '').split('\n').filter((line) => line !== '');
      const report = readOr(reportFile);
      rmSync(home, { recursive: true });
      resolve({ code, signal, stdout, stderr, report: report === undefined ? undefined : (JSON.parse(report) as NonNullable<End['report']>), logged: lines.map((line) => JSON.parse(line) as Record<string, unknown>) });
    });
  });
}

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

describe('a main loop that stands still', function () {
  this.timeout(60_000);

  it('in a handler is told of with the path, then ends the process with 73 and leaves a report', async () => {
    const { code, stderr, report, logged } = await stall('loop');
    expect(code, stderr).to.equal(73);
    expect(stderr).to.match(/warn {2}\/staller degraded stalledMs=\d+ at="at receive \(file:.*stalling-program/);
    expect(stderr).to.match(/error \/staller loop-stalled stalledMs=\d+ exitCode=73/);
    expect(report).to.include({ actor: '/staller', life: 1, node: 'n1' });
    expect(report?.stalledMs).to.be.within(2_000, 5_000);
    expect(report?.stack?.[0]).to.match(/^at receive \(file:.*stalling-program/);
    expect(logged.map(({ event }) => event)).to.include.members(['degraded', 'loop-stalled']);
    expect(logged.find(({ event }) => event === 'degraded')).to.include({ level: 'warn', actor: '/staller', life: 1, node: 'n1' });
  });

  it('in a handler that went on after an await is the fault of that handler', async () => {
    const { code, report } = await stall('after-await');
    expect(code).to.equal(73);
    expect(report).to.include({ actor: '/staller', life: 1 });
  });

  it('in no actor is nobody’s fault, and ends the process all the same', async () => {
    const { code, stderr, report } = await stall('nobody');
    expect(code, stderr).to.equal(73);
    expect(report).not.to.have.property('actor');
    expect(report?.stack?.some((frame) => frame.startsWith('at spin '))).to.equal(true);
  });

  it('in a native call, which lets nobody choose the code, ends the process by a signal, with the report', async () => {
    const { code, signal, report } = await stall('native');
    expect([code, signal]).to.deep.equal([null, 'SIGABRT']);
    expect(report).to.include({ actor: '/staller', life: 1 });
  });

  it('and turns again is told of with its length', async () => {
    const { code, stdout, stderr, report } = await stall('short');
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^lag \d+ \/staller$/m);
    expect(stderr).to.match(/\/staller degraded/);
    expect(report).to.equal(undefined);
  });
});
