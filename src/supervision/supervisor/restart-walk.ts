/** A walk over children: down with those that stop, the last first, then up with those that start, the first first. Pure. */

interface WalkParts {
  /** Tells the walk from earlier ones. */
  readonly epoch: number;
  /** All children in start order. */
  readonly order: readonly string[];
  readonly stop: Iterable<string>;
  readonly start: Iterable<string>;
  /** Between down and up. */
  readonly delayMs: number;
}

export class RestartWalk {
  readonly epoch: number;
  readonly delayMs: number;
  phase: 'down' | 'waiting' | 'up' = 'down';
  /** The child whose start the walk waits for. */
  starting: string | undefined;
  readonly #order: string[];
  readonly #stop: Set<string>;
  readonly #start: Set<string>;
  /** Where the walk stands on its way down and on its way up: each child is looked at once a way. */
  #stopAt: number;
  #startAt = 0;

  constructor({ epoch, order, stop, start, delayMs }: WalkParts) {
    this.epoch = epoch;
    this.delayMs = delayMs;
    this.#order = [...order];
    this.#stop = new Set(stop);
    this.#start = new Set(start);
    this.#stopAt = this.#order.length - 1;
  }

  fork(): RestartWalk {
    const copy = new RestartWalk({ epoch: this.epoch, order: this.#order, stop: this.#stop, start: this.#start, delayMs: this.delayMs });
    copy.phase = this.phase;
    copy.starting = this.starting;
    copy.#stopAt = this.#stopAt;
    copy.#startAt = this.#startAt;
    return copy;
  }

  /** Whether `id` is to be down before the walk turns. */
  isTakingDown(id: string): boolean {
    return this.phase === 'down' && this.#stop.has(id);
  }

  /** What the walk has still to do. */
  left(): Pick<WalkParts, 'stop' | 'start' | 'delayMs'> {
    return this.phase === 'down' ? { stop: this.#stop, start: this.#start, delayMs: this.delayMs } : { stop: [], start: this.#start, delayMs: 0 };
  }

  willStart(id: string): boolean {
    return this.#start.has(id);
  }

  leaveDown(id: string): void {
    this.#start.delete(id);
  }

  /** `id` is started in its place, though it had left. */
  rejoin(id: string): void {
    this.#start.add(id);
  }

  /** `id` is started after all others. */
  append(id: string): void {
    this.#order.push(id);
    this.#start.add(id);
  }

  /** The last that is to stop and lives. */
  nextDown(isLiving: (id: string) => boolean): string | undefined {
    for (; this.#stopAt >= 0; this.#stopAt--) {
      const id = this.#order[this.#stopAt]!;
      if (this.#stop.has(id) && isLiving(id)) return id;
    }
    return undefined;
  }

  /** The first that is to start and was not named yet. */
  nextUp(): string | undefined {
    while (this.#startAt < this.#order.length) {
      const id = this.#order[this.#startAt++]!;
      if (this.#start.delete(id)) return id;
    }
    return undefined;
  }
}
