/**
 * Who means to be here. memberlist knows whether a member answers; that it went on purpose, and did not just fall
 * silent, is said in intents, whose order is told by a Lamport clock. Peers that only see a member vanish list it as
 * failed, and try to have it back.
 */
import { LamportClock } from './lamport-clock.ts';
import { encodeSerf, type JoinIntent, type LeaveIntent } from './serf-messages.ts';
import type { SerfEffect } from './serf-effects.ts';

/** Intents about members that are not known yet; they come first when a packet overtakes another. */
const EARLY_MAX = 1_024;

/**
 * Agents of Serf make the time at which somebody left later by one with each list of those that left which they are told,
 * and do not say so. What they are to believe has to be later than what they hold by now.
 */
const FORCE_LEAP = 1_000;

type Status = 'alive' | 'leaving' | 'left' | 'failed';

interface Presence {
  readonly status: Status;
  /** Of the last intent. */
  readonly lTime: number;
  /** While it is leaving or has left: as soon as it is gone it is to be forgotten. */
  readonly isPruned: boolean;
}

interface EarlyIntent {
  readonly isLeave: boolean;
  readonly isPruned: boolean;
  readonly lTime: number;
}

export class Intents {
  readonly clock = new LamportClock();
  readonly #self: string;
  readonly #presences = new Map<string, Presence>();
  /** Oldest first. */
  readonly #early = new Map<string, EarlyIntent>();
  #isLeaving = false;

  constructor(self: string) {
    this.#self = self;
  }

  get times(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#presences, ([name, { lTime }]) => [name, lTime]));
  }

  get left(): string[] {
    return [...this.#presences].filter(([, { status }]) => status === 'left').map(([name]) => name);
  }

  joined(): SerfEffect[] {
    return this.#isLeaving ? [] : this.#say('join');
  }

  leaving(): SerfEffect[] {
    this.#isLeaving = true;
    return this.#say('leave');
  }

  /** What memberlist sees of a member. */
  became(name: string, became: 'alive' | 'dead' | 'left' | 'reaped'): readonly SerfEffect[] {
    const known = this.#presences.get(name);
    if (became === 'alive') {
      this.#comes(name, known);
      return [];
    }
    if (known === undefined) return [];
    if (became === 'reaped') {
      this.#presences.delete(name);
      // Who has not heard that it is to be forgotten may speak of it for a while.
      if (known.isPruned) this.#keepEarly(name, { isLeave: true, isPruned: true, lTime: known.lTime });
      return [];
    }
    const hasLeft = became === 'left' || known.status === 'leaving' || known.status === 'left';
    this.#presences.set(name, { ...known, status: hasLeft ? 'left' : 'failed' });
    if (!hasLeft) return [];
    // It was said that it would go before it fell silent.
    const letGo: SerfEffect[] = became === 'dead' ? [{ kind: 'let-go', member: name }] : [];
    return known.isPruned ? [...letGo, { kind: 'prune', member: name }] : letGo;
  }

  onJoin({ lTime, node }: Pick<JoinIntent, 'lTime' | 'node'>): { readonly isNews: boolean } {
    this.clock.witness(lTime);
    const known = this.#presences.get(node);
    if (known === undefined) return { isNews: this.#keepEarly(node, { isLeave: false, isPruned: false, lTime }) };
    if (lTime <= known.lTime) return { isNews: false };
    this.#presences.set(node, { status: known.status === 'leaving' ? 'alive' : known.status, isPruned: false, lTime });
    return { isNews: true };
  }

  onLeave({ lTime, node, prune }: Pick<LeaveIntent, 'lTime' | 'node' | 'prune'>): { readonly isNews: boolean; readonly effects: readonly SerfEffect[] } {
    this.clock.witness(lTime);
    const known = this.#presences.get(node);
    if (known === undefined) return { isNews: this.#keepEarly(node, { isLeave: true, isPruned: prune, lTime }), effects: [] };
    if (lTime <= known.lTime) return { isNews: false, effects: [] };
    // From an earlier life, or somebody wants to be rid of us; but we are here.
    if (node === this.#self && !this.#isLeaving) return { isNews: false, effects: this.#say('join') };
    const isGone = known.status === 'failed' || known.status === 'left';
    this.#presences.set(node, { status: isGone ? 'left' : 'leaving', isPruned: prune, lTime });
    const effects: SerfEffect[] = known.status === 'failed' ? [{ kind: 'let-go', member: node }] : [];
    return { isNews: true, effects: isGone && prune ? [...effects, { kind: 'prune', member: node }] : effects };
  }

  /** In the place of one that cannot say so itself. */
  forceLeave(node: string, prune: boolean): readonly SerfEffect[] | 'unknown-member' {
    if (!this.#presences.has(node)) return 'unknown-member';
    this.clock.witness(this.clock.time + FORCE_LEAP);
    const lTime = this.clock.tick();
    return [...this.onLeave({ lTime, node, prune }).effects, { kind: 'gossip', lane: 'intent', message: encodeSerf({ type: 'leave', lTime, node, prune }) }];
  }

  #comes(name: string, known: Presence | undefined): void {
    const early = this.#early.get(name);
    this.#early.delete(name);
    const isLeaving = known === undefined && early?.isLeave === true;
    this.#presences.set(name, { status: isLeaving ? 'leaving' : 'alive', isPruned: isLeaving && early.isPruned, lTime: known?.lTime ?? early?.lTime ?? 0 });
  }

  /**
   * A push/pull lists it among those that left, and not when. That is worth something only about one that is gone here too,
   * and about this node. Who is here has come back since, whatever time it gave itself after its restart; and of a stranger
   * nothing is kept, for it may be about to come back, and would count as leaving for good.
   */
  onListedLeft({ lTime, node }: Pick<LeaveIntent, 'lTime' | 'node'>): readonly SerfEffect[] {
    return node === this.#self || this.#presences.get(node)?.status === 'failed' ? this.onLeave({ lTime, node, prune: false }).effects : [];
  }

  #say(type: 'join' | 'leave'): SerfEffect[] {
    const node = this.#self;
    const lTime = this.clock.tick();
    this.#presences.set(node, { status: type === 'join' ? 'alive' : 'leaving', isPruned: false, lTime });
    return [{ kind: 'gossip', lane: 'intent', message: encodeSerf(type === 'join' ? { type, lTime, node } : { type, lTime, node, prune: false }) }];
  }

  #keepEarly(name: string, intent: EarlyIntent): boolean {
    const before = this.#early.get(name);
    if (before !== undefined && before.lTime >= intent.lTime) return false;
    this.#early.delete(name);
    this.#early.set(name, intent);
    const [oldest] = this.#early.keys();
    if (this.#early.size > EARLY_MAX) this.#early.delete(oldest!);
    return true;
  }
}
