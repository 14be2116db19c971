import { expect } from 'chai';
import { MeshError } from '../../src/errors.ts';
import { decodeTelemetryBatch, decodeTelemetryRecord, encodeTelemetryBatch, encodeTelemetryRecord } from '../../src/transport/telemetry-codec.ts';

describe('telemetry as bytes', () => {
  const record = { atMs: 1_790_000_000_123, samples: [{ name: 'cpu.used_ratio', value: 0.25 }, { name: 'load.1m', value: -1.5 }] };

  it('a record comes back as it was, with milliseconds beyond 32 bits', () => {
    expect(decodeTelemetryRecord(encodeTelemetryRecord(record))).to.deep.equal(record);
  });

  it('a batch carries its records unopened', () => {
    const encoded = encodeTelemetryRecord(record);
    const batch = decodeTelemetryBatch(encodeTelemetryBatch({ firstSequence: 2 ** 40, records: [encoded, Buffer.from('no record')] }));
    expect(batch.firstSequence).to.equal(2 ** 40);
    expect(batch.records.map(String)).to.deep.equal([String(encoded), 'no record']);
  });

  it('reads from the middle of a larger buffer', () => {
    const encoded = encodeTelemetryRecord(record);
    const larger = new Uint8Array(encoded.length + 7);
    larger.set(encoded, 3);
    expect(decodeTelemetryRecord(larger.subarray(3, 3 + encoded.length))).to.deep.equal(record);
  });

  it('bytes cut short are MALFORMED', () => {
    const cut = encodeTelemetryRecord(record).subarray(0, -1);
    expect(() => decodeTelemetryRecord(cut)).to.throw(MeshError, `${cut.length} bytes are no TelemetryRecord`).with.property('code', 'MALFORMED');
  });
});
