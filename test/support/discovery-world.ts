/** Strategies of discovery on a clock that moves only when told to; their files and sockets are real. */
import { VirtualClock } from '../../src/clock.ts';
import { seededRandom } from '../../src/random.ts';
import type { Discover, DiscoveryWorld, Found } from '../../src/transport/discovery/discovery.ts';

export interface Watching {
  /** The next that is found; time passes until then. */
  next(): Promise<Found>;
  /** Whether nothing is found while so much time passes. */
  isQuietFor(ms: number): Promise<boolean>;
  stop(): void;
}

/** Of real time: what a socket or a disk of this machine needs at the most. */
const PATIENCE_MS = 5_000;
const STEP_MS = 250;

export class DiscoveryBench {
  readonly clock = new VirtualClock();
  readonly names: Record<string, readonly string[] | Error> = {};
  readonly #watching = new Set<Watching>();

  world(given: Partial<DiscoveryWorld> = {}): DiscoveryWorld {
    return {
      self: undefined,
      bind: '127.0.0.1',
      clock: this.clock,
      random: seededRandom(1),
      home: '/home/u',
      env: {},
      lookup: (host) => {
        const known = this.names[host] ?? Object.assign(new Error('no such host'), { code: 'ENOTFOUND' });
        return known instanceof Error ? Promise.reject(known) : Promise.resolve(known);
      },
      ...given,
    };
  }

  watch(discover: Discover): Watching {
    const life = new AbortController();
    const found = discover(life.signal)[Symbol.asyncIterator]();
    // It begins when it is first asked.
    let waiting = found.next();
    // Heard of when somebody asks for it.
    waiting.catch(() => undefined);
    const watching: Watching = {
      next: async () => {
        const result = await this.#passUntil(waiting, Infinity);
        if (result === undefined) throw new Error('nothing was found');
        if (result.done === true) throw new Error('the source ended');
        // As the actor does, who is always waiting for the next.
        waiting = found.next();
        waiting.catch(() => undefined);
        return result.value;
      },
      isQuietFor: async (ms) => {
        return (await this.#passUntil(waiting, this.clock.now() + ms)) === undefined;
      },
      stop: () => {
        life.abort();
        void found.return?.();
        this.#watching.delete(watching);
      },
    };
    this.#watching.add(watching);
    return watching;
  }

  clear(): void {
    for (const each of this.#watching) each.stop();
  }

  async #passUntil<T>(promise: Promise<T>, untilMs: number): Promise<T | undefined> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      // Between two steps the world may answer.
      const settled = await Promise.race([promise.then((value) => ({ value })), turnsOfTheLoop(20)]);
      if (settled !== undefined) return settled.value;
      if (this.clock.now() >= untilMs) return undefined;
      this.clock.advance(STEP_MS);
    }
    return undefined;
  }
}

async function turnsOfTheLoop(turns: number): Promise<undefined> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve));
  return undefined;
}
