/**
 * What turns the lives of one system. The only file that imports nact.
 *
 * Of nact only spawn, dispatch, stop and the decision `stop` are used. The rest does not hold: resume and reset of others,
 * escalate, query, anonymous names, the stop of children.
 */
import { dispatch, spawn, start, stop } from 'nact';
import type { Clock } from '../clock.ts';
import { RunQueue } from './run-queue.ts';

/** A life as nact's hand turns it. */
export interface Crank {
  /** What it throws goes to `crashed`. */
  nactTurn(): void | Promise<void>;
  crashed(error: unknown): void;
  /** Nothing turns it any more. */
  stopped(): void;
}

/** What we use of nact, typed as it behaves; its own declarations take any number for an actor. */
interface NactKernel {
  spawn(parent: unknown, turn: (state: Crank) => Crank | Promise<Crank>, name: string, properties: NactProperties): unknown;
  dispatch(actor: unknown, message: unknown, sender: unknown): void;
  stop(actor: unknown): void;
  start(options: { name: string }): unknown;
}

interface NactProperties {
  initialState: Crank;
  onCrash(crank: Crank, error: unknown, context: { stop: symbol }): symbol;
  afterStop(crank: Crank): void;
}

// oxlint-disable-next-line typescript/no-explicit-any
const nact: NactKernel = { spawn: spawn as any, dispatch, stop, start: start as any };

// A crank is its nact actor's state and its every message, so that all nact actors share these three functions.

function turn(crank: Crank): Crank | Promise<Crank> {
  const rest = crank.nactTurn();
  return rest === undefined ? crank : rest.then(() => crank);
}

function onCrash(crank: Crank, error: unknown, context: { stop: symbol }): symbol {
  crank.crashed(error);
  return context.stop;
}

function afterStop(crank: Crank): void {
  crank.stopped();
}

/** Shared: without a sender nact makes four objects for each message. */
const NOBODY = { type: 'nobody' };
let systems = 0;

/** What turns the lives of one system: one nact system, whose actors stand side by side, and one line. */
export class TurnEngine {
  readonly queue: RunQueue;
  // nact keeps systems by name for ever and takes a name only in this form.
  readonly #system = nact.start({ name: `omega-mesh-${++systems}` });
  #actors = 0;

  constructor(clock: Clock) {
    this.queue = new RunQueue(clock);
  }

  spawn(crank: Crank): unknown {
    // A name of its own for each life: a life that hangs on to its name cannot keep the next from starting.
    return nact.spawn(this.#system, turn, `life-${++this.#actors}`, { initialState: crank, onCrash, afterStop });
  }

  dispatch(nactor: unknown, crank: Crank): void {
    nact.dispatch(nactor, crank, NOBODY);
  }

  stop(nactor: unknown): void {
    nact.stop(nactor);
  }
}
