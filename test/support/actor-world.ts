/** Behaviors in the real runtime, on a clock that moves only when told to. */
import { VirtualClock } from '../../src/clock.ts';
import type { Timer } from '../../src/clock.ts';
import type { LogFields, LogLevel } from '../../src/log.ts';
import { seededRandom } from '../../src/random.ts';
import type { ActorRef, Behavior, ExitReason } from '../../src/supervision/behavior.ts';
import type { SupervisorSpec, WorkerSpec } from '../../src/supervision/child-spec.ts';
import type { SupervisorMessage } from '../../src/supervision/supervisor-messages.ts';
import { ActorSystem } from '../../src/supervision/system.ts';

export interface LogEntry {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** A virtual clock that knows when its next timer is due, so that turns can run between one timer and the next. */
class SteppingClock extends VirtualClock {
  readonly #due = new Map<object, number>();

  /** Timers that are set and neither fired nor cancelled. */
  get timers(): number {
    return this.#due.size;
  }

  get nextDue(): number | undefined {
    let next: number | undefined;
    for (const at of this.#due.values()) if (next === undefined || at < next) next = at;
    return next;
  }

  override setTimer(delayMs: number, fire: () => void): Timer {
    const key = {};
    this.#due.set(key, this.now() + Math.max(0, delayMs));
    const timer = super.setTimer(delayMs, () => {
      this.#due.delete(key);
      fire();
    });
    return {
      cancel: () => {
        this.#due.delete(key);
        timer.cancel();
      },
    };
  }
}

/** The root's spec, with what most tests do not care about left out. */
export type WorldOptions = Partial<Omit<SupervisorSpec, 'type' | 'id'>> & { readonly seed?: number };

export interface ActorWorld {
  readonly system: ActorSystem;
  readonly clock: SteppingClock;
  readonly log: readonly LogEntry[];
  /** Why the root has ended; undefined while it runs. */
  readonly exit: ExitReason | undefined;
  /** The supervisor at `path`, the root by default, to ask for children. */
  supervisor(path?: string): ActorRef<SupervisorMessage>;
  ref<M>(path: string): ActorRef<M>;
  /** Lets the loop turn until no actor does anything more without time passing. */
  settle(): Promise<void>;
  /** Moves the clock from timer to timer; all turns run at each stop. */
  advance(byMs: number): Promise<void>;
  /** Settles and moves the clock until `promise` settles: for asks and for what is answered after a delay. */
  outcome<T>(promise: Promise<T>): Promise<T>;
  /** Stops the root and moves the clock until it has ended. Fails when something never stops. */
  stop(): Promise<void>;
}

/** This many turns of the loop in which no actor changed are quiet; a crash takes nact three from the throw to the exit. */
const QUIET_TURNS = 8;
/** Longer than every default timeout together. */
const PATIENCE_MS = 10 * 60_000;

/** Runs `children` under a root supervisor, one_for_one unless said otherwise. Resolves when all of them are up. */
export async function startWorld(options: WorldOptions): Promise<ActorWorld> {
  const { seed = 1, strategy = 'one_for_one', ...flags } = options;
  const world = new World(seed);
  await world.start({ ...flags, type: 'supervisor', id: 'root', strategy });
  return world;
}

class World implements ActorWorld {
  readonly clock = new SteppingClock();
  readonly log: LogEntry[] = [];
  readonly system: ActorSystem;
  exit: ExitReason | undefined;

  constructor(seed: number) {
    const log = { log: (level: LogLevel, event: string, fields: LogFields = {}) => void this.log.push({ level, event, fields }) };
    this.system = new ActorSystem({ clock: this.clock, random: seededRandom(seed), log });
  }

  start(root: SupervisorSpec): Promise<void> {
    return this.outcome(this.system.start(root, (reason) => void (this.exit = reason)));
  }

  supervisor(path = '/'): ActorRef<SupervisorMessage> {
    return this.system.ref(path);
  }

  ref<M>(path: string): ActorRef<M> {
    return this.system.ref(path);
  }

  async settle(): Promise<void> {
    let last = '';
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      await turnOfTheLoop();
      const now = this.#fingerprint();
      quiet = now === last ? quiet + 1 : 0;
      last = now;
    }
  }

  async advance(byMs: number): Promise<void> {
    const until = this.clock.now() + byMs;
    await this.settle();
    for (let next = this.clock.nextDue; next !== undefined && next <= until; next = this.clock.nextDue) {
      this.clock.advance(next - this.clock.now());
      await this.settle();
    }
    this.clock.advance(until - this.clock.now());
  }

  async outcome<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => (isSettled = true));
    // Heard here, so that a rejection before its time is not an unhandled one.
    settled.catch(() => undefined);
    await this.#moveUntil(() => isSettled, 'a promise never settled');
    return settled;
  }

  async stop(): Promise<void> {
    if (this.exit !== undefined) return;
    this.system.stop();
    await this.#moveUntil(() => this.exit !== undefined, 'the root never ended');
  }

  async #moveUntil(isDone: () => boolean, fault: string): Promise<void> {
    const patience = this.clock.now() + PATIENCE_MS;
    await this.settle();
    while (!isDone()) {
      const next = this.clock.nextDue;
      if (next === undefined || next > patience) throw new Error(`${fault}: ${JSON.stringify(this.system.tree(), undefined, 1)}`);
      await this.advance(next - this.clock.now());
    }
  }

  #fingerprint(): string {
    const parts: unknown[] = [this.log.length, this.clock.timers];
    for (const path of this.system.paths()) {
      const actor = this.system.find(path);
      parts.push(path, actor?.status, actor?.life, actor?.processed, actor?.mailbox.depth);
    }
    return parts.join(' ');
  }
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

export interface Recorder<M> {
  readonly spec: WorkerSpec<undefined, M>;
  /** What it heard, over all its lives. */
  readonly messages: readonly M[];
}

/** An actor that only remembers what it hears: stands in for the rooms around the one under test. */
export function recorder<M>(id: string): Recorder<M> {
  const messages: M[] = [];
  const behavior: Behavior<undefined, M> = {
    init: () => undefined,
    receive: (_state, message) => void messages.push(message),
  };
  return { spec: { type: 'worker', id, start: () => behavior }, messages };
}
