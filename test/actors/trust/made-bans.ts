/** Entries of a ban list without keys: what is said, by whom, and an id as a real one has. */
import * as fc from 'fast-check';
import { banId, type BanClaim, type BanEntry, type HeldBan } from '../../../src/trust/ban-entry.ts';

export const idOf = (name: string): string => `spiffe://omega.test/node/${name}`;

export function madeBan(parts: Partial<BanClaim> & { readonly issuer?: string; readonly issuerSinceMs?: number }): HeldBan {
  const { issuer = 'n1', issuerSinceMs = 1, ...claimed } = parts;
  const claim: BanClaim = { epochMs: 1, subject: idOf('n4'), kind: 'ban', reason: 'stolen', by: 'ada', ...claimed };
  const entry: BanEntry = { body: Buffer.from(JSON.stringify(claim)), chain: [Buffer.from(`${issuer} ${issuerSinceMs}`)], signature: Buffer.alloc(0) };
  return { id: banId(entry), claim, issuer: idOf(issuer), issuerSinceMs, entry };
}

/** Reads what `madeBan` made. */
export function readMade(entry: BanEntry): HeldBan {
  const [issuer, since] = Buffer.from(entry.chain[0]!).toString().split(' ');
  return { id: banId(entry), claim: JSON.parse(Buffer.from(entry.body).toString()) as BanClaim, issuer: idOf(issuer!), issuerSinceMs: Number(since), entry };
}

/** Few names, epochs and times, so that they meet. */
export const anyBan = fc
  .record({
    epochMs: fc.integer({ min: 1, max: 12 }),
    subject: fc.constantFrom('n1', 'n2', 'n3').map(idOf),
    kind: fc.constantFrom('ban', 'evict', 'unban'),
    issuer: fc.constantFrom('n1', 'n2', 'n3'),
    issuerSinceMs: fc.integer({ min: 1, max: 6 }),
  })
  .map((parts) => madeBan(parts));
/** So many that of a kind about a subject more come than are held. */
export const anyBans = fc.array(anyBan, { maxLength: 80 });
