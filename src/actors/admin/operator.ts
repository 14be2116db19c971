/** What only the runtime knows or may do, and an operator asks for. Reads ask no actor, so no actor that hangs holds them up. */
import type { ActorInfo } from '../../supervision/actor-info.ts';
import type { ActorView } from '../../supervision/actor-view.ts';
import type { ActorRef, SendOutcome } from '../../supervision/behavior.ts';
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
