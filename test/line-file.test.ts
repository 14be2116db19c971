import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { LineFile, linesBackwards } from '../src/line-file.ts';

describe('a file of lines', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mesh-lines-'));
    file = join(folder, 'lines.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const opened = (): LineFile =>
    new LineFile(file, (error) => {
      throw error;
    });
  const read = (): string[] => [...linesBackwards(file, 131_072)];

  it('is read from its end, whatever its lines are', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme', minLength: 1 }), fc.constant('ü'.repeat(50_000)))), fc.boolean(), (texts, endsInLine) => {
        const lines = texts.map((text) => text.replaceAll(/[\n\uD800-\uDFFF]/g, '_'));
        writeFileSync(file, lines.join('\n') + (endsInLine && lines.length > 0 ? '\n' : ''));
        expect(read()).to.deep.equal(lines.reverse());
      }),
      { numRuns: 100 },
    );
  });

  it('is rotated, goes on in its older parts, and is for its owner alone', async () => {
    const lines = opened();
    const count = 5_000;
    for (let number = 1; number <= count; number++) lines.write(`${number} ${'x'.repeat(4_000)}`);
    await lines.close();
    const parts = readdirSync(folder).sort();
    expect(parts).to.include.members(['lines.jsonl', 'lines1.jsonl']);
    for (const part of parts) expect(statSync(join(folder, part)).mode & 0o777, part).to.equal(0o600);
    const numbers = read().map((line) => Number(line.split(' ', 1)[0]));
    expect(numbers[0]).to.equal(count);
    expect(numbers.every((number, at) => number === count - at)).to.equal(true);
  }).timeout(20_000);

  it('does not lose the next line to half a line that was left behind', async () => {
    writeFileSync(file, '{"whole":1}\n{"hal');
    const lines = opened();
    lines.write('{"next":1}');
    await lines.close();
    expect(read()).to.deep.equal(['{"next":1}', '{"hal', '{"whole":1}']);
  });

  it('that is not there has no lines', () => {
    expect(read()).to.deep.equal([]);
  });

  it('gives an empty line for one that is too long, and goes on behind it', () => {
    writeFileSync(file, 'first\n');
    for (let part = 0; part < 20; part++) appendFileSync(file, 'x'.repeat(100_000));
    appendFileSync(file, '\nlast\n');
    expect(read()).to.deep.equal(['last', '', 'first']);
  });

  it('loses lines when the disk is far behind, and says so once', async () => {
    const troubles: unknown[] = [];
    const lines = new LineFile(file, (error) => troubles.push(error));
    for (let number = 0; number < 30_000; number++) lines.write(String(number));
    await lines.close();
    expect(troubles).to.have.length(1);
    expect(read()).to.have.length(20_001);
  });

  it('is written again when the disk is well again; of its trouble is told once each time', async () => {
    const troubles: unknown[] = [];
    const lines = new LineFile(join(folder, 'far', 'later', 'lines.jsonl'), (error) => troubles.push(error));
    const written = async (line: string): Promise<void> => {
      lines.write(line);
      await lines.close();
    };
    await written('lost');
    await written('lost too');
    mkdirSync(join(folder, 'far'));
    await written('kept');
    expect(readFileSync(join(folder, 'far', 'later', 'lines.jsonl'), 'utf8')).to.equal('kept\n');
    rmSync(join(folder, 'far'), { recursive: true });
    await written('lost again');
    expect(troubles).to.have.length(2);
  });
});
