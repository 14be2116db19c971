/** Witnesses that a storm sends ahead of each end: a monitor, which hears of it once, and a question, which fails with it. */
import { AskError } from '../behavior.ts';
import { Bonds } from '../bonds.ts';
import type { Bonded } from '../bonds.ts';
import { OwnMessage } from '../own-message.ts';
import type { ActorSystem } from '../system.ts';

/** Longer than any life lasts that is about to be ended. */
const ASK_TIMEOUT_MS = 1_000;
/** For life 0, which never was: a cell skips it, so no behavior hears a message that it does not know. */
const NO_LIFE = 0;

class Watcher implements Bonded {
  readonly bonds = new Bonds();
  readonly #onDown: (times: number) => void;
  #heard = 0;

  constructor(onDown: (times: number) => void) {
    this.#onDown = onDown;
  }

  hearDown(): void {
    this.#onDown(++this.#heard);
  }

  hearExit(): void {
    // It has no links.
  }
}

export class Probes {
  readonly #system: ActorSystem;
  #watched = 0;
  #heard = 0;
  #isHeardTwice = false;
  #asked = 0;
  #settled = 0;
  #late = 0;

  constructor(system: ActorSystem) {
    this.#system = system;
  }

  /** Before the life at `path` is ended. */
  send(path: string): void {
    const actor = this.#system.find(path);
    if (actor === undefined) return;
    this.#watched++;
    const heard = (times: number): void => {
      if (times === 1) this.#heard++;
      else this.#isHeardTwice = true;
    };
    Bonds.monitor(new Watcher(heard), actor);
    // A coalesceKey is the behavior's own, and would be asked about it.
    if (actor.mailbox.overflow === 'coalesce') return;
    this.#asked++;
    const asked = this.#system.ref<OwnMessage>(path).ask(() => new OwnMessage(NO_LIFE, undefined), ASK_TIMEOUT_MS);
    asked.catch((error: unknown) => {
      this.#settled++;
      if (error instanceof AskError && error.failure === 'timeout') this.#late++;
    });
  }

  /** Of those sent. */
  get monitors(): { readonly sent: number; readonly heard: number; readonly isHeardTwice: boolean } {
    return { sent: this.#watched, heard: this.#heard, isHeardTwice: this.#isHeardTwice };
  }

  /** late: not told at once that nobody will answer. */
  get asks(): { readonly sent: number; readonly settled: number; readonly late: number } {
    return { sent: this.#asked, settled: this.#settled, late: this.#late };
  }
}
