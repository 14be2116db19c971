import { expect } from 'chai';
import { array, assert, integer, property } from 'fast-check';
import { RecordBuffer } from '../../src/agent/record-buffer.ts';

const record = (bytes: number): Uint8Array => new Uint8Array(bytes);

describe('the buffer of records', () => {
  it('numbers from 1 and gives the oldest first', () => {
    const buffer = new RecordBuffer({ recordsMax: 10, bytesMax: 100 });
    expect(buffer.peek(5, 100)).to.equal(undefined);
    for (let i = 1; i <= 4; i++) buffer.add(record(i));
    expect(buffer.peek(2, 100)).to.deep.equal({ firstSequence: 1, records: [record(1), record(2)] });
    buffer.discardThrough(2);
    expect(buffer.peek(9, 100)).to.deep.equal({ firstSequence: 3, records: [record(3), record(4)] });
    buffer.discardThrough(1);
    expect(buffer.length).to.equal(2);
  });

  it('drops the oldest when there are too many, and counts them', () => {
    const buffer = new RecordBuffer({ recordsMax: 3, bytesMax: 100 });
    for (let i = 1; i <= 5; i++) buffer.add(record(1));
    expect(buffer.dropped).to.equal(2);
    expect(buffer.peek(9, 100)?.firstSequence).to.equal(3);
  });

  it('drops the oldest when they are too large', () => {
    const buffer = new RecordBuffer({ recordsMax: 100, bytesMax: 10 });
    for (let i = 1; i <= 4; i++) buffer.add(record(4));
    expect(buffer.length).to.equal(2);
    buffer.add(record(11));
    expect(buffer.length, 'one that is too large alone is not kept').to.equal(0);
    expect(buffer.dropped).to.equal(5);
    buffer.add(record(1));
    expect(buffer.peek(9, 100)).to.deep.equal({ firstSequence: 6, records: [record(1)] });
  });

  it('a batch keeps to its bytes, but for a first record that exceeds them alone', () => {
    const buffer = new RecordBuffer({ recordsMax: 100, bytesMax: 1_000 });
    for (const bytes of [50, 4, 4, 4]) buffer.add(record(bytes));
    expect(buffer.peek(9, 10)?.records).to.have.length(1);
    buffer.discardThrough(1);
    expect(buffer.peek(9, 10)?.records).to.have.length(2);
    expect(buffer.peek(0, 10)).to.equal(undefined);
  });

  it('no number is given twice, whatever is added and discarded', () => {
    assert(
      property(array(integer({ min: -20, max: 12 }), { maxLength: 60 }), (steps) => {
        const buffer = new RecordBuffer({ recordsMax: 5, bytesMax: 30 });
        let sent = 0;
        let added = 0;
        for (const step of steps) {
          if (step >= 0) {
            buffer.add(record(step));
            added++;
            continue;
          }
          const batch = buffer.peek(-step, 15);
          if (batch === undefined) continue;
          expect(batch.firstSequence).to.be.above(sent);
          sent = batch.firstSequence + batch.records.length - 1;
          expect(sent).to.be.at.most(added);
          buffer.discardThrough(sent);
        }
        expect(buffer.length).to.be.at.most(5);
      }),
    );
  });
});
