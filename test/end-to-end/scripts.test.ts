import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

const ROOT = new URL('../..', import.meta.url).pathname;

function run(...args: string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx/esm', ...args], { cwd: ROOT }, (error, stdout) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout });
    });
  });
}

describe('what the README tells people to run', function () {
  this.timeout(60_000);

  it('the demo shows nodes, agents, a killed actor and a killed node, and ends with 0', async () => {
    const { code, stdout } = await run('demo/demo.ts');
    expect(stdout).to.include('/agents/sessions/a1').and.to.match(/n3 .*dead/);
    expect(code).to.equal(0);
  });

  it('the simulator plays a seed and says which laws held', async () => {
    const { code, stdout } = await run('test/simulation/run.ts', '--seed', '7', '--nodes', '20', '--seconds', '40', '--json');
    expect(code).to.equal(0);
    expect(JSON.parse(stdout)).to.be.an('object');
  });
});

describe('the examples', () => {
  for (const file of readdirSync(`${ROOT}/examples`)) {
    it(`${file} runs, and fits a screen or two`, async () => {
      expect((await run(`examples/${file}`)).code).to.equal(0);
      expect(readFileSync(`${ROOT}/examples/${file}`, 'utf8').split('\n').length).to.be.at.most(61);
    });
  }
});
