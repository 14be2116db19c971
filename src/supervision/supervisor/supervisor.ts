/** The body of a supervisor: an actor that hears of its children first and performs what its core decides. */
import type { Random } from '../../random.ts';
import type { ActorContext, ActorRef, Behavior, ExitReason, Signal } from '../behavior.ts';
import type { LifeWatcher } from '../actor-host.ts';
import { childPath } from '../child-spec.ts';
import type { ChildSpec, SupervisorRules } from '../child-spec.ts';
import { toErrorInfo } from '../exit-reason.ts';
import { Family } from './family.ts';
import { SupervisorCore } from './supervisor-core.ts';
import type { ChildReport, SupervisorEffect, SupervisorInput } from './supervisor-effects.ts';

/** The runtime's side of a supervisor: actors by path. */
export interface SupervisorHost {
  readonly random: Random;
  ref(path: string): ActorRef<unknown>;
  /** A life of a supervisor has begun; `core` is what it decides with. */
  ledBy(supervisor: string, core: SupervisorCore): void;
  /** Number of the life at `path`; undefined when there is none now. */
  livingLife(path: string): number | undefined;
  startChild(path: string, spec: ChildSpec, watcher: LifeWatcher): void;
  requestStop(path: string, reason: ExitReason): void;
  end(path: string, reason: ExitReason): void;
  awaitRestart(path: string): void;
  retire(path: string): void;
  forget(path: string): void;
  /** Ends all that live under the supervisor, last first, and lets go of those that its spec does not name. */
  endChildren(supervisor: string, reason: ExitReason): void;
  /** Puts an input before the supervisor's own mail, if it is still in that life. */
  tell(supervisor: string, life: number, input: SupervisorInput): void;
  /** `path` is that of whom it concerns. */
  admin(path: string, what: string): void;
  /** The supervisor's rules and children from now on, in start order, also in its next lives. */
  change(supervisor: string, rules: SupervisorRules, children: readonly ChildSpec[]): void;
  report(supervisor: string, child: string, report: ChildReport): void;
}

type Context = ActorContext<SupervisorInput>;

export function supervisorBehavior(rules: SupervisorRules, path: string, host: SupervisorHost): Behavior<SupervisorCore, SupervisorInput> {
  const handle = (core: SupervisorCore, input: SupervisorInput, context: Context): SupervisorCore => {
    for (const effect of core.handle(input, context.clock.now())) {
      // Whoever heard an answer may have ended this life over it: its children are gone, and none is to start.
      if (host.livingLife(path) !== context.life) break;
      perform(effect, context);
    }
    return core;
  };

  const perform = (effect: SupervisorEffect, context: Context): void => {
    switch (effect.kind) {
      case 'start':
        return start(effect, context);
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
        return deliver(effect.deliver, context);
      case 'report':
        return host.report(path, childPath(path, effect.id), effect.report);
      case 'admin':
        return host.admin(effect.id === undefined ? path : childPath(path, effect.id), `${effect.verb} asked by ${effect.by}`);
      case 'change':
        return host.change(path, effect.rules, effect.children);
      case 'started':
        return context.started();
      case 'exit':
        return context.exit(effect.reason);
    }
  };

  const start = ({ id, epoch, spec: childSpec }: Extract<SupervisorEffect, { kind: 'start' }>, { life }: Context): void => {
    const tell = (input: SupervisorInput): void => host.tell(path, life, input);
    host.startChild(childPath(path, id), childSpec, {
      started: () => tell({ kind: 'child-started', id, epoch }),
      ignored: () => tell({ kind: 'child-ignored', id, epoch }),
      exited: (reason, uptimeMs) => tell({ kind: 'child-exited', id, epoch, reason, uptimeMs }),
    });
  };

  return {
    trapsStop: true,
    startsLate: true,
    init(context) {
      const core = new SupervisorCore(new Family(rules, path, host.random, (id) => host.ref(childPath(path, id))));
      host.ledBy(path, core);
      // Children never outlive their supervisor, however it ends; after a shutdown in order there are none left.
      context.own(() => host.endChildren(path, { kind: 'killed', by: `end of ${path}` }));
      return handle(core, { kind: 'start' }, context);
    },
    receive: handle,
    signal: (core: SupervisorCore, signal: Signal, context) => (signal.kind === 'stop' ? handle(core, signal, context) : core),
  };
}

/** What is done with an answer is up to who asked: it must not end the supervisor. */
function deliver(reply: () => void, context: Context): void {
  try {
    reply();
  } catch (error) {
    context.log.log('warn', 'reply-failed', { error: toErrorInfo(error).message });
  }
}
