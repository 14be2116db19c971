import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { expect } from 'chai';
import { claimDataDir, findNode, type DataDirClaim } from '../../src/data-dir/data-dir.ts';
import { MeshError } from '../../src/errors.ts';
import { registrationDir } from '../../src/config/home-path.ts';
import { thisProcess } from '../../src/data-dir/lock-file.ts';

/** Above the highest id that Linux gives (2^22), so no process has it. */
const DEAD_PID = 2 ** 22 + 7;

function faultOf(act: () => unknown): MeshError {
  try {
    act();
  } catch (error) {
    expect(error).to.be.instanceOf(MeshError);
    return error as MeshError;
  }
  throw new Error('nothing was refused');
}

describe('a data directory', () => {
  let home: string;
  let claims: DataDirClaim[];

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'mesh-'));
    claims = [];
  });

  afterEach(() => {
    for (const claim of claims) claim.release();
    rmSync(home, { recursive: true });
  });

  const dirOf = (name: string): string => join(home, 'data', name);
  const lockOf = (name: string): string => join(dirOf(name), 'node.lock');
  const claim = (name: string): DataDirClaim => {
    const made = claimDataDir({ dataDir: dirOf(name), name, home });
    claims.push(made);
    return made;
  };
  const addressesOf = (name: string) => ({
    gossipAddress: '127.0.0.1:7946',
    grpcAddress: '127.0.0.1:7947',
    adminSocket: join(dirOf(name), 'admin.sock'),
  });
  const leaveLock = (name: string, content: unknown): void => {
    mkdirSync(dirOf(name), { recursive: true });
    writeFileSync(lockOf(name), typeof content === 'string' ? content : JSON.stringify(content));
  };
  const find = (dataDir?: string, env: Record<string, string> = {}) => findNode({ dataDir, env, home });

  describe('that is claimed', () => {
    it('is made, for its owner only, and says who holds it', () => {
      claim('a');
      expect(statSync(dirOf('a')).mode & 0o777).to.equal(0o700);
      expect(statSync(lockOf('a')).mode & 0o777).to.equal(0o600);
      expect(JSON.parse(readFileSync(lockOf('a'), 'utf8'))).to.deep.equal({ ...thisProcess(), name: 'a', dataDir: dirOf('a') });
    });

    it('is refused to a second node, with the process that holds it', () => {
      claim('a');
      const error = faultOf(() => claim('a'));
      expect(error.code).to.equal('ALREADY_RUNNING');
      expect(error.message).to.include(`already running, pid ${process.pid}`);
    });

    it('is free again once released, and leaves nothing behind but the log', () => {
      claim('a').announce(addressesOf('a'));
      claims[0]!.release();
      expect(readdirSync(dirOf('a'))).to.deep.equal(['log']);
      expect(readdirSync(registrationDir(home))).to.deep.equal([]);
      claim('a');
    });

    it('is not taken from whoever holds it when a former holder releases it', () => {
      const former = claim('a');
      leaveLock('a', { pid: process.ppid, startedAt: null });
      former.release();
      expect(existsSync(lockOf('a'))).to.equal(true);
    });
  });

  describe('with a stale lock is taken over when', () => {
    const STALE: Record<string, unknown> = {
      'its holder is dead': { pid: DEAD_PID, startedAt: '1' },
      "its holder's process id went to another process": { pid: process.pid, startedAt: '1' },
      'its lock is torn': '{"pid": 1',
      'its lock is empty': '',
      'its lock names no process': { pid: 'x', startedAt: null },
    };
    for (const [title, content] of Object.entries(STALE)) {
      it(title, () => {
        leaveLock('a', content);
        claim('a');
        expect(JSON.parse(readFileSync(lockOf('a'), 'utf8'))).to.include(thisProcess());
        expect(readdirSync(dirOf('a'))).to.deep.equal(['log', 'node.lock']);
      });
    }

    it('a takeover was cut short', () => {
      leaveLock('a', { pid: DEAD_PID, startedAt: '1' });
      writeFileSync(`${lockOf('a')}.takeover`, JSON.stringify({ pid: DEAD_PID, startedAt: '2' }));
      claim('a');
      expect(readdirSync(dirOf('a'))).to.deep.equal(['log', 'node.lock']);
    });
  });

  it('is refused to the slower of two while a takeover is under way', () => {
    leaveLock('a', { pid: DEAD_PID, startedAt: '1' });
    writeFileSync(`${lockOf('a')}.takeover`, JSON.stringify({ pid: process.ppid, startedAt: null }));
    expect(faultOf(() => claim('a')).message).to.include(`already running, pid ${process.ppid}`);
  });

  it('is not usable when it is a file', () => {
    mkdirSync(join(home, 'data'));
    writeFileSync(dirOf('a'), '');
    const error = faultOf(() => claim('a'));
    expect(error.code).to.equal('DATA_DIR_UNUSABLE');
    expect(error.message).to.equal(`cannot use the data directory ${dirOf('a')}: not a directory (ENOTDIR)`);
  });

  it('is not usable when its log cannot be written', () => {
    mkdirSync(join(dirOf('a'), 'log', 'node.jsonl'), { recursive: true });
    const error = faultOf(() => claim('a'));
    expect(error.code).to.equal('DATA_DIR_UNUSABLE');
    expect(error.message).to.equal(`cannot use the log file ${dirOf('a')}/log/node.jsonl: illegal operation on a directory (EISDIR)`);
    expect(readdirSync(dirOf('a'))).to.deep.equal(['log']);
  });

  it('holds nothing afterwards when there was no room for the lock', () => {
    const claimant = `
      const { takeLock, thisProcess } = await import('./src/data-dir/lock-file.ts');
      try { takeLock(${JSON.stringify(join(home, 'a.lock'))}, thisProcess()); } catch (error) { console.log(error.code); }`;
    // A process that may write no byte into any file: EFBIG stands for ENOSPC.
    const { stdout } = spawnSync('sh', ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, '--import', 'tsx/esm', '--input-type=module', '-e', claimant], { encoding: 'utf8' });
    expect(stdout).to.equal('EFBIG\n');
    expect(readdirSync(home)).to.deep.equal([]);
  });

  it('that a variable names is told as such', () => {
    leaveLock('a', thisProcess());
    expect(faultOf(() => claimDataDir({ dataDir: dirOf('a'), name: 'a', home, isFromVariable: true })).todo).to.include('MESH_DATA_DIR');
    expect(faultOf(() => claim('a')).todo).to.not.include('MESH_DATA_DIR');
    expect(faultOf(() => find(undefined, { MESH_DATA_DIR: dirOf('b') })).todo).to.include('MESH_DATA_DIR');
  });

  it('is not usable when a file stands in its way', () => {
    writeFileSync(join(home, 'data'), '');
    expect(faultOf(() => claim('a')).message).to.match(/not a directory \(ENOTDIR\)$/);
  });

  for (const dataDir of ['/proc/self', '/proc/nowhere/a']) {
    it(`is not usable when it cannot be written, such as ${dataDir}`, function () {
      if (!existsSync('/proc/self')) this.skip();
      expect(faultOf(() => claimDataDir({ dataDir, name: 'a', home })).code).to.equal('DATA_DIR_UNUSABLE');
    });
  }

  describe('of a node that is up', () => {
    it('is found without being named when it is the only one', () => {
      expect(claim('a').announce(addressesOf('a'))).to.equal('registered');
      expect(find()).to.include({ name: 'a', dataDir: dirOf('a'), pid: process.pid, ...addressesOf('a') });
    });

    it('is found by name of the directory, by flag before variable', () => {
      claim('a').announce(addressesOf('a'));
      claim('b').announce(addressesOf('b'));
      expect(find(dirOf('a'), { MESH_DATA_DIR: dirOf('b') }).name).to.equal('a');
      expect(find(undefined, { MESH_DATA_DIR: dirOf('b') }).name).to.equal('b');
      expect(find('~/data/a').name).to.equal('a');
    });

    it('is found by name of the directory even when it could not be registered', () => {
      writeFileSync(join(home, '.omega-mesh'), 'a file, where the registrations should go');
      expect(claim('a').announce(addressesOf('a'))).to.equal('unregistered');
      expect(find(dirOf('a')).name).to.equal('a');
    });

    it('must be named when there are several', () => {
      claim('a').announce(addressesOf('a'));
      const other = { pid: process.ppid, startedAt: null, name: 'b', dataDir: dirOf('b'), ...addressesOf('b') };
      writeFileSync(join(registrationDir(home), `${process.ppid}.json`), JSON.stringify(other));
      const error = faultOf(() => find());
      expect(error.code).to.equal('NODE_AMBIGUOUS');
      expect(error.message.split('\n')).to.deep.equal([
        '2 nodes are running here:',
        `  a (pid ${process.pid}): --data-dir ${dirOf('a')}`,
        `  b (pid ${process.ppid}): --data-dir ${dirOf('b')}`,
      ]);
    });

    it('is unreachable before it is up', () => {
      claim('a');
      expect(faultOf(() => find()).code).to.equal('NODE_UNREACHABLE');
      expect(faultOf(() => find(dirOf('a'))).message).to.match(/still starting$/);
    });

    it('is unreachable once it is dead, and what it left is swept', () => {
      mkdirSync(registrationDir(home), { recursive: true });
      const dead = { pid: DEAD_PID, startedAt: '1', name: 'a', dataDir: dirOf('a'), ...addressesOf('a') };
      const registration = join(registrationDir(home), `${DEAD_PID}.json`);
      writeFileSync(registration, JSON.stringify(dead));
      leaveLock('a', dead);
      const error = faultOf(() => find());
      expect(error.code).to.equal('NODE_UNREACHABLE');
      expect(error.todo).to.include('mesh start');
      expect(existsSync(registration)).to.equal(false);
      expect(faultOf(() => find(dirOf('a'))).code).to.equal('NODE_UNREACHABLE');
    });
  });

  describe('wanted by several processes at once', () => {
    const RIVALS = 4;
    const ROUNDS = 25;
    /** Tries to take the lock each time it is told to, and says how it went. */
    const RIVAL = `
      const { takeLock, thisProcess } = await import('./src/data-dir/lock-file.ts');
      const { createInterface } = await import('node:readline');
      console.log('ready');
      for await (const path of createInterface({ input: process.stdin })) {
        console.log(takeLock(path, thisProcess()) === undefined ? 'won' : 'lost');
      }`;
    let rivals: { readonly process: ChildProcess; readonly lines: Interface }[];

    const answers = (): Promise<string[]> => Promise.all(rivals.map(async ({ lines }) => String((await once(lines, 'line'))[0])));

    before(async () => {
      rivals = Array.from({ length: RIVALS }, () => {
        const child = spawn(process.execPath, ['--import', 'tsx/esm', '--input-type=module', '-e', RIVAL], { stdio: ['pipe', 'pipe', 'inherit'] });
        return { process: child, lines: createInterface({ input: child.stdout }) };
      });
      expect(await answers()).to.deep.equal(Array(RIVALS).fill('ready'));
    });

    after(() => {
      for (const rival of rivals) rival.process.kill();
    });

    for (const [title, isStale] of [['free', false], ['stale', true]] as const) {
      it(`has one holder in each of ${ROUNDS} rounds for a ${title} lock`, async () => {
        for (let round = 0; round < ROUNDS; round++) {
          const path = join(home, `round-${round}.lock`);
          if (isStale) writeFileSync(path, JSON.stringify({ pid: DEAD_PID, startedAt: String(round) }));
          const said = answers();
          for (const rival of rivals) rival.process.stdin?.write(`${path}\n`);
          expect((await said).filter((answer) => answer === 'won'), `round ${round}`).to.have.length(1);
          expect(readdirSync(home).filter((name) => name.startsWith(`round-${round}.`))).to.deep.equal([`round-${round}.lock`]);
        }
      });
    }
  });
});
