/** What a life says to itself: its timers and the outcomes of what it awaits. The next life does not hear it. Pure. */
export class OwnMessage {
  readonly life: number;
  readonly message: unknown;
  readonly #onTaken: (() => void) | undefined;
  #state: 'waiting' | 'taken' | 'withdrawn' = 'waiting';

  constructor(life: number, message: unknown, onTaken?: () => void) {
    this.life = life;
    this.message = message;
    this.#onTaken = onTaken;
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  /** False when it is not to be heard any more. */
  take(): boolean {
    if (this.#state !== 'waiting') return false;
    this.#state = 'taken';
    this.#onTaken?.();
    return true;
  }

  withdraw(): void {
    if (this.#state === 'waiting') this.#state = 'withdrawn';
  }
}
