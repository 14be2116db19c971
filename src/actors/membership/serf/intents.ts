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

type Status = 'alive' | 'leaving' | 'left' | 'failed';

interface Presence {
  readonly status: Status;
  /** Of the last intent. */
  readonly lTime: number;
}

export class Intents {
  readonly clock = new LamportClock();
  readonly #self: string;
  readonly #presences = new Map<string, Presence>();
  /** Oldest first. */
  readonly #early = new Map<string, { readonly isLeave: boolean; readonly lTime: number }>();
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
  became(name: string, became: 'alive' | 'dead' | 'left' | 'reaped'): void {
    const known = this.#presences.get(name);
    if (became === 'reaped') return void this.#presences.delete(name);
    if (known === undefined && became !== 'alive') return;
    const early = this.#early.get(name);
    this.#early.delete(name);
    const lTime = known?.lTime ?? early?.lTime ?? 0;
    if (became === 'alive') this.#presences.set(name, { status: known === undefined && early?.isLeave === true ? 'leaving' : 'alive', lTime });
    else this.#presences.set(name, { status: became === 'left' || known?.status === 'leaving' || known?.status === 'left' ? 'left' : 'failed', lTime });
  }

  onJoin({ lTime, node }: Pick<JoinIntent, 'lTime' | 'node'>): { readonly isNews: boolean } {
    this.clock.witness(lTime);
    const known = this.#presences.get(node);
    if (known === undefined) return { isNews: this.#keepEarly(node, false, lTime) };
    if (lTime <= known.lTime) return { isNews: false };
    this.#presences.set(node, { status: known.status === 'leaving' ? 'alive' : known.status, lTime });
    return { isNews: true };
  }

  onLeave({ lTime, node }: Pick<LeaveIntent, 'lTime' | 'node'>): { readonly isNews: boolean; readonly effects: readonly SerfEffect[] } {
    this.clock.witness(lTime);
    const known = this.#presences.get(node);
    if (known === undefined) return { isNews: this.#keepEarly(node, true, lTime), effects: [] };
    if (lTime <= known.lTime) return { isNews: false, effects: [] };
    // From an earlier life, or somebody wants to be rid of us; but we are here.
    if (node === this.#self && !this.#isLeaving) return { isNews: false, effects: this.#say('join') };
    const { status } = known;
    this.#presences.set(node, { status: status === 'alive' ? 'leaving' : status === 'failed' ? 'left' : status, lTime });
    return { isNews: true, effects: status === 'failed' ? [{ kind: 'let-go', member: node }] : [] };
  }

  /**
   * A push/pull lists it among those that left, and not when. That is worth something only about one that is gone here too,
   * and about this node. Who is here has come back since, whatever time it gave itself after its restart; and of a stranger
   * nothing is kept, for it may be about to come back, and would count as leaving for good.
   */
  onListedLeft({ lTime, node }: Pick<LeaveIntent, 'lTime' | 'node'>): readonly SerfEffect[] {
    return node === this.#self || this.#presences.get(node)?.status === 'failed' ? this.onLeave({ lTime, node }).effects : [];
  }

  #say(type: 'join' | 'leave'): SerfEffect[] {
    const node = this.#self;
    const lTime = this.clock.tick();
    this.#presences.set(node, { status: type === 'join' ? 'alive' : 'leaving', lTime });
    return [{ kind: 'gossip', lane: 'intent', message: encodeSerf(type === 'join' ? { type, lTime, node } : { type, lTime, node, prune: false }) }];
  }

  #keepEarly(name: string, isLeave: boolean, lTime: number): boolean {
    const before = this.#early.get(name);
    if (before !== undefined && before.lTime >= lTime) return false;
    this.#early.delete(name);
    this.#early.set(name, { isLeave, lTime });
    const [oldest] = this.#early.keys();
    if (this.#early.size > EARLY_MAX) this.#early.delete(oldest!);
    return true;
  }
}
