import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

describe('the mesh process', () => {
  let home: string;

  before(() => {
    home = mkdtempSync(join(tmpdir(), 'mesh-main-'));
  });

  after(() => rmSync(home, { recursive: true }));

  /** @param output where standard output goes: read, closed by its reader, or a file */
  async function mesh(argv: readonly string[], output: 'read' | 'closed' | number = 'read'): Promise<{ exitCode: unknown; stdout: string; stderr: string }> {
    // CI: some libraries take it for a terminal with colours.
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, CI: 'true' };
    const child = spawn(process.execPath, ['--import', 'tsx/esm', 'src/cli/main.ts', ...argv], { env, stdio: ['ignore', typeof output === 'number' ? output : 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    if (output === 'read') child.stdout!.on('data', (text) => (stdout += String(text)));
    else child.stdout?.destroy();
    child.stderr!.on('data', (text) => (stderr += String(text)));
    const [exitCode] = (await once(child, 'close')) as [unknown];
    return { exitCode, stdout, stderr };
  }

  it('prints what was asked for and ends with 0', async () => {
    const { exitCode, stdout, stderr } = await mesh(['--help']);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.include('Usage: mesh');
  });

  it('ends with 2 when misused and with 3 when no node runs, and shows no stack', async () => {
    const [misused, alone] = await Promise.all([mesh(['staus']), mesh(['members'])]);
    expect([misused.exitCode, alone.exitCode]).to.deep.equal([2, 3]);
    expect(misused.stderr + alone.stderr).to.not.match(/^\s+at /m);
  });

  it('ends quietly when its reader has gone', async () => {
    const { exitCode, stderr } = await mesh(['start', '--help'], 'closed');
    expect([exitCode, stderr]).to.deep.equal([0, '']);
  });

  it('ends with 1 and says why when its output finds no room', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = openSync('/dev/full', 'w');
    const { exitCode, stderr } = await mesh(['version'], full);
    closeSync(full);
    expect([exitCode, stderr]).to.deep.equal([1, 'mesh: cannot write to standard output: no space left on device (ENOSPC)\n']);
  });
});
