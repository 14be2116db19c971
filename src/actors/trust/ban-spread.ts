/**
 * How the ban list comes to be the same on all nodes. Pure.
 *
 * 1. What is signed here goes to every peer at once; what is new from a peer goes on to a few others at once, for those whom
 *    its author does not reach.
 * 2. On every pulse a few peers, and every peer whose session opens, are told a digest of the list. Who holds another answers
 *    with the ids of all its entries; then each sends what the other lacks. So whoever was away, or lost a frame, learns all.
 * 3. An entry proves itself: it is looked into once, whoever brings it. What is refused is remembered for a while, so that a
 *    peer that goes on sending it costs little; and of each frame only so much is read.
 * 4. The banned are told nothing: they have no session. The evicted are told, so that they attest again.
 */
import type { Random } from '../../random.ts';
import { sample } from '../../random.ts';
import { MeshError } from '../../errors.ts';
import { BACKDATE_MS } from '../../trust/authority.ts';
import { banId, type BanEntry, type BanKind, type HeldBan } from '../../trust/ban-entry.ts';
import { parseSpiffeId } from '../../trust/spiffe-id.ts';
import { BanList, type Restriction } from './ban-list.ts';

export interface BanSpreadOptions {
  readonly random: Random;
  /** @throws MeshError when it is not good */
  readonly read: (entry: BanEntry) => HeldBan;
}

/** What goes over a session; one of these is there. */
export interface BanFrame {
  readonly digest?: string;
  readonly ids?: readonly string[];
  readonly wanted?: readonly string[];
  readonly entries?: readonly BanEntry[];
}

export type BanSpreadInput =
  | { readonly kind: 'issued'; readonly ban: HeldBan }
  /** What this node had kept, when it starts. */
  | { readonly kind: 'kept'; readonly entries: readonly BanEntry[] }
  | { readonly kind: 'peer-up'; readonly node: string }
  | { readonly kind: 'peer-down'; readonly node: string }
  | { readonly kind: 'heard'; readonly node: string; readonly frame: BanFrame }
  /** Once each `PULSE_MS`. */
  | { readonly kind: 'pulse' };

export type BanSpreadEffect =
  | { readonly kind: 'send'; readonly node: string; readonly frame: BanFrame }
  /** The list is another: it is to be kept, and these are the subjects whose standing changed. */
  | { readonly kind: 'changed'; readonly restricted: readonly Restriction[]; readonly released: readonly string[] }
  | { readonly kind: 'refused'; readonly node: string; readonly fault: MeshError };

export const PULSE_MS = 1_000;
/** Of these a thousand nodes lose none in two rounds, with every tenth frame lost. */
const FORWARD_TO = 4;
const TELL_TO = 3;
/** About 64 KiB, and some twenty milliseconds of looking into them. */
const ENTRIES_OF_FRAME_MAX = 64;
const IDS_OF_FRAME_MAX = 3 * 8_192;
/** Two clocks, each off by as much as an authority lets pass. */
const AHEAD_MAX_MS = 2 * BACKDATE_MS;
/** Refused entries that are remembered, and for how long: the clock or the authorities may be others by then. */
const REFUSED_MAX = 4_096;
const REFUSED_FOR_MS = 60_000;

export class BanSpread {
  readonly #options: BanSpreadOptions;
  readonly #peers = new Set<string>();
  readonly #refused = new Map<string, number>();
  /** What each peer was answered since the last pulse: that may be much, and once is enough. */
  readonly #answered = new Set<string>();
  readonly list = new BanList();

  constructor(options: BanSpreadOptions) {
    this.#options = options;
  }

  handle(input: BanSpreadInput, nowMs: number): readonly BanSpreadEffect[] {
    switch (input.kind) {
      case 'issued':
        return this.#take([input.ban], [...this.#peers]);
      case 'kept':
        this.#read(input.entries, '', nowMs, []);
        // Whom it keeps out was told of when it came.
        return [{ kind: 'changed', restricted: [], released: [] }];
      case 'peer-up':
        this.#peers.add(input.node);
        return [this.#digestTo(input.node)];
      case 'peer-down':
        this.#peers.delete(input.node);
        return [];
      case 'heard':
        return this.#hear(input.node, input.frame, nowMs);
      case 'pulse':
        this.#answered.clear();
        for (const [id, atMs] of this.#refused) if (nowMs - atMs >= REFUSED_FOR_MS) this.#refused.delete(id);
        return sample(this.#options.random, [...this.#peers], TELL_TO).map((node) => this.#digestTo(node));
    }
  }

  #hear(node: string, frame: BanFrame, nowMs: number): readonly BanSpreadEffect[] {
    const { ids, wanted, entries } = frame;
    if (entries !== undefined) {
      const others = [...this.#peers].filter((peer) => peer !== node);
      return this.#read(entries.slice(0, ENTRIES_OF_FRAME_MAX), node, nowMs, sample(this.#options.random, others, FORWARD_TO));
    }
    const question = `${ids !== undefined ? 'ids' : wanted !== undefined ? 'wanted' : 'digest'} ${node}`;
    if (this.#answered.has(question)) return [];
    const effects = this.#answer(node, frame);
    if (effects.length > 0) this.#answered.add(question);
    return effects;
  }

  #answer(node: string, { digest, ids, wanted }: BanFrame): readonly BanSpreadEffect[] {
    if (ids !== undefined) return this.#compare(node, ids.slice(0, IDS_OF_FRAME_MAX));
    if (wanted !== undefined) return this.#give(node, new Set(wanted.slice(0, IDS_OF_FRAME_MAX)));
    return digest === this.list.digest ? [] : [this.#idsTo(node)];
  }

  #digestTo(node: string): BanSpreadEffect {
    return { kind: 'send', node, frame: { digest: this.list.digest } };
  }

  #idsTo(node: string): BanSpreadEffect {
    return { kind: 'send', node, frame: { ids: this.list.entries.map(({ id }) => id) } };
  }

  #compare(node: string, ids: readonly string[]): readonly BanSpreadEffect[] {
    const theirs = new Set(ids);
    const wanted = ids.filter((id) => !this.list.has(id) && !this.#refused.has(id));
    const lacking = new Set(this.list.entries.map(({ id }) => id).filter((id) => !theirs.has(id)));
    return [...(wanted.length === 0 ? [] : [{ kind: 'send', node, frame: { wanted } } as const]), ...this.#give(node, lacking)];
  }

  #give(node: string, ids: ReadonlySet<string>): readonly BanSpreadEffect[] {
    return frames(this.list.entries.filter(({ id }) => ids.has(id))).map((frame) => ({ kind: 'send', node, frame }));
  }

  #read(entries: readonly BanEntry[], from: string, nowMs: number, forwardTo: readonly string[]): readonly BanSpreadEffect[] {
    const good: HeldBan[] = [];
    const refused: BanSpreadEffect[] = [];
    for (const entry of entries) {
      const id = banId(entry);
      if (this.list.has(id) || this.#refused.has(id)) continue;
      try {
        const ban = this.#options.read(entry);
        checkTime(ban, nowMs);
        good.push(ban);
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        if (this.#refused.size < REFUSED_MAX) this.#refused.set(id, nowMs);
        refused.push({ kind: 'refused', node: from, fault: error });
      }
    }
    return [...this.#take(good, forwardTo), ...refused];
  }

  #take(bans: readonly HeldBan[], tellTo: readonly string[]): readonly BanSpreadEffect[] {
    const before = this.list.restrictions();
    const added = bans.filter((ban) => this.list.add(ban) === 'added');
    if (added.length === 0) return [];
    const now = this.list.restrictions();
    const restricted = [...now.values()].filter(({ id, claim }) => before.get(claim.subject)?.id !== id);
    const released = [...before.keys()].filter((subject) => !now.has(subject));
    const nodesOf = (kind: BanKind): Set<string | undefined> => new Set(restricted.filter(({ claim }) => claim.kind === kind).map(({ claim }) => nodeOf(claim.subject)));
    const [banned, evicted] = [nodesOf('ban'), nodesOf('evict')];
    const listeners = new Set([...tellTo.filter((node) => !banned.has(node)), ...[...this.#peers].filter((node) => evicted.has(node))]);
    const forward = [...listeners].flatMap((node) => frames(added).map((frame): BanSpreadEffect => ({ kind: 'send', node, frame })));
    return [{ kind: 'changed', restricted, released }, ...forward];
  }
}

/** A ban of the signer has to come after it, and must be one that another's certificate is still good for. @throws MeshError CLOCK_SKEW */
function checkTime({ claim: { kind, subject, epochMs }, issuer }: HeldBan, nowMs: number): void {
  if (kind !== 'unban' || epochMs - nowMs <= AHEAD_MAX_MS) return;
  throw new MeshError('CLOCK_SKEW', `the unban of ${subject} by ${issuer} is of ${new Date(epochMs).toISOString()}, which is yet to come here`, { given: new Date(epochMs).toISOString(), expected: `${new Date(nowMs).toISOString()} at most, give or take ${AHEAD_MAX_MS / 1_000} s`, todo: 'set the clocks, by NTP for instance' });
}

/** Undefined for what is no node. */
function nodeOf(subject: string): string | undefined {
  const { kind, name } = parseSpiffeId(subject);
  return kind === 'node' ? name : undefined;
}

function frames(bans: readonly HeldBan[]): readonly BanFrame[] {
  const found: BanFrame[] = [];
  for (let at = 0; at < bans.length; at += ENTRIES_OF_FRAME_MAX) found.push({ entries: bans.slice(at, at + ENTRIES_OF_FRAME_MAX).map(({ entry }) => entry) });
  return found;
}
