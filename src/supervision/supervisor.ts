/** The body of a supervisor: an actor that hears of its children first and performs what its core decides. */
import type { Random } from '../random.ts';
import type { ActorContext, ActorRef, Behavior, ExitReason, Signal } from './behavior.ts';
import type { LifeWatcher } from './actor.ts';
import { childPath } from './child-spec.ts';
import type { ChildSpec, SupervisorSpec } from './child-spec.ts';
import { SupervisorCore } from './supervisor-core.ts';
import type { ChildReport, SupervisorEffect, SupervisorInput } from './supervisor-effects.ts';

/** The runtime's side of a supervisor: actors by path. */
export interface SupervisorHost {
  readonly random: Random;
  ref(path: string): ActorRef<unknown>;
  startChild(path: string, spec: ChildSpec, watcher: LifeWatcher): void;
  requestStop(path: string, reason: ExitReason): void;
  end(path: string, reason: ExitReason): void;
  awaitRestart(path: string): void;
  retire(path: string): void;
  forget(path: string): void;
  /** Puts an input before the supervisor's own mail. */
  tell(supervisor: string, input: SupervisorInput): void;
  report(supervisor: string, child: string, report: ChildReport): void;
}

interface State {
  readonly core: SupervisorCore;
  /** Ids of children that may have a life. */
  readonly living: Set<string>;
}

type Context = ActorContext<SupervisorInput>;

export function supervisorBehavior(spec: SupervisorSpec, path: string, host: SupervisorHost): Behavior<State, SupervisorInput> {
  const handle = (state: State, input: SupervisorInput, context: Context): State => {
    for (const effect of state.core.handle(input, context.clock.now())) perform(state, effect, context);
    return state;
  };

  const perform = (state: State, effect: SupervisorEffect, context: Context): void => {
    switch (effect.kind) {
      case 'start':
        return start(state, effect);
      case 'stop':
        return host.requestStop(childPath(path, effect.id), effect.reason);
      case 'end':
        return host.end(childPath(path, effect.id), effect.reason);
      case 'await-restart':
        return host.awaitRestart(childPath(path, effect.id));
      case 'retire':
        return host.retire(childPath(path, effect.id));
      case 'forget':
        return host.forget(childPath(path, effect.id));
      case 'schedule':
        return context.setTimer(effect.key, effect.delayMs, effect.input);
      case 'reply':
        return effect.deliver();
      case 'report':
        return host.report(path, childPath(path, effect.id), effect.report);
      case 'started':
        return context.started();
      case 'exit':
        return context.exit(effect.reason);
    }
  };

  const start = (state: State, { id, epoch, spec: childSpec }: Extract<SupervisorEffect, { kind: 'start' }>): void => {
    state.living.add(id);
    const tell = (input: SupervisorInput): void => host.tell(path, input);
    host.startChild(childPath(path, id), childSpec, {
      started: () => tell({ kind: 'child-started', id, epoch }),
      ignored: () => tell({ kind: 'child-ignored', id, epoch }),
      exited: (reason, uptimeMs) => {
        state.living.delete(id);
        tell({ kind: 'child-exited', id, epoch, reason, uptimeMs });
      },
    });
  };

  return {
    trapsStop: true,
    startsLate: true,
    init(context) {
      const core = new SupervisorCore(spec, path, host.random, (id) => host.ref(childPath(path, id)));
      const state: State = { core, living: new Set() };
      // Children never outlive their supervisor, however it ends; after a shutdown in order there are none left.
      context.own(() => {
        for (const id of [...state.living].reverse()) host.end(childPath(path, id), { kind: 'killed', by: `end of ${path}` });
      });
      return handle(state, { kind: 'start' }, context);
    },
    receive: handle,
    signal: (state: State, signal: Signal, context) => (signal.kind === 'stop' ? handle(state, signal, context) : state),
  };
}
