/** The registry against the world: power that fails, disks that fill up, bits that flip. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Playground, until, type StartedNode } from '../support/mesh-process.ts';

interface Status {
  readonly registryEntries: number;
  readonly registryNotSaved: { readonly since: string; readonly reason: string } | null;
}

describe('the registry on a disk', function () {
  this.timeout(60_000);
  let playground: Playground;

  beforeEach(() => {
    playground = new Playground();
  });

  afterEach(() => playground.clear());

  const keysOf = async (node: StartedNode): Promise<string[]> => (await node.json<{ key: string }[]>('registry', 'list')).map(({ key }) => key);

  it('has every write that was answered, when the process is killed right after the answer', async () => {
    for (let round = 0; round < 3; round++) {
      const node = await playground.node('a');
      const { stdout } = await node.mesh('registry', 'put', `key${round}`, 'value');
      await node.kill('SIGKILL');
      expect(stdout).to.equal(`created key${round}\n`);
    }
    expect(await keysOf(await playground.node('a'))).to.deep.equal(['key0', 'key1', 'key2']);
  });

  it('answers every write while its storage is killed again and again', async () => {
    const node = await playground.node('a');
    const puts = Array.from({ length: 5 }, (_, i) => node.mesh('registry', 'put', `key${i}`, 'value'));
    for (let kill = 0; kill < 2; kill++) expect((await node.mesh('chaos', 'kill', '/registry/storage')).code).to.equal(0);
    for (const { code, stderr } of await Promise.all(puts)) expect(code, stderr).to.equal(0);
    await node.kill('SIGKILL');
    expect(await keysOf(await playground.node('a'))).to.have.length(5);
  });

  it('refuses writes while the disk takes none, says so in the status, and takes them again by itself', async () => {
    const node = await playground.node('a');
    await node.mesh('registry', 'put', 'before', '1');
    const directory = join(node.dataDir, 'registry');
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    const first = await node.mesh('registry', 'put', 'first', '1');
    expect([first.code, first.stdout]).to.deep.equal([1, '']);
    expect(first.stderr).to.include('but not saved').and.include('tries again every 10 s');
    const second = await node.mesh('registry', 'put', 'second', '1');
    expect([second.code, second.stdout]).to.deep.equal([1, '']);
    expect(second.stderr).to.include('not changed');
    expect((await node.json<Status>('status')).registryNotSaved?.reason).to.include(directory);
    expect((await node.mesh('status')).stdout).to.match(/registry +2 entries, not saved since \d{4}-.*: .*\(ENOTDIR\)/);

    rmSync(directory);
    await until('saved again', 20_000, async () => ((await node.json<Status>('status')).registryNotSaved === null ? true : undefined));
    expect((await node.mesh('registry', 'put', 'second', '1')).code).to.equal(0);
    await node.kill('SIGKILL');
    expect(await keysOf(await playground.node('a'))).to.deep.equal(['before', 'first', 'second']);
  });

  it('does not start on a directory that it cannot use, and says so once', async () => {
    const node = await playground.node('a');
    await node.kill('SIGTERM');
    rmSync(join(node.dataDir, 'registry'), { recursive: true });
    writeFileSync(join(node.dataDir, 'registry'), 'in the way');
    const { code, stdout, stderr } = await playground.run('start', '--name', 'a', '--bind', '127.0.0.1', '--gossip-port', '0', '--grpc-port', '0', '--data-dir', node.dataDir);
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.include(join(node.dataDir, 'registry')).and.include('not a directory');
    expect(stderr.trim().split('\n').length).to.be.lessThan(6);
  });

  it('keeps a log in which a bit flipped, says where, and serves what stood before', async () => {
    const node = await playground.node('a');
    for (const key of ['one', 'two', 'three']) await node.mesh('registry', 'put', key, '1');
    await node.kill('SIGTERM');
    const log = join(node.dataDir, 'registry', 'log');
    const damaged = readFileSync(log);
    damaged[damaged.length >> 1]! ^= 1;
    writeFileSync(log, damaged);
    const again = await playground.node('a');
    expect(await keysOf(again)).to.deep.equal(['one']);
    expect(existsSync(`${log}.broken`) && readFileSync(`${log}.broken`).equals(damaged)).to.equal(true);
    await until('the log says so', 5_000, () => (again.stderr().includes(`${log}.broken`) ? true : undefined));
  });
});
