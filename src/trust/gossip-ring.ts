/**
 * The keys of gossip of a trust domain, as a document that all its nodes come to hold alike: whoever has two merges them, in any
 * order. The newest that is in use encrypts; all decrypt. Pure.
 */
import { createHash, randomBytes } from 'node:crypto';

export interface RingKey {
  /** Base64, 32 bytes: AES-256-GCM. */
  readonly key: string;
  /** When it was made, by the clock of who made it, or one more than the newest that was known there: what comes later has more. */
  readonly epochMs: number;
  /** Whether nodes may encrypt with it: until then it is only handed round. */
  readonly isUsed: boolean;
  /** For how long the keys before it still decrypt, once it is in use. */
  readonly oldKeptMs: number;
}

/** The newest first. */
export type Ring = readonly RingKey[];

const KEY_BYTES = 32;
/** Each packet that is in none of them is tried with all. */
export const RING_KEYS_MAX = 8;

export function newKey(ring: Ring, oldKeptMs: number, nowMs: number): RingKey {
  return { key: randomBytes(KEY_BYTES).toString('base64'), epochMs: Math.max(nowMs, (ring[0]?.epochMs ?? 0) + 1), isUsed: false, oldKeptMs };
}

/** The first ring of a trust domain. */
export function firstRing(nowMs: number): Ring {
  return [{ ...newKey([], 0, nowMs), isUsed: true }];
}

export function mergeRings(a: Ring, b: Ring): Ring {
  const found = new Map<string, RingKey>();
  for (const next of [...a, ...b]) {
    const held = found.get(next.key);
    const both = held === undefined ? next : { ...next, epochMs: Math.max(held.epochMs, next.epochMs), isUsed: held.isUsed || next.isUsed, oldKeptMs: Math.max(held.oldKeptMs, next.oldKeptMs) };
    found.set(next.key, both);
  }
  const all = [...found.values()].sort(newestFirst);
  const used = usedKey(all);
  // However many are handed round, the one in use stays.
  return used === undefined || all.indexOf(used) < RING_KEYS_MAX ? all.slice(0, RING_KEYS_MAX) : [...all.slice(0, RING_KEYS_MAX - 1), used];
}

/** The key that encrypts; undefined only where there is none. */
export function usedKey(ring: Ring): RingKey | undefined {
  return ring.find(({ isUsed }) => isUsed);
}

/** As a keyring has them: the one that encrypts first. */
export function inOrder(ring: Ring): readonly Uint8Array[] {
  const used = usedKey(ring);
  const others = ring.filter((each) => each !== used);
  return [...(used === undefined ? [] : [used]), ...others].map(({ key }) => Uint8Array.from(Buffer.from(key, 'base64')));
}

/** The same where the key in use and those that are to follow it are; what is let go of differs for a while. */
export function ringDigest(ring: Ring): string {
  const used = usedKey(ring);
  const live = used === undefined ? ring : ring.slice(0, ring.indexOf(used) + 1);
  return createHash('sha256').update(JSON.stringify(live.map(({ key, epochMs, isUsed }) => [key, epochMs, isUsed]))).digest('hex');
}

/** Enough to tell keys apart, and nothing of the key. */
export function keyFingerprint({ key }: RingKey): string {
  return createHash('sha256').update(Buffer.from(key, 'base64')).digest('hex').slice(0, 8);
}

/** As it travels between programs. */
export interface SentKey {
  readonly key: Buffer;
  readonly epochMs: number;
  readonly isUsed: boolean;
  readonly oldKeptMs: number;
}

export function toSent(ring: Ring): SentKey[] {
  return ring.map((each) => ({ ...each, key: Buffer.from(each.key, 'base64') }));
}

/** Without what is no key. */
export function fromSent(keys: readonly SentKey[]): Ring {
  const found = keys.slice(0, RING_KEYS_MAX).map(({ key, epochMs, isUsed, oldKeptMs }) => ({ key: key.toString('base64'), epochMs, isUsed, oldKeptMs }));
  return mergeRings([], found.filter(isRingKey));
}

/** Whether this is a key as nodes write it; what comes over the wire or from disk is looked at. */
export function isRingKey(value: unknown): value is RingKey {
  if (typeof value !== 'object' || value === null) return false;
  const { key, epochMs, isUsed, oldKeptMs } = value as Record<string, unknown>;
  const isCount = (count: unknown): boolean => Number.isSafeInteger(count) && (count as number) >= 0;
  return typeof key === 'string' && Buffer.from(key, 'base64').length === KEY_BYTES && isCount(epochMs) && typeof isUsed === 'boolean' && isCount(oldKeptMs);
}

/** As `sort` takes it. */
export function newestFirst(a: RingKey, b: RingKey): number {
  return b.epochMs - a.epochMs || (a.key < b.key ? -1 : 1);
}
