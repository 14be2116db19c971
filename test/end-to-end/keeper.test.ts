/** `mesh start --keep`, as processes. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { isRunning } from '../../src/data-dir/lock-file.ts';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

const DIST = new URL('../../dist/', import.meta.url).pathname;
const BIND = '127.0.15.2';

/** A service manager of a few lines: it tells what it heard, one line a message, and lets the speaker go. */
const LISTENER = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("LISTENING", flush=True)
while True:
    text, files, _, _ = socket.recv_fds(listener, 65536, 8)
    for file in files: os.close(file)
    if text != b"BARRIER=1": print(text.decode().replace("\\n", " "), flush=True)
`;

/** Not for one that is dead and waits for its new parent to notice, either. */
function isThere(pid: number): boolean {
  return isRunning({ pid, startedAt: null });
}

function readiesOf(node: { stdout(): string }): number {
  return node.stdout().split('\n').filter((line) => line.startsWith('READY ')).length;
}

describe('a keeper, as a process', function () {
  this.timeout(60_000);
  let play: Playground;
  beforeEach(() => void (play = new Playground()));
  afterEach(() => play.clear());

  const kept = (name = 'n1', flags: readonly string[] = []): Promise<StartedNode> => play.node(name, { bind: BIND, flags: ['--keep', ...flags], readyWithinMs: 20_000 });
  const pidOf = async (node: StartedNode): Promise<number> => (await node.json<{ pid: number }>('status')).pid;
  const gone = (pid: number): Promise<boolean> => until(`the end of ${pid}`, 15_000, () => (isThere(pid) ? undefined : true));

  it('brings a node that was killed back under its name, and keeps the report of its crash', async () => {
    const node = await kept();
    const pid = await pidOf(node);
    expect(pid).not.to.equal(node.process.pid);
    process.kill(pid, 'SIGKILL');
    await until('the second READY', 10_000, () => (readiesOf(node) === 2 ? true : undefined));
    const status = await node.json<{ name: string; pid: number }>('status');
    expect(status.name).to.equal('n1');
    expect(status.pid).not.to.equal(pid);

    const report = JSON.parse(readFileSync(join(node.dataDir, 'crash.json'), 'utf8')) as Record<string, unknown> & { stderr: string[] };
    expect(report).to.include({ life: 1, exitCode: 137, signal: 'SIGKILL', wasReady: true, decision: 'restart', restartsInPeriod: 1 });
    expect(report.stderr.join('\n')).to.include('member-alive');
    expect(node.stderr()).to.match(/^mesh: keeper: life 1 of the node ended with SIGKILL; it starts again in \d+ ms/m);
    expect(await node.json('why', '/')).to.deep.include({ kind: 'process_end' }).and.to.have.nested.property('crash.signal', 'SIGKILL');
  });

  it('has the node leave in order on SIGTERM, SIGINT and SIGHUP, and ends after it with 0', async () => {
    const other = await play.node('other', { bind: '127.0.15.3' });
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
    await Promise.all(signals.map(async (signal) => {
      const node = await kept(signal, ['--join', other.gossip]);
      const pid = await pidOf(node);
      expect(await node.kill(signal), signal).to.equal(0);
      expect(isThere(pid), signal).to.equal(false);
      expect(readiesOf(node), signal).to.equal(1);
      expect(existsSync(join(node.dataDir, 'crash.json')), signal).to.equal(false);
    }));
    await until('three goodbyes', 5_000, async () => {
      const members = await other.json<{ name: string; status: string }[]>('members');
      return signals.every((signal) => members.find(({ name }) => name === signal)?.status === 'left') ? true : undefined;
    });
  });

  it('tells the node once of a Ctrl-C that the terminal tells to all in its foreground', async () => {
    const child = spawn(process.execPath, [join(DIST, 'cli/main.js'), 'start', '--keep', '--name', 'n1', '--bind', BIND, '--gossip-port', '0', '--grpc-port', '0'], {
      env: { PATH: process.env['PATH'], HOME: play.home },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const said = listenTo(child);
    await until('READY', 10_000, () => (said.stdout().includes('READY') ? true : undefined));
    expect(await endOf(child, () => process.kill(-child.pid!, 'SIGINT'))).to.equal(0);
  });

  it('ends a node that hangs at the third signal, and not before it', async () => {
    const node = await kept();
    const pid = await pidOf(node);
    process.kill(pid, 'SIGSTOP');
    node.process.kill('SIGTERM');
    node.process.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isThere(pid)).to.equal(true);
    expect(node.process.exitCode).to.equal(null);
    expect(await node.kill('SIGHUP')).to.equal(137);
    expect(isThere(pid)).to.equal(false);
  });

  it('leaves a node behind that says goodbye when its keeper is gone', async () => {
    const node = await kept();
    const pid = await pidOf(node);
    const other = await play.node('n2', { bind: '127.0.15.3', flags: ['--join', node.gossip] });
    node.process.kill('SIGKILL');
    await gone(pid);
    const members = await other.json<{ name: string; status: string }[]>('members');
    expect(members.find(({ name }) => name === 'n1')).to.include({ status: 'left' });
  });

  it('does not try again what is misused, or what could not start in the first place', async () => {
    const misused = await play.run('start', '--keep', '--profile', 'moon');
    expect(misused.code).to.equal(2);
    expect(misused.stderr).to.include('moon').and.to.include('it stays down');

    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen({ host: BIND, port: 0 }, resolve));
    const { port } = taken.address() as AddressInfo;
    const busy = await play.run('start', '--keep', '--bind', BIND, '--gossip-port', '0', '--grpc-port', String(port), '--name', 'n3');
    taken.close();
    expect(busy.code).to.equal(1);
    expect(busy.stderr).to.include(String(port)).and.to.include('it stays down');
    expect(busy.stdout).to.equal('');
  });

  describe('of what crashes again and again', () => {
    /** Long delays are short here; processes, budget and exit codes are real. */
    const keepShortly = async (...args: string[]): Promise<{ code: number | null; stderr: string }> => {
      const script = join(play.home, 'keep.mjs');
      writeFileSync(
        script,
        `import { keepNode } from ${JSON.stringify(join(DIST, 'keeper/keeper.js'))};
         const isLongDelay = (ms) => ms > 1_000 && ms < 60_000;
         const clock = { now: () => performance.now(), wallNow: () => Date.now(), setTimer: (ms, fire) => (setTimeout(fire, isLongDelay(ms) ? ms / 100 : ms), { cancel() {} }) };
         process.exit(await keepNode({ args: ${JSON.stringify(args)}, clock, random: { next: () => 0.5 } }));`,
      );
      const child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'pipe'] });
      const said = listenTo(child);
      return { code: await endOf(child, () => undefined), stderr: said.stderr() };
    };

    it('gives up with the code of the node', async () => {
      const { code, stderr } = await keepShortly('-e', 'console.error("bad day"); process.exit(73)');
      expect(code).to.equal(73);
      expect(stderr.match(/^bad day$/gm)).to.have.length(11);
      expect(stderr).to.match(/life 11 of the node ended with 73; it stays down \(more than 10 restarts in 10 min\)\n$/);
    });

    it('tries again when the system can make no process, and gives up with the code for that', async () => {
      const moreThanTheSystemTakes = 'x'.repeat(200_000);
      const { code, stderr } = await keepShortly('-e', moreThanTheSystemTakes);
      expect(code).to.equal(71);
      expect(stderr.match(/no process can be made: argument list too long \(E2BIG\)$/gm)).to.have.length(11);
    });
  });

  describe('under a service manager', function () {
    let children: ChildProcess[];
    let heard: () => string[];

    before(function () {
      for (const [program, ...args] of [['python3', '-c', 'import socket; socket.recv_fds'], ['systemd-notify', '--version']] as const) {
        if (spawnSync(program, args).status === 0) continue;
        process.stdout.write(`    ${program} is missing: what a service manager hears is not tested\n`);
        this.skip();
      }
    });
    beforeEach(async () => {
      children = [];
      const socket = join(play.home, 'notify');
      const listener = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(listener);
      const said = listenTo(listener);
      heard = () => said.stdout().trim().split('\n').slice(1);
      await until('the listener', 5_000, () => (said.stdout().includes('LISTENING') ? true : undefined));
    });
    afterEach(() => Promise.all(children.map((child) => endOf(child, () => child.kill('SIGKILL')))));

    const start = async (...flags: string[]): Promise<ChildProcess> => {
      const args = ['start', '--name', 'n1', '--bind', BIND, '--gossip-port', '0', '--grpc-port', '0', '--data-dir', join(play.home, 'n1'), ...flags];
      const child = spawn(process.execPath, [join(DIST, 'cli/main.js'), ...args], {
        env: { PATH: process.env['PATH'], HOME: play.home, NOTIFY_SOCKET: join(play.home, 'notify'), WATCHDOG_USEC: '600000' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      const said = listenTo(child);
      await until('READY', 10_000, () => (said.stdout().includes('READY') ? true : undefined));
      return child;
    };
    const nodePid = async (): Promise<number> => (JSON.parse((await play.run('status', '--json', '--data-dir', join(play.home, 'n1'))).stdout) as { pid: number }).pid;
    const hear = (what: string, count = 1): Promise<true> =>
      until(`${count} × ${what}`, 10_000, () => (heard().filter((line) => line.includes(what)).length >= count ? true : undefined));
    const beats = (): number => heard().filter((line) => line.includes('WATCHDOG=1')).length;

    it('says ready, each restart and stopping, in this order', async () => {
      const keeper = await start('--keep');
      await hear('READY=1');
      process.kill(await nodePid(), 'SIGKILL');
      await hear('READY=1', 2);
      expect(await endOf(keeper, () => keeper.kill('SIGTERM'))).to.equal(0);
      const told = heard().map((line) => line.replaceAll(/WATCHDOG=1 ?/g, '').trim()).filter((line) => line !== '');
      expect(told.map((line) => line.replace(/ in \d+ ms$/, ' in … ms').replaceAll(/=127\S+/g, '=…'))).to.deep.equal([
        'READY=1 STATUS=life 1: n1 gossip=… grpc=…',
        'STATUS=life 1 ended with SIGKILL; the next starts in … ms',
        'READY=1 STATUS=life 2: n1 gossip=… grpc=…',
        'STOPPING=1 STATUS=stopping after SIGTERM',
      ]);
    });

    for (const flags of [['--keep'], []]) {
      it(`gives a sign of life only while the loop of the node turns${flags.length > 0 ? ', kept' : ', with no keeper'}`, async () => {
        const child = await start(...flags);
        await hear('WATCHDOG=1', 2);
        const pid = await nodePid();
        process.kill(pid, 'SIGSTOP');
        // One may still be under way. Then there is none in four half intervals.
        const before = await until('silence', 10_000, async () => {
          const heardSoFar = beats();
          await new Promise((resolve) => setTimeout(resolve, 1_200));
          return beats() === heardSoFar ? heardSoFar : undefined;
        });
        process.kill(pid, 'SIGCONT');
        await hear('WATCHDOG=1', before + 2);
        expect(await endOf(child, () => child.kill('SIGTERM'))).to.equal(0);
        expect(heard().findIndex((line) => line.includes('READY=1'))).to.be.below(heard().findIndex((line) => line.includes('STOPPING=1')));
      });
    }
  });
});
