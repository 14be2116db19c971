import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { endOf, listenTo, until } from '../support/mesh-process.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/** Nodes, agents and commands of a demo with its temporary files in `folder`: their home is there. */
function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`HOME=${folder}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe('a demo that is broken off', function () {
  this.timeout(60_000);
  let folder: string;
  let demo: ChildProcess;
  let said: ReturnType<typeof listenTo>;

  beforeEach(async function () {
    if (process.platform !== 'linux') this.skip();
    folder = mkdtempSync(join(tmpdir(), 'demo-'));
    demo = spawn(process.execPath, ['--import', 'tsx/esm', 'demo/demo.ts'], { cwd: ROOT, env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
    said = listenTo(demo);
    await until('the first node', 20_000, () => (processesOf(folder).length > 0 ? true : undefined));
  });
  afterEach(async () => {
    await endOf(demo, () => demo.kill('SIGKILL'));
    for (const pid of processesOf(folder)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  function expectNothingLeft(): void {
    expect(processesOf(folder)).to.deep.equal([]);
    expect(readdirSync(folder).filter((name) => name.startsWith('mesh-'))).to.deep.equal([]);
    expect(said.stderr()).to.not.match(/^\s+at /m);
  }

  for (const [signal, exitCode] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) {
    it(`by ${signal} leaves no process and no file behind, and ends with ${exitCode}`, async () => {
      expect(await endOf(demo, () => demo.kill(signal))).to.equal(exitCode);
      expectNothingLeft();
    });
  }

  it('because its reader has gone leaves nothing behind either', async () => {
    expect(await endOf(demo, () => demo.stdout?.destroy())).to.equal(141);
    expectNothingLeft();
  });
});
