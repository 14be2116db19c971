import { statSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { endOf, listenTo, Playground, until } from '../support/mesh-process.ts';

describe('a node, as a process', () => {
  let play: Playground;
  beforeEach(() => void (play = new Playground()));
  afterEach(() => play.clear());

  it('says READY within three seconds, says nothing else on standard output, and leaves with 0 on SIGTERM', async () => {
    const node = await play.node('n1');
    expect(node.readyAfterMs).to.be.below(3_000);
    expect(await node.kill('SIGTERM')).to.equal(0);
    expect(node.stdout().trim().split('\n')).to.have.length(1);
  });

  it('keeps its admin socket to its user', async () => {
    const node = await play.node('n1');
    expect(statSync(node.admin).mode & 0o777).to.equal(0o600);
    expect(statSync(node.dataDir).mode & 0o777).to.equal(0o700);
  });

  it('writes JSON lines with node, actor, life and event to a file in its data directory', async () => {
    const node = await play.node('n1', { flags: ['--log-level', 'debug'] });
    await node.kill('SIGTERM');
    const lines = readFileSync(join(node.dataDir, 'log', 'node.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const started = lines.find(({ event, actor }) => event === 'actor-start' && actor === '/membership/swim');
    expect(started).to.include({ node: 'n1', life: 1 });
  });

  it('goes on when nobody reads what it says, and its log file goes on', async () => {
    const node = play.spawn('start', '--name', 'n1', '--gossip-port', '0', '--grpc-port', '0', '--log-level', 'debug');
    node.stdout?.destroy();
    node.stderr?.destroy();
    const status = await until('an answer', 10_000, async () => JSON.parse((await play.run('status', '--json')).stdout) as { dataDir: string });
    expect(await endOf(node, () => node.kill('SIGTERM'))).to.equal(0);
    expect(readFileSync(join(status.dataDir, 'log', 'node.jsonl'), 'utf8')).to.include('"event":"actor-exit"');
  });

  it('ends at once on a second signal', async () => {
    const node = await play.node('n1');
    // Stopped, it cannot finish the first before the second is there. Two of one kind would reach it as one.
    node.process.kill('SIGSTOP');
    node.process.kill('SIGINT');
    node.process.kill('SIGTERM');
    // 128 and the number of the second; which of the two that is, is the system's choice.
    expect(await endOf(node.process, () => node.process.kill('SIGCONT'))).to.be.oneOf([130, 143]);
  });

  it('has no dead letters while all is well', async () => {
    const node = await play.node('n1');
    expect(await node.json('dead-letters', 'list')).to.deep.equal([]);
  });

  it('is found by commands without being named when it is the only one', async () => {
    const node = await play.node('n1');
    const { code, stdout } = await play.run('status', '--json');
    expect(code).to.equal(0);
    expect(JSON.parse(stdout)).to.include({ name: 'n1', dataDir: node.dataDir });
    expect(Object.keys(JSON.parse(stdout) as object).slice(0, 2)).to.deep.equal(['name', 'gossipAddress']);
  });

  it('names the port that another process holds', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen({ host: '127.0.0.1', port: 0 }, resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await play.run('start', '--name', 'n1', '--gossip-port', '0', '--grpc-port', String(port));
    taken.close();
    expect(code).to.equal(1);
    const [first = '', ...more] = stderr.split('\n').filter((line) => !line.includes(' info '));
    expect(first).to.equal(`mesh: TCP port ${port} on 127.0.0.1 is in use`);
    expect(more.join('\n')).to.include('--grpc-port').and.to.not.match(/actor-|^\s+at .*:\d+/m);
    expect(readFileSync(join(play.home, '.omega-mesh', 'n1', 'log', 'node.jsonl'), 'utf8')).to.include('"event":"actor-crash"');
  });

  it('refuses a data directory that another node holds, and names its pid', async () => {
    const node = await play.node('n1');
    const { code, stderr } = await play.run('start', '--name', 'n1', '--gossip-port', '0', '--grpc-port', '0', '--data-dir', node.dataDir);
    expect(code).to.equal(1);
    expect(stderr).to.match(/already running, pid \d+/).and.to.include(String(node.process.pid));
  });

  it('refuses a data directory whose path leaves no room for a socket, before it does anything', async () => {
    const { code, stderr } = await play.run('start', '--name', 'n1', '--gossip-port', '0', '--grpc-port', '0', '--data-dir', join(play.home, 'd'.repeat(100)));
    expect(code).to.equal(2);
    expect(stderr).to.match(/^mesh: the path of the admin socket, .* has \d+ bytes\n/).and.to.include('--data-dir');
  });

  it('listens beyond loopback only with an identity that somebody gave it, and says how to get one', async () => {
    const { code, stderr } = await play.run('start', '--bind', '0.0.0.0');
    expect(code).to.equal(2);
    expect(stderr).to.include('no identity').and.to.include('mesh init');
  });

  it('tells the line of an unknown key in its configuration file, and the nearest known one', async () => {
    mkdirSync(play.home, { recursive: true });
    const file = join(play.home, 'mesh.yaml');
    writeFileSync(file, 'name: n1\ngosipPort: 7000\n');
    const { code, stderr } = await play.run('start', '--config', file);
    expect(code).to.equal(2);
    expect(stderr).to.include('mesh.yaml:2').and.to.include('gossipPort');
  });

  it('keeps trying a seed that does not answer, and says so', async () => {
    const node = await play.node('n1', { flags: ['--join', '127.0.0.9:1'] });
    const status = await node.json<{ unreachedSeeds: string[] }>('status');
    expect(status.unreachedSeeds).to.deep.equal(['127.0.0.9:1']);
    await until('a line about the seed', 5_000, () => (node.stderr().includes('127.0.0.9:1') ? true : undefined));
  });

  it('tells a command that no node runs, with exit code 3', async () => {
    const { code, stderr } = await play.run('members');
    expect(code).to.equal(3);
    expect(stderr).to.include('mesh start');
  });

  it('leaves with 1 and no stack when its listener cannot open, and with the lock released', async () => {
    const first = play.spawn('start', '--name', 'n1', '--bind', '127.0.0.1', '--gossip-port', '0', '--grpc-port', '0');
    const said = listenTo(first);
    await until('READY', 10_000, () => (said.stdout().includes('READY') ? true : undefined));
    await endOf(first, () => first.kill('SIGKILL'));
    const again = await play.node('n1');
    expect(await again.kill('SIGTERM')).to.equal(0);
  });
});
