/**
 * Who is banned, as all nodes see it that hold the same entries. Pure.
 *
 * 1. Of each subject the last `ban`, the last `evict` and the last `unban` are held, each the greatest by an order that all
 *    share. So lists can be merged in any order, and as often as one likes, and are the same in the end.
 * 2. An `unban` takes back what has a lower epoch. An epoch is a time at which the signer's certificate was valid: neither an
 *    old unban that is sent again nor one with the key of a certificate that had expired sets anybody free.
 * 3. An `unban` counts as long as who signed it may speak. So that a ban does not bring back old ones with it, who bans takes over
 *    what the banned one has set free, in the same breath (`freedBy`).
 * 4. A `ban` or `evict` counts whoever is banned. Were those of the banned void, they could, by dating one back, make void
 *    what bans them. A node that is not what it should be can so keep others out, and is bounded below; it can let nobody in.
 */
import { createHash } from 'node:crypto';
import type { BanKind, HeldBan } from '../../trust/ban-entry.ts';

export type Restriction = HeldBan & { readonly claim: { readonly kind: 'ban' | 'evict' } };

/** Each about a kilobyte with its certificate, and told whole to who was away. */
const SUBJECTS_MAX = 8_192;
/** Of one node: what it may do to the list when it is not what it should be. */
export const ENTRIES_OF_ISSUER_MAX = 512;

type About = Partial<Record<BanKind, HeldBan>>;

export class BanList {
  readonly #subjects = new Map<string, About>();
  readonly #ids = new Set<string>();
  readonly #ofIssuer = new Map<string, number>();
  #digest: string | undefined;

  /** Of the next entry about this subject. */
  nextEpochMs(subject: string, nowMs: number): number {
    return Math.max(nowMs, ...Object.values(this.#subjects.get(subject) ?? {}).map(({ claim }) => claim.epochMs + 1));
  }

  get entries(): readonly HeldBan[] {
    return [...this.#subjects.values()].flatMap((about) => Object.values(about));
  }

  /** The same for all who hold the same entries. */
  get digest(): string {
    this.#digest ??= createHash('sha256').update([...this.#ids].sort().join()).digest('hex');
    return this.#digest;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** `older`: another that is held counts before it. `full`: there is no room for it. */
  add(ban: HeldBan): 'added' | 'older' | 'full' {
    const { claim, issuer } = ban;
    const about = this.#subjects.get(claim.subject);
    const held = about?.[claim.kind];
    if (held !== undefined && !isGreater(ban, held)) return 'older';
    const isFull = (this.#ofIssuer.get(issuer) ?? 0) >= ENTRIES_OF_ISSUER_MAX && held?.issuer !== issuer;
    if (isFull || (about === undefined && this.#subjects.size >= SUBJECTS_MAX)) return 'full';
    if (held !== undefined) this.#drop(held);
    this.#subjects.set(claim.subject, { ...about, [claim.kind]: ban });
    this.#ids.add(ban.id);
    this.#ofIssuer.set(issuer, (this.#ofIssuer.get(issuer) ?? 0) + 1);
    this.#digest = undefined;
    return 'added';
  }

  /** What keeps out this subject with a certificate of that time; undefined when it may speak. */
  restriction(subject: string, issuedMs: number): Restriction | undefined {
    return this.#restriction(subject, issuedMs, new Set());
  }

  /** Unbans that count and would not if who signed them were banned. */
  freedBy(issuer: string): readonly HeldBan[] {
    return this.entries.filter((ban) => ban.claim.kind === 'unban' && ban.issuer === issuer && this.restriction(ban.claim.subject, 0) === undefined);
  }

  /** Who is free now, and would be kept out with these. */
  alsoKeptOut(bans: readonly HeldBan[]): readonly string[] {
    const next = new BanList();
    for (const ban of [...this.entries, ...bans]) next.add(ban);
    return [...next.restrictions().keys()].filter((subject) => this.restriction(subject, 0) === undefined);
  }

  /** All who are kept out, by subject; those evicted with the certificates that they had. */
  restrictions(): ReadonlyMap<string, Restriction> {
    const found = new Map<string, Restriction>();
    for (const subject of this.#subjects.keys()) {
      const restriction = this.restriction(subject, 0);
      if (restriction !== undefined) found.set(subject, restriction);
    }
    return found;
  }

  /** @param asked those whose standing is being looked at: who is free only by their own word is not */
  #restriction(subject: string, issuedMs: number, asked: ReadonlySet<string>): Restriction | undefined {
    const { ban, evict, unban } = this.#subjects.get(subject) ?? {};
    const isLifted = (by: HeldBan): boolean => {
      if (unban === undefined || unban.claim.epochMs <= by.claim.epochMs) return false;
      const next = new Set(asked).add(subject);
      return !next.has(unban.issuer) && this.#restriction(unban.issuer, unban.issuerSinceMs, next) === undefined;
    };
    if (ban !== undefined && !isLifted(ban)) return ban as Restriction;
    if (evict !== undefined && issuedMs <= evict.claim.epochMs && !isLifted(evict)) return evict as Restriction;
    return undefined;
  }

  #drop({ id, issuer }: HeldBan): void {
    this.#ids.delete(id);
    this.#ofIssuer.set(issuer, this.#ofIssuer.get(issuer)! - 1);
  }
}

function isGreater(a: HeldBan, b: HeldBan): boolean {
  return a.claim.epochMs === b.claim.epochMs ? a.id < b.id : a.claim.epochMs > b.claim.epochMs;
}
