/** Bytes of real peers, and how their fields are called here. */
import { readFileSync } from 'node:fs';

type Fields = Readonly<Record<string, unknown>>;

interface Vectors {
  readonly vectors: readonly { readonly name: string; readonly kind: string; readonly hex: string; readonly fields: Fields; readonly hexFromGoMsgpack05?: string }[];
  readonly captured: readonly { readonly note: string; readonly hex: string; readonly decoded: readonly Fields[] }[];
  readonly decodeAcceptance: readonly { readonly case: string; readonly aliveBodyHex: string; readonly peers: string }[];
  readonly numbers: {
    readonly pushPullScale: readonly { readonly n: number; readonly pushPull30s_ms: number }[];
    readonly retransmitLimit: readonly { readonly n: number; readonly mult2: number; readonly mult4: number }[];
    readonly suspicionRemainingAtElapsed0: readonly { readonly confirmations: number; readonly k: number; readonly min_ms: number; readonly max_ms: number; readonly timeout_ms: number }[];
    readonly suspicionTimeout: readonly { readonly n: number; readonly lan_min_ms: number; readonly lan_max_ms: number; readonly local_min_ms: number; readonly wan_min_ms: number }[];
  };
}

export const memberlist = JSON.parse(readFileSync(new URL('../../../fixtures/memberlist-vectors.json', import.meta.url), 'utf8')) as Vectors;

export function vector(name: string): Buffer {
  const found = memberlist.vectors.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return Buffer.from(found.hex, 'hex');
}

const BYTE_FIELDS = new Set(['SourceAddr', 'Target', 'Payload', 'Addr', 'Meta', 'Vsn', 'payload', 'raw']);

/** Fields of a vector under our names: bytes as hex text, so that deep equality reads well. */
export function ourFields(fields: Fields): Record<string, unknown> {
  const entries = Object.entries(fields).filter(([key]) => key !== 'type' && key !== 'hex');
  return Object.fromEntries(entries.map(([key, value]) => [ourName(key), ourValue(key, value)]));
}

/** A decoded message with its bytes as hex text and without what `ourFields` cannot know. */
export function readable(message: object): Record<string, unknown> {
  const entries = Object.entries(message).filter(([key, value]) => key !== 'type' && !(key.startsWith('source') && isEmpty(value)));
  return Object.fromEntries(entries.map(([key, value]) => [key, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : (value as unknown)]));
}

function ourName(key: string): string {
  return key === 'raw' ? 'payload' : key[0]!.toLowerCase() + key.slice(1);
}

function ourValue(key: string, value: unknown): unknown {
  if (BYTE_FIELDS.has(key)) return typeof value === 'string' ? value.replace(/^hex:/, '') : '';
  return typeof value === 'string' && value.startsWith('hex:') ? Buffer.from(value.slice(4), 'hex').toString('utf8') : value;
}

function isEmpty(value: unknown): boolean {
  return value === 0 || value === '' || (value instanceof Uint8Array && value.length === 0);
}
