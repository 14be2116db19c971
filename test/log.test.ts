import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLog, type LogFields } from '../src/log.ts';

/** Undefined when it was closed meanwhile. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

describe('the log', () => {
  let folder: string;
  let written: string;
  let write: typeof process.stderr.write;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mesh-log-'));
    written = '';
    write = process.stderr.write;
    process.stderr.write = (text: string, ...rest: unknown[]): boolean => {
      written += text;
      const done = rest.at(-1);
      if (typeof done === 'function') (done as () => void)();
      return true;
    };
  });

  afterEach(() => {
    process.stderr.write = write;
    rmSync(folder, { recursive: true });
  });

  /** @returns what people read, without the time, and what stands in the file */
  async function said(fields: LogFields): Promise<{ people: string; file: Record<string, unknown> }> {
    const file = join(folder, 'node.jsonl');
    const log = createLog({ node: 'n', level: 'info', file, stderr: true, colour: false });
    log.log('info', 'event', fields);
    await log.close();
    process.stderr.write = write;
    return { people: written.slice('00:00:00.000 '.length).trimEnd(), file: JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown> };
  }

  it('gives people one word per field, and the file the structure', async () => {
    const fields = {
      actor: '/a',
      address: { host: '127.0.0.1', port: 7946 },
      others: [{ host: '::1', port: 1 }, 'x'],
      budget: { used: 1, of: { intensity: 3 } },
      reason: 'two words',
      nothing: undefined,
      state: '{"a":1}',
    };
    const { people, file } = await said(fields);
    expect(people).to.equal('info  /a event address=127.0.0.1:7946 others=[::1]:1,x budget.used=1 budget.of.intensity=3 reason="two words"');
    const { nothing: _, ...kept } = fields;
    expect(file).to.deep.include(kept);
  });

  it('goes on for people when the file finds no room, and says so once', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const file = join(folder, 'node.jsonl');
    symlinkSync('/dev/full', file);
    const log = createLog({ node: 'n', level: 'info', file, stderr: true, colour: false });
    for (let line = 0; line < 100; line++) {
      log.log('info', 'line', { line });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    process.stderr.write = write;
    expect(written).to.include('line=99');
    expect(written.match(/log: cannot write .*node\.jsonl: ENOSPC/g)).to.have.length(1);
    const left = readdirSync('/proc/self/fd').filter((number) => linkOf(`/proc/self/fd/${number}`) === '/dev/full');
    expect(left, 'files left open').to.deep.equal([]);
  });

  it('loses no line of a storm to the rotation of its file', async () => {
    const log = createLog({ node: 'n', level: 'info', file: join(folder, 'node.jsonl'), stderr: false, colour: false });
    const lines = 30_000;
    for (let line = 0; line < lines; line++) {
      log.log('info', 'line', { line, text: 'x'.repeat(200) });
      if (line % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    const parts = readdirSync(folder);
    const found = parts.flatMap((part) => readFileSync(join(folder, part), 'utf8').trimEnd().split('\n')).map((text) => (JSON.parse(text) as { line: number }).line);
    expect(parts).to.have.members(['node.jsonl', 'node1.jsonl']);
    expect(found.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: lines }, (_, line) => line));
  });

  it('keeps for the file what people are told in another way', async () => {
    const { people, file } = await said({ isForFile: true, why: 'x' });
    expect(people).to.equal('');
    expect(file).to.include({ why: 'x' });
  });
});
