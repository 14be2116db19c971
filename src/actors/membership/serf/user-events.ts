/** Events that programs send to all nodes: each is heard once, and passed on once. */
import { Coalescing } from './coalescing.ts';
import { LamportClock } from './lamport-clock.ts';
import { BUFFERED_TIMES, EVENT_BYTES_MAX, encodeSerf, type EventSlot, type UserEvent } from './serf-messages.ts';
import type { SerfEffect } from './serf-effects.ts';

/** Events of one time come from nodes that had not heard of each other's; more than this is somebody who repeats himself. */
const SAME_TIME_MAX = 256;
/** All of it goes with every push/pull. */
const KEPT_BYTES_MAX = 1024 * 1024;

interface HeardEvent {
  readonly name: string;
  readonly payload: Uint8Array;
}

export class UserEvents {
  readonly clock = new LamportClock();
  readonly #coalescing = new Coalescing();
  /** By time modulo `BUFFERED_TIMES`. */
  readonly #slots: { readonly lTime: number; readonly events: HeardEvent[] }[] = [];
  /** What came before it had happened before this node was there. */
  #since = 0;
  #bytes = 0;

  /** What was heard, for those who missed it. */
  get slots(): EventSlot[] {
    return this.#slots.filter((slot) => slot !== undefined);
  }

  /** From now on what happened before is not news. */
  ignoreBefore(lTime: number): void {
    this.#since = Math.max(this.#since, lTime);
  }

  /** An earlier life has heard all that happened before. */
  resume(lTime: number): void {
    this.clock.witness(lTime - 1);
    this.ignoreBefore(lTime);
  }

  /** Too large is what leaves no room in a packet for others. */
  send({ name, payload, coalesce }: Pick<UserEvent, 'name' | 'payload' | 'coalesce'>, now: number): readonly SerfEffect[] | 'too-large' {
    const message: UserEvent = { type: 'userEvent', lTime: this.clock.time, name, payload, coalesce };
    const bytes = encodeSerf(message);
    if (bytes.length > EVENT_BYTES_MAX) return 'too-large';
    this.clock.tick();
    return this.hear(message, bytes, now);
  }

  /** @param bytes as they came, to be passed on unchanged; undefined when they need not be: it is told in a push/pull */
  hear(event: UserEvent, bytes: Uint8Array | undefined, now: number): readonly SerfEffect[] {
    const { lTime, name, coalesce } = event;
    this.clock.witness(lTime);
    if (lTime < this.#since) return [];
    if (lTime + BUFFERED_TIMES < this.clock.time) return [{ kind: 'drop', reason: 'old-event' }];
    const at = lTime % BUFFERED_TIMES;
    const slot = this.#slots[at]?.lTime === lTime ? this.#slots[at] : this.#newSlot(at, lTime);
    if (slot.events.some((known) => known.name === name && Buffer.compare(known.payload, event.payload) === 0)) return [];
    const size = name.length + event.payload.length;
    if (slot.events.length >= SAME_TIME_MAX || this.#bytes + size > KEPT_BYTES_MAX) return [{ kind: 'drop', reason: 'events-max' }];
    // A copy, for the original is a window on a whole packet.
    const payload = event.payload.slice();
    slot.events.push({ name, payload });
    this.#bytes += size;
    const news = { type: 'event', lTime, name, payload, coalesce } as const;
    const told: readonly SerfEffect[] = coalesce ? this.#coalescing.hold(news, now) : [{ kind: 'tell', news }];
    return bytes === undefined ? told : [...told, { kind: 'gossip', lane: 'event', message: bytes.slice() }];
  }

  onDue(window: number, now: number): readonly SerfEffect[] {
    return this.#coalescing.onDue(window, now);
  }

  #newSlot(at: number, lTime: number): { readonly lTime: number; readonly events: HeardEvent[] } {
    for (const { name, payload } of this.#slots[at]?.events ?? []) this.#bytes -= name.length + payload.length;
    return (this.#slots[at] = { lTime, events: [] });
  }
}
