/** What stands at a path and whose lives run in threads: mail that cannot cross is refused at its door, and traces see what is handled there. */
import { Actor } from '../actor.ts';
import type { SendOutcome } from '../behavior.ts';
import { admits } from './refusal.ts';
import type { RefusalHost } from './refusal.ts';
import type { Trace, TraceEntry, TraceOptions } from '../trace.ts';
import type { ThreadGauge } from './thread-gauge.ts';

export class ThreadedActor extends Actor {
  readonly #door: RefusalHost;
  /** Of the present life. */
  #gauge: ThreadGauge | undefined;
  #tracesBegun = 0;

  constructor(door: RefusalHost, ...parts: ConstructorParameters<typeof Actor>) {
    super(...parts);
    this.#door = door;
  }

  /** @returns what ends it, with the life */
  runsBy(gauge: ThreadGauge): () => void {
    this.#gauge = gauge;
    if (super.traces !== undefined) this.#traceThere();
    return () => void (this.#gauge === gauge && (this.#gauge = undefined));
  }

  /** Its cell only hands on: what it would say is said better by the one in the thread. */
  override get traces(): readonly Trace[] | undefined {
    return this.#gauge === undefined ? super.traces : undefined;
  }

  override trace(options: TraceOptions): () => void {
    const stop = super.trace(options);
    this.#traceThere();
    return stop;
  }

  override tracedBeside(entry: TraceEntry): void {
    super.tracedBeside(entry);
    if (super.traces?.some(({ isOver }) => !isOver) !== true && this.#gauge !== undefined) this.#gauge.traced = 0;
  }

  #traceThere(): void {
    if (this.#gauge !== undefined) this.#gauge.traced = ++this.#tracesBegun;
  }

  override send(message: unknown): SendOutcome {
    return admits(this.path, message, this.#door) ? super.send(message) : 'refused';
  }
}
