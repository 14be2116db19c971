/** One actor as an operator sees it. */
import type { Actor } from './actor.ts';
import type { ActorStatus } from './actor-host.ts';
import type { ErrorInfo } from './behavior.ts';
import { DEFAULTS } from './child-spec.ts';
import type { ChildSpec, Restart, Strategy } from './child-spec.ts';
import type { Overflow } from './mailbox.ts';

/** Durations in milliseconds. */
export interface ActorView {
  readonly path: string;
  readonly type: 'supervisor' | 'worker';
  readonly status: ActorStatus;
  readonly strategy: Strategy | undefined;
  readonly restart: Restart;
  readonly life: number;
  readonly restarts: number;
  /** Lives that ended with an error; those that were killed or stopped are only restarts. */
  readonly crashes: number;
  readonly mailbox: number;
  readonly mailboxMax: number;
  /** The most that ever waited. */
  readonly mailboxPeak: number;
  readonly overflow: Overflow;
  /** Messages that were refused, dropped or replaced, as `overflow` says. */
  readonly overflowed: number;
  readonly processed: number;
  /** Messages per second; what was 10 s ago weighs a third. */
  readonly ratePerS: number;
  /** Spent in its handlers, over all its lives. */
  readonly busyMs: number;
  readonly lastTurnMs: number;
  /** Handlers of ended lives that have not settled yet. */
  readonly zombies: number;
  readonly uptimeMs: number;
  /** Where no life ended with an error: that the last one was killed, and by whom. */
  readonly lastError: ErrorInfo | undefined;
  readonly children: readonly ActorView[];
}

export function actorView({ actor, spec }: { actor: Actor; spec: ChildSpec }, strategy: Strategy | undefined, children: readonly ActorView[]): ActorView {
  const { mailbox, meter } = actor;
  return {
    path: actor.path,
    type: spec.type,
    status: actor.status,
    strategy,
    restart: spec.restart ?? DEFAULTS.restart,
    life: actor.life,
    restarts: Math.max(0, actor.life - 1),
    crashes: actor.crashes,
    mailbox: mailbox.depth,
    mailboxMax: mailbox.max,
    mailboxPeak: mailbox.depthMax,
    overflow: mailbox.overflow,
    overflowed: mailbox.overflowed,
    processed: actor.processed,
    ratePerS: meter?.ratePerS(actor.clock.now()) ?? 0,
    busyMs: meter?.busyMs ?? 0,
    lastTurnMs: meter?.lastTurnMs ?? 0,
    zombies: actor.zombies,
    uptimeMs: actor.uptimeMs,
    lastError: actor.lastFailure?.error ?? (actor.lastMoments && { name: 'Error', message: actor.lastMoments.reason }),
    children,
  };
}
