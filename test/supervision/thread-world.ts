/** Actors in real threads, under a real supervisor, in real time: a thread knows no other. */
import { systemClock } from '../../src/clock.ts';
import { seededRandom } from '../../src/random.ts';
import type { ActorRef, ExitReason } from '../../src/supervision/behavior.ts';
import type { ChildSpec, SupervisorSpec, ThreadedWorkerSpec } from '../../src/supervision/child-spec.ts';
import { ActorSystem } from '../../src/supervision/system.ts';
import { recorder } from '../support/actor-world.ts';
import type { LogEntry } from '../support/actor-world.ts';
import { until } from '../support/real-time.ts';
import type { ThreadArgument, ThreadOrder } from './thread-puppet.ts';

export const MODULE = new URL('./thread-puppet.ts', import.meta.url);

export type ThreadFlags = Partial<Omit<ThreadedWorkerSpec<ThreadOrder>, 'argument'>> & { readonly argument?: ThreadArgument };

export class ThreadWorld {
  readonly log: LogEntry[] = [];
  readonly system = new ActorSystem({
    clock: systemClock,
    random: seededRandom(1),
    log: { log: (level, event, fields = {}) => void this.log.push({ level, event, fields }) },
  });
  readonly #witness = recorder<string>('witness');
  exit: ExitReason | undefined;

  /** What the witness heard. */
  get heard(): readonly string[] {
    return this.#witness.messages;
  }

  get ref(): ActorRef<ThreadOrder> {
    return this.system.ref('/a');
  }

  /** Runs one puppet in a thread, beside the witness and others. */
  async start(flags: ThreadFlags = {}, others: readonly ChildSpec[] = [], root: Partial<SupervisorSpec> = {}): Promise<this> {
    const { argument, ...rest } = flags;
    const puppet: ChildSpec = {
      type: 'worker',
      id: 'a',
      isolation: 'thread',
      module: MODULE,
      export: 'puppet',
      startTimeoutMs: 15_000,
      argument: { witness: this.system.ref('/witness'), ...argument },
      ...rest,
    };
    await this.system.start(
      { type: 'supervisor', id: 'root', strategy: 'one_for_one', intensity: 10, ...root, children: [this.#witness.spec, ...others, puppet] },
      (reason) => (this.exit = reason),
    );
    return this;
  }

  async stop(): Promise<void> {
    this.system.stop();
    await until(() => this.exit !== undefined, 'the root ended');
  }

  read(): Promise<number> {
    return this.ref.ask<number>((reply) => ({ kind: 'read', reply }), 5_000);
  }

  life(): number | undefined {
    return this.system.livingLife('/a');
  }

  /** The next life is up, and works. */
  async reborn(life: number): Promise<void> {
    await until(() => this.system.tree('/a')?.status === 'running' && this.life() === life, `life ${life}`);
  }

  /** How the last life that ended did. */
  get lastEnd(): ReturnType<ActorSystem['events']['latest']>[number] | undefined {
    return this.system.events.latest('/a', 50).findLast(({ type }) => type === 'crash' || type === 'exit' || type === 'shutdown_error');
  }
}
