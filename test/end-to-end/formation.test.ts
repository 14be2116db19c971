import { spawnSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Playground, until } from '../support/mesh-process.ts';
import type { StartedNode } from '../support/mesh-process.ts';

const PORTS = ['7946', '7947'] as const;

async function aliveIn(node: StartedNode): Promise<string[]> {
  const members = await node.json<{ readonly name: string; readonly status: string }[]>('members');
  return members.filter(({ status }) => status === 'alive').map(({ name }) => name).sort();
}

async function seesAll(node: StartedNode, names: readonly string[], withinMs: number): Promise<void> {
  let seen: readonly string[] = [];
  await until(`${node.name} sees ${names.length}`, withinMs, async () => {
    seen = await aliveIn(node);
    return seen.join() === [...names].sort().join() ? true : undefined;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; it sees ${seen.join()}`);
  });
}

describe('a mesh that forms by itself, as processes', function () {
  this.timeout(90_000);
  let play: Playground;
  beforeEach(() => (play = new Playground()));
  afterEach(() => play.clear());

  const start = (number: number, ...specs: string[]): Promise<StartedNode> =>
    play.node(`n${number}`, { bind: `127.0.34.${number}`, ports: PORTS, readyWithinMs: 30_000, flags: specs.flatMap((spec) => ['--discover', spec]) });

  it('is one cluster of all that were started at the same moment from one list', async () => {
    const numbers = [1, 2, 3, 4, 5];
    const peers = `static peers=${numbers.map((number) => `127.0.34.${number}`).join(',')}`;
    const nodes = await Promise.all(numbers.map((number) => start(number, peers)));
    await Promise.all(nodes.map((node) => seesAll(node, nodes.map(({ name }) => name), 20_000)));
  });

  it('finds who is written into a file later, and the file itself when it comes later', async () => {
    const file = join(play.home, 'peers');
    const [n1, n2] = await Promise.all([start(1, `file path=${file}`), start(2, `file path=${file}`)]);
    expect(await aliveIn(n1)).to.deep.equal(['n1']);
    writeFileSync(`${file}.next`, '# all of us\n127.0.34.1\n127.0.34.2\n');
    renameSync(`${file}.next`, file);
    await Promise.all([n1, n2].map((node) => seesAll(node, ['n1', 'n2'], 10_000)));
  });

  it('goes on without a source that was killed, and has it back', async () => {
    const n1 = await start(1, 'static peers=127.0.34.2');
    const state = async (): Promise<string> => (await n1.mesh('tree', '/formation')).stdout;
    expect(await state()).to.match(/static-1 +running/);
    await n1.mesh('chaos', 'kill', '/formation/sources/static-1');
    expect(await state()).to.match(/static-1 +restarting/);
    expect(await aliveIn(n1)).to.deep.equal(['n1']);
    await until('it runs again', 5_000, async () => (/static-1 +running +1 /.test(await state()) ? true : undefined));
    const n2 = await start(2);
    await Promise.all([n1, n2].map((node) => seesAll(node, ['n1', 'n2'], 20_000)));
  });

  it('is tried by `mesh discover test` without a node, which ends with 1 when nothing was found', () => {
    const { status, stdout } = discoverTest('static peers=127.0.34.2,127.0.34.1,10.0.0.1', '--bind', '127.0.34.1', '--json');
    const { peers } = JSON.parse(stdout) as { peers: { given: string; taken: boolean; reason: string | null }[] };
    expect(peers.map(({ given, taken, reason }) => [given, taken, reason])).to.deep.equal([
      ['127.0.34.2:7946', true, null],
      ['127.0.34.1:7946', false, 'self'],
      ['10.0.0.1:7946', false, 'beyond-loopback'],
    ]);
    expect(status).to.equal(0);
    expect(discoverTest('file path=/nowhere/peers', '--for', '200ms')).to.deep.include({ status: 1, stdout: '' });
  });
});

function discoverTest(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { PATH = '' } = process.env;
  const mesh = new URL('../../dist/cli/main.js', import.meta.url).pathname;
  return spawnSync(process.execPath, [mesh, 'discover', 'test', ...args], { encoding: 'utf8', env: { PATH, NO_COLOR: '1' } });
}
