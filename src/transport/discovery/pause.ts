/** Waits between two looks at a source. */
import type { DiscoveryWorld } from './discovery.ts';

type World = Pick<DiscoveryWorld, 'clock' | 'random'>;

/** Nodes that start together should not ask together. */
const JITTER = 0.2;

/** Resolves after about `periodMs`, at once when `signal` is aborted. Never rejects. */
export function pause(periodMs: number, world: World, signal: AbortSignal): Promise<void> {
  return new Bell(world).wait(periodMs, signal);
}

/** One who waits may be woken earlier; who was rung for while he did not wait does not wait the next time. */
export class Bell {
  readonly #world: World;
  #isRung = false;
  #wake: (() => void) | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  async wait(periodMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRung && !signal.aborted) await this.#wakeOrTime(periodMs, signal);
    this.#isRung = false;
  }

  #wakeOrTime(periodMs: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#world;
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', end);
        this.#wake = undefined;
        resolve();
      };
      const timer = clock.setTimer(periodMs * (1 - JITTER + 2 * JITTER * random.next()), end);
      signal.addEventListener('abort', end);
      this.#wake = end;
    });
  }
}
