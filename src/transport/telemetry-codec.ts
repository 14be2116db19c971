/** Telemetry as bytes: nodes pass batches and records on without looking into them. */
import { MeshError } from '../errors.ts';
import type { TelemetryBatch, TelemetryBatch__Output } from './generated/omega/mesh/v1/TelemetryBatch.ts';
import type { TelemetryRecord, TelemetryRecord__Output } from './generated/omega/mesh/v1/TelemetryRecord.ts';
import { protos } from './proto.ts';

export function encodeTelemetryBatch(batch: TelemetryBatch): Buffer {
  return protos.TelemetryBatch.serialize(batch);
}

/** @throws MeshError MALFORMED */
export function decodeTelemetryBatch(bytes: Uint8Array): TelemetryBatch__Output {
  return decode('TelemetryBatch', protos.TelemetryBatch.deserialize, bytes);
}

export function encodeTelemetryRecord(record: TelemetryRecord): Buffer {
  return protos.TelemetryRecord.serialize(record);
}

/** @throws MeshError MALFORMED */
export function decodeTelemetryRecord(bytes: Uint8Array): TelemetryRecord__Output {
  return decode('TelemetryRecord', protos.TelemetryRecord.deserialize, bytes);
}

function decode<T>(type: string, deserialize: (bytes: Buffer) => T, bytes: Uint8Array): T {
  try {
    return deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    throw new MeshError('MALFORMED', `${bytes.byteLength} bytes are no ${type}`, { cause });
  }
}
