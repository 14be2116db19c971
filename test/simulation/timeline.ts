/** Looking back at a history: who ran when, who believed what about whom. */
import type { MemberStatus } from '../../src/actors/membership/membership-messages.ts';
import type { Belief, Fact, History } from './mesh-simulation.ts';

interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What a status event makes of a member; events that change no status are left out. */
const STATUS_AFTER: Readonly<Partial<Record<Belief['event']['type'], MemberStatus | 'unknown'>>> = {
  alive: 'alive',
  refuted: 'alive',
  suspect: 'suspect',
  dead: 'dead',
  left: 'left',
  reaped: 'unknown',
};

export class Timeline {
  readonly history: History;
  readonly #lives = new Map<string, Span[]>();
  readonly #pauses = new Map<string, Span[]>();
  readonly #goodbyes = new Map<string, number[]>();
  readonly #cuts: Span[] = [];
  /** What changed an observer's mind about a member, by observer and member. */
  readonly #changes = new Map<string, Map<string, Belief[]>>();

  constructor(history: History) {
    this.history = history;
    for (const fact of history.facts) this.#addFact(fact);
    for (const belief of history.beliefs) this.#addBelief(belief);
  }

  get names(): string[] {
    return [...this.#lives.keys()];
  }

  /** Whether the node ran all the time between. @param harmlessMs it may have stood still for less than this each time */
  ran(name: string, fromMs: number, untilMs: number, harmlessMs = 0): boolean {
    const stoodStill = this.#pauses.get(name)?.some((pause) => pause.fromMs <= untilMs && fromMs < pause.untilMs && pause.untilMs - pause.fromMs >= harmlessMs);
    return stoodStill !== true && this.#livesOf(name).some((life) => life.fromMs <= fromMs && untilMs < life.untilMs);
  }

  /** Whether the node ran at any time between. */
  ranEver(name: string, fromMs: number, untilMs: number): boolean {
    return this.#livesOf(name).some((life) => life.fromMs <= untilMs && fromMs < life.untilMs);
  }

  /** Whether nothing was cut between. */
  wasWhole(fromMs: number, untilMs: number): boolean {
    return this.#cuts.every((cut) => cut.untilMs < fromMs || cut.fromMs > untilMs);
  }

  /** Whether the node said goodbye between, or before that in the life that was its last. */
  saidGoodbye(name: string, fromMs: number, untilMs: number): boolean {
    const lastStartMs = this.#livesOf(name).findLast((life) => life.fromMs <= untilMs)?.fromMs ?? 0;
    return this.#goodbyes.get(name)?.some((atMs) => atMs >= Math.min(fromMs, lastStartMs) && atMs <= untilMs) ?? false;
  }

  /** What `observer` held of `member` at that time, in the life it then had. */
  belief(observer: string, member: string, atMs: number): MemberStatus | undefined {
    const life = this.#livesOf(observer).findLast(({ fromMs }) => fromMs <= atMs);
    if (life === undefined) return undefined;
    const last = this.#changesOf(observer, member).findLast((change) => change.atMs <= atMs);
    return last !== undefined && last.atMs >= life.fromMs ? statusAfter(last) : undefined;
  }

  /** Whether `observer` came to hold `member` alive at any time between, both ends included. */
  wasHeldAlive(observer: string, member: string, fromMs: number, untilMs: number): boolean {
    return this.#changesOf(observer, member).some((change) => statusAfter(change) === 'alive' && change.atMs >= fromMs && change.atMs <= untilMs);
  }

  #changesOf(observer: string, member: string): readonly Belief[] {
    return this.#changes.get(observer)?.get(member) ?? [];
  }

  #livesOf(name: string): readonly Span[] {
    return this.#lives.get(name) ?? [];
  }

  #addFact({ type, node, atMs }: Fact): void {
    if (type === 'started') this.#lives.set(node!, [...this.#livesOf(node!), { fromMs: atMs, untilMs: Infinity }]);
    if (type === 'leaving') this.#goodbyes.set(node!, [...(this.#goodbyes.get(node!) ?? []), atMs]);
    // Who is leaving promises nothing more.
    if (type === 'crashed' || type === 'leaving') close(this.#lives.get(node!) ?? [], atMs);
    else if (type === 'paused') this.#pauses.set(node!, [...(this.#pauses.get(node!) ?? []), { fromMs: atMs, untilMs: Infinity }]);
    else if (type === 'resumed') close(this.#pauses.get(node!) ?? [], atMs);
    else if (type === 'cut') this.#cuts.push({ fromMs: atMs, untilMs: Infinity });
    else if (type === 'healed') close(this.#cuts, atMs);
  }

  #addBelief(belief: Belief): void {
    if (!(belief.event.type in STATUS_AFTER)) return;
    const { observer, event: { member } } = belief;
    const ofObserver = this.#changes.get(observer) ?? new Map<string, Belief[]>();
    this.#changes.set(observer, ofObserver);
    const changes = ofObserver.get(member);
    if (changes === undefined) ofObserver.set(member, [belief]);
    else changes.push(belief);
  }
}

function statusAfter({ event }: Belief): MemberStatus | undefined {
  const status = STATUS_AFTER[event.type];
  return status === 'unknown' ? undefined : status;
}

function close(spans: Span[], atMs: number): void {
  spans.forEach((span, i) => {
    if (span.untilMs === Infinity) spans[i] = { ...span, untilMs: atMs };
  });
}
