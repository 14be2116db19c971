/** Actors that do what they are told, for tests of what the runtime does with them. */
import type { ActorContext, Behavior, ExitReason, Signal } from '../../src/supervision/behavior.ts';
import type { WorkerSpec } from '../../src/supervision/child-spec.ts';

/** A message to a puppet: done in its turn, with its context. */
export type Order = (context: ActorContext<Order>) => unknown;

export interface Puppetry extends Partial<Omit<WorkerSpec<unknown, Order>, 'type' | 'id' | 'start'>> {
  /** Hears `+id` when a life starts and `-id` when it terminates. */
  readonly trace?: string[];
  readonly init?: (context: ActorContext<Order>) => unknown;
  readonly signal?: (signal: Signal, context: ActorContext<Order>) => unknown;
  readonly terminate?: (reason: ExitReason) => void | Promise<void>;
  readonly describe?: (order: Order) => string;
}

export function puppet(id: string, puppetry: Puppetry = {}): WorkerSpec<unknown, Order> {
  const { trace, init, signal, terminate, describe, ...flags } = puppetry;
  const behavior: Behavior<unknown, Order> = {
    init(context) {
      trace?.push(`+${id}`);
      return init?.(context);
    },
    async receive(_state, order, context) {
      await order(context);
    },
    terminate(_state, reason) {
      trace?.push(`-${id}`);
      return terminate?.(reason);
    },
    ...(signal === undefined ? {} : { signal: (_state: unknown, heard: Signal, context: ActorContext<Order>) => signal(heard, context) }),
    ...(describe === undefined ? {} : { describe }),
  };
  return { type: 'worker', id, start: () => behavior, ...flags };
}

/** Orders. */
export const crash: Order = () => {
  throw new Error('boom');
};
export const exitNormally: Order = (context) => context.exit();
export const exitWithShutdown: Order = (context) => context.exit({ kind: 'shutdown' });
export const hang: Order = () => new Promise(() => undefined);

/** An init that fails in the lives named, or in all of them. */
export function failingInit(...lives: number[]): (context: ActorContext<Order>) => undefined {
  return ({ life }) => {
    if (lives.length === 0 || lives.includes(life)) throw new Error(`no start in life ${life}`);
    return undefined;
  };
}
