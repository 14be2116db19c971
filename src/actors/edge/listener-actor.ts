/** A listening server as an actor: open while it lives, closed when it ends. What arrives goes to the rooms. */
import type { Behavior } from '../../supervision/behavior.ts';

export interface Listener {
  /** Where it listens, for people. */
  readonly address: string;
  /** Gives what is open `graceMs` to end. */
  close(graceMs: number): Promise<void>;
}

/** Streams are told to end by their own rooms; this is for what is on its way. */
const CLOSE_GRACE_MS = 500;

export function listenerActor(open: () => Promise<Listener>): Behavior<Listener, never> {
  return {
    async init(context) {
      const listener = await open();
      context.own(() => void listener.close(0));
      context.log.log('info', 'listening', { address: listener.address });
      return listener;
    },
    receive: (listener) => listener,
    terminate: (listener) => listener.close(CLOSE_GRACE_MS),
    view: ({ address }) => ({ address }),
  };
}
