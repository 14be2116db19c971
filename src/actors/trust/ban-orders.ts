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
  /** The admin of that name, as his certificate proves; undefined: somebody on this node's own machine. */
  readonly admin: SpiffeId | undefined;
}

export interface WaitingUnban {
  readonly subject: string;
  readonly by: string;
  readonly atMs: number;
}

export type BanOutcome = { readonly outcome: 'waits'; readonly subject: string } | { readonly outcome: 'done'; readonly claim: BanClaim };

/** Long enough to find a colleague, short enough that both mean the same matter. */
const SECOND_WITHIN_MS = 60 * 60_000;
const WAITING_MAX = 256;

export class BanOrders {
  readonly #self: SpiffeId;
  /** By subject: who has asked for its unban, and when. */
  readonly #waiting = new Map<string, WaitingUnban & Pick<BanOrder, 'admin'>>();

  constructor(self: SpiffeId) {
    this.#self = self;
  }

  /** @throws MeshError BAD_ARGUMENT, BAD_IDENTITY, WRONG_TRUST_DOMAIN, REFUSED, NOT_FOUND */
  take(order: BanOrder, list: BanList, nowMs: number): BanOutcome {
    const { kind, reason, by, admin } = order;
    const subject = formatSpiffeId(this.#subjectOf(order.subject));
    if (reason === '' || reason.length > REASON_CHARS_MAX) throw new MeshError('BAD_ARGUMENT', reason === '' ? 'a reason is missing' : `the reason has ${reason.length} characters`, { expected: `--reason and up to ${REASON_CHARS_MAX} characters: others will read it` });
    if (subject === formatSpiffeId(this.#self) && kind !== 'unban' && !order.isForced) throw new MeshError('REFUSED', `${subject} is the node that you ask`, { given: order.subject, todo: 'ask another node, or say --force if that is meant' });
    const restriction = list.restriction(subject, 0);
    if (kind === 'evict' && restriction?.claim.kind === 'ban') throw new MeshError('REFUSED', `${subject} is banned, and an eviction would be milder`, { given: order.subject, todo: 'take the ban back first, with `mesh trust unban`' });
    if (kind === 'unban') {
      if (restriction === undefined) throw new MeshError('NOT_FOUND', `${subject} is not kept out`, { given: order.subject, todo: 'see `mesh trust bans`' });
      if (!order.isForced && !this.#isSecond({ subject, by, admin, atMs: nowMs }, list)) return { outcome: 'waits', subject };
    }
    this.#waiting.delete(subject);
    return { outcome: 'done', claim: { epochMs: list.nextEpochMs(subject, nowMs), subject, kind, reason, by } };
  }

  /** Unbans that a second admin has to ask for too. */
  waiting(nowMs: number): readonly WaitingUnban[] {
    for (const [other, { atMs }] of this.#waiting) if (nowMs - atMs >= SECOND_WITHIN_MS) this.#waiting.delete(other);
    return [...this.#waiting.values()].map(({ subject, by, atMs }) => ({ subject, by, atMs }));
  }

  #isSecond(asked: WaitingUnban & Pick<BanOrder, 'admin'>, list: BanList): boolean {
    const { subject, admin, atMs: nowMs } = asked;
    this.waiting(nowMs);
    const first = this.#waiting.get(subject);
    // Who is himself kept out by now has no say any more.
    const counts = first !== undefined && (first.admin === undefined || list.restriction(formatSpiffeId(first.admin), 0) === undefined);
    if (counts) return personOf(first.admin) !== personOf(admin);
    if (this.#waiting.size >= WAITING_MAX) throw new MeshError('OVERLOADED', `${WAITING_MAX} unbans wait for a second admin`, { todo: 'wait until they have had theirs, or say --force' });
    this.#waiting.set(subject, asked);
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

/** A user of this machine can name himself as he likes: all of them are one person, and admins are told apart by what they prove. */
function personOf(admin: SpiffeId | undefined): string {
  return admin === undefined ? 'this machine' : formatSpiffeId(admin);
}
