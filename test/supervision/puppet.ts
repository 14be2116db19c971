/** Actors that do what they are told, for tests of what the runtime does with them. */
import type { ActorContext, Behavior, ExitReason, Reply, Signal } from '../../src/supervision/behavior.ts';
import type { ChildSpec, Strategy, SupervisorRules, SupervisorSpec, WorkerSpec } from '../../src/supervision/child-spec.ts';
import { LANES } from '../../src/supervision/mailbox.ts';
import type { Lane } from '../../src/supervision/mailbox.ts';
import type { ChangeSpecOutcome, ChildrenCount, RestartOneOutcome, StartChildOutcome, SupervisorMessage } from '../../src/supervision/supervisor-messages.ts';
import type { ActorWorld } from '../support/actor-world.ts';

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

let lane: Lane = 'turn';

/** For children that are no puppets. */
export function inLane(): { readonly lane: Lane } {
  return { lane };
}

/** The same promises for puppets in either lane. */
export function inBothLanes(title: string, promises: () => void): void {
  for (const its of LANES) {
    describe(`${title} in the lane ${its}`, () => {
      before(() => void (lane = its));
      after(() => void (lane = 'turn'));
      promises();
    });
  }
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
  return { type: 'worker', id, start: () => behavior, ...flags, mailbox: { lane, ...flags.mailbox } };
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

/** Asks the supervisor at `path`, and waits for its answer while the clock moves as far as it must. */
function asked<R>(world: ActorWorld, make: (reply: Reply<R>) => SupervisorMessage, path = '/'): Promise<R> {
  return world.outcome(world.supervisor(path).ask<R>(make, 600_000));
}

export function startChild(world: ActorWorld, spec: ChildSpec, path = '/'): Promise<StartChildOutcome> {
  return asked<StartChildOutcome>(world, (reply) => ({ kind: 'start-child', spec, reply }), path);
}

type RestartOutcome = Parameters<Extract<SupervisorMessage, { kind: 'restart-child' }>['reply']>[0];

export function restartChild(world: ActorWorld, id: string, path = '/'): Promise<RestartOutcome> {
  return asked<RestartOutcome>(world, (reply) => ({ kind: 'restart-child', id, reply }), path);
}

export function restartOne(world: ActorWorld, id: string, path = '/'): Promise<RestartOneOutcome> {
  return asked<RestartOneOutcome>(world, (reply) => ({ kind: 'restart-one', id, by: 'operator', reply }), path);
}

export function changeSpec(world: ActorWorld, rules: SupervisorRules, path = '/'): Promise<ChangeSpecOutcome> {
  return asked<ChangeSpecOutcome>(world, (reply) => ({ kind: 'change-spec', rules, reply }), path);
}

export function terminateChild(world: ActorWorld, id: string, path = '/'): Promise<string> {
  return asked<'ok' | 'not_found'>(world, (reply) => ({ kind: 'terminate-child', id, reply }), path);
}

export function deleteChild(world: ActorWorld, id: string, path = '/'): Promise<string> {
  return asked<'ok' | 'running' | 'restarting' | 'not_found'>(world, (reply) => ({ kind: 'delete-child', id, reply }), path);
}

export function countChildren(world: ActorWorld, path = '/'): Promise<ChildrenCount> {
  return asked<ChildrenCount>(world, (reply) => ({ kind: 'count-children', reply }), path);
}

/** Tells the puppet at `path` what to do, and lets it. */
export async function order(world: ActorWorld, path: string, what: Order): Promise<void> {
  world.ref<Order>(path).send(what);
  await world.settle();
}

export function supervisor(id: string, strategy: Strategy, children: readonly ChildSpec[], flags: Partial<SupervisorSpec> = {}): SupervisorSpec {
  return { type: 'supervisor', id, strategy, ...(strategy === 'dynamic' ? {} : { children }), ...flags };
}

export function statusOf(world: Pick<ActorWorld, 'system'>, path: string): string | undefined {
  return world.system.find(path)?.status;
}

export function lifeOf(world: ActorWorld, path: string): number | undefined {
  return world.system.find(path)?.life;
}
