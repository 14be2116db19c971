import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { encodeFrames, LOG_HEADER } from '../../src/data-dir/log-frames.ts';
import { RegistryFiles } from '../../src/data-dir/registry-files.ts';
import { MeshError } from '../../src/errors.ts';

const bytes = (word: string): Buffer => Buffer.from(word);
const text = (content: Uint8Array): string => Buffer.from(content).toString();
const fileOf = (...words: readonly string[]): Buffer => Buffer.concat([LOG_HEADER, encodeFrames(words.map(bytes))]);

describe('the files of the registry', () => {
  let directory: string;
  let files: RegistryFiles;

  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'registry-')), 'registry');
    files = new RegistryFiles(directory);
  });

  afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

  const path = (file: string): string => join(directory, file);
  const write = (contents: Readonly<Record<string, Buffer | string>>): void => {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    for (const [file, content] of Object.entries(contents)) writeFileSync(path(file), content);
  };
  /** As the next process finds it. */
  const words = async (): Promise<unknown[]> => {
    files = new RegistryFiles(directory);
    const { snapshot, changes } = await files.load();
    return [snapshot && text(snapshot), ...changes.map(text)];
  };
  const faultOf = (done: Promise<unknown>): Promise<unknown> => done.then(() => 'none', (error: unknown) => error);

  it('write nothing before what is there has been read', async () => {
    expect(await faultOf(files.append([bytes('early')]))).to.be.instanceOf(MeshError).with.property('code', 'DATA_DIR_UNUSABLE');
    expect(await faultOf(files.replace(bytes('early')))).to.be.instanceOf(MeshError);
    expect(existsSync(directory)).to.equal(false);
  });

  it('give back what was appended since the last snapshot, and only their user may read them', async () => {
    expect(await words()).to.deep.equal([undefined]);
    await Promise.all([files.append([bytes('one'), bytes('two')]), files.append([bytes('three')])]);
    expect(await words()).to.deep.equal([undefined, 'one', 'two', 'three']);
    await files.replace(bytes('all'));
    await files.append([bytes('four')]);
    expect(await words()).to.deep.equal(['all', 'four']);
    expect(readdirSync(directory).toSorted()).to.deep.equal(['log', 'snapshot']);
    expect(statSync(directory).mode & 0o777).to.equal(0o700);
    for (const file of readdirSync(directory)) expect(statSync(path(file)).mode & 0o777, file).to.equal(0o600);
  });

  it('lose nothing whatever step of a replacement a crash comes after', async () => {
    const before = { snapshot: fileOf('old'), log: fileOf('a', 'b') };
    const after = fileOf('old a b');
    const steps: readonly [step: string, files: Readonly<Record<string, Buffer>>, read: readonly string[]][] = [
      ['the draft is empty', { ...before, 'snapshot.tmp': bytes('') }, ['old', 'a', 'b']],
      ['half of the draft is written', { ...before, 'snapshot.tmp': after.subarray(0, 12) }, ['old', 'a', 'b']],
      ['the draft is whole', { ...before, 'snapshot.tmp': after }, ['old', 'a', 'b']],
      ['the snapshot is in place', { ...before, snapshot: after }, ['old a b', 'a', 'b']],
      ['the new log is a draft', { ...before, snapshot: after, 'log.tmp': LOG_HEADER.subarray(0, 3) }, ['old a b', 'a', 'b']],
      ['the new log is in place', { snapshot: after, log: LOG_HEADER }, ['old a b']],
    ];
    for (const [step, contents, read] of steps) {
      write(contents);
      expect(await words(), step).to.deep.equal(read);
      await files.append([bytes('more')]);
      expect(await words(), step).to.deep.equal([...read, 'more']);
      await files.replace(bytes('all'));
      expect(await words(), step).to.deep.equal(['all']);
      expect(readdirSync(directory).toSorted(), step).to.deep.equal(['log', 'snapshot']);
    }
  });

  it('cut off a write that did not get to its end, and go on from there', async () => {
    write({ log: fileOf('one', 'two') });
    truncateSync(path('log'), statSync(path('log')).size - 1);
    expect(await files.load()).to.include({ tornBytes: 10 });
    await files.append([bytes('three')]);
    expect(await words()).to.deep.equal([undefined, 'one', 'three']);
    expect(readdirSync(directory)).to.deep.equal(['log']);
  });

  it('keep a log that was damaged in its middle, and give what is whole on both sides', async () => {
    const damaged = fileOf('one', 'two', 'three');
    damaged[damaged.indexOf('two')]! ^= 4;
    write({ log: damaged });
    const { changes, setAside } = await files.load();
    expect(changes.map(text)).to.deep.equal(['one', 'three']);
    expect(setAside).to.deep.equal([path('log.broken')]);
    expect(readFileSync(path('log.broken')).equals(damaged)).to.equal(true);
    expect(await faultOf(files.append([bytes('four')])), 'nothing is written behind the damage').to.be.instanceOf(MeshError);
    expect((await new RegistryFiles(directory).load()).setAside, 'one name for one file').to.deep.equal([path('log.broken')]);
    await files.replace(bytes('one three'));
    await files.append([bytes('four')]);
    expect(await words()).to.deep.equal(['one three', 'four']);
    expect(readFileSync(path('log.broken')).equals(damaged)).to.equal(true);
  });

  it('keep a damaged snapshot with the log that rests on it, and never write over what was kept before', async () => {
    write({ snapshot: 'scrambled', log: fileOf('since'), 'snapshot.broken': 'of an earlier day' });
    const { snapshot, changes, setAside } = await files.load();
    expect([snapshot, ...changes.map(text)]).to.deep.equal([undefined, 'since']);
    expect(setAside).to.deep.equal([path('snapshot.broken-2'), path('log.broken')]);
    await files.replace(bytes('what peers gave'));
    expect(await words()).to.deep.equal(['what peers gave']);
    expect(readFileSync(path('snapshot.broken'), 'utf8')).to.equal('of an earlier day');
    expect(readFileSync(path('snapshot.broken-2'), 'utf8')).to.equal('scrambled');
    expect(readFileSync(path('log.broken')).equals(fileOf('since'))).to.equal(true);
  });

  it('keep a snapshot that nobody could use, at the latest when another takes its place', async () => {
    write({ snapshot: fileOf('of another kind'), log: fileOf('since') });
    await files.load();
    renameSync(directory, `${directory}.away`);
    expect(await faultOf(files.setAside())).to.be.instanceOf(MeshError);
    renameSync(`${directory}.away`, directory);
    await files.replace(bytes('new'));
    expect(readFileSync(path('snapshot.broken')).equals(fileOf('of another kind'))).to.equal(true);
    expect(readFileSync(path('log.broken')).equals(fileOf('since'))).to.equal(true);
    expect(await words()).to.deep.equal(['new']);
  });

  it('keep a log that is none of ours', async () => {
    write({ log: 'someone else’s notes' });
    chmodSync(path('log'), 0o644);
    expect(await words()).to.deep.equal([undefined]);
    await files.replace(bytes('ours'));
    expect(readFileSync(path('log.broken'), 'utf8')).to.equal('someone else’s notes');
  });

  it('say what a full disk said, and are whole again after a snapshot once there is room', async () => {
    await files.load();
    await files.append([bytes('one')]);
    copyFileSync(path('log'), path('log.real'));
    rmSync(path('log'));
    symlinkSync('/dev/full', path('log'));
    const fault = await faultOf(files.append([bytes('two')]));
    expect(fault).to.be.instanceOf(MeshError).with.property('message').that.includes('no space left on device (ENOSPC)').and.includes(directory);
    rmSync(path('log'));
    copyFileSync(path('log.real'), path('log'));
    expect(await faultOf(files.append([bytes('three')])), 'nothing is written behind a gap').to.be.instanceOf(MeshError);
    await files.replace(bytes('one two three'));
    await files.append([bytes('four')]);
    expect(await words()).to.deep.equal(['one two three', 'four']);
  });

  it('are made again when somebody removed them', async () => {
    await files.load();
    rmSync(directory, { recursive: true });
    expect(await faultOf(files.append([bytes('one')]))).to.be.instanceOf(MeshError);
    await files.replace(bytes('one'));
    expect(await words()).to.deep.equal(['one']);
  });

  it('say at once when the directory or a file in it is something else', async () => {
    writeFileSync(directory, 'a file');
    expect(await faultOf(files.check())).to.include({ code: 'DATA_DIR_UNUSABLE', given: directory });
    rmSync(directory);
    mkdirSync(path('log'), { recursive: true });
    expect(await faultOf(files.check())).to.include({ code: 'DATA_DIR_UNUSABLE', given: path('log') });
    rmSync(path('log'), { recursive: true });
    await files.check();
    expect(readdirSync(directory), 'a check makes no files').to.deep.equal([]);
  });
});
