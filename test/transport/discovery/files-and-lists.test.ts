import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseDiscoverSpec, type SpecOf } from '../../../src/config/discover-spec.ts';
import type { Found } from '../../../src/transport/discovery/discovery.ts';
import { staticList } from '../../../src/transport/discovery/static-list.ts';
import { watchedFile } from '../../../src/transport/discovery/watched-file.ts';
import { DiscoveryBench } from '../../support/discovery-world.ts';

const addressesOf = ({ candidates }: Found): string[] =>
  candidates.map((candidate) => ('address' in candidate ? `${candidate.address.host} ${candidate.address.port}` : candidate.refusal));

describe('a static list', () => {
  let bench: DiscoveryBench;
  beforeEach(() => (bench = new DiscoveryBench()));
  afterEach(() => bench.clear());
  const list = (peers: string) => bench.watch(staticList(parseDiscoverSpec(`static peers=${peers}`) as SpecOf<'static'>, bench.world()));

  it('has every address of a name, and says which names lead nowhere', async () => {
    bench.names['two'] = ['127.0.0.2', '127.0.0.3'];
    const { candidates } = await list('two:5,127.0.0.9,gone').next();
    expect(candidates).to.deep.equal([
      { given: 'two:5', address: { host: '127.0.0.2', port: 5 } },
      { given: 'two:5', address: { host: '127.0.0.3', port: 5 } },
      { given: '127.0.0.9:7946', address: { host: '127.0.0.9', port: 7946 } },
      { given: 'gone:7946', refusal: 'unresolvable', why: 'there is no such name (ENOTFOUND)' },
    ]);
  });

  it('asks again where its names lead', async () => {
    bench.names['moving'] = ['127.0.0.2'];
    const watching = list('moving');
    expect(addressesOf(await watching.next())).to.deep.equal(['127.0.0.2 7946']);
    bench.names['moving'] = ['127.0.0.3'];
    expect(addressesOf(await watching.next())).to.deep.equal(['127.0.0.3 7946']);
    expect(bench.clock.now()).to.be.within(24_000, 40_000);
  });
});

describe('a watched file', () => {
  let bench: DiscoveryBench;
  let folder: string;
  let file: string;
  beforeEach(() => {
    bench = new DiscoveryBench();
    folder = mkdtempSync(join(tmpdir(), 'mesh-peers-'));
    file = join(folder, 'peers');
  });
  afterEach(() => {
    bench.clear();
    rmSync(folder, { recursive: true });
  });
  const watch = (path = file) => bench.watch(watchedFile(parseDiscoverSpec(`file port=70 path=${path}`) as SpecOf<'file'>, bench.world({ home: folder })));

  it('has one address a line; comments and empty lines are none, and what is none is told with its line', async () => {
    writeFileSync(file, '# first\n127.0.0.2\r\n\n  127.0.0.3:5  # with a port\n[::1]\nnot one\n127.0.0.4:0\n');
    expect(addressesOf(await watch().next())).to.deep.equal(['127.0.0.2 70', '127.0.0.3 5', '::1 70', 'bad-address', 'bad-address']);
    const { candidates } = await watch().next();
    expect(candidates[3]).to.deep.equal({ given: 'not one', refusal: 'bad-address', why: 'line 6 is not host or host:port' });
  });

  it('is waited for while it does not exist', async () => {
    const watching = watch();
    expect(await watching.next()).to.deep.equal({ candidates: [], trouble: `${file} does not exist yet` });
    expect(await watching.isQuietFor(10_000)).to.equal(true);
    writeFileSync(file, '127.0.0.2');
    expect(addressesOf(await watching.next())).to.deep.equal(['127.0.0.2 70']);
  });

  it('is read again when another is put in its place, by rename or behind a link', async () => {
    writeFileSync(join(folder, 'one'), '127.0.0.2');
    symlinkSync('one', file);
    const watching = watch();
    expect(addressesOf(await watching.next())).to.deep.equal(['127.0.0.2 70']);
    expect(await watching.isQuietFor(5_000)).to.equal(true);
    writeFileSync(join(folder, 'two'), '127.0.0.3');
    symlinkSync('two', join(folder, 'next'));
    renameSync(join(folder, 'next'), file);
    expect(addressesOf(await watching.next())).to.deep.equal(['127.0.0.3 70']);
  });

  it('keeps what it said while it is gone, and says that it is', async () => {
    writeFileSync(file, '127.0.0.2');
    const watching = watch();
    await watching.next();
    unlinkSync(file);
    const gone = await watching.next();
    expect(addressesOf(gone)).to.deep.equal(['127.0.0.2 70']);
    expect(gone.trouble).to.equal(`${file} does not exist yet`);
    writeFileSync(file, '127.0.0.2');
    expect(await watching.next()).to.have.all.keys('candidates');
  });

  it('is empty when it says nothing, which is not the same as gone', async () => {
    writeFileSync(file, '127.0.0.2');
    const watching = watch();
    await watching.next();
    writeFileSync(file, '# nobody\n');
    expect(await watching.next()).to.deep.equal({ candidates: [] });
  });

  it('is not read when it is larger than a list can be', async () => {
    writeFileSync(file, '#'.repeat(256 * 1024 + 1));
    expect((await watch().next()).trouble).to.equal(`${file} has 262145 bytes, and is read up to 262144`);
  });

  it('may be below home', async () => {
    writeFileSync(file, '127.0.0.2');
    expect(addressesOf(await watch('~/peers').next())).to.deep.equal(['127.0.0.2 70']);
  });
});
