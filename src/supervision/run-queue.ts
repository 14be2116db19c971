/**
 * Lives with work stand in one line, and each gets a slice when it is its turn, as processes do in Erlang. One immediate
 * serves many of them: a message from one to the next costs no turn of the loop.
 */
import Denque from 'denque';
import type { Clock } from '../clock.ts';
import { runAsNobody } from './attribution.ts';

export interface Runnable {
  /** Works for a slice. Never throws. @returns how many messages it handled */
  runSlice(): number;
}

/** After so many messages, or so much time, timers and sockets get their turn. */
const MESSAGES_MAX = 4_096;
const PUMP_MS = 2;

export class RunQueue {
  readonly #clock: Clock;
  readonly #line = new Denque<Runnable>();
  #isPumpDue = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(runnable: Runnable): void {
    this.#line.push(runnable);
    this.#pumpSoon();
  }

  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    // The pump belongs to whole line, not to the life that happened to stand first in it.
    runAsNobody(() => setImmediate(() => this.#pump()));
  }

  #pump(): void {
    this.#isPumpDue = false;
    const until = this.#clock.now() + PUMP_MS;
    for (let messages = 0; messages < MESSAGES_MAX; ) {
      const next = this.#line.shift();
      if (next === undefined) return;
      // A slice without a message is work too: a start, an end.
      messages += Math.max(1, next.runSlice());
      if (this.#clock.now() >= until) break;
    }
    if (this.#line.length > 0) this.#pumpSoon();
  }
}
