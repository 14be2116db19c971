import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { AuditLog, auditFileOf } from '../../src/data-dir/audit-log.ts';
import { FakeProcess } from './fake-process.ts';

const AT = Date.parse('2026-01-01T00:00:00.000Z');

describe('the commands about the audit log', () => {
  let fake: FakeProcess;
  let dataDir: string;
  let log: AuditLog;

  beforeEach(() => {
    fake = new FakeProcess();
    dataDir = join(fake.home, 'node');
    fake.registerNode(join(dataDir, 'admin.sock'), dataDir);
    log = new AuditLog(auditFileOf(dataDir), { lost: () => undefined, changed: () => undefined });
  });
  afterEach(() => {
    log.close();
    fake.remove();
  });

  const kill = (subject: string, outcome: 'done' | 'refused' = 'done'): void => log.record({ what: 'kill', who: 'ada (pid 7)', outcome, subject, detail: 'for a test' }, AT);

  it('tail prints the newest entries, the newest last', async () => {
    for (const path of ['/a', '/b', '/c\n']) kill(path);
    const { stdout, exitCode } = await fake.mesh('audit', 'tail', '--limit', '2');
    expect(exitCode).to.equal(0);
    expect(stdout).to.equal(['2026-01-01T00:00:00.000Z #2 done kill /b by ada (pid 7): for a test', '2026-01-01T00:00:00.000Z #3 done kill /c\\n by ada (pid 7): for a test', ''].join('\n'));
    const [line] = (await fake.mesh('audit', 'tail', '--limit', '1', '--json')).stdout.split('\n');
    expect(JSON.parse(line!)).to.include({ sequence: 3, what: 'kill', outcome: 'done' }).and.not.have.property('previous');
  });

  it('tail goes on with each entry as it is written', async () => {
    kill('/a');
    const begun = fake.nextStdout();
    const running = fake.mesh('audit', 'tail', '--follow');
    expect(await begun).to.include('kill /a');
    const next = fake.nextStdout();
    kill('/b', 'refused');
    expect(await next).to.include('#2 refused kill /b');
    fake.signal('SIGINT');
    expect((await running).exitCode).to.equal(0);
  });

  it('tail says that there is nothing yet', async () => {
    expect(await fake.mesh('audit', 'tail')).to.deep.equal({ exitCode: 0, stdout: '', stderr: 'mesh: nothing is written in the audit log yet\n' });
  });

  it('tail says of a directory that was named that no node has run there, and reads the log of one that does not run', async () => {
    const nowhere = join(fake.home, 'nowhere');
    expect(await fake.mesh('audit', 'tail', '--data-dir', nowhere)).to.include({ exitCode: 1 }).and.to.have.property('stderr').that.includes(`${nowhere}/trust/audit.jsonl: no node has run there`);
    const gone = join(fake.home, 'gone');
    const left = new AuditLog(auditFileOf(gone), { lost: () => undefined, changed: () => undefined });
    left.record({ what: 'kill', who: 'ada (pid 7)', outcome: 'done' }, AT);
    left.close();
    expect((await fake.mesh('audit', 'tail', '--data-dir', gone)).stdout).to.include('#1 done kill');
  });

  it('verify says that the log is whole, and with which hash it ends', async () => {
    for (const path of ['/a', '/b']) kill(path);
    const { hash, ...view } = JSON.parse((await fake.mesh('audit', 'verify', '--json')).stdout) as Record<string, unknown>;
    expect(view).to.deep.equal({ file: auditFileOf(dataDir), isWhole: true, entries: 2, first: 1, last: 2, remarks: [], broken: null });
    expect((await fake.mesh('audit', 'verify')).stdout).to.equal(`${auditFileOf(dataDir)} is whole: 2 entries, 1 to 2\nhash of the last: ${String(hash)}\n`);
    expect((await fake.mesh('audit', 'verify', '--expect', String(hash))).exitCode).to.equal(0);
    expect((await fake.mesh('audit', 'verify', '--expect', '0'.repeat(64))).exitCode).to.equal(1);
    expect((await fake.mesh('audit', 'verify', '--expect', 'x')).exitCode).to.equal(2);
  });

  it('verify names the first line that is broken, also in a file that was kept elsewhere', async () => {
    for (const path of ['/a', '/b', '/c']) kill(path);
    const copy = join(fake.home, 'copy.jsonl');
    writeFileSync(copy, readFileSync(auditFileOf(dataDir), 'utf8').replace('"/b"', '"/x"'));
    const { stdout, exitCode } = await fake.mesh('audit', 'verify', copy);
    expect(exitCode).to.equal(1);
    expect(stdout).to.equal('broken at copy.jsonl line 2: it was altered, or is no line of an audit log\nwhole before it: 1 entry\n');
    expect((await fake.mesh('audit', 'verify', join(fake.home, 'none'))).stderr).to.include('there is no audit log at');
  });
});
