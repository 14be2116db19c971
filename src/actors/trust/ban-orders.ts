/** What admins want of the ban list: whether it is done, and when a second one has to ask too. Pure. */
import { MeshError } from '../../errors.ts';
import { REASON_CHARS_MAX, type BanClaim, type BanKind } from '../../trust/ban-entry.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from '../../trust/spiffe-id.ts';
import type { BanList } from './ban-list.ts';

export interface BanOrder {
  readonly kind: BanKind;
  /** A node's name, kind/name or a SPIFFE ID. */
  readonly subject: string;
  readonly reason: string;
  readonly isForced: boolean;
  readonly by: string;
}

export type BanOutcome = { readonly outcome: 'waits'; readonly subject: string } | { readonly outcome: 'done'; readonly claim: BanClaim };

/** Long enough to find a colleague, short enough that both mean the same matter. */
const SECOND_WITHIN_MS = 60 * 60_000;
const WAITING_MAX = 256;

export class BanOrders {
  readonly #self: SpiffeId;
  /** By subject: who has asked for its unban, and when. */
  readonly #waiting = new Map<string, { readonly by: string; readonly atMs: number }>();

  constructor(self: SpiffeId) {
    this.#self = self;
  }

  /** @throws MeshError BAD_ARGUMENT, BAD_IDENTITY, WRONG_TRUST_DOMAIN, REFUSED, NOT_FOUND */
  take(order: BanOrder, list: BanList, nowMs: number): BanOutcome {
    const { kind, reason, by } = order;
    const subject = formatSpiffeId(this.#subjectOf(order.subject));
    if (reason === '' || reason.length > REASON_CHARS_MAX) throw new MeshError('BAD_ARGUMENT', reason === '' ? 'a reason is missing' : `the reason has ${reason.length} characters`, { expected: `--reason and up to ${REASON_CHARS_MAX} characters: others will read it` });
    if (subject === formatSpiffeId(this.#self) && kind !== 'unban' && !order.isForced) throw new MeshError('REFUSED', `${subject} is the node that you ask`, { given: order.subject, todo: 'ask another node, or say --force if that is meant' });
    const restriction = list.restriction(subject, 0);
    if (kind === 'evict' && restriction?.claim.kind === 'ban') throw new MeshError('REFUSED', `${subject} is banned, and an eviction would be milder`, { given: order.subject, todo: 'take the ban back first, with `mesh trust unban`' });
    if (kind === 'unban') {
      if (restriction === undefined) throw new MeshError('NOT_FOUND', `${subject} is not kept out`, { given: order.subject, todo: 'see `mesh trust bans`' });
      if (!order.isForced && !this.#isSecond(subject, by, nowMs)) return { outcome: 'waits', subject };
    }
    this.#waiting.delete(subject);
    return { outcome: 'done', claim: { epochMs: list.nextEpochMs(subject, nowMs), subject, kind, reason, by } };
  }

  #isSecond(subject: string, by: string, nowMs: number): boolean {
    const first = this.#waiting.get(subject);
    if (first !== undefined && nowMs - first.atMs < SECOND_WITHIN_MS) return personIn(first.by) !== personIn(by);
    for (const [other, { atMs }] of this.#waiting) if (nowMs - atMs >= SECOND_WITHIN_MS) this.#waiting.delete(other);
    if (this.#waiting.size >= WAITING_MAX) throw new MeshError('OVERLOADED', `${WAITING_MAX} unbans wait for a second admin`, { todo: 'wait until they have had theirs, or say --force' });
    this.#waiting.set(subject, { by, atMs: nowMs });
    return false;
  }

  #subjectOf(text: string): SpiffeId {
    const { trustDomain } = this.#self;
    if (!text.startsWith('spiffe://')) return parseSpiffeId(`spiffe://${trustDomain}/${text.includes('/') ? text : `node/${text}`}`);
    const id = parseSpiffeId(text);
    if (id.trustDomain !== trustDomain) throw new MeshError('WRONG_TRUST_DOMAIN', `${text} is not of the trust domain ${trustDomain}`, { given: text, expected: trustDomain });
    return id;
  }
}

/** The same user in another process is no second person. */
function personIn(by: string): string {
  return by.replace(/ \(pid \d+\)$/, '');
}
