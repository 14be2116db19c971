/**
 * Who is banned, as all nodes see it that hold the same entries. Pure.
 *
 * 1. Of each subject the last `ENTRIES_OF_KIND` bans, evictions and unbans are held, each kind in an order that all share. So
 *    lists can be merged in any order, and as often as one likes, and are the same in the end.
 * 2. An `unban` takes back what has a lower epoch. An epoch is a time at which the signer's certificate was valid: neither an
 *    old unban that is sent again nor one with the key of a certificate that had expired sets anybody free.
 * 3. An `unban` counts when who signed it might speak at its epoch, as the entries of before have it. So a ban brings back no
 *    old ones with it, nobody sets himself free, nor two each other, and none of this goes in circles: each looks at what came
 *    before it only. Where as many bans of a signer are held as can be, the time before them is not known, and nothing that he
 *    signed then counts.
 *    What this costs: with the key of a banned node an unban can be dated back, to before that ban and within the life of its
 *    certificate. But the banned have no session, so it spreads only if a node takes it that has not heard of the ban, and
 *    every node says then whom it let in. Who held that key before the ban could have signed the same in time.
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

/** Of each kind about one subject: how often a node is banned and comes back within the lives of those that it set free. */
export const ENTRIES_OF_KIND = 8;

/** The newest first. */
type About = Readonly<Record<BanKind, readonly HeldBan[]>>;

const NOTHING: About = { ban: [], evict: [], unban: [] };

export class BanList {
  readonly #subjects = new Map<string, About>();
  readonly #ids = new Set<string>();
  readonly #ofIssuer = new Map<string, number>();
  #digest: string | undefined;
  /** Ids of the unbans that count. */
  #counting: ReadonlySet<string> | undefined;

  /** Of the next entry about this subject: after all that was said about it, and of a ban after what its subject has said. */
  nextEpochMs(subject: string, nowMs: number): number {
    const before = this.entries.filter(({ claim, issuer }) => claim.subject === subject || (issuer === subject && claim.kind === 'unban'));
    return Math.max(nowMs, ...before.map(({ claim }) => claim.epochMs + 1));
  }

  get entries(): readonly HeldBan[] {
    return [...this.#subjects.values()].flatMap(({ ban, evict, unban }) => ban.concat(evict, unban));
  }

  /** The same for all who hold the same entries. */
  get digest(): string {
    this.#digest ??= createHash('sha256').update([...this.#ids].sort().join()).digest('hex');
    return this.#digest;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** `older`: as many as can be are held that count before it. `full`: there is no room for it. */
  add(ban: HeldBan): 'added' | 'older' | 'full' {
    const { id, claim, issuer } = ban;
    const about = this.#subjects.get(claim.subject);
    const held = about?.[claim.kind] ?? [];
    const next = [...held, ban].sort(newestFirst);
    const dropped = next.length > ENTRIES_OF_KIND ? next.pop() : undefined;
    if (this.#ids.has(id) || dropped === ban) return 'older';
    const isFull = (this.#ofIssuer.get(issuer) ?? 0) >= ENTRIES_OF_ISSUER_MAX && dropped?.issuer !== issuer;
    if (isFull || (about === undefined && this.#subjects.size >= SUBJECTS_MAX)) return 'full';
    if (dropped !== undefined) this.#drop(dropped);
    this.#subjects.set(claim.subject, { ...(about ?? NOTHING), [claim.kind]: next });
    this.#ids.add(id);
    this.#ofIssuer.set(issuer, (this.#ofIssuer.get(issuer) ?? 0) + 1);
    this.#digest = undefined;
    this.#counting = undefined;
    return 'added';
  }

  /** What keeps out this subject with a certificate of that time; undefined when it may speak. */
  restriction(subject: string, issuedMs: number): Restriction | undefined {
    this.#counting ??= this.#countingUnbans();
    return this.#restrictionAt(subject, issuedMs, Number.POSITIVE_INFINITY, this.#counting);
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

  /** Rule 3, from the oldest on: what each rests on has been judged by then. */
  #countingUnbans(): ReadonlySet<string> {
    const counting = new Set<string>();
    const unbans = this.entries.filter(({ claim }) => claim.kind === 'unban').sort(newestFirst).reverse();
    for (const { id, issuer, issuerSinceMs, claim: { epochMs } } of unbans) {
      const { ban, evict } = this.#subjects.get(issuer) ?? NOTHING;
      const isKnown = [ban, evict].every((held) => held.length < ENTRIES_OF_KIND || held.at(-1)!.claim.epochMs <= epochMs);
      if (isKnown && this.#restrictionAt(issuer, issuerSinceMs, epochMs, counting) === undefined) counting.add(id);
    }
    return counting;
  }

  /** As it was at that time: what has the same epoch had not been taken back yet. */
  #restrictionAt(subject: string, issuedMs: number, atMs: number, counting: ReadonlySet<string>): Restriction | undefined {
    const { ban, evict, unban } = this.#subjects.get(subject) ?? NOTHING;
    const freedMs = unban.find(({ id, claim }) => claim.epochMs < atMs && counting.has(id))?.claim.epochMs ?? 0;
    const isInForce = ({ claim }: HeldBan): boolean => claim.epochMs <= atMs && claim.epochMs >= freedMs;
    return (ban.find(isInForce) ?? evict.find((each) => isInForce(each) && issuedMs <= each.claim.epochMs)) as Restriction | undefined;
  }

  #drop({ id, issuer }: HeldBan): void {
    this.#ids.delete(id);
    this.#ofIssuer.set(issuer, this.#ofIssuer.get(issuer)! - 1);
  }
}

function newestFirst(a: HeldBan, b: HeldBan): number {
  return b.claim.epochMs - a.claim.epochMs || (a.id < b.id ? -1 : 1);
}
