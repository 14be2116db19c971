/** On the main thread: the replies that one thread may answer, and those of the thread that are answered here. */
import { askReply, refuseAsk } from '../asks.ts';
import type { AskReply } from '../asks.ts';
import type { ReplyName } from './crossing.ts';

/** Who asked first has waited for longest, and has most likely given up. */
const KEPT_MAX = 10_000;

export class ThreadReplies {
  /** By number, oldest first. */
  readonly #kept = new Map<number, AskReply<unknown>>();
  readonly #names = new WeakMap<AskReply<unknown>, ReplyName>();
  #next = 1;

  nameOf(reply: AskReply<unknown>): ReplyName {
    const known = this.#names.get(reply);
    if (known !== undefined) return known;
    const name: ReplyName = { origin: 'main', id: this.#next++ };
    this.#kept.set(name.id, reply);
    this.#names.set(reply, name);
    const oldest = this.#kept.size > KEPT_MAX ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    return name;
  }

  /** A reply of the thread that is answered here by way of `answer`. */
  standIn(name: ReplyName, answer: (value: unknown) => void, refuse: (why: string) => void): AskReply<unknown> {
    const reply = askReply(answer, refuse);
    this.#names.set(reply, name);
    return reply;
  }

  /** An answer comes once; undefined when it came, or the ask is too long ago. */
  take(id: number): AskReply<unknown> | undefined {
    const reply = this.#kept.get(id);
    this.#kept.delete(id);
    return reply;
  }

  refuse(id: number, why: string): void {
    const reply = this.take(id);
    if (reply !== undefined) refuseAsk(reply, why);
  }
}
