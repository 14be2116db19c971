import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { AuditEntry, AuditEvent } from '../../src/data-dir/audit-chain.ts';
import { AuditLog, auditFileOf, readAudit, verifyAudit } from '../../src/data-dir/audit-log.ts';

const AT = Date.parse('2026-01-01T00:00:00.000Z');
const event = (subject: string, more: Partial<AuditEvent> = {}): AuditEvent => ({ what: 'kill', who: 'ada (pid 7)', outcome: 'done', subject, ...more });

describe('an audit log', () => {
  let folder: string;
  let file: string;
  let troubles: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mesh-audit-'));
    file = auditFileOf(folder);
    troubles = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const opened = (partBytesMax?: number): AuditLog =>
    new AuditLog(
      file,
      {
        lost: (error) => troubles.push(`lost: ${(error as NodeJS.ErrnoException).code}`),
        changed: (expected, found) => troubles.push(`changed: ${expected.sequence} → ${found.sequence}`),
      },
      partBytesMax,
    );
  const write = (...subjects: string[]): void => {
    const log = opened();
    for (const subject of subjects) log.record(event(subject), AT);
    log.close();
  };
  const lines = (): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
  const rewrite = (change: (lines: string[]) => string[]): void => writeFileSync(file, change(lines()).map((line) => `${line}\n`).join(''));
  const all = (): readonly AuditEntry[] => readAudit(file, () => 'take');
  const brokenAt = (): string | undefined => {
    const { broken } = verifyAudit(file);
    return broken && `${broken.line}: ${broken.why}`;
  };

  it('is whole over several lives of its writer, for its owner alone, in a folder for the owner alone', () => {
    write('/a', '/b');
    write('/c');
    expect(verifyAudit(file)).to.deep.include({ entries: 3, first: 1, remarks: [], broken: undefined });
    expect(all().map(({ sequence, subject }) => `${sequence} ${subject}`)).to.deep.equal(['1 /a', '2 /b', '3 /c']);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(statSync(dirname(file)).mode & 0o777).to.equal(0o700);
  });

  it('takes the right to read it back from others who were given it', () => {
    write('/a');
    chmodSync(file, 0o644);
    write('/b');
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it('has each entry in its file when the call returns', () => {
    const log = opened();
    log.record(event('/a'), AT);
    expect(all()).to.have.length(1);
    log.close();
  });

  describe('is found to be broken, at the first line that is', () => {
    beforeEach(() => write('/a', '/b', '/c', '/d'));

    it('where a line was altered', () => {
      rewrite((lines) => lines.map((line) => line.replace('"/b"', '"/x"')));
      expect(brokenAt()).to.equal('2: it was altered, or is no line of an audit log');
    });

    it('where a line was altered in the file of a node that then starts again', () => {
      rewrite((lines) => lines.map((line) => line.replace('"/d"', '"/x"')));
      write('/e');
      expect(brokenAt()).to.equal('4: it was altered, or is no line of an audit log');
    });

    it('where a line was taken out, or several', () => {
      rewrite(([a, , c, d]) => [a!, c!, d!]);
      expect(brokenAt()).to.equal('2: entry 2 is missing before it');
      rewrite(([a, , d]) => [a!, d!]);
      expect(brokenAt()).to.equal('2: entries 2 to 3 are missing before it');
    });

    it('where the first lines were taken out', () => {
      rewrite((lines) => lines.slice(2));
      expect(brokenAt()).to.equal('1: it begins with entry 3, and 1 is the oldest that is kept');
    });

    it('where lines were moved', () => {
      rewrite(([a, b, c, d]) => [a!, c!, b!, d!]);
      expect(brokenAt()).to.equal('2: entry 2 is missing before it');
      rewrite(([a, c, b, d]) => [a!, b!, b!, c!, d!]);
      expect(brokenAt()).to.equal('3: entry 2 stands behind entry 2: moved, repeated, or of a second writer');
    });

    it('where a line was put in that belongs to another log', () => {
      const [, , third] = lines();
      rmSync(file);
      write('/a', '/z');
      appendFileSync(file, `${third}\n`);
      expect(brokenAt()).to.equal('3: it was not written behind the entry 2 that stands before it');
    });

    it('where two writers wrote at the same moment', () => {
      const [, , , fourth] = lines();
      rewrite((lines) => lines.slice(0, 3));
      write('/other');
      appendFileSync(file, `${fourth}\n`);
      expect(brokenAt()).to.equal('5: entry 4 stands behind entry 4: moved, repeated, or of a second writer');
    });

    it('where an entry that was noted elsewhere was cut off its end', () => {
      const noted = verifyAudit(file).head.hash;
      expect(verifyAudit(file, noted).broken).to.equal(undefined);
      rewrite((lines) => lines.slice(0, 3));
      expect(brokenAt()).to.equal(undefined);
      expect(verifyAudit(file, noted).broken?.why).to.equal(`no entry in it has the hash ${noted}`);
    });
  });

  it('is found to be broken whichever byte of it is changed', () => {
    write('/a', '/b', '/c');
    const whole = readFileSync(file);
    fc.assert(
      fc.property(fc.nat(whole.length - 2), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at]! ^= change;
        writeFileSync(file, bytes);
        // A newline in the last line leaves half a line at the end, as a crash would, and is remarked.
        const { broken, remarks } = verifyAudit(file);
        expect(broken !== undefined || remarks.length > 0).to.equal(true);
      }),
      { numRuns: 300 },
    );
  });

  it('goes on behind half a line that a crash has left, and says how long that is', () => {
    write('/a', '/b');
    truncateSync(file, statSync(file).size - 10);
    expect(verifyAudit(file)).to.deep.include({ entries: 1, broken: undefined, remarks: ['audit.jsonl line 2, the last, was not written to its end'] });
    write('/c', '/d');
    const { entries, broken, remarks } = verifyAudit(file);
    expect({ entries, broken }).to.deep.equal({ entries: 3, broken: undefined });
    expect(remarks).to.have.length(1);
    expect(remarks[0]).to.match(/^audit\.jsonl line 2 is \d+ bytes of a line that was not written to its end$/);
    // What was half a line cannot become another afterwards.
    rewrite(([a, half, c, d]) => [a!, `${half!}.`, c!, d!]);
    expect(brokenAt()).to.equal('2: it was altered, or is no line of an audit log');
  });

  it('notices what a second writer adds, writes that down, and stays a chain', () => {
    const [one, two] = [opened(), opened()];
    one.record(event('/a'), AT);
    two.record(event('/b'), AT);
    one.record(event('/c'), AT);
    expect(troubles).to.deep.equal(['changed: 1 → 2']);
    expect(all().map(({ what, subject }) => subject ?? what)).to.deep.equal(['/a', '/b', 'audit-changed', '/c']);
    expect(verifyAudit(file).broken).to.equal(undefined);
    one.close();
    two.close();
  });

  it('notices while it is open that its end was cut off, or that it is gone', () => {
    const log = opened();
    log.record(event('/a'), AT);
    const [first] = lines();
    log.record(event('/b'), AT);
    rewrite(() => [first!]);
    log.record(event('/c'), AT);
    rmSync(file);
    log.record(event('/d'), AT);
    expect(troubles).to.deep.equal(['changed: 2 → 1', 'changed: 3 → 0']);
    log.close();
    expect(all()[0]).to.deep.include({ what: 'audit-changed', outcome: 'failed' });
  });

  it('tells once that the disk is full, counts what it lost, and goes on when there is room', function () {
    if (!existsSync('/dev/full')) this.skip();
    mkdirSync(dirname(file));
    symlinkSync('/dev/full', file);
    const log = opened();
    for (const subject of ['/a', '/b', '/c']) log.record(event(subject), AT);
    expect(troubles).to.deep.equal(['lost: ENOSPC']);
    rmSync(file);
    log.record(event('/d'), AT);
    expect(all()).to.have.length(1);
    expect(all()[0]).to.deep.include({ sequence: 1, subject: '/d', lost: 3 });
    expect(verifyAudit(file)).to.deep.include({ broken: undefined, remarks: ['3 events before entry 1 were not taken by the disk'] });
    log.close();
  });

  it('goes on in a new part when one is full, keeps ten, and says which entries it gave up', () => {
    const log = opened(1_000);
    for (let at = 0; at < 100; at++) log.record(event(`/${at}`), AT);
    log.close();
    expect(readdirSync(dirname(file))).to.have.length(10);
    for (const part of readdirSync(dirname(file))) expect(statSync(join(dirname(file), part)).mode & 0o777, part).to.equal(0o600);
    const { entries, first, head, broken } = verifyAudit(file);
    expect(broken).to.equal(undefined);
    expect(head.sequence).to.equal(100);
    expect(first).to.equal(100 - entries + 1).and.to.be.greaterThan(1);
    // One part less than rotation has kept.
    rmSync(join(dirname(file), 'audit9.jsonl'));
    expect(verifyAudit(file).broken?.why).to.match(/^it begins with entry \d+, and \d+ is the oldest that is kept$/);
  });

  it('writes twenty refusals of a kind in ten seconds, and how many more there were', () => {
    const log = opened();
    for (let at = 0; at < 50; at++) log.record(event('/x', { what: 'attest', outcome: 'refused' }), AT + at);
    log.record(event('/y'), AT + 60);
    expect(all()).to.have.length(21);
    log.record(event('/z', { what: 'attest', outcome: 'refused' }), AT + 10_000);
    expect(all().at(-1)).to.deep.include({ subject: '/z', heldBack: 30 });
    log.close();
  });

  it('cuts texts that are too long, and shows those of any kind', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        rmSync(dirname(file), { recursive: true, force: true });
        write(text.repeat(5));
        expect(verifyAudit(file)).to.deep.include({ entries: 1, broken: undefined });
        expect(all()[0]!.subject!.length).to.be.at.most(513);
      }),
      { numRuns: 50 },
    );
  });
});
