/** A listening server as an actor: open while it lives, closed when it ends. What arrives goes to the rooms. */
import { IGNORE } from '../../supervision/behavior.ts';
import type { Behavior } from '../../supervision/behavior.ts';

export interface Listener {
  /** Where it listens, for people. */
  readonly address: string;
  /** Stops listening at once and gives what is open `graceMs` to end. Idempotent: the first grace holds. */
  close(graceMs: number): Promise<void>;
}

/** The edge stops first, and takes no more; the rooms then tell their streams goodbye, for which these are left open. */
const CLOSE_GRACE_MS = 3_000;

/** @param open answers undefined where there is nothing to listen for */
export function listenerActor(open: () => Promise<Listener | undefined>): Behavior<Listener, never> {
  return {
    async init(context) {
      const listener = await open();
      if (listener === undefined) return IGNORE;
      context.own(() => void listener.close(0));
      context.log.log('info', 'listening', { address: listener.address });
      return listener;
    },
    receive: (listener) => listener,
    terminate: (listener) => void listener.close(CLOSE_GRACE_MS),
    view: ({ address }) => ({ address }),
  };
}
