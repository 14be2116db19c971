/** What waits for an actor: bounded, with a stated answer to the one too many. Pure. */
import Denque from 'denque';
import { OwnMessage } from './own-message.ts';

/**
 * What becomes of the one too many:
 * - reject: the sender is told `full`;
 * - drop_oldest: the oldest waiting message makes room;
 * - drop_newest: the new one is dropped;
 * - coalesce: a message takes the place of the one that waits under the same key, also below the bound; a new key over it
 *   is rejected. For readings of which only the last counts;
 * - backpressure: from `high` on, who uses `offer` waits until only `low` wait; over the bound it is rejected;
 * - crash: the sender is told `full`, and the life ends: for actors that must never fall behind.
 * What is dropped or refused is counted and becomes a dead letter; what was replaced is only counted.
 */
export type Overflow = (typeof OVERFLOWS)[number];
export const OVERFLOWS = ['reject', 'drop_oldest', 'drop_newest', 'coalesce', 'backpressure', 'crash'] as const;

/** turn: each turn is an immediate of its own; queue: lives with work stand in one line and share an immediate. */
export type Lane = (typeof LANES)[number];
export const LANES = ['turn', 'queue'] as const;

export interface MailboxSpec<M = never> {
  /** Default 10,000: at 0.2 KiB a message some 2 MiB for one actor at its worst. */
  readonly max?: number;
  /** Default reject. */
  readonly overflow?: Overflow;
  /** For coalesce: what a message is a newer version of; undefined for one that stands for itself. */
  coalesceKey?(message: M): string | undefined;
  /** For backpressure, in messages. Default three quarters of `max`. */
  readonly high?: number;
  /** Default half of `high`. */
  readonly low?: number;
  /** What the end of a life does with the messages that wait: keep them for the next one, or drop them. Default drop. */
  readonly onRestart?: 'drop' | 'keep';
  /** Default turn. Queue costs less per message where they come one by one: streams, sessions. */
  readonly lane?: Lane;
}

export const MAILBOX_MAX = 10_000;

export interface Offered<M> {
  readonly outcome: 'accepted' | 'full';
  /** The message that lost its place, if one did. */
  readonly lost?: M;
}

const NO_SPEC: MailboxSpec<unknown> = {};
const ACCEPTED: Offered<never> = { outcome: 'accepted' };

/** A queue that held more than this lets its memory go when it is empty: it does not shrink by itself. */
const KEPT_CAPACITY = 1_024;

/** Where the newest message of a key waits. */
class Slot<M> {
  readonly key: string;
  message: M;

  constructor(key: string, message: M) {
    this.key = key;
    this.message = message;
  }
}

/** Two lanes: what the runtime says is heard before what actors say. */
export class Mailbox<Urgent, M> {
  readonly #spec: MailboxSpec<M>;
  // Made when first used: a child that hears nothing costs neither.
  #urgent: Denque<Urgent> | undefined;
  #messages: Denque<M | Slot<M>> | undefined;
  #slots: Map<string, Slot<M>> | undefined;
  #isHeld = false;
  #isPressed = false;
  /** The most that waited since the queue was made, and before. */
  #peak = 0;
  #peakBefore = 0;
  #overflowed = 0;

  constructor(spec: MailboxSpec<M> = NO_SPEC) {
    this.#spec = spec;
  }

  get max(): number {
    return this.#spec.max ?? MAILBOX_MAX;
  }

  get overflow(): Overflow {
    return this.#spec.overflow ?? 'reject';
  }

  get depth(): number {
    return this.#messages?.length ?? 0;
  }

  /** The most that ever waited. */
  get depthMax(): number {
    return Math.max(this.#peak, this.#peakBefore);
  }

  /** How many messages were refused, dropped or replaced. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /** Whether nothing is to be taken out now. */
  get isEmpty(): boolean {
    return (this.#isHeld || this.depth === 0) && (this.#urgent?.length ?? 0) === 0;
  }

  /** Messages stay where they are until it is no longer held; what the runtime says is not held. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld;
  }

  /** Whether senders who can wait should: from `high` on, until only `low` wait. */
  get isPressed(): boolean {
    return this.#isPressed;
  }

  offer(message: M): Offered<M> {
    const key = this.#spec.coalesceKey?.(message);
    const slot = key === undefined ? undefined : this.#slots?.get(key);
    if (slot !== undefined) {
      slot.message = message;
      this.#overflowed++;
      return ACCEPTED;
    }
    if (this.depth >= this.max) return this.#refuse(message);
    this.#push(key === undefined ? message : this.#slot(key, message));
    return ACCEPTED;
  }

  /** Takes a message over the bound, and does not drop it for another: an actor sets the number of its own itself. */
  offerOwn(message: M & OwnMessage): void {
    this.#push(message);
  }

  pushUrgent(message: Urgent): void {
    (this.#urgent ??= new Denque()).push(message);
  }

  shiftUrgent(): Urgent | undefined {
    return this.#urgent?.shift();
  }

  shift(): M | undefined {
    const messages = this.#messages;
    if (this.#isHeld || messages === undefined) return undefined;
    const first = messages.shift();
    if (this.#isPressed) this.#relieve();
    if (messages.length === 0 && this.#peak > KEPT_CAPACITY) this.#letGo();
    return this.#unwrap(first);
  }

  removeUrgent(matches: (message: Urgent) => boolean): void {
    const urgent = this.#urgent;
    if (urgent === undefined) return;
    for (let at = urgent.length - 1; at >= 0; at--) {
      const message = urgent.peekAt(at);
      if (message !== undefined && matches(message)) urgent.removeOne(at);
    }
  }

  clearUrgent(): void {
    this.#urgent = undefined;
  }

  /** Empties the lane of messages and returns what was in it. */
  drain(): readonly M[] {
    if (this.depth === 0) return [];
    const messages = this.#messages!.toArray().map((message) => this.#unwrap(message) as M);
    this.#letGo();
    this.#relieve();
    return messages;
  }

  #push(message: M | Slot<M>): void {
    const messages = (this.#messages ??= new Denque());
    messages.push(message);
    if (messages.length > this.#peak) this.#peak = messages.length;
    if (this.#spec.overflow === 'backpressure' && messages.length >= this.#high) this.#isPressed = true;
  }

  #refuse(message: M): Offered<M> {
    this.#overflowed++;
    switch (this.overflow) {
      case 'reject':
      case 'coalesce':
      case 'backpressure':
      case 'crash':
        return { outcome: 'full', lost: message };
      case 'drop_newest':
        return { outcome: 'accepted', lost: message };
      case 'drop_oldest': {
        const lost = this.#takeOldest();
        this.#push(message);
        return lost === undefined ? ACCEPTED : { outcome: 'accepted', lost };
      }
    }
  }

  #slot(key: string, message: M): Slot<M> {
    const slot = new Slot(key, message);
    (this.#slots ??= new Map()).set(key, slot);
    return slot;
  }

  #unwrap(message: M | Slot<M> | undefined): M | undefined {
    if (this.#slots === undefined || !(message instanceof Slot)) return message as M | undefined;
    this.#slots.delete(message.key);
    return message.message;
  }

  get #high(): number {
    return this.#spec.high ?? Math.ceil((this.max * 3) / 4);
  }

  #relieve(): void {
    if (this.depth <= (this.#spec.low ?? Math.floor(this.#high / 2))) this.#isPressed = false;
  }

  #letGo(): void {
    this.#peakBefore = this.depthMax;
    this.#peak = 0;
    this.#messages = undefined;
  }

  #takeOldest(): M | undefined {
    const messages = this.#messages!;
    let at = 0;
    while (at < messages.length && messages.peekAt(at) instanceof OwnMessage) at++;
    return this.#unwrap(at === 0 ? messages.shift() : messages.removeOne(at));
  }
}

/** What a life with `overflow: 'crash'` ends with. */
export class MailboxOverflow extends Error {
  override readonly name = 'MailboxOverflow';

  constructor(max: number) {
    super(`more than ${max} messages waited`);
  }
}
