/** What only the runtime knows or may do, and an operator asks for. Reads ask no actor, so no actor that hangs holds them up. */
import type { ActorInfo } from '../../supervision/actor-info.ts';
import type { ActorView } from '../../supervision/actor-view.ts';
import type { ActorRef, SendOutcome } from '../../supervision/behavior.ts';
import { ROOT_PATH } from '../../supervision/child-spec.ts';
import type { ActorSystem } from '../../supervision/system.ts';
import type { DeadLetter, Withheld } from '../../supervision/trail/dead-letters.ts';
import type { SupervisionEvent } from '../../supervision/trail/event-log.ts';
import type { SupervisorMessage } from '../../supervision/supervisor-messages.ts';
import type { TraceOptions } from '../../supervision/trace.ts';
import type { Trail } from './event-follower.ts';

export interface Operator {
  /** Undefined when nothing stands at the path; so below. */
  tree(path: string): ActorView | undefined;
  info(path: string): ActorInfo | undefined;
  paths(): readonly string[];
  /** Undefined when there is no life; `shown` is undefined when the actor shows nothing of its state. */
  state(path: string): { readonly life: number; readonly shown: string | undefined } | undefined;
  events(path: string, limit: number): readonly SupervisionEvent[];
  /** All events in order, as far as they are kept. */
  readonly trail: Trail;
  /** `heard` runs at each event, and must be quick. @returns what ends that */
  onEvent(heard: () => void): () => void;
  /** Both count since the process began, also what befell actors that are gone. */
  crashes(): number;
  restarts(): number;
  readonly deadLetters: {
    readonly total: number;
    latest(): readonly DeadLetter[];
    find(sequence: number): { readonly withheld: Withheld | undefined } | undefined;
  };
  /** The life that would be ended; undefined when there is none. */
  lifeOf(path: string): number | undefined;
  /** @returns what stops it. @throws MeshError BAD_ARGUMENT when it would not be bounded */
  trace(path: string, options: TraceOptions): (() => void) | undefined;

  // What follows leaves an event that names who asked.

  replay(sequence: number, to: string | undefined, by: string): { readonly path: string; readonly outcome: SendOutcome | Withheld } | undefined;
  suspend(path: string, by: string): void;
  resume(path: string, by: string): void;
  /** Stops the node in order. */
  stopNode(by: string): void;
  supervisor(path: string): ActorRef<SupervisorMessage>;
}

/** @param stopNode begins to stop the node in order */
export function operatorOf(system: ActorSystem, stopNode: () => void): Operator {
  return {
    tree: (path) => system.tree(path),
    info: (path) => system.info(path),
    paths: () => system.paths(),
    state: (path) => system.state(path),
    events: (path, limit) => system.events.latest(path, limit),
    trail: system.events,
    onEvent: (heard) => system.events.subscribe(heard),
    crashes: () => system.events.crashes,
    restarts: () => system.events.restarts,
    deadLetters: system.deadLetters,
    lifeOf: (path) => system.livingLife(path),
    trace: (path, options) => system.trace(path, options),
    replay: (sequence, to, by) => system.replay(sequence, to, by),
    suspend: (path, by) => void system.suspend(path, by),
    resume: (path, by) => void system.resume(path, by),
    stopNode: (by) => {
      system.admin(ROOT_PATH, `stop asked by ${by}`);
      stopNode();
    },
    supervisor: (path) => system.ref(path),
  };
}
