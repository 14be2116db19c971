/** What waits for an actor: bounded, with a stated answer to the one too many. Pure. */
import Denque from 'denque';
import { OwnMessage } from './own-message.ts';

/**
 * reject: the sender is told `full`; drop_oldest: the oldest waiting message makes room; drop_newest: the new one is
 * dropped. What is dropped or refused is counted and becomes a dead letter.
 */
export type Overflow = (typeof OVERFLOWS)[number];
export const OVERFLOWS = ['reject', 'drop_oldest', 'drop_newest'] as const;

export interface MailboxSpec {
  /** Default 10,000: at 0.2 KiB a message some 2 MiB for one actor at its worst. */
  readonly max?: number;
  /** Default reject. */
  readonly overflow?: Overflow;
  /** What the end of a life does with the messages that wait: keep them for the next one, or drop them. Default drop. */
  readonly onRestart?: 'drop' | 'keep';
}

export const MAILBOX_MAX = 10_000;

export interface Offered<M> {
  readonly outcome: 'accepted' | 'full';
  /** The message that lost its place, if one did. */
  readonly lost?: M;
}

const ACCEPTED: Offered<never> = { outcome: 'accepted' };

/** Two lanes: what the runtime says is heard before what actors say. */
export class Mailbox<Urgent, M> {
  readonly max: number;
  readonly #overflow: Overflow;
  readonly #urgent = new Denque<Urgent>();
  readonly #messages = new Denque<M>();

  constructor(spec: MailboxSpec = {}) {
    this.max = spec.max ?? MAILBOX_MAX;
    this.#overflow = spec.overflow ?? 'reject';
  }

  get depth(): number {
    return this.#messages.length;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0 && this.#urgent.length === 0;
  }

  offer(message: M): Offered<M> {
    if (this.#messages.length < this.max) {
      this.#messages.push(message);
      return ACCEPTED;
    }
    switch (this.#overflow) {
      case 'reject':
        return { outcome: 'full', lost: message };
      case 'drop_newest':
        return { outcome: 'accepted', lost: message };
      case 'drop_oldest': {
        const lost = this.#takeOldest();
        this.#messages.push(message);
        return lost === undefined ? ACCEPTED : { outcome: 'accepted', lost };
      }
    }
  }

  /** Takes a message over the bound, and does not drop it for another: an actor sets the number of its own itself. */
  offerOwn(message: M & OwnMessage): void {
    this.#messages.push(message);
  }

  pushUrgent(message: Urgent): void {
    this.#urgent.push(message);
  }

  shiftUrgent(): Urgent | undefined {
    return this.#urgent.shift();
  }

  shift(): M | undefined {
    return this.#messages.shift();
  }

  removeUrgent(matches: (message: Urgent) => boolean): void {
    for (let at = this.#urgent.length - 1; at >= 0; at--) {
      const message = this.#urgent.peekAt(at);
      if (message !== undefined && matches(message)) this.#urgent.removeOne(at);
    }
  }

  clearUrgent(): void {
    this.#urgent.clear();
  }

  /** Empties the lane of messages and returns what was in it. */
  drain(): M[] {
    const messages = this.#messages.toArray();
    this.#messages.clear();
    return messages;
  }

  #takeOldest(): M | undefined {
    let at = 0;
    while (at < this.#messages.length && this.#messages.peekAt(at) instanceof OwnMessage) at++;
    return at === 0 ? this.#messages.shift() : this.#messages.removeOne(at);
  }
}
