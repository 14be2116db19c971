import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';

const PROGRAM = new URL('../fixtures/embedded-node.mjs', import.meta.url).pathname;

describe('a node in a program that has an endless loop', function () {
  this.timeout(60_000);
  let play: Playground;
  let dataDir: string;

  beforeEach(() => {
    play = new Playground();
    dataDir = join(play.home, 'n1');
    mkdirSync(dataDir, { recursive: true });
  });
  afterEach(() => play.clear());

  it('in the thread of an actor serves on, while that actor alone is restarted', async () => {
    const child = spawn(process.execPath, [PROGRAM, dataDir, 'thread'], { env: { ...process.env, HOME: play.home }, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = listenTo(child);
    try {
      const [, gossip = ''] = await until('READY', 20_000, () => /^READY n1 gossip=(\S+)/m.exec(said.stdout()) ?? undefined);
      // The actor loops now, for some seconds, in which another node finds this one and holds a session with it.
      const other = await play.node('n2', { flags: ['--join', gossip] });
      await until('n1 in the eyes of n2', 10_000, async () => {
        const members = await other.json<{ name: string; status: string; session: string }[]>('members');
        return members.find(({ name, status, session }) => name === 'n1' && status === 'alive' && session === 'open');
      });
      expect(said.stdout()).not.to.include('HEARD');
      await until('the next life', 40_000, () => (said.stdout().includes('HEARD') ? true : undefined));
      expect(said.stdout()).to.match(/^REBORN hung 1$/m);
      expect(said.stderr()).not.to.include('degraded');
      expect(await endOf(child, () => child.kill('SIGTERM'))).to.equal(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('in its main thread ends with exit code 73, and says where in stall.json', async () => {
    const child = spawn(process.execPath, [PROGRAM, dataDir, 'main'], { env: { ...process.env, HOME: play.home }, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = listenTo(child);
    expect(await endOf(child, () => undefined), said.stderr()).to.equal(73);
    const report = JSON.parse(readFileSync(join(dataDir, 'stall.json'), 'utf8')) as { node: string; stack: string[] };
    expect(report.stack[0]).to.include('embedded-node.mjs');
    expect(said.stderr()).to.match(/degraded stalledMs=/);
  });
});
