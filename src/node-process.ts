/** One run of a node's tree: up, down, and with which exit code and why. */
import type { Clock, Timer } from './clock.ts';
import { findMeshError } from './errors.ts';
import type { MeshError } from './errors.ts';
import type { Logger } from './log.ts';
import { attributeFailures } from './supervision/attribution.ts';
import type { ExitReason } from './supervision/behavior.ts';
import type { SupervisorSpec } from './supervision/child-spec.ts';
import { EVENTS_MAX } from './supervision/trail/event-log.ts';
import { asThrown, reasonError, reasonLine, toErrorInfo } from './supervision/exit-reason.ts';
import { stillStopping } from './supervision/still-stopping.ts';
import { StartError } from './supervision/system.ts';
import type { ActorSystem } from './supervision/system.ts';

export interface NodeEnd {
  readonly exitCode: number;
  /** Why it ended without being asked to, or not in order; one line. */
  readonly why?: string;
}

/** From sysexits.h and its neighbourhood; each names who is to blame. */
const NODE_EXIT = { ok: 0, ownerlessError: 70, gaveUp: 70, startFailed: 71, shutdownDeadline: 72 } as const;

/** A stop takes a second or two. What hangs has limits of its own, which sum to more than anybody waits for. */
const SHUTDOWN_DEADLINE_MS = 20_000;

export class NodeProcess {
  readonly done: Promise<NodeEnd>;
  readonly #system: ActorSystem;
  readonly #log: Logger;
  readonly #clock: Clock;
  #resolveDone: (end: NodeEnd) => void = () => undefined;
  #detach: () => void = () => undefined;
  #deadline: Timer | undefined;
  #isStopping = false;
  #end: NodeEnd = { exitCode: NODE_EXIT.ok };

  constructor(system: ActorSystem, log: Logger, clock: Clock) {
    this.#system = system;
    this.#log = log;
    this.#clock = clock;
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
  }

  /** @throws the fault of a listener that could not open; StartError for any other child */
  async start(root: SupervisorSpec): Promise<void> {
    this.#detach = attributeFailures((error) => this.#failOwnerless(error));
    try {
      await this.#system.start(root, (reason) => this.#ended(reason));
    } catch (error) {
      throw meshFaultIn(error) ?? error;
    }
  }

  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#deadline = this.#clock.setTimer(SHUTDOWN_DEADLINE_MS, () => this.#leaveBehind());
    this.#system.stop();
  }

  /** A question that could not be answered for a reason of ours. */
  noteBug(error: unknown): void {
    const { name, message, stack } = toErrorInfo(error);
    this.#log.log('error', 'admin-bug', { actor: '/edge/admin', error: `${name}: ${message}`, stack });
  }

  #ended(reason: ExitReason): void {
    this.#detach();
    this.#deadline?.cancel();
    if (!this.#isStopping) {
      const isUp = reason.kind !== 'start_failed';
      const why = (isUp ? this.#lastStraw() : undefined) ?? reasonLine(reason);
      this.#end = { exitCode: isUp ? NODE_EXIT.gaveUp : NODE_EXIT.startFailed, why: `the node gave up: ${why}` };
    }
    this.#resolveDone(this.#end);
  }

  /** The failure that was one too many, at the actor that failed. */
  #lastStraw(): string | undefined {
    const straw = this.#system.events.latest('/', EVENTS_MAX).findLast(({ type, decision }) => type === 'crash' && decision === 'escalate');
    return straw && `${straw.path} failed more often than its supervisor allows, at last with: ${straw.reason}`;
  }

  /** Nobody's failure: what it left behind in memory is unknown, so the node goes, in good order. */
  #failOwnerless(error: unknown): void {
    const { name, message, stack } = toErrorInfo(error);
    this.#log.log('error', 'ownerless-error', { error: `${name}: ${message}`, stack });
    this.#end = { exitCode: NODE_EXIT.ownerlessError, why: `the node stopped over a failure that belongs to none of its actors: ${name}: ${message}` };
    this.stop();
  }

  #leaveBehind(): void {
    const tree = this.#system.tree();
    const stuck = tree === undefined ? [] : stillStopping(tree);
    this.#log.log('error', 'shutdown-deadline', { afterMs: SHUTDOWN_DEADLINE_MS, stuck });
    const why = `the node did not stop within ${SHUTDOWN_DEADLINE_MS / 1_000} s: ${stuck.join(', ')} did not end`;
    this.#resolveDone({ exitCode: NODE_EXIT.shutdownDeadline, why });
  }
}

/** Why a listener could not open, as it was thrown, in whichever thread: the tree passes on only what it says. */
function meshFaultIn(error: unknown): MeshError | undefined {
  const info = error instanceof StartError ? reasonError(error.reason) : undefined;
  return info && findMeshError(asThrown(info));
}
